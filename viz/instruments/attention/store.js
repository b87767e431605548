// What is chosen: place, layer, head, view, the cell under the cursor, the knobs, whose lines are drawn; and its way
// into the link and back. One message is of all places, so that another opens at once. Nothing here draws.

import { decode } from "../shared/link.js";
import { within } from "../shared/store.js";
import { HeadStore } from "./head.js";
import { OWN } from "./maths.js";

// How a head is shown: among all, from inside, as lines.
export const VIEWS = { heads: "All heads", inside: "Inside this head", lines: "Lines" };
export const TEMPERATURES = { least: 0.1, most: 4 };
export const MASS = { least: 5, most: 100, usual: 80 };

/** @param {number} value @param {{ least: number, most: number }} range */
const clamped = (value, { least, most }) => Math.min(Math.max(value, least), most);

export class Store extends HeadStore {
  constructor() {
    super();
    this.view = "heads";
    this.isPadded = false;
    /** @type {Set<number>} whose lines are drawn … */
    this.drawn = new Set();
    // … until they hold so much of the mass, in per cent.
    this.mass = MASS.usual;
    /** @type {import("../shared/transport.js").Message | null} as the page sent it, without padding */
    this.unpadded = null;
  }

  /** @param {import("../shared/transport.js").Message} message */
  take(message) {
    this.unpadded = message;
    super.take(message);
  }

  // The link -------------------------------------------------------------------------------------------------------

  // The message's own place is the one that an address without a place opens.
  /** @param {Record<string, string>} link */
  placeIn(link) {
    return link.place ?? this.header.place;
  }

  linked() {
    const { layer, head, view, knobs, mass } = this;
    const { stage, query, key } = this.cursor;
    const column = this.columnName(stage);
    const cell = { query, key, feature: column === "key" ? null : this.cursor[column] };
    const isAlone = this.drawn.size === 1 && this.drawn.has(head);
    return {
      layer,
      head,
      view: view === "heads" ? null : view,
      stage: view === "inside" && stage !== "weights" ? stage : null,
      ...(this.pinned ? cell : {}),
      unscaled: !knobs.scale,
      unmasked: !knobs.mask,
      softmax_temperature: knobs.temperature === OWN.temperature ? null : knobs.temperature,
      padded: this.isPadded,
      lines: isAlone ? null : [...this.drawn].sort((a, b) => a - b).map((each) => each + 1).join("."),
      mass: mass === MASS.usual ? null : mass,
    };
  }

  /** @param {import("../shared/link.js").Values} values */
  restore(values) {
    const { place, layer, head, view } = values;
    const isElsewhere = place !== this.place;
    this.opened = this.places.includes(place) ? place : this.header.place;
    Object.assign(this, { layer: layer ?? NaN, head: head ?? 0, view: view ?? "heads" });
    this.restoreKnobs(values);
    this.restoreCell(values, isElsewhere);
  }

  // A cursor that is not pinned is not in the link: it stays while the place does.
  /** @param {import("../shared/link.js").Values} values @param {boolean} isElsewhere */
  restoreCell({ stage: said, query, key, feature: column }, isElsewhere) {
    const stage = this.view === "inside" && this.has(said) ? said : "weights";
    const feature = this.columnName(stage) === "key" ? null : column;
    const cell = Object.entries({ query, key, feature }).filter(([, value]) => Number.isInteger(value));
    this.pinned = cell.length > 0;
    const { cursor } = this;
    const start = isElsewhere || this.pinned ? { query: null, key: null, feature: 0, wide: 0 } : cursor;
    this.cursor = { ...start, stage, ...Object.fromEntries(cell) };
    if (this.pinned) this.cursor.wide = this.cursor.feature;
  }

  /** @param {import("../shared/link.js").Values} values */
  restoreKnobs({ unscaled, unmasked, softmax_temperature, padded, lines, mass }) {
    const temperature = clamped(softmax_temperature ?? OWN.temperature, TEMPERATURES);
    this.knobs = { scale: !unscaled, mask: !unmasked, temperature };
    this.isPadded = Boolean(padded);
    const numbers = (lines ?? "").split(".").map((/** @type {string} */ text) => Number(text) - 1);
    this.drawn = new Set(numbers.filter(Number.isInteger));
    this.mass = clamped(mass ?? MASS.usual, MASS);
  }

  clamp() {
    super.clamp();
    const { n_heads } = this.sizes;
    this.drawn = new Set([...this.drawn].filter((head) => head >= 0 && head < n_heads));
    if (!this.drawn.size) this.drawn.add(this.head);
    this.complete();
  }

  // What the cursor does not say (a link may pin a cell by one axis alone): of the key given the query that looks at it
  // most, else the middle query; of the query the key that it looks at most.
  complete() {
    const { cursor } = this;
    if (cursor.query !== null && cursor.key !== null) return;
    const { queries, keys } = this.sizes;
    const weights = this.shades(this.layer, this.head);
    const heaviest = (/** @type {Float32Array} */ line) => line.indexOf(Math.max(...line));
    if (cursor.query === null && cursor.key === null) cursor.query = Math.floor(queries / 2);
    cursor.query ??= heaviest(weights.filter((_, i) => i % keys === cursor.key));
    cursor.key ??= heaviest(weights.subarray(cursor.query * keys, (cursor.query + 1) * keys));
  }

  // Numbers by route -----------------------------------------------------------------------------------------------

  fetch() {
    if (this.isPadded !== Boolean(this.header.request.pad)) {
      this.repad();
      return;
    }
    const otherwise = "The exact numbers of this layer did not arrive. Choose the layer again, or reload the page.";
    this.numbers.want("exact", this.at, { otherwise });
  }

  // The same sentence, filled up, or as it was.
  async repad() {
    const { unpadded } = this;
    if (!unpadded) return;
    if (!this.isPadded) {
      super.take(unpadded);
      return;
    }
    const otherwise = "The padded sentence did not arrive. Try the switch again.";
    const message = await this.numbers.ask("message", { place: this.place, pad: 1 }, { otherwise });
    if (this.unpadded !== unpadded || !this.isPadded || this.header.request.pad) return;
    if (!message) {
      this.pad(false);
      return;
    }
    // A pinned cell may be one of the padding.
    if (this.pinned) this.restore(this.read());
    super.take(message);
  }

  // Choosing -------------------------------------------------------------------------------------------------------

  /** @param {number} layer @param {number} head */
  choose(layer, head = this.head) {
    if (!this.drawn.has(head) || this.drawn.size === 1) this.drawn = new Set([head]);
    super.choose(layer, head);
  }

  // Another attention: nothing is pinned there, and all numbers are the model's own.
  /** @param {string} place */
  enter(place) {
    if (place === this.place) return;
    this.trouble = null;
    this.numbers.retry();
    const { layer, head, view, padded, lines, mass } = this.linked();
    this.restore({ ...decode(this.table, {}), place, layer, head, view, padded, lines, mass });
    this.clamp();
    this.changed("place");
    this.fetch();
    this.say({ entry: true });
  }

  /** @param {string} view */
  show(view) {
    if (view === this.view) return;
    this.view = view;
    if (view !== "inside" && this.cursor.stage !== "weights") {
      this.cursor.stage = "weights";
      this.pinned = false;
    }
    this.changed("view");
    this.say({ entry: true });
  }

  // Another stage of this head.
  /** @param {string} stage */
  open(stage) {
    this.move({ stage });
    this.say({ quiet: true });
  }

  /** @param {number} by */
  walkStages(by) {
    const names = this.site.stages.map(({ name }) => name);
    this.open(names[within(names.indexOf(this.cursor.stage) + by, names.length)]);
  }

  /** @param {Partial<import("./maths.js").Knobs>} knobs */
  turn(knobs) {
    this.knobs = { ...this.knobs, ...knobs };
    this.changed("knobs");
  }

  /** @param {boolean} isPadded */
  pad(isPadded) {
    this.numbers.retry();
    Object.assign(this, { isPadded, pinned: false });
    this.changed("knobs");
    this.fetch();
    this.say({ quiet: true });
  }

  // Draw a head's lines, or no more; one always is.
  /** @param {number} head */
  toggle(head) {
    if (!this.drawn.delete(head) || !this.drawn.size) this.drawn.add(head);
    this.changed("lines");
    this.say({ quiet: true });
  }

  /** @param {number} mass in per cent */
  drawUntil(mass) {
    this.mass = mass;
    this.changed("lines");
  }

  get state() {
    return { ...super.state, head: this.head, view: this.view, place: this.place };
  }
}
