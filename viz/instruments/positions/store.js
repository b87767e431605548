// What the instrument knows and what is chosen: the open tab, the cursor, k, the experiments that ran. Nothing here draws.

import { readLink, Teller, wholeNumber } from "../shared/link.js";
import { add, dot, largestError } from "../shared/maths.js";
import { unpack } from "../shared/transport.js";
import { backInPlace, encodings, mean, totalVariation, turned } from "./maths.js";

export const TABS = { heat: "Heat-map", similarity: "Similarity", rotation: "Rotation", sum: "Sum", experiments: "Experiments" };
export const SIDES = ["src", "tgt"];
export const ORIGINAL = { key: "original", label: "Original", values: {} };
const MOST_EXPERIMENTS = 10;
const FIRST_WAVES = [0, 8, 16, 32];
export const MOST_WAVES = 6;

const sideOf = ({ side }) => (side === "target" ? "tgt" : "src");
const within = (value, limit) => Math.min(Math.max(value, 0), Math.max(0, limit - 1));

export class Store {
  constructor() {
    this.listeners = new Set();
    this.teller = new Teller();
    const link = readLink();
    const number = (name) => (link[name] === undefined ? null : wholeNumber(link[name]));
    const [query, key, feature] = [number("query"), number("key"), number("feature")];
    this.tab = link.panel;
    this.side = sideOf(link);
    this.k = 4;
    this.pinned = [query, link.panel === "similarity" ? key : feature].some((value) => value !== null);
    this.cursor = { p: (query ?? 4) - 1, q: (key ?? 8) - 1, dim: (feature ?? 9) - 1 };
    this.site = "encoder.self_attn";
    this.cell = { layer: 0, head: 0 };
    this.mapCursor = { query: 0, key: 0 };
  }

  take({ header, arrays }) {
    this.header = header;
    this.arrays = arrays;
    this.waves = (this.waves ?? FIRST_WAVES).filter((dim) => dim < header.d_model);
    if (!this.tabs.includes(this.tab)) this.tab = this.tabs[0];
    this.asked = [ORIGINAL];
    this.texts = [header.text];
    this.runs = new Map();
    this.chosen = null;
    this.shuffles = 0;
    this.clamp();
    this.changed("all");
    if (this.tab === "experiments") this.runMissing();
  }

  get hasTable() {
    return "pe" in this.arrays;
  }

  get isWaves() {
    return this.header.encoding === "sinusoidal";
  }

  get tabs() {
    if (!this.hasTable) return ["experiments"];
    return Object.keys(TABS).filter((tab) => tab !== "rotation" || (this.isWaves && this.header.d_model > 1));
  }

  get sizes() {
    const { d_model } = this.header;
    return { d_model, rows: this.hasTable ? this.arrays.pe.shape[0] : 1, pairs: Math.max(1, Math.floor(d_model / 2)), tokens: this.tokens.length };
  }

  get tokens() {
    return this.header.sides[this.side].tokens;
  }

  get pe() {
    return this.arrays.pe.values;
  }

  at(p, dim) {
    return this.pe[p * this.header.d_model + dim];
  }

  // PE(p) · PE(q) for all p and q, from the table.
  get similarity() {
    if (this.similarityOf !== this.arrays.pe) {
      const { rows, d_model } = this.sizes;
      this.similarityOf = this.arrays.pe;
      this.products = Float64Array.from({ length: rows * rows }, (_, n) => dot(this.pe, Math.floor(n / rows) * d_model, this.pe, (n % rows) * d_model, d_model));
    }
    return this.products;
  }

  embed(side = this.side) {
    return this.arrays[`embed.${side}`].values;
  }

  input(side = this.side) {
    return this.arrays[`embedded.${side}`].values;
  }

  // Recomputed here: the table from its formula, both sides' sums from their two parts.
  check() {
    const { d_model, base } = this.header;
    const errors = SIDES.map((side) => {
      const sum = this.input(side);
      return largestError(add(this.embed(side), this.pe.subarray(0, sum.length)), sum);
    });
    if (this.isWaves) errors.push(largestError(encodings(this.sizes.rows, d_model, base), this.pe));
    return Math.max(...errors);
  }

  // Largest error of "PE(p + k) is PE(p) turned by k" over all positions and whole pairs of the table.
  rotationError() {
    const { rows, d_model, pairs } = this.sizes;
    let worst = 0;
    for (let p = 0; p + this.k < rows; p++) {
      const there = (p + this.k) * d_model;
      worst = Math.max(worst, largestError(turned(this.pe, p, this.k, d_model, this.header.base), this.pe.subarray(there, there + 2 * pairs)));
    }
    return worst;
  }

  // Choosing ---------------------------------------------------------------------------------------------------

  changed(what) {
    for (const listener of this.listeners) listener(what);
  }

  clamp() {
    const { rows, d_model, tokens } = this.sizes;
    const limit = this.tab === "sum" ? Math.min(rows, tokens) : rows;
    this.cursor = { p: within(this.cursor.p, limit), q: within(this.cursor.q, rows), dim: within(this.cursor.dim, d_model) };
    this.k = within(this.k, Math.max(2, rows));
    this.cell = { layer: within(this.cell.layer, this.header.n_layers), head: within(this.cell.head, this.header.n_heads) };
  }

  get pair() {
    return within(Math.floor(this.cursor.dim / 2), this.sizes.pairs);
  }

  hover(change) {
    if (!this.pinned) this.set(change);
  }

  set(change) {
    const before = this.cursor;
    this.cursor = { ...before, ...change };
    this.clamp();
    if (Object.entries(this.cursor).some(([name, value]) => before[name] !== value)) this.changed("cursor");
  }

  // By key or choice: the pin, if there is one, moves along.
  move(change) {
    this.set(change);
    this.say();
  }

  pin(change = {}) {
    const isSame = this.pinned && Object.entries(change).every(([name, value]) => this.cursor[name] === value);
    this.cursor = { ...this.cursor, ...change };
    this.clamp();
    this.pinned = !isSame;
    this.changed("cursor");
    this.say();
  }

  free() {
    if (!this.pinned) return;
    this.pinned = false;
    this.changed("cursor");
    this.say();
  }

  say() {
    const { p, q, dim } = this.cursor;
    const isSquare = this.tab === "similarity";
    const [feature, key] = [this.pinned && !isSquare ? dim + 1 : null, this.pinned && isSquare ? q + 1 : null];
    const side = this.side === "tgt" ? "target" : null;
    this.teller.say({ place: "positions", panel: this.tab, side, query: this.pinned ? p + 1 : null, feature, key });
  }

  open(tab) {
    this.tab = tab;
    this.pinned = false;
    this.clamp();
    this.changed("all");
    this.say();
    if (tab === "experiments") this.runMissing();
  }

  // The map may choose the other side, by the link.
  follow() {
    const link = readLink();
    if (this.header && link.place === "positions" && sideOf(link) !== this.side) this.show(sideOf(link));
  }

  show(side) {
    this.side = side;
    this.pinned = false;
    this.clamp();
    this.changed("all");
    this.say();
  }

  turn(k) {
    this.k = k;
    this.clamp();
    this.changed("k");
  }

  keepWave(dim) {
    if (this.waves.includes(dim)) this.waves = this.waves.filter((each) => each !== dim);
    else this.waves = [...this.waves, dim].slice(-MOST_WAVES);
    this.changed("cursor");
  }

  // Experiments ------------------------------------------------------------------------------------------------

  key(experiment, text) {
    return `${experiment.key}\n${text}`;
  }

  run(experiment, text) {
    return this.runs.get(this.key(experiment, text)) ?? null;
  }

  // All that was asked for, experiment by experiment: [{ experiment, text, run }].
  get rows() {
    return this.asked.flatMap((experiment) => this.texts.map((text) => ({ experiment, text, run: this.run(experiment, text) })));
  }

  perform(experiment) {
    const known = this.asked.find(({ key }) => key === experiment.key);
    if (!known) {
      this.asked = [...this.asked, experiment];
      if (this.asked.length > MOST_EXPERIMENTS) this.asked = [ORIGINAL, ...this.asked.slice(2)];
    }
    this.chosen = { experiment: known ?? experiment, text: this.chosen?.text ?? this.header.text };
    this.runMissing();
  }

  // A sentence beside the typed one: shown, or put away again.
  beside(text) {
    if (text === this.header.text) return;
    this.texts = this.texts.includes(text) ? this.texts.filter((each) => each !== text) : [...this.texts, text];
    if (this.chosen && !this.texts.includes(this.chosen.text)) this.chosen = { ...this.chosen, text: this.header.text };
    this.runMissing();
  }

  clear() {
    this.asked = [ORIGINAL];
    this.chosen = null;
    this.changed("runs");
  }

  choose(experiment, text) {
    this.chosen = { experiment, text };
    this.changed("runs");
  }

  runMissing() {
    for (const experiment of this.asked) {
      for (const text of this.texts) if (!this.run(experiment, text) || this.run(experiment, text).trouble) this.fetch(experiment, text);
    }
    this.changed("runs");
  }

  async fetch(experiment, text) {
    const { header, runs } = this;
    const key = this.key(experiment, text);
    runs.set(key, { waiting: true });
    try {
      const url = new URL("numbers/positions/experiment", document.baseURI);
      for (const [name, value] of Object.entries({ ...header.request, text, ...experiment.values })) url.searchParams.set(name, value);
      const answer = await fetch(url.href);
      if (answer.ok) runs.set(key, unpack(new Uint8Array(await answer.arrayBuffer())));
      else runs.set(key, { trouble: await answer.text() });
    } catch {
      runs.set(key, { trouble: "This run did not arrive. Click the experiment again." });
    }
    if (this.header === header) this.changed("runs");
  }

  // The chosen run beside the original of the same sentence; null until both are there.
  get compared() {
    if (!this.chosen) return null;
    const [run, original] = [this.run(this.chosen.experiment, this.chosen.text), this.run(ORIGINAL, this.chosen.text)];
    if (!run?.header || !original?.header) return null;
    return { ...this.chosen, run, original };
  }

  // Both maps of a head, the experiment's rows and columns back in the order typed: { a, b, rows, columns, byRow, distance }.
  maps(site, layer, head) {
    const { run, original } = this.compared;
    const [n_layers, n_heads, rows, columns] = run.arrays[site].shape;
    if (layer >= n_layers || head >= n_heads) return null;
    const start = (layer * n_heads + head) * rows * columns;
    const [a, raw] = [original, run].map(({ arrays }) => arrays[site].values.subarray(start, start + rows * columns));
    const { places } = run.header;
    const straight = Array.from({ length: rows }, (_, n) => n);
    const b = backInPlace(raw, site === "encoder.self_attn" ? places : straight, site === "decoder.self_attn" ? straight : places);
    const byRow = totalVariation(a, b, rows, columns);
    return { a, b, rows, columns, byRow, distance: mean(byRow) };
  }

  openCell(cell) {
    this.cell = { ...this.cell, ...cell };
    this.clamp();
    this.changed("cell");
  }

  openSite(site) {
    this.site = site;
    this.changed("cell");
  }

  pointMap(cursor) {
    const same = cursor.query === this.mapCursor.query && cursor.key === this.mapCursor.key;
    if (same) return;
    this.mapCursor = cursor;
    this.changed("cursor");
  }
}
