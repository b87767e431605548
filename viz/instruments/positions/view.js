// The positions lab: the table PE, its waves, its products and its rotation; the sum that the layers read; and the live
// model with other positions. All but the experiments answers in the browser.

import { el, listen } from "../shared/dom.js";
import { LINK_CHANGED } from "../shared/link.js";
import { mounted } from "../shared/mount.js";
import { Strip } from "../shared/strip.js";
import { Experiments } from "./experiments.js";
import { explain } from "./explain.js";
import { Heat } from "./heat.js";
import { Rotation } from "./rotation.js";
import { Similarity } from "./similarity.js";
import { Store, TABS } from "./store.js";
import { Sum } from "./sum.js";

const TOLERANCE = 1e-5;
const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

class View {
  constructor(parentElement) {
    this.store = new Store();
    const { store } = this;
    this.tabs = el("div", { class: "tabs", role: "tablist", "aria-label": "View" });
    this.badge = el("span", { class: "check", role: "status" });
    this.equation = el("p", { class: "pe-formula" });
    this.views = { heat: new Heat(store), similarity: new Similarity(store), rotation: new Rotation(store), sum: new Sum(store), experiments: new Experiments(store) };
    this.strip = new Strip(() => explain(store));
    this.hint = el("p", { class: "hint" });
    this.root = el(
      "div",
      { class: "instrument positions" },
      el("div", { class: "heading" }, el("h3", { class: "title" }, "Positions"), this.tabs, this.badge),
      this.equation,
      ...Object.values(this.views).map(({ node }) => node),
      this.strip.node,
      this.hint,
    );
    parentElement.append(this.root);
    listen(this.root, { keydown: (event) => this.press(event) });
    this.observer = new ResizeObserver(() => this.resized());
    this.observer.observe(this.root);
    this.follow = () => store.follow();
    window.addEventListener(LINK_CHANGED, this.follow);
    store.listeners.add((what) => this.changed(what));
  }

  get view() {
    return this.views[this.store.tab];
  }

  changed(what) {
    if (!this.theme) return;
    if (what === "all") this.drawAll();
    else {
      if (what === "runs") this.view === this.views.experiments && this.view.drawRuns();
      else if (what === "cell") this.views.experiments.drawCompare();
      else this.view.drawCursor();
      this.drawStrip();
    }
  }

  dress(theme) {
    this.theme = theme;
    for (const [role, colour] of Object.entries(theme.roles)) this.root.style.setProperty(`--role-${role}`, colour);
  }

  drawAll() {
    const { store } = this;
    this.drawTabs();
    this.drawCheck();
    this.drawEquation();
    for (const [tab, { node }] of Object.entries(this.views)) node.hidden = tab !== store.tab;
    this.drawnWidth = this.root.clientWidth;
    this.view.draw(this.theme, this.drawnWidth);
    this.drawStrip();
    this.hint.textContent =
      store.tab === "experiments" ? "Keys: on the grid of heads arrows choose a head · on a map arrows move the cursor." : "Keys: on a picture arrows move · Enter pins · Esc frees.";
  }

  drawTabs() {
    const { store } = this;
    const active = this.root.getRootNode().activeElement?.dataset?.tab;
    this.tabs.replaceChildren(
      ...store.tabs.map((tab) => el("button", { class: "tab", role: "tab", "data-tab": tab, "aria-selected": String(tab === store.tab), onclick: () => store.open(tab) }, TABS[tab])),
    );
    if (active) this.tabs.querySelector(`[data-tab=${active}]`)?.focus({ preventScroll: true });
  }

  drawCheck() {
    const { store } = this;
    this.badge.hidden = !store.hasTable;
    if (!store.hasTable) return;
    const error = store.check();
    const size = Number.isFinite(error) ? error.toExponential(0) : "not a number";
    this.badge.className = error <= TOLERANCE ? "check right" : "check wrong";
    this.badge.textContent = `recomputed: max error ${error === 0 ? "0" : size}`;
    const what = store.isWaves ? "the table from its sines and cosines, and " : "";
    this.badge.title = `Your browser recomputed ${what}embedding + position of both sides; the largest |a − b| / max(1, |b|) against what the model computed is ${error}.`;
  }

  drawEquation() {
    const { store } = this;
    const { d_model, base, encoding } = store.header;
    const { rows } = store.sizes;
    this.equation.textContent = store.isWaves
      ? `PE(p)[2i + 1] = sin(p / ${base}^(2i/${d_model})), PE(p)[2i + 2] = cos(p / ${base}^(2i/${d_model})) · pairs i = 0 … ${store.sizes.pairs - 1} · PE: ${rows} × ${d_model}`
      : store.hasTable
        ? `PE(p): one learned vector a position · PE: ${rows} × ${d_model}`
        : `This model has ${encoding} positions: no vector is added to the embeddings, so there is no table to show.`;
  }

  drawStrip() {
    this.strip.node.classList.toggle("pinned", this.store.pinned);
    this.strip.draw();
  }

  press(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const active = this.root.getRootNode().activeElement;
    if (active?.matches("input, textarea")) return;
    const { store } = this;
    const { p, q, dim } = store.cursor;
    if (event.key in STEPS && active?.matches("[role=figure]")) {
      const [down, right] = STEPS[event.key];
      if (active.matches(".matrix")) this.views.experiments.move(down, right);
      else if (active.matches(".clocks")) store.move({ dim: dim + 2 * right, p: p + down });
      else if (active.matches(".plot")) store.move(store.tab === "similarity" ? { q: q + right } : { p: p + right });
      else if (store.tab === "similarity") store.move({ p: p + down, q: q + right });
      else store.move({ p: p + down, dim: dim + right });
    } else if (event.key === "Enter" && active?.matches(".panel, .plot, .clocks")) store.pin();
    else if (event.key === "Escape") store.free();
    else return;
    event.preventDefault();
  }

  resized() {
    const width = this.root.clientWidth;
    // 0: it is leaving the page.
    if (this.theme && width && width !== this.drawnWidth) this.drawAll();
  }
}

export default await mounted(View, import.meta.url);
