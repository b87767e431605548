// Every head's entropy, and that of each layer's mean, as a small table: the lower, the clearer; a click chooses.

import { el, listen, refill } from "../../../shared/dom.js";
import { marked } from "../../../shared/paint.js";
import { headName } from "./explain.js";

const HEAD_WIDTH = 50;
const MOST_SHADE = 45; // per cent, of the clearest head

// A single token that no row reads has no entropy.
const natsText = (/** @type {number} */ nats) => (Number.isNaN(nats) ? "–" : nats.toFixed(2));

export class AlignHeads {
  /** @param {import("./state.js").AlignState} state @param {{ onPoint: (cursor: any) => void }} told */
  constructor(state, { onPoint }) {
    this.state = state;
    this.onPoint = onPoint;
    this.clearest = el("button", { class: "small", onclick: () => state.store.choose(state.entropies.clearest) });
    this.node = el("div", { class: "align-heads" });
  }

  // How wide the table is, about.
  get width() {
    return (this.state.store.header.n_heads + 1) * HEAD_WIDTH + 70;
  }

  draw() {
    const { state } = this;
    const { table, clearest } = state.entropies;
    const { n_heads } = state.store.header;
    const names = Array.from({ length: n_heads }, (_, head) => `head ${head + 1}`);
    const columns = ["layer", ...names, "mean"].map((name) => el("th", { scope: "col" }, name));
    const rows = table.map((/** @type {number[]} */ heads, /** @type {number} */ layer) =>
      el("tr", {}, el("th", { scope: "row" }, String(layer + 1)), ...heads.map((nats, i) => this.cell(nats, layer, i))),
    );
    const lowest = natsText(table[clearest.layer][clearest.head]);
    this.clearest.textContent = `clearest: layer ${clearest.layer + 1}, head ${clearest.head + 1} (${lowest} nats)`;
    refill(
      this.node, "nats",
      el(
        "table",
        { class: "align-heads-table" },
        el("caption", {}, `Entropy in nats, mean over target ${state.unit}s: the lower, the clearer`),
        el("thead", {}, el("tr", {}, ...columns)),
        el("tbody", {}, ...rows),
      ),
      this.clearest,
    );
  }

  /** @param {number} nats @param {number} layer @param {number} i the head; behind the last, their mean */
  cell(nats, layer, i) {
    const { store, entropies } = this.state;
    const { clearest, low, high } = entropies;
    const head = i < store.header.n_heads ? i : null;
    const isClearest = head !== null && layer === clearest.layer && head === clearest.head;
    const shade = head === null || !(high > low) ? 0 : Math.round((MOST_SHADE * (high - nats)) / (high - low));
    const cursor = { kind: "head", layer, head };
    const button = el(
      "button",
      {
        class: `align-nats${isClearest ? " clearest" : ""}`,
        "data-nats": `${layer + 1}.${head === null ? 0 : head + 1}`,
        "aria-label": `${headName(cursor)}: entropy ${natsText(nats)} nats${isClearest ? ", the clearest" : ""}`,
        "aria-pressed": String(layer === store.layer && head === store.head),
        style: { background: `color-mix(in srgb, var(--role-output) ${shade}%, transparent)` },
        onclick: () => store.choose({ layer, head }),
      },
      natsText(nats),
    );
    listen(button, { pointerenter: () => this.onPoint(cursor) });
    return el("td", {}, marked(button, "entropy", [layer, i, nats, shade]));
  }
}
