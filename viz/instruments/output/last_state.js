// The last state of the open step as a row of signed numbers, and how logits and probabilities follow from it.

import { el } from "../shared/dom.js";
import { largest } from "../shared/paint.js";
import { Panel } from "../shared/panel.js";

const HEIGHT = 24;

export class LastState {
  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this.store = store;
    this.name = el("div", { class: "panel-name" });
    this.panel = new Panel({
      onCursor: ({ column }) => store.point({ on: "state", feature: column }),
      onPin: ({ column }) => store.pin({ on: "state", feature: column }),
    });
  }

  draw(theme, width) {
    const { header, step, lastState } = this.store;
    const { d_model, vocab, reads } = header;
    this.name.replaceChildren(
      el("b", {}, `last state, states[${step + 1}]`),
      el("span", {}, `${d_model} numbers`),
      el("span", {}, `logits = states[${step + 1}] · Eᵀ: (${d_model}) · (${d_model}×${vocab}) → ${vocab}`),
      el("span", {}, "probability = softmax(logits)"),
    );
    const name = `Last state of step ${step + 1}, which reads ${reads[step]}: ${d_model} signed numbers`;
    const limit = largest(lastState);
    const picture = { stage: "states", name, values: lastState, rows: 1, columns: d_model, scale: "signed", limit };
    this.panel.draw({ ...picture, labels: null, width, rowHeight: HEIGHT, theme, colour: theme.roles.output });
  }

  drawCursor() {
    const { cursor, pinned } = this.store;
    this.panel.mark(cursor.on === "state" ? { row: 0, column: cursor.feature } : null, pinned);
  }

  walk(by) {
    const { cursor } = this.store;
    this.store.move({ on: "state", feature: cursor.feature + (cursor.on === "state" ? by : 0) });
  }
}
