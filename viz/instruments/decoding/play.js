// Not there yet.

import { el } from "../shared/dom.js";

export class Play {
  constructor(store) {
    this.store = store;
    this.node = el("div", { class: "play-part" });
  }

  draw() {}
}
