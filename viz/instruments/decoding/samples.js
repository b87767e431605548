// Not there yet.

import { el } from "../shared/dom.js";

export class Samples {
  constructor(store) {
    this.store = store;
    this.node = el("div", { class: "samples-part" });
  }

  draw() {}
}
