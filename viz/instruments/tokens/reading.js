// The first step: the typed text and how it is read, with what was changed marked in both.

import { el } from "../shared/dom.js";

export class Reading {
  constructor(store) {
    this.store = store;
    this.node = el("dl", { class: "reading", "aria-label": "How the text is read" });
  }

  draw() {
    const { reading } = this.store.side;
    const rows = reading?.typed.length
      ? [this.row("typed", this.marked(reading.typed)), this.row("read as", this.marked(reading.read))]
      : [this.row("typed", reading ? "read as it is" : "nothing: these are the model's own tokens")];
    this.node.replaceChildren(...rows.flat());
  }

  row(name, ...shown) {
    return [el("dt", { class: "step-name" }, name), el("dd", {}, ...shown)];
  }

  marked(runs) {
    return el("bdi", {}, ...runs.map(([text, changed]) => (changed ? el("mark", {}, text) : text)));
  }
}
