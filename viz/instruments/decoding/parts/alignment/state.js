// What the alignment tab shows, as numbers: the words of the open lane, its weights between them, and what each step
// owes to each source token. Nothing here draws.

import { sum } from "../../../shared/maths.js";
import { crossings, groupsOf, joinWeights, meanEntropy, norm, singles, spearman, strongest } from "./maths.js";

const SWITCHES = ["reads", "noend", "strongest", "owed"]; // "owed": what attention does not say comes first
const REST = 90; // ms that a step stays before its influence is asked for

/** @typedef {import("../../store.js").Lane} Lane */

export class AlignState {
  /** @param {import("../../store.js").Store} store */
  constructor(store) {
    this.store = store;
    /** @type {WeakMap<Lane, any>} lane → { words, steps: Map(step → influence), entropies } */
    this.known = new WeakMap();
    this.joins = true;
    /** @type {Set<string>} */
    this.on = new Set();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.rest = undefined;
  }

  /** @param {import("../../../shared/link.js").Values} values */
  restore({ words, align }) {
    this.joins = words !== "tokens";
    this.on = new Set((align ?? "").split(".").filter((/** @type {string} */ name) => SWITCHES.includes(name)));
  }

  linked() {
    const on = SWITCHES.filter((name) => this.on.has(name));
    return { words: this.joins ? null : "tokens", align: on.join(".") || null };
  }

  /** @param {boolean} joins */
  join(joins) {
    this.joins = joins;
    this.store.say();
  }

  /** @param {string} name */
  turn(name) {
    if (!this.on.delete(name)) this.on.add(name);
    this.store.say();
  }

  // By route ----------------------------------------------------------------------------------------------------------

  get ids() {
    return Array.from(this.store.lane.arrays.ids.values).join(".");
  }

  get here() {
    return this.known.get(this.store.lane) ?? null;
  }

  get owed() {
    return this.here?.steps.get(this.store.step) ?? null;
  }

  // Asks for what the open lane and step lack; `arrived` is called after each.
  /** @param {() => void} arrived */
  async ask(arrived) {
    const { lane } = this.store;
    if (!this.here) {
      const words = await this.store.ask("align", { ids: this.ids });
      if (!words || this.store.lane !== lane) return;
      if (!this.here) this.known.set(lane, { words, steps: new Map(), entropies: new Map() });
      arrived();
    }
    clearTimeout(this.rest);
    if (!this.owed) this.rest = setTimeout(() => this.askInfluence(lane, arrived), REST);
  }

  /** @param {Lane} lane @param {() => void} arrived */
  async askInfluence(lane, arrived) {
    const { step } = this.store;
    if (this.store.lane !== lane) return;
    const answer = await this.store.ask("influence", { ids: this.ids, step });
    if (!answer) return;
    this.known.get(lane)?.steps.set(step, answer);
    if (this.store.lane === lane && this.store.step === step) arrived();
  }

  stop() {
    clearTimeout(this.rest);
  }

  // Words, or tokens --------------------------------------------------------------------------------------------------

  get unit() {
    return this.joins ? "word" : "token";
  }

  // { above, below: texts; columns, rows: token numbers (rows: of the attention rows used); specialAbove, specialBelow;
  // pieces }
  get units() {
    const { store, joins } = this;
    const { header, arrays } = this.here.words;
    const { steps } = store;
    const side = (/** @type {string} */ name, /** @type {string[]} */ tokens) => {
      const groups = joins ? groupsOf(arrays[`${name}_groups`].values) : singles(tokens.length);
      const special = groups.map(([first]) => arrays[`${name}_special`].values[first] === 1);
      return { groups, texts: /** @type {string[]} */ (joins ? header[`${name}_words`] : tokens), special };
    };
    const [source, target] = [side("source", store.header.source), side("target", store.lane.header.predicts)];
    const shift = this.on.has("reads") ? 1 : 0;
    return {
      above: source.texts,
      below: target.texts,
      columns: source.groups,
      rows: target.groups.map((tokens) => tokens.map((token) => token + shift).filter((row) => row < steps)),
      pieces: target.groups,
      specialAbove: source.special,
      specialBelow: target.special,
    };
  }

  /** @param {number} step */
  unitOf(step, units = this.units) {
    return units.pieces.findIndex((tokens) => tokens.includes(step));
  }

  // A weight between tokens of a head, or of the mean over the layer's heads.
  /** @param {number} layer @param {number | null} head @param {number} row @param {number} key @returns {number} */
  weight(layer, head, row, key) {
    const { values, shape } = this.store.lane.arrays[this.store.outward.name];
    const [, heads, rows, keys] = shape;
    const at = (/** @type {number} */ h) => values[((layer * heads + h) * rows + row) * keys + key];
    return head === null ? sum(Array.from({ length: heads }, (_, h) => at(h))) / heads : at(head);
  }

  joined(layer = this.store.layer, head = this.store.head, units = this.units) {
    return joinWeights((row, key) => this.weight(layer, head, row, key), units.rows, units.columns);
  }

  // Mean entropies in nats: [layer][head], the mean of the layer's heads last; and the head with the lowest.
  get entropies() {
    const { here, store, joins } = this;
    const key = `${joins} ${this.on.has("reads")}`;
    if (!here.entropies.has(key)) {
      const { n_layers, n_heads } = store.header;
      const { units } = this;
      const [rows, columns] = [units.rows.length, units.columns.length];
      const of = (/** @type {number} */ layer, /** @type {number | null} */ head) =>
        meanEntropy(this.joined(layer, head, units), rows, columns);
      const table = Array.from({ length: n_layers }, (_, layer) =>
        Array.from({ length: n_heads + 1 }, (__, head) => of(layer, head < n_heads ? head : null)),
      );
      const all = table.flatMap((heads, layer) => heads.slice(0, n_heads).map((nats, head) => ({ nats, layer, head })));
      const numbers = all.map(({ nats }) => nats).filter((nats) => !Number.isNaN(nats));
      const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
      const { layer, head } = all.find(({ nats }) => nats === low) ?? all[0];
      here.entropies.set(key, { table, clearest: { layer, head }, low, high });
    }
    return here.entropies.get(key);
  }

  /** @param {Float64Array} weights */
  crossings(weights, units = this.units) {
    return crossings(weights, units.rows.length, units.columns.length, units.specialBelow, units.specialAbove);
  }

  /** @param {Float64Array} weights @param {number} row */
  strongest(weights, row, units = this.units) {
    return strongest(weights, row, units.columns.length);
  }

  // What the step owes to each source token ---------------------------------------------------------------------------

  // The source tokens, by their number.
  /** @returns {number[]} */
  get keys() {
    return [...this.store.header.source.keys()];
  }

  alphas(layer = this.store.layer, head = this.store.head) {
    return this.keys.map((key) => this.weight(layer, head, this.store.step, key));
  }

  // α of every head to a source token.
  /** @param {number} key */
  headAlphas(key, layer = this.store.layer) {
    const { header: { n_heads }, step } = this.store;
    return Array.from({ length: n_heads }, (_, head) => this.weight(layer, head, step, key));
  }

  /** @param {number} key */
  productsAt(key, layer = this.store.layer) {
    const { shape } = this.here.words.arrays.products;
    return (layer * shape[1] + key) * shape[2] * shape[3];
  }

  // How long a vector is taken from each source token; `given`: its α of every head, those of the lane without it.
  /** @param {number} layer @param {number | null} head @param {(key: number) => number[]} given */
  norms(layer = this.store.layer, head = this.store.head, given = (key) => this.headAlphas(key, layer)) {
    const { values } = this.here.words.arrays.products;
    return this.keys.map((key) => {
      const alphas = given(key).map((alpha, h) => (head === null || h === head ? alpha : 0));
      return norm(alphas, values, this.productsAt(key, layer));
    });
  }

  // Δ in nats of each source token, or null until it is here.
  /** @returns {number[] | null} */
  get influence() {
    if (!this.owed) return null;
    const [all, ...without] = this.owed.arrays.log_probs.values;
    return without.map((/** @type {number} */ logProb) => logProb - all);
  }

  // Rank correlations of α with the norms and with |Δ| (null until that is here).
  get correlations() {
    const alphas = this.alphas();
    const { influence } = this;
    return { norm: spearman(alphas, this.norms()), influence: influence && spearman(alphas, influence.map(Math.abs)) };
  }

  // [recomputed, sent] norms of every head and every layer at this step, from the α that the sent ones are made of:
  // those of a branch's own steps are rounded in another order, on some machines by more than a check may forgive.
  get check() {
    const { n_layers, n_heads, source } = this.store.header;
    const { norms, layer_norms, weights } = this.owed.arrays;
    const [layers, heads] = [n_layers, n_heads].map((length) => Array.from({ length }, (_, i) => i));
    const at = (/** @type {number} */ layer, /** @type {number} */ head, /** @type {number} */ key) =>
      weights.values[(layer * n_heads + head) * source.length + key];
    const made = (/** @type {number} */ layer, /** @type {number | null} */ head) =>
      this.norms(layer, head, (key) => heads.map((h) => at(layer, h, key)));
    const each = layers.flatMap((layer) => heads.flatMap((head) => made(layer, head)));
    return [[...each, ...layers.flatMap((layer) => made(layer, null))], [...norms.values, ...layer_norms.values]];
  }
}
