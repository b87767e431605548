// What the instrument knows and what is chosen: labels, numbers as they arrive, the cursor, the what-if knobs.
// Views subscribe; nothing here draws.

import { readLink, Teller, wholeNumber } from "../shared/link.js";
import * as maths from "../shared/maths.js";
import { unpack } from "../shared/transport.js";

const OWN = { scale: true, mask: true, temperature: 1 };
const within = (value, limit) => Math.min(Math.max(value, 0), limit - 1);

// How a head is shown: among all, from inside, as lines.
export const VIEWS = ["heads", "inside", "lines"];
const NARROW_STAGES = ["q", "k", "v", "q_rot", "k_rot", "z"];
const WIDE_STAGES = ["x_q", "x_kv", "concat", "out"];

const REFUSED = {};

export class Store {
  constructor() {
    this.listeners = new Set();
    this.teller = new Teller();
    this.layers = new Map();
    this.matrices = new Map();
    this.knobs = { ...OWN };
    this.padded = false;
    this.trouble = null;
    const link = readLink();
    const number = (name, otherwise) => {
      const value = wholeNumber(link[name]);
      return value === null ? otherwise : value - 1;
    };
    this.chosen = { place: link.place, layer: number("layer", null), head: number("head", 0) };
    this.view = VIEWS.includes(link.view) ? link.view : "heads";
    const stage = this.view === "inside" && link.stage ? link.stage : "weights";
    const [query, key, feature] = ["query", "key", "feature"].map((name) => number(name, null));
    const hasFeatures = NARROW_STAGES.includes(stage) || WIDE_STAGES.includes(stage);
    this.pinned = query !== null || key !== null || (hasFeatures && feature !== null);
    this.cursor = this.pinned ? { stage, query, key, feature: feature ?? 0, wide: feature ?? 0 } : null;
  }

  // The map may choose another site or layer, by the link.
  follow() {
    const { place, layer } = readLink();
    const wanted = { place, layer: wholeNumber(layer ?? "") };
    if (!this.header || !(place in this.header.places)) return;
    const change = {};
    if (place !== this.chosen.place) change.place = place;
    if (wanted.layer !== null && wanted.layer - 1 !== this.chosen.layer) change.layer = wanted.layer - 1;
    if (Object.keys(change).length) this.choose(change);
  }

  // A new sentence (or model): everything that was fetched for the old one goes.
  take(message, padded = false) {
    this.padded = padded;
    this.header = message.header;
    this.overview = message.arrays;
    this.layers.clear();
    this.trouble = null;
    this.clamp();
    this.changed("data");
    this.fetchLayer();
  }

  changed(what) {
    for (const listener of this.listeners) listener(what);
  }

  get site() {
    return this.header.places[this.chosen.place];
  }

  get sizes() {
    const [n_layers, n_heads, queries, keys] = this.overview[this.chosen.place].shape;
    return { n_layers, n_heads, queries, keys, d_head: this.header.d_head, d_model: this.header.d_head * n_heads };
  }

  clamp() {
    const places = Object.keys(this.header.places);
    if (!places.includes(this.chosen.place)) this.chosen.place = places[places.length - 1];
    const { n_layers, n_heads, queries, keys, d_head, d_model } = this.sizes;
    this.chosen.layer = within(this.chosen.layer ?? Math.floor(n_layers / 2), n_layers);
    this.chosen.head = within(this.chosen.head, n_heads);
    this.cursor ??= { stage: "weights", query: null, key: null, feature: 0, wide: 0 };
    this.complete(this.cursor);
    this.cursor.query = within(this.cursor.query, queries);
    this.cursor.key = within(this.cursor.key, keys);
    this.cursor.feature = within(this.cursor.feature, d_head);
    this.cursor.wide = within(this.cursor.wide, d_model);
  }

  // A cursor as near to what is asked as this site allows.
  bounded(cursor) {
    const { queries, keys, d_head, d_model } = this.sizes;
    const limits = { query: queries, key: keys, feature: d_head, wide: d_model };
    return Object.fromEntries(Object.entries(cursor).map(([name, value]) => [name, name in limits ? within(value, limits[name]) : value]));
  }

  // What the cursor does not say (a link may pin a cell by one axis alone): of the key given the query that looks at it most, else
  // the middle query; of the query the key that it looks at most.
  complete(cursor) {
    const { n_heads, queries, keys } = this.sizes;
    const start = (this.chosen.layer * n_heads + this.chosen.head) * queries * keys;
    const weights = this.overview[this.chosen.place].values.subarray(start, start + queries * keys);
    const heaviest = (line) => line.indexOf(Math.max(...line));
    if (cursor.query === null && cursor.key === null) cursor.query = Math.floor(queries / 2);
    if (cursor.query === null) cursor.query = heaviest(weights.filter((_, i) => i % keys === within(cursor.key, keys)));
    const row = within(cursor.query, queries) * keys;
    cursor.key ??= heaviest(weights.subarray(row, row + keys));
  }

  // Numbers by route -------------------------------------------------------------------------------------------

  address(what, extra) {
    const url = new URL(`numbers/attention/${what}`, document.baseURI);
    for (const [name, value] of Object.entries({ ...this.header.request, ...extra })) url.searchParams.set(name, value);
    return url.href;
  }

  async get(address) {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(await answer.text());
    return unpack(new Uint8Array(await answer.arrayBuffer()));
  }

  layerKey() {
    return `${this.chosen.place}/${this.chosen.layer}`;
  }

  async fetchLayer() {
    const key = this.layerKey();
    const header = this.header;
    if (this.layers.has(key)) return;
    this.layers.set(key, null);
    const { place, layer } = this.chosen;
    try {
      const message = await this.get(this.address("exact", { place, layer }));
      if (this.header !== header) return;
      this.layers.set(key, message);
      this.trouble = null;
      if (key === this.layerKey() && !this.stages.includes(this.cursor.stage)) this.cursor.stage = "weights";
    } catch {
      if (this.header !== header) return;
      this.layers.delete(key);
      this.trouble = "The exact numbers of this layer did not arrive. Choose the layer again, or reload the page.";
    }
    this.changed("numbers");
  }

  async fetchProjections() {
    const { place, layer } = this.chosen;
    const { model, version } = this.header.request;
    const key = `${model}/${version}/${this.layerKey()}`;
    if (this.matrices.has(key)) return;
    this.matrices.set(key, null);
    const url = new URL("numbers/attention/projections", document.baseURI);
    for (const [name, value] of Object.entries({ model, version, place, layer })) url.searchParams.set(name, value);
    try {
      this.matrices.set(key, await this.get(url.href));
      this.trouble = null;
    } catch {
      this.matrices.set(key, REFUSED);
      this.trouble = "The weight matrices did not arrive. Point at the cell again, or reload the page.";
    }
    this.changed("numbers");
  }

  // Matrices that did not arrive are asked for again when the reader moves, not by every drawing.
  askAgain() {
    for (const [key, message] of this.matrices) if (message === REFUSED) this.matrices.delete(key);
  }

  get exact() {
    return this.layers.get(this.layerKey())?.arrays ?? null;
  }

  get names() {
    return this.layers.get(this.layerKey())?.header ?? null;
  }

  get projections() {
    const { model, version } = this.header.request;
    return this.matrices.get(`${model}/${version}/${this.layerKey()}`)?.arrays ?? null;
  }

  // One head's numbers -----------------------------------------------------------------------------------------

  // The model's own numbers of a stage of the chosen head: { values, rows, columns } or null.
  own(stage, head = this.chosen.head) {
    const exact = this.exact;
    if (!exact) return null;
    const { queries, n_heads, d_head, d_model } = this.sizes;
    if (stage === "concat") {
      return { values: maths.concat(exact.z.values, n_heads, queries, d_head), rows: queries, columns: d_model };
    }
    const array = exact[stage] ?? (stage === "x_kv" ? exact.x_q : null);
    if (!array) return null;
    const [rows, columns] = array.shape.slice(-2);
    const start = array.shape.length === 3 ? head * rows * columns : 0;
    return { values: array.values.subarray(start, start + rows * columns), rows, columns };
  }

  // The same, under the knobs: what the head would give if it were so. `out` needs W_O for that: null without it.
  stage(stage) {
    if (this.whatIf && stage === "out" && this.exact && !this.projections) return null;
    return (this.whatIf && this.recomputed[stage]) || this.own(stage);
  }

  get stages() {
    const exact = this.exact;
    const order = ["x_kv", "k", "k_rot", "v", "x_q", "q", "q_rot", "scores", "scaled", "biased", "masked", "weights", "z", "concat", "out"];
    return exact ? order.filter((name) => name in exact || name === "x_kv" || name === "concat") : [];
  }

  get whatIf() {
    return !this.knobs.scale || !this.knobs.mask || this.knobs.temperature !== 1;
  }

  keep() {
    return Uint8Array.from(this.own("masked").values, (value) => (value === -Infinity ? 0 : 1));
  }

  // Every stage of the head, computed here from q, k and v; knobs as given.
  compute(knobs) {
    const { queries, keys, n_heads, d_head, d_model } = this.sizes;
    const q = (this.own("q_rot") ?? this.own("q")).values;
    const k = (this.own("k_rot") ?? this.own("k")).values;
    const matrix = (values) => ({ values, rows: queries, columns: keys });
    const scores = maths.scores(q, k, queries, keys, d_head);
    const scaled = knobs.scale ? maths.scale(scores, Math.sqrt(d_head)) : scores;
    const bias = this.own("position_bias");
    const biased = bias ? maths.add(scaled, bias.values) : scaled;
    const masked = knobs.mask ? maths.mask(biased, this.keep()) : biased;
    const weights = maths.softmaxRows(masked, queries, keys, knobs.temperature);
    const z = maths.mix(weights, this.own("v").values, queries, keys, d_head);
    const all = Float64Array.from(this.exact.z.values);
    all.set(z, this.chosen.head * queries * d_head);
    const concat = { values: maths.concat(all, n_heads, queries, d_head), rows: queries, columns: d_model };
    const stages = {
      scores: matrix(scores),
      scaled: matrix(scaled),
      masked: matrix(masked),
      weights: matrix(weights),
      z: { values: z, rows: queries, columns: d_head },
      concat,
    };
    if (bias) stages.biased = matrix(biased);
    if (this.projections) {
      const { W_o, b_o } = this.projections;
      const out = maths.project(concat.values, W_o.values, b_o.values, queries, d_model, d_model);
      stages.out = { values: out, rows: queries, columns: d_model };
    }
    return stages;
  }

  get recomputed() {
    const { scale, mask, temperature } = this.knobs;
    const key = `${this.layerKey()}/${this.chosen.head}/${scale}/${mask}/${temperature}/${Boolean(this.projections)}`;
    if (this.recomputedKey !== key || this.recomputedFor !== this.exact) {
      Object.assign(this, { recomputedKey: key, recomputedFor: this.exact, recomputedStages: this.compute(this.knobs) });
    }
    return this.recomputedStages;
  }

  // Largest error of what is computed here from what was sent, against the model's own numbers.
  check() {
    const stages = this.compute(OWN);
    const checked = ["scores", "scaled", "biased", "masked", "weights", "z", "out"].filter((name) => name in stages);
    const errors = checked.map((name) => maths.largestError(stages[name].values, this.own(name).values));
    return { error: Math.max(...errors), checked };
  }

  // Choosing ---------------------------------------------------------------------------------------------------

  choose(change) {
    const placeChanged = "place" in change && change.place !== this.chosen.place;
    this.trouble = null;
    Object.assign(this.chosen, change);
    if (placeChanged) {
      this.pinned = false;
      this.cursor = null;
      this.knobs = { ...OWN };
    }
    this.clamp();
    this.changed(placeChanged ? "place" : "head");
    this.fetchLayer();
    this.said();
  }

  open(view) {
    this.view = view;
    if (view !== "inside" && this.cursor.stage !== "weights") {
      this.cursor.stage = "weights";
      this.pinned = false;
    }
    this.changed("view");
    this.said();
  }

  point(cursor) {
    if (this.pinned) return;
    this.move(cursor);
  }

  move(cursor) {
    const next = { ...this.cursor, ...cursor };
    if (Object.entries(next).every(([name, value]) => this.cursor[name] === value)) return;
    this.cursor = next;
    this.clamp();
    this.askAgain();
    this.changed("cursor");
    if (this.pinned) this.said();
  }

  pin(cursor) {
    const same = this.pinned && Object.entries(cursor).every(([name, value]) => this.cursor[name] === value);
    this.cursor = { ...this.cursor, ...cursor };
    this.pinned = !same;
    this.clamp();
    this.changed("cursor");
    this.said();
  }

  free() {
    if (!this.pinned) return;
    this.pinned = false;
    this.changed("cursor");
    this.said();
  }

  turn(knobs) {
    this.knobs = { ...this.knobs, ...knobs };
    this.changed("knobs");
  }

  reset() {
    this.turn(OWN);
  }

  async pad(padded) {
    try {
      const message = await this.get(this.address("message", { place: this.chosen.place, pad: padded ? 1 : 0 }));
      this.pinned = false;
      this.take(message, padded);
    } catch {
      this.trouble = "The padded sentence did not arrive. Try the switch again.";
      this.changed("numbers");
    }
  }

  // The link at once, the server after a pause.
  said() {
    const { place, layer, head } = this.chosen;
    const { stage, query, key, feature, wide } = this.cursor;
    const column = NARROW_STAGES.includes(stage) ? feature : WIDE_STAGES.includes(stage) ? wide : null;
    const link = {
      place,
      layer: layer + 1,
      head: head + 1,
      query: this.pinned ? query + 1 : null,
      key: this.pinned ? key + 1 : null,
      feature: this.pinned && column !== null ? column + 1 : null,
      view: this.view === "heads" ? null : this.view,
      stage: this.pinned && stage !== "weights" ? stage : null,
    };
    this.teller.say(link, { stage });
  }
}
