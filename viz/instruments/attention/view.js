// The attention instrument: choose a site, a layer, a head; see all heads, the inside of one, or its lines.
// Everything answers in the browser; the server is asked for a layer's exact numbers, and told the choice after a pause.

import { el, listen } from "../shared/dom.js";
import { LINK_CHANGED } from "../shared/link.js";
import { mounted } from "../shared/mount.js";
import { Strip } from "../shared/strip.js";
import { explain } from "./explain.js";
import { Heads } from "./heads.js";
import { Inside } from "./inside.js";
import { Knobs } from "./knobs.js";
import { Lines } from "./lines.js";
import { Store } from "./store.js";

const VIEWS = { heads: "All heads", inside: "Inside this head", lines: "Lines" };
const TOLERANCE = 1e-5;

class View {
  static hasTwin = true;

  constructor(parentElement) {
    this.store = new Store();
    this.views = { heads: new Heads(this.store), inside: new Inside(this.store), lines: new Lines(this.store) };
    this.strip = new Strip(() => explain(this.store));
    this.knobs = new Knobs(this.store);
    this.siteTabs = el("div", { class: "tabs", role: "tablist", "aria-label": "Attention site" });
    this.viewTabs = el("div", { class: "tabs", role: "tablist", "aria-label": "View" });
    this.title = el("h3", { class: "title" });
    this.headButtons = el("div", { class: "head-buttons", role: "group", "aria-label": "Head" });
    this.badge = el("span", { class: "check", role: "status" });
    this.trouble = el("p", { class: "trouble", role: "alert" });
    this.content = el("div", { class: "content" });
    this.hint = el(
      "p",
      { class: "hint" },
      "Keys: arrows move · 1–9 head · Page Up/Down layer · , and . stage · Enter pins · Esc frees.",
    );
    this.root = el(
      "div",
      { class: "instrument attention" },
      el("div", { class: "bar-of-tabs" }, this.siteTabs, this.viewTabs),
      el("div", { class: "heading" }, this.title, this.headButtons, this.badge),
      this.trouble,
      this.content,
      this.strip.node,
      this.hint,
    );
    parentElement.append(this.root);
    listen(this.root, { keydown: (event) => this.press(event) });
    this.observer = new ResizeObserver(() => this.resized());
    this.observer.observe(this.root);
    this.observer.observe(document.querySelector("[data-testid=stMainBlockContainer]") ?? document.body);
    this.follow = () => this.store.follow();
    window.addEventListener(LINK_CHANGED, this.follow);
    this.store.listeners.add((what) => this.changed(what));
  }

  get view() {
    return this.views[this.store.view];
  }

  changed(what) {
    if (!this.theme) return;
    if (what === "cursor") {
      this.view.drawCursor();
      this.strip.draw();
      return;
    }
    this.drawHeading();
    this.drawContent();
  }

  dress(theme) {
    this.theme = theme;
    for (const [role, colour] of Object.entries(theme.roles)) this.root.style.setProperty(`--role-${role}`, colour);
  }

  drawAll() {
    this.drawHeading();
    this.drawContent();
  }

  tab(label, selected, onclick, data = {}) {
    return el("button", { role: "tab", class: "tab", "aria-selected": String(selected), onclick, ...data }, label);
  }

  drawHeading() {
    const focused = this.root.getRootNode().activeElement?.closest(".tab, .head-choice");
    const name = focused && ["place", "view", "head"].find((kind) => kind in focused.dataset);
    this.drawChoices();
    if (name) this.root.querySelector(`[data-${name}="${focused.dataset[name]}"]`)?.focus({ preventScroll: true });
  }

  drawChoices() {
    const { store } = this;
    const { n_heads } = store.sizes;
    this.siteTabs.replaceChildren(
      ...Object.entries(store.header.places).map(([place, { title }]) =>
        this.tab(title, place === store.chosen.place, () => store.choose({ place }), { "data-place": place }),
      ),
    );
    this.viewTabs.replaceChildren(
      ...Object.entries(VIEWS).map(([name, label]) => this.tab(label, name === this.store.view, () => this.show(name), { "data-view": name })),
    );
    this.title.textContent = `${store.site.title}, layer ${store.chosen.layer + 1}, head ${store.chosen.head + 1}`;
    this.headButtons.replaceChildren(
      ...Array.from({ length: n_heads }, (_, head) =>
        el("button", { class: "head-choice", "aria-pressed": String(head === store.chosen.head), "data-head": head + 1, "aria-label": `head ${head + 1}`, onclick: () => store.choose({ head }) }, String(head + 1)),
      ),
    );
    this.trouble.textContent = store.trouble ?? "";
    this.trouble.hidden = !store.trouble;
    this.drawCheck();
  }

  drawCheck() {
    const { store } = this;
    if (!store.exact) {
      this.badge.textContent = "";
      this.badge.className = "check";
      return;
    }
    const { error, checked } = store.check();
    const isWrong = !(error <= TOLERANCE);
    const size = Number.isFinite(error) ? error.toExponential(0) : "not a number";
    this.badge.className = isWrong ? "check wrong" : "check right";
    this.badge.textContent = `recomputed: max error ${error === 0 ? "0" : size}`;
    this.badge.title = `Your browser recomputed ${checked.join(", ")} of this head from the numbers it was sent; the largest |a − b| / max(1, |b|) against the model's own is ${error}.`;
  }

  drawContent() {
    const nodes = this.store.view === "inside" ? [this.knobs.bar, this.view.node, this.knobs.table] : [this.view.node];
    if (this.content.firstChild !== nodes[0]) this.content.replaceChildren(...nodes);
    if (this.store.view === "inside") this.knobs.draw();
    this.view.draw(this.theme);
    this.strip.draw();
    this.drawnRoom = this.room();
  }

  show(name) {
    this.store.open(name);
    this.viewTabs.querySelector(`[data-view=${name}]`).focus({ preventScroll: true });
    this.root.scrollIntoView({ block: name === "heads" ? "nearest" : "start" });
  }

  press(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.matches?.("input, textarea")) return;
    const active = this.root.getRootNode().activeElement;
    if (active?.matches("input, textarea")) return;
    const { store } = this;
    const { n_layers, n_heads } = store.sizes;
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const onPicture = active?.matches(".matrix, .board");
    if (event.key in moves) {
      const [down, right] = moves[event.key];
      if (this.store.view === "inside") this.views.inside.move(down, right);
      else store.move(store.bounded({ stage: "weights", query: store.cursor.query + down, key: store.cursor.key + right }));
    } else if (event.key >= "1" && event.key <= "9" && Number(event.key) <= n_heads) {
      store.choose({ head: Number(event.key) - 1 });
    } else if (event.key === "PageDown") {
      store.choose({ layer: Math.min(store.chosen.layer + 1, n_layers - 1) });
    } else if (event.key === "PageUp") {
      store.choose({ layer: Math.max(store.chosen.layer - 1, 0) });
    } else if ((event.key === "," || event.key === ".") && this.store.view === "inside") {
      this.views.inside.otherStage(event.key === "." ? 1 : -1);
    } else if (event.key === "Enter" && onPicture) {
      store.pin({ ...store.cursor });
    } else if (event.key === "Escape") {
      store.free();
    } else return;
    event.preventDefault();
  }

  // The page may still be growing above this view, or the window change: then there is other room for the picture.
  resized() {
    if (this.theme && this.room() !== this.drawnRoom) this.drawContent();
  }

  room() {
    const above = this.store.view === "heads" ? Math.round(this.views.heads.height()) : window.innerHeight;
    return `${this.root.clientWidth}×${above}`;
  }
}

export default await mounted(View, import.meta.url);
