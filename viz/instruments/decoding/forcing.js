// Not there yet.

import { el } from "../shared/dom.js";

export class Forcing {
  constructor(store) {
    this.store = store;
    this.node = el("div", { class: "forcing-part" });
  }

  draw() {}
}
