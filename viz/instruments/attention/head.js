// What is known of the open head: its place's stages, its numbers as they come, and what they would be under the knobs.

import { LayeredStore } from "../shared/layered.js";
import { concat, largestError } from "../shared/maths.js";
import { within } from "../shared/store.js";
import { OWN, recompute } from "./maths.js";

/** @typedef {import("./maths.js").Stage} Stage */
/** @typedef {import("../shared/part.js").Part} Part */
/**
 * @typedef {object} Site as describe() in __init__.py says it
 * @property {string} title @property {string} caption
 * @property {string} asking @property {string} answering whose tokens ask, and answer
 * @property {string[]} queries @property {string[]} keys
 * @property {{ query: number, key: number }} real how many are no padding
 * @property {boolean} self @property {boolean} causal
 * @property {number | null} end the end token's column
 * @property {string | null} tint the side whose colour stands behind what another stack answers
 * @property {Stage[]} stages @property {Record<string, { formula: string, said: string, more: string }>} given
 */

// In the cursor, the column of a stage by what its columns are: `feature` is of one head, `wide` of all.
/** @type {Record<string, string>} */
const COLUMNS = { key: "key", d_head: "feature", d_model: "wide" };

export class HeadStore extends LayeredStore {
  constructor() {
    super("attention");
    /** the place that is open */
    this.opened = "";
    this.head = 0;
    /** @type {import("./maths.js").Knobs} */
    this.knobs = { ...OWN };
    /** @type {{ key: string, exact: any, stages: Record<string, Part> }} */
    this.made = { key: "", exact: null, stages: {} };
  }

  get places() {
    return Object.keys(this.header.places);
  }

  get place() {
    return this.opened;
  }

  /** @returns {Site} */
  get site() {
    return this.header.places[this.opened];
  }

  get title() {
    return `${this.site.title}, layer ${this.layer + 1}, head ${this.head + 1}`;
  }

  // Stages ---------------------------------------------------------------------------------------------------------

  /** @param {string} name */
  has(name) {
    return this.site.stages.some((stage) => stage.name === name);
  }

  /** @param {string} name @returns {Stage} */
  row(name) {
    return /** @type {Stage} */ (this.site.stages.find((stage) => stage.name === name));
  }

  // What a stage's row is in the cursor, and its column.
  /** @param {string} stage */
  rowName(stage) {
    return this.row(stage).rows;
  }

  /** @param {string} stage */
  columnName(stage) {
    return COLUMNS[this.row(stage).columns] ?? "feature";
  }

  get sizes() {
    const [n_layers, n_heads, queries, keys] = this.arrays[this.opened].shape;
    const { d_head } = this.header;
    return { n_layers, n_heads, queries, keys, d_head, d_model: d_head * n_heads };
  }

  get layers() {
    return this.sizes.n_layers;
  }

  // Another sentence or model may have no such place, head or stage.
  clamp() {
    if (!this.places.includes(this.opened)) this.opened = this.header.place;
    this.head = within(this.head, this.sizes.n_heads);
    if (!this.has(this.cursor.stage)) this.cursor.stage = "weights";
    super.clamp();
  }

  /** @param {number} layer @param {number} head */
  choose(layer, head = this.head) {
    this.head = head;
    super.choose(layer);
  }

  get limits() {
    const { queries, keys, d_head, d_model } = this.sizes;
    return { query: queries, key: keys, feature: d_head, wide: d_model };
  }

  // Numbers --------------------------------------------------------------------------------------------------------

  // Weights of a head from bytes, as the first message has them.
  /** @param {number} layer @param {number} head */
  shades(layer, head) {
    const { n_heads, queries, keys } = this.sizes;
    const start = (layer * n_heads + head) * queries * keys;
    const bytes = this.arrays[this.opened].values.subarray(start, start + queries * keys);
    return Float32Array.from(bytes, (byte) => byte / 255);
  }

  get at() {
    return { place: this.opened, layer: this.layer };
  }

  get message() {
    return this.numbers.peek("exact", this.at);
  }

  get exact() {
    return this.message?.arrays ?? null;
  }

  // Full names of a layer's entries.
  get names() {
    return this.message?.header.names ?? null;
  }

  get projections() {
    return this.numbers.peek("projections", this.at, { keep: true })?.arrays ?? null;
  }

  fetchProjections() {
    const otherwise = "The weight matrices did not arrive. Point at the cell again, or reload the page.";
    this.numbers.want("projections", this.at, { keep: true, otherwise });
  }

  // The model's own numbers of a stage.
  /** @param {string} stage @param {number} head @returns {Part} */
  own(stage, head = this.head) {
    const { arrays, header } = this.message;
    const array = arrays[stage] ?? arrays[header.same[stage]];
    if (!array) return this.joined(this.row(stage).of[0]);
    const [rows, columns] = array.shape.slice(-2);
    const start = array.shape.length === 3 ? head * rows * columns : 0;
    return { values: array.values.subarray(start, start + rows * columns), rows, columns };
  }

  // A stage's heads side by side; `own`: this head's numbers in place of the model's.
  /** @param {string} stage @param {ArrayLike<number> | null} own @returns {Part} */
  joined(stage, own = null) {
    const { values, shape } = this.exact[stage];
    const [heads, rows, columns] = shape;
    const all = Float64Array.from(values);
    if (own) all.set(own, this.head * rows * columns);
    return { values: concat(all, heads, rows, columns), rows, columns: heads * columns };
  }

  // The same under the knobs: what the head would give if it were so. Without W_o, nobody knows what comes out: null.
  /** @param {string} stage @returns {Part | null} */
  part(stage) {
    if (!this.whatIf) return this.own(stage);
    return this.recomputed[stage] ?? (stage === "out" ? null : this.own(stage));
  }

  // Only the open head is under the knobs.
  /** @param {number} head @returns {Part} */
  weights(head = this.head) {
    return (head === this.head && this.part("weights")) || this.own("weights", head);
  }

  // What if ---------------------------------------------------------------------------------------------------------

  get whatIf() {
    const { scale, mask, temperature } = this.knobs;
    return scale !== OWN.scale || mask !== OWN.mask || temperature !== OWN.temperature;
  }

  // Whether a stage is another one than the model's.
  /** @param {string} stage */
  isChanged(stage) {
    return this.whatIf && stage in this.recomputed && stage !== "scores";
  }

  get recomputed() {
    const { exact, knobs } = this;
    const key = [this.opened, this.layer, this.head, ...Object.values(knobs), Boolean(this.projections)].join();
    if (this.made.key !== key || this.made.exact !== exact) this.made = { key, exact, stages: this.compute(knobs) };
    return this.made.stages;
  }

  /** @param {import("./maths.js").Knobs} knobs */
  compute(knobs) {
    const joined = (/** @type {ArrayLike<number>} */ z) => this.joined("z", z).values;
    const { d_head } = this.sizes;
    const context = { knobs, d_head, masked: this.own("masked"), joined, matrices: this.projections };
    return recompute(this.site.stages, (name) => this.own(name), context);
  }

  // What is computed here from q, k and v, against the model's own numbers.
  check() {
    if (!this.exact) return null;
    const made = Object.entries(this.compute(OWN)).filter(([name]) => name in this.exact);
    const errors = made.map(([name, { values }]) => largestError(values, this.own(name).values));
    const what = `${made.map(([name]) => name).join(", ")} of this head from the numbers it was sent`;
    return { error: Math.max(...errors), what };
  }
}
