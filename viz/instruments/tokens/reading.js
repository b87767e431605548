// The first step: the typed text and how it is read, with what was changed marked in both.

import { el } from "../shared/dom.js";

export class Reading {
  constructor(store) {
    this.store = store;
    this.node = el("dl", { class: "reading", "aria-label": "How the text is read" });
  }

  draw() {
    const { reading } = this.store.side;
    if (!reading) this.node.replaceChildren(...this.row("typed", "nothing: these are the model's own tokens"));
    else if (!reading.typed.length) this.node.replaceChildren(...this.row("typed", "read as it is"));
    else this.node.replaceChildren(...this.row("typed", this.marked(reading.typed)), ...this.row("read as", this.marked(reading.read)));
  }

  row(name, ...shown) {
    return [el("dt", { class: "step-name" }, name), el("dd", {}, ...shown)];
  }

  marked(runs) {
    return el("bdi", {}, ...runs.map(([text, changed]) => (changed ? el("mark", {}, text) : text)));
  }
}
