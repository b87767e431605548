// What a tab of the instrument is: a folder of parts/ with part.js, whose class is a Part.

import { activeIn } from "../shared/dom.js";

export class Part {
  /** @param {import("./store.js").Store} store @param {HTMLElement} node */
  constructor(store, node) {
    this.store = store;
    this.node = node;
    /** @type {any} */
    this.theme = null;
    this.width = 0;
    /** @type {any} */
    this.cursor = null;
    this.pinned = false;
    this.isOpen = false;
  }

  // A new sentence; `isFirst`: the page has just opened. Its numbers are asked for when it is drawn.
  /** @param {boolean} _isFirst */
  taken(_isFirst) {}

  // Its share of the link, by the names of the instrument's table.
  /** @returns {import("../shared/link.js").Values} */
  linked() {
    return {};
  }

  /** @param {import("../shared/link.js").Values} _values */
  restore(_values) {}

  /** @returns {import("../shared/keys.js").Key[]} */
  get keys() {
    return [];
  }

  // What its keys move, beside the tab, step, layer and head that all parts share.
  /** @returns {Record<string, any>} */
  get state() {
    return { pinned: this.pinned };
  }

  // An explanation for the strip, or a sentence.
  /** @returns {any} */
  explain() {
    return "Point at a number to see how it is made.";
  }

  draw() {}

  // Something that all parts share is another: "step", "layer", "lane", "numbers".
  /** @param {string} _what */
  changed(_what) {
    this.draw();
  }

  // Its tab opens, or closes.
  opened() {}

  closed() {}

  get active() {
    return activeIn(this.node);
  }
}
