// What an instrument knows and what is chosen in it: the part that all of them share. A store gives
//   limits      how far each count of the cursor (and the layer …) runs: name → how many there are
//   linked()    what the link shall say now, by the names of its table: viz/instruments/<name>/__init__.py
//   restore(values)   the opposite: what the link said, null for what it did not say
//   taken()     a new message is here, and its link has not been read yet
//   fetch()     ask for what the open picture needs
// Views listen; nothing here draws.

import { decode, encode, page, readLink } from "./link.js";
import { Numbers } from "./numbers_route.js";

/** @param {number} value @param {number} limit */
export const within = (value, limit) => Math.min(Math.max(value, 0), Math.max(0, limit - 1));

/** @typedef {Record<string, any>} Cursor */

export class Store {
  /** @param {string} instrument the folder's name, which is the route's too */
  constructor(instrument) {
    this.instrument = instrument;
    /** @type {Set<(what: string) => void>} */
    this.listeners = new Set();
    /** @type {any} the message's header */
    this.header = null;
    /** @type {Record<string, import("./transport.js").Values>} */
    this.arrays = {};
    /** @type {string | null} one sentence for the reader */
    this.trouble = null;
    this.numbers = new Numbers(instrument, this);
    /** @type {Cursor} */
    this.cursor = {};
    this.pinned = false;
    // Whether the reader has pointed at something yet.
    this.touched = false;
  }

  // A message ------------------------------------------------------------------------------------------------------

  /** @param {import("./transport.js").Message} message */
  take({ header, arrays }) {
    const isElsewhere = !this.header || header.place !== this.header.place || page.returned;
    Object.assign(this, { header, arrays });
    this.trouble = null;
    page.learn(this.table);
    this.numbers.forget();
    if (isElsewhere) this.pinned = this.touched = false;
    this.taken(isElsewhere);
    if (isElsewhere) this.restore(this.read());
    this.clamp();
    this.changed("data");
    this.fetch();
  }

  /** @param {boolean} _isElsewhere */
  taken(_isElsewhere) {}

  // Ask for what the open picture needs.
  fetch() {}

  /** @param {string} what */
  changed(what) {
    for (const listener of this.listeners) listener(what);
  }

  /** @param {string | null} trouble */
  setTrouble(trouble) {
    if (trouble === this.trouble) return;
    this.trouble = trouble;
    this.changed("trouble");
  }

  // The link -------------------------------------------------------------------------------------------------------

  get table() {
    return this.header?.link ?? [];
  }

  get place() {
    return this.header.place;
  }

  // Places that this message has the numbers of.
  /** @returns {string[]} */
  get places() {
    return [this.header.place];
  }

  // The place that a link opens.
  /** @param {Record<string, string>} link @returns {string | undefined} */
  placeIn(link) {
    return link.place;
  }

  // What the link says: `place`, and each parameter of the table.
  read() {
    const link = readLink();
    return { place: this.placeIn(link), ...decode(this.table, link) };
  }

  /** @returns {import("./link.js").Values} */
  linked() {
    return {};
  }

  /** @param {import("./link.js").Values} _values */
  restore(_values) {}

  // The link at once, the server after a pause.
  say({ entry = false, quiet = false } = {}) {
    page.write({ place: this.place, ...encode(this.table, this.linked()) }, { by: this, entry, quiet });
  }

  // Somebody else changed the link: the map, another view, Back.
  /** @param {unknown} by */
  follow(by) {
    // Of another sentence the link says nothing until its message is here.
    if (by === this || !this.header || page.returned) return;
    const said = this.read();
    if (!this.places.includes(said.place ?? "")) return;
    const now = { place: this.place, ...this.linked() };
    const texts = [said, now].map((values) => JSON.stringify([values.place, encode(this.table, values)]));
    if (texts[0] === texts[1]) return;
    this.restore(said);
    this.clamp();
    this.changed("data");
    this.fetch();
  }

  // The cursor -----------------------------------------------------------------------------------------------------

  /** @returns {Record<string, number>} */
  get limits() {
    return {};
  }

  // As near to what is asked as there is.
  /** @param {Cursor} cursor @returns {Cursor} */
  bounded(cursor) {
    const { limits } = this;
    const near = (/** @type {string} */ name, /** @type {any} */ value) =>
      name in limits && value !== null ? within(value, limits[name]) : value;
    return Object.fromEntries(Object.entries(cursor).map(([name, value]) => [name, near(name, value)]));
  }

  clamp() {
    this.cursor = this.bounded(this.cursor);
  }

  /** @param {Cursor} change */
  isAt(change) {
    return Object.entries(change).every(([name, value]) => this.cursor[name] === value);
  }

  // By the pointer: while a cell is pinned, it changes nothing.
  /** @param {Cursor} change */
  point(change) {
    if (!this.pinned) this.move(change);
  }

  // By keys or a choice: the pin, if there is one, moves along.
  /** @param {Cursor} change */
  move(change) {
    const next = this.bounded({ ...this.cursor, ...change });
    this.touched = true;
    if (this.isAt(next)) return;
    this.cursor = next;
    this.clamp();
    this.numbers.retry();
    this.changed("cursor");
    if (this.pinned) this.say();
  }

  /** @param {string} name @param {number} by */
  walk(name, by) {
    this.move({ [name]: this.cursor[name] + by });
  }

  // Pin the cursor there; once more frees it.
  /** @param {Cursor} change */
  pin(change = {}) {
    this.pinned = !(this.pinned && this.isAt(change));
    this.cursor = this.bounded({ ...this.cursor, ...change });
    this.touched = true;
    this.clamp();
    this.changed("cursor");
    this.say();
  }

  free() {
    if (!this.pinned) return;
    this.pinned = false;
    this.changed("cursor");
    this.say();
  }

  // What a reader sees move, for tests: see tests/browser/test_keys.py.
  /** @returns {Record<string, any>} */
  get state() {
    return { ...this.cursor, pinned: this.pinned };
  }
}
