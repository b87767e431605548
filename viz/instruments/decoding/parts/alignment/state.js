// What the alignment tab shows, as numbers: the words of the open lane, its weights between them, and what each step owes to each
// source token. Nothing here draws.

import { crossings, groupsOf, joinWeights, meanEntropy, norm, singles, spearman, strongest } from "./maths.js";

const SWITCHES = ["reads", "noend", "strongest", "owed"]; // "owed": what attention does not say comes first
const REST = 90; // ms that a step stays before its influence is asked for

export class AlignState {
  constructor(store) {
    this.store = store;
    this.known = new WeakMap(); // lane → { words, steps: Map(step → influence) }
    this.joins = true;
    this.on = new Set();
  }

  restore({ words, align }) {
    this.joins = words !== "tokens";
    this.on = new Set((align ?? "").split(".").filter((name) => SWITCHES.includes(name)));
  }

  linked() {
    const on = SWITCHES.filter((name) => this.on.has(name));
    return { words: this.joins ? null : "tokens", align: on.join(".") || null };
  }

  join(joins) {
    this.joins = joins;
    this.store.say();
  }

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

  // { above, below: texts; columns, rows: token numbers (rows: of the attention rows used); specialAbove, specialBelow; pieces }
  get units() {
    const { store, joins } = this;
    const { header, arrays } = this.here.words;
    const { steps } = store;
    const side = (name, tokens) => {
      const groups = joins ? groupsOf(arrays[`${name}_groups`].values) : singles(tokens.length);
      return { groups, texts: joins ? header[`${name}_words`] : tokens, special: groups.map(([first]) => arrays[`${name}_special`].values[first] === 1) };
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

  unitOf(step, units = this.units) {
    return units.pieces.findIndex((tokens) => tokens.includes(step));
  }

  // A weight between tokens of a head, or of the mean over the layer's heads.
  weight(layer, head, row, key) {
    const { values, shape } = this.store.lane.arrays[this.store.outward.name];
    const [, heads, rows, keys] = shape;
    const at = (h) => values[((layer * heads + h) * rows + row) * keys + key];
    if (head !== null) return at(head);
    let sum = 0;
    for (let h = 0; h < heads; h++) sum += at(h);
    return sum / heads;
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
      const of = (layer, head) => meanEntropy(this.joined(layer, head, units), units.rows.length, units.columns.length);
      const table = Array.from({ length: n_layers }, (_, layer) => Array.from({ length: n_heads + 1 }, (__, head) => of(layer, head < n_heads ? head : null)));
      let clearest = { layer: 0, head: 0 };
      table.forEach((heads, layer) => heads.slice(0, n_heads).forEach((nats, head) => nats < table[clearest.layer][clearest.head] && (clearest = { layer, head })));
      const all = table.flatMap((heads) => heads.slice(0, n_heads)).filter((nats) => !Number.isNaN(nats));
      here.entropies.set(key, { table, clearest, low: Math.min(...all), high: Math.max(...all) });
    }
    return here.entropies.get(key);
  }

  crossings(weights, units) {
    return crossings(weights, units.rows.length, units.columns.length, units.specialBelow, units.specialAbove);
  }

  strongest(weights, row, units) {
    return strongest(weights, row, units.columns.length);
  }

  // What the step owes to each source token ---------------------------------------------------------------------------

  alphas(layer = this.store.layer, head = this.store.head) {
    return this.store.header.source.map((_, key) => this.weight(layer, head, this.store.step, key));
  }

  // α of every head to a source token.
  headAlphas(key, layer = this.store.layer) {
    return Array.from({ length: this.store.header.n_heads }, (_, head) => this.weight(layer, head, this.store.step, key));
  }

  productsAt(key, layer = this.store.layer) {
    const { shape } = this.here.words.arrays.products;
    return (layer * shape[1] + key) * shape[2] * shape[3];
  }

  norms(layer = this.store.layer, head = this.store.head, alphasOf = (key) => this.headAlphas(key, layer)) {
    const { values } = this.here.words.arrays.products;
    return this.store.header.source.map((_, key) => {
      const alphas = alphasOf(key).map((alpha, h) => (head === null || h === head ? alpha : 0));
      return norm(alphas, values, this.productsAt(key, layer));
    });
  }

  // Δ in nats of each source token, or null until it is here.
  get influence() {
    if (!this.owed) return null;
    const [all, ...without] = this.owed.arrays.log_probs.values;
    return without.map((logProb) => logProb - all);
  }

  // Rank correlations of α with the norms and with |Δ| (null until that is here).
  get correlations() {
    const alphas = this.alphas();
    const { influence } = this;
    return { norm: spearman(alphas, this.norms()), influence: influence && spearman(alphas, influence.map(Math.abs)) };
  }

  // [recomputed, sent] norms of every head and every layer at this step, from the α that the sent ones are made of: those of
  // a branch's own steps are rounded in another order, on some machines by more than a check may forgive.
  get check() {
    const { n_layers, n_heads, source } = this.store.header;
    const { norms, layer_norms, weights } = this.owed.arrays;
    const [own, sent] = [[], [...norms.values, ...layer_norms.values]];
    const alphasOf = (layer) => (key) => Array.from({ length: n_heads }, (_, head) => weights.values[(layer * n_heads + head) * source.length + key]);
    for (let layer = 0; layer < n_layers; layer++) for (let head = 0; head < n_heads; head++) own.push(...this.norms(layer, head, alphasOf(layer)));
    for (let layer = 0; layer < n_layers; layer++) own.push(...this.norms(layer, null, alphasOf(layer)));
    return [own, sent];
  }
}
