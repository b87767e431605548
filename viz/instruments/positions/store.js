// What the instrument knows and what is chosen: the open tab, the cursor, k, the kept waves. Nothing here draws.

import { add, dot, largestError } from "../shared/maths.js";
import { SidedStore } from "../shared/sided.js";
import { within } from "../shared/store.js";
import { encodings, turned } from "./maths.js";
import { listed, Runs } from "./runs.js";

const FIRST = { p: 3, q: 7, dim: 8, row: 0, column: 0, layer: 0, head: 0 };
const FIRST_K = 4;
const FIRST_WAVES = [0, 8, 16, 32];
export const MOST_WAVES = 6;
// Which counts of the cursor are pinned in a tab, by the names that the link has for them.
const PIN = { query: "p", feature: "dim" };
/** @type {Record<string, Record<string, string>>} */
const PINS = { similarity: { query: "p", key: "q" }, experiments: { query: "row", key: "column" } };

export class Store extends SidedStore {
  constructor() {
    super("positions");
    this.tab = "";
    this.k = FIRST_K;
    /** @type {number[]} dimensions, from 0 */
    this.waves = [];
    this.runs = new Runs(this);
    /** @type {any} the table whose products are known */
    this.productsOf = null;
    this.products = new Float64Array();
  }

  // The link ---------------------------------------------------------------------------------------------------

  /** @returns {Record<string, string>} */
  get pinAxes() {
    return PINS[this.tab] ?? PIN;
  }

  get firstWaves() {
    return FIRST_WAVES.filter((dim) => dim < this.header.d_model);
  }

  // Where the rotation's knobs stand; a pin says it, too.
  get knobs() {
    return this.tab === "rotation" && !this.pinned ? { position: this.cursor.p, pair: this.pair } : {};
  }

  linked() {
    const pin = Object.entries(this.pinned ? this.pinAxes : {}).map(([name, axis]) => [name, this.cursor[axis]]);
    const waves = this.waves.map((dim) => dim + 1).join(",");
    return {
      ...super.linked(),
      ...this.runs.linked(),
      ...this.knobs,
      ...Object.fromEntries(pin),
      panel: this.tab,
      k: this.k === FIRST_K ? null : this.k,
      waves: String(this.waves) === String(this.firstWaves) ? null : waves,
    };
  }

  restore(values) {
    super.restore(values);
    const { panel, k, position, pair, waves, cell } = values;
    this.tab = this.tabs.includes(panel) ? panel : this.tabs[0];
    this.k = Math.round(k ?? FIRST_K);
    this.waves = waves === null ? this.firstWaves : listed(waves).map((number) => Number(number) - 1);
    this.runs.restore(values);
    const [layer, head] = (cell ?? "").split(".").map((/** @type {string} */ number) => Number(number) - 1 || 0);
    const knobs = { p: position ?? FIRST.p, dim: pair === null ? FIRST.dim : 2 * pair };
    this.cursor = { ...FIRST, ...knobs, layer: layer ?? 0, head: head ?? 0 };
    const said = Object.entries(this.pinAxes).filter(([name]) => values[name] !== null);
    for (const [name, axis] of said) this.cursor[axis] = values[name];
    this.pinned = said.length > 0;
  }

  fetch() {
    if (this.tab === "experiments") this.runs.fetch();
  }

  changed(what) {
    if (what === "numbers") {
      this.clamp();
      this.fetch();
    }
    super.changed(what);
  }

  // What there is ----------------------------------------------------------------------------------------------

  get hasTable() {
    return "pe" in this.arrays;
  }

  get isWaves() {
    return this.header.encoding === "sinusoidal";
  }

  get tabs() {
    if (!this.hasTable) return ["experiments"];
    const turns = this.isWaves && this.header.d_model > 1;
    return Object.keys(this.header.panels).filter((tab) => tab !== "rotation" || turns);
  }

  get sizes() {
    const { d_model } = this.header;
    const rows = this.hasTable ? this.arrays.pe.shape[0] : 1;
    return { d_model, rows, pairs: Math.max(1, Math.floor(d_model / 2)), tokens: this.side.tokens.length };
  }

  get limits() {
    const { rows, d_model, tokens } = this.sizes;
    const { n_layers, n_heads } = this.header;
    const [row, column] = (this.tab === "experiments" && this.runs.shape) || [];
    const p = this.tab === "sum" ? Math.min(rows, tokens) : rows;
    return { p, q: rows, dim: d_model, layer: n_layers, head: n_heads, ...(row ? { row, column } : {}) };
  }

  get pe() {
    return this.arrays.pe.values;
  }

  at(p, dim) {
    return this.pe[p * this.header.d_model + dim];
  }

  // PE(p) · PE(q) for all p and q, from the table.
  get similarity() {
    if (this.productsOf !== this.arrays.pe) {
      const { rows, d_model } = this.sizes;
      const product = (n) => dot(this.pe, Math.floor(n / rows) * d_model, this.pe, (n % rows) * d_model, d_model);
      this.productsOf = this.arrays.pe;
      this.products = Float64Array.from({ length: rows * rows }, (_, n) => product(n));
    }
    return this.products;
  }

  embed(side = this.sideName) {
    return this.arrays[`embed.${side}`].values;
  }

  input(side = this.sideName) {
    return this.arrays[`embedded.${side}`].values;
  }

  // Recomputed here: the table from its formula, both sides' sums from their two parts.
  check() {
    if (!this.hasTable) return null;
    const { d_model, base } = this.header;
    const errors = Object.keys(this.sides).map((side) => {
      const sum = this.input(side);
      return largestError(add(this.embed(side), this.pe.subarray(0, sum.length)), sum);
    });
    if (this.isWaves) errors.push(largestError(encodings(this.sizes.rows, d_model, base), this.pe));
    const table = this.isWaves ? "the table from its sines and cosines, and " : "";
    return { error: Math.max(...errors), what: `${table}embedding + position of both sides` };
  }

  // Largest error of "PE(p + k) is PE(p) turned by k" over all positions and whole pairs of the table.
  rotationError() {
    const { rows, d_model, pairs } = this.sizes;
    let worst = 0;
    for (let p = 0; p + this.k < rows; p++) {
      const there = (p + this.k) * d_model;
      const own = this.pe.subarray(there, there + 2 * pairs);
      worst = Math.max(worst, largestError(turned(this.pe, p, this.k, d_model, this.header.base), own));
    }
    return worst;
  }

  get pair() {
    return within(Math.floor(this.cursor.dim / 2), this.sizes.pairs);
  }

  // Choosing ---------------------------------------------------------------------------------------------------

  // Another model or sentence may have less of everything.
  clamp() {
    if (!this.tabs.includes(this.tab)) this.tab = this.tabs[0];
    this.runs.settle();
    super.clamp();
    const { rows, d_model } = this.sizes;
    this.k = within(this.k, Math.max(2, rows));
    this.waves = this.waves.filter((dim) => dim >= 0 && dim < d_model).slice(-MOST_WAVES);
  }

  /** @param {string} tab */
  open(tab) {
    this.tab = tab;
    this.pinned = false;
    this.clamp();
    this.changed("data");
    this.fetch();
    this.say({ entry: true });
  }

  // By key, where the link says it also without a pin.
  set(change) {
    this.move(change);
    this.say();
  }

  // How far on, while the reader drags; the link hears when it rests.
  turn(k) {
    this.k = k;
    this.clamp();
    this.changed("k");
  }

  /** @param {number} dim */
  keepWave(dim) {
    if (this.waves.includes(dim)) this.waves = this.waves.filter((each) => each !== dim);
    else this.waves = [...this.waves, dim].slice(-MOST_WAVES);
    this.changed("cursor");
    this.say();
  }

  // A head of the experiments' grid.
  /** @param {{ layer?: number, head?: number }} head */
  openHead(head) {
    this.cursor = this.bounded({ ...this.cursor, ...head });
    this.runs.changed("head");
  }

  get state() {
    return { ...super.state, tab: this.tab, k: this.k };
  }
}
