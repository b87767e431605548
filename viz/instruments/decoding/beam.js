// Not there yet.

import { el } from "../shared/dom.js";

export class Beam {
  constructor(store) {
    this.store = store;
    this.node = el("div", { class: "beam-part" });
  }

  draw() {}
}
