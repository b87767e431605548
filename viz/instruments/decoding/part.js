// What a tab of the instrument is: a folder of parts/ with part.js, whose class is a Part.

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
    /** @type {any} whether the cursor is pinned, or what is */
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

  // The cursor of a part that has one place for it ------------------------------------------------------------------

  /** @param {any} cursor */
  isHere(cursor) {
    return Object.entries(cursor).every(([name, value]) => this.cursor?.[name] === value);
  }

  // By the pointer; what is pinned stays.
  /** @param {any} cursor */
  point(cursor) {
    if (!this.pinned) this.move(cursor);
  }

  /** @param {any} cursor */
  move(cursor) {
    if (this.isHere(cursor)) return;
    this.cursor = cursor;
    this.mark();
    this.store.changed("cursor");
  }

  // Pin it there; once more frees it.
  /** @param {any} cursor */
  pin(cursor) {
    this.pinned = !(this.pinned && this.isHere(cursor));
    this.cursor = cursor;
    this.mark();
    this.store.changed("cursor");
  }

  // Keys that pin the cursor, where the focus is on what `on` selects.
  /** @param {string} on @returns {import("../shared/keys.js").Key[]} */
  pinning(on) {
    const pins = { moves: "pinned", on, act: () => this.pin(this.cursor) };
    return [
      { key: "Enter", says: "Enter pins", ...pins },
      { key: " ", says: "Enter pins", ...pins },
      { key: "Escape", says: "Esc frees", off: !this.pinned, ...pins },
    ];
  }

  // Show where the cursor is.
  mark() {}

  draw() {}

  // Something that all parts share is another: "step", "layer", "lane", "numbers".
  /** @param {string} _what */
  changed(_what) {
    this.draw();
  }

  // Its tab opens, or closes.
  opened() {}

  closed() {}
}
