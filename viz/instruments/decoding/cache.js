// Not there yet.

import { el } from "../shared/dom.js";

export class Cache {
  constructor(store) {
    this.store = store;
    this.node = el("div", { class: "cache-part" });
  }

  draw() {}
}
