// Not there yet.

import { el } from "../shared/dom.js";

export class Align {
  constructor(store) {
    this.store = store;
    this.node = el("div", { class: "align-part" });
  }

  draw() {}
}
