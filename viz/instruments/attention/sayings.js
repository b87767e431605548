// What each head of the layer does, in plain words, with its figure; of the one that is open, all figures.

import { el, refill } from "../shared/dom.js";
import { percentText } from "../shared/numbers.js";
import { describeHead, FIGURES, inWords, patternOf } from "./pattern.js";

const VAGUE = ["none", "single", "spread"];

export class Sayings {
  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this.store = store;
    this.node = el("div", { class: "pattern" });
  }

  draw() {
    const { n_heads } = this.store.sizes;
    refill(this.node, "head", ...Array.from({ length: n_heads }, (_, head) => this.line(head)));
  }

  /** @param {number} head */
  line(head) {
    const { store } = this;
    const isOpen = head === store.head;
    const about = { class: "head-button", "data-head": head + 1, onclick: () => store.choose(store.layer, head) };
    const button = el("button", about, `head ${head + 1}`);
    if (!store.exact) return el("div", { class: "head-line" }, button, el("span", { class: "note" }, "…"));
    const stats = this.statsOf(head);
    const pattern = patternOf(stats);
    return el(
      "div",
      { class: isOpen ? "head-line here" : "head-line" },
      button,
      el("span", { class: VAGUE.includes(pattern.name) ? "note" : "badge" }, inWords(pattern, stats, store.site)),
      isOpen ? el("div", { class: "figures" }, `${this.figures(stats).join(" · ")}.`) : null,
    );
  }

  // Of the open head, and of no other, under the knobs.
  /** @param {number} head */
  statsOf(head) {
    const { store } = this;
    const { site } = store;
    const { values, columns } = store.weights(head);
    const { self, end, real } = site;
    const causal = site.causal && (head !== store.head || store.knobs.mask);
    return describeHead(values, { queries: real.query, keys: real.key, columns, self, end, causal });
  }

  /** @param {any} stats */
  figures(stats) {
    const { real } = this.store.site;
    const known = Object.entries(FIGURES).filter(([name]) => name in stats);
    const figures = [
      `entropy ${stats.entropy.toFixed(2)} of ${Math.log2(real.key).toFixed(2)} bits`,
      ...known.map(([name, said]) => `${said} ${percentText(stats[name])}`),
      `a row's heaviest ${percentText(stats.peak)}`,
    ];
    const path = "the heaviest path through the words that never steps back";
    if ("order" in stats) figures.push(`${path} ${percentText(stats.order)}`);
    const left = real.query - stats.choices;
    if (left) figures.push(`without ${left === 1 ? "the row that sees" : `${left} rows that see`} one token only`);
    return figures;
  }
}
