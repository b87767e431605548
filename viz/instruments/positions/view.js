// The positions lab: the table PE, its waves, its products and its rotation; the sum that the layers read; and the live
// model with other positions. All but the experiments answers in the browser.

import { el } from "../shared/dom.js";
import { mounted } from "../shared/mount.js";
import { Tabs } from "../shared/tabs.js";
import { View } from "../shared/view.js";
import { Experiments } from "./experiments.js";
import { explain } from "./explain.js";
import { Heat } from "./heat.js";
import { Rotation } from "./rotation.js";
import { Similarity } from "./similarity.js";
import { Store } from "./store.js";
import { Sum } from "./sum.js";

const PARTS = { heat: Heat, similarity: Similarity, rotation: Rotation, sum: Sum, experiments: Experiments };

/** @extends {View<Store>} */
class Positions extends View {
  /** @param {ShadowRoot} parentElement */
  constructor(parentElement) {
    super(parentElement, new Store(), "positions");
    const { store } = this;
    this.tabs = new Tabs({ label: "View", data: "tab", choose: (tab) => store.open(tab), isRoving: false });
    this.equation = el("p", { class: "pe-formula" });
    /** @type {Record<string, any>} */
    this.parts = Object.fromEntries(Object.entries(PARTS).map(([tab, Part]) => [tab, new Part(store)]));
  }

  body() {
    const heading = el("div", { class: "heading" }, this.title, this.tabs.node, this.badge.node);
    const parts = Object.values(this.parts).map(({ node }) => node);
    return [heading, this.equation, ...parts, this.strip.node, this.hint];
  }

  get titleText() {
    return "Positions";
  }

  get part() {
    return this.parts[this.store.tab];
  }

  get keys() {
    return this.part.keys;
  }

  explain() {
    return explain(this.store);
  }

  check() {
    return this.store.check();
  }

  get redraws() {
    const drawn = (/** @type {string} */ how) => () => this.part === this.parts.experiments && this.part[how]();
    const [runs, head] = [drawn("drawRuns"), drawn("drawCompare")];
    return { ...super.redraws, k: () => this.drawCursor(), numbers: runs, runs, head };
  }

  draw() {
    const { store } = this;
    this.tabs.draw(Object.fromEntries(store.tabs.map((tab) => [tab, store.header.panels[tab]])), store.tab);
    this.equation.textContent = this.equationText;
    for (const [tab, { node }] of Object.entries(this.parts)) node.hidden = tab !== store.tab;
    this.part.draw(this.theme, this.root.clientWidth);
  }

  get equationText() {
    const { store } = this;
    const { d_model, base, encoding } = store.header;
    const { rows, pairs } = store.sizes;
    if (store.isWaves) {
      const angle = `p / ${base}^(2i/${d_model})`;
      const waves = `PE(p)[2i + 1] = sin(${angle}), PE(p)[2i + 2] = cos(${angle})`;
      return `${waves} · pairs i = 0 … ${pairs - 1} · PE: ${rows} × ${d_model}`;
    }
    if (store.hasTable) return `PE(p): one learned vector a position · PE: ${rows} × ${d_model}`;
    return `This model has ${encoding} positions: no vector is added to the embeddings, so there is no table to show.`;
  }

  drawCursor() {
    this.part.drawCursor();
  }
}

export default await mounted(Positions, import.meta.url);
