// What the instrument knows and what is chosen: labels, a layer's numbers as they arrive, the cursor. Nothing here draws.

import { readLink, Teller, wholeNumber } from "../shared/link.js";
import { largestError } from "../shared/maths.js";
import { unpack } from "../shared/transport.js";
import { PARAMETERS } from "./layout.js";
import { activeUnits, recompute } from "./maths.js";

const within = (value, limit) => Math.min(Math.max(value, 0), limit - 1);
const numberIn = (link, name) => {
  const value = wholeNumber(link[name] ?? "");
  return value === null ? null : value - 1;
};

export class Store {
  constructor() {
    this.listeners = new Set();
    this.teller = new Teller();
    this.layers = new Map();
    this.matrixSets = new Map();
    this.trouble = null;
    const link = readLink();
    this.layer = numberIn(link, "layer");
    const [row, column] = [numberIn(link, "query"), numberIn(link, "feature")];
    this.pinned = row !== null || column !== null;
    this.isOpen = this.pinned && column === null; // a link may pin a cell by its row alone
    this.cursor = this.pinned ? { stage: link.stage, row, feature: column ?? 0, unit: column ?? 0 } : null;
  }

  // A new sentence, model or place: what was fetched for the old one goes.
  take({ header, arrays }) {
    const isElsewhere = this.header && this.header.place !== header.place;
    this.header = header;
    this.thumbnails = arrays.thumbnails;
    this.layers.clear();
    this.trouble = null;
    if (isElsewhere) {
      this.pinned = this.isOpen = this.touched = false;
      this.layer = numberIn(readLink(), "layer") ?? this.layer;
    }
    this.clamp();
    this.changed("data");
    this.fetchLayer();
  }

  // The map may choose another layer, by the link.
  follow() {
    const { place, ...link } = readLink();
    const layer = numberIn(link, "layer");
    if (!this.header || place !== this.header.place || layer === null || layer === this.layer) return;
    this.open(layer);
  }

  changed(what) {
    for (const listener of this.listeners) listener(what);
  }

  // The layer, or all there is where the block belongs to none.
  get key() {
    return this.header.layered ? this.layer : 0;
  }

  get title() {
    return this.header.layered ? `${this.header.title}, layer ${this.layer + 1}` : this.header.title;
  }

  // What the numbers are of, in words.
  get whole() {
    return this.header.layered ? "this layer" : "this norm";
  }

  // A stage of the block; γ and β count as such, though they are given.
  stage(name) {
    if (name in PARAMETERS) return { name, of: [], columns: "d_model", shape: [1, this.sizes.d_model] };
    return this.header.stages.find((stage) => stage.name === name);
  }

  // d_ff is 0 where the block has no hidden layer.
  get sizes() {
    const [tokens, d_model] = this.stage("norm_out").shape;
    return { tokens, d_model, d_ff: this.stage("ffn_hidden")?.shape[1] ?? 0 };
  }

  // What the sublayer adds to the stream.
  get added() {
    return this.sizes.d_ff ? "ffn_out" : "out";
  }

  // "encoder" or "decoder"
  get stack() {
    return this.header.place.split(".")[0];
  }

  get stream() {
    return this.header.stages[0].name;
  }

  clamp() {
    const { tokens, d_ff, d_model } = this.sizes;
    this.layer = within(this.layer ?? Math.floor(this.header.n_layers / 2), this.header.n_layers);
    const usual = this.header.thumbnail;
    this.cursor ??= { stage: usual, row: Math.floor(tokens / 2), feature: 0, unit: 0 };
    if (!this.stage(this.cursor.stage)) this.cursor.stage = usual;
    const { stage, row, feature, unit } = this.cursor;
    this.cursor = { stage, row: within(row ?? Math.floor(tokens / 2), tokens), feature: within(feature, d_model), unit: within(unit, Math.max(1, d_ff)) };
  }

  // Numbers by route -------------------------------------------------------------------------------------------

  async get(what, values) {
    const url = new URL(`numbers/${what}`, document.baseURI);
    for (const [name, value] of Object.entries({ ...values, place: this.header.place, layer: this.layer })) url.searchParams.set(name, value);
    const answer = await fetch(url.href);
    if (!answer.ok) throw new Error(await answer.text());
    return unpack(new Uint8Array(await answer.arrayBuffer()));
  }

  async fetchLayer() {
    const { header, key } = this;
    if (this.layers.has(key)) return;
    this.layers.set(key, null);
    try {
      const message = await this.get("ffn", header.request);
      if (this.header !== header) return;
      this.layers.set(key, message);
      this.trouble = null;
      this.settle();
    } catch {
      if (this.header !== header) return;
      this.layers.delete(key);
      this.trouble = `The exact numbers of ${this.whole} did not arrive. ${header.layered ? "Choose the layer again, or reload" : "Reload"} the page.`;
    }
    this.changed("numbers");
  }

  // Until the reader points somewhere: the strongest unit (or feature) of the middle row, or of the row that a link pins.
  settle() {
    if (this.touched || (this.pinned && !this.isOpen) || !this.exact) return;
    const stage = this.pinned ? this.cursor.stage : this.header.thumbnail;
    this.isOpen = false;
    if (this.columnName(stage) === null) return;
    const { values, rows, columns } = this.own(stage);
    const row = Math.min(this.cursor.row, rows - 1); // γ and β have one row
    const line = values.subarray(row * columns, (row + 1) * columns);
    this.cursor = { ...this.cursor, stage, [this.columnName(stage)]: line.indexOf(Math.max(...line)) };
    this.clamp();
  }

  matrixKey() {
    const { request, place } = this.header;
    return `${request.model}/${request.version}/${place}/${this.layer}`;
  }

  async fetchMatrices() {
    const key = this.matrixKey();
    if (this.matrixSets.has(key)) return;
    this.matrixSets.set(key, null);
    const { model, version } = this.header.request;
    try {
      this.matrixSets.set(key, await this.get("ffn_matrices", { model, version }));
    } catch {
      this.matrixSets.delete(key);
      this.trouble = "The weight matrices did not arrive. Point at the cell again, or reload the page.";
    }
    this.changed("numbers");
  }

  get exact() {
    return this.layers.get(this.key)?.arrays ?? null;
  }

  get layerHeader() {
    return this.layers.get(this.key)?.header ?? null;
  }

  get matrices() {
    return this.matrixSets.get(this.matrixKey())?.arrays ?? null;
  }

  // The model's own numbers of a stage: { values, rows, columns } or null.
  own(name) {
    const array = this.exact?.[name] ?? this.exact?.[this.layerHeader.same[name]];
    return array ? { values: array.values, rows: array.shape[0], columns: array.shape[1] } : null;
  }

  // Largest error of what is computed here from what was sent, against the model's own numbers.
  check() {
    const errors = {};
    for (const stage of this.header.stages) {
      if (!stage.of.length) continue;
      const [gamma, beta] = Object.keys(PARAMETERS).map((name) => this.own(name).values);
      const made = recompute(stage, (n) => this.own(stage.of[n]), { eps: this.layerHeader.eps, gamma, beta, matrices: this.matrices });
      if (made) errors[stage.name] = largestError(made, this.own(stage.name).values);
    }
    return { error: Math.max(...Object.values(errors)), checked: Object.keys(errors) };
  }

  active(row) {
    const { values, columns } = this.own("ffn_hidden");
    return activeUnits(values, columns, row);
  }

  // Choosing ---------------------------------------------------------------------------------------------------

  open(layer) {
    this.layer = layer;
    this.clamp();
    this.settle();
    this.changed("layer");
    this.fetchLayer();
  }

  choose(layer) {
    this.open(within(layer, this.header.n_layers));
    this.said();
  }

  point(cursor) {
    if (!this.pinned) this.move(cursor);
  }

  move(cursor) {
    const next = { ...this.cursor, ...cursor };
    this.touched = true;
    if (Object.entries(next).every(([name, value]) => this.cursor[name] === value)) return;
    this.cursor = next;
    this.clamp();
    this.changed("cursor");
    if (this.pinned) this.said();
  }

  pin(cursor) {
    const same = this.pinned && Object.entries(cursor).every(([name, value]) => this.cursor[name] === value);
    this.cursor = { ...this.cursor, ...cursor };
    this.touched = true;
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

  // The name of the cursor's column in a stage: "feature", "unit", or null where there is only one.
  columnName(name) {
    return { d_model: "feature", d_ff: "unit", one: null }[this.stage(name).columns];
  }

  // The link at once, the server after a pause.
  said() {
    const { stage, row } = this.cursor;
    const column = this.cursor[this.columnName(stage)] ?? 0;
    const cell = this.pinned ? { query: row + 1, stage, feature: column + 1 } : { query: null, stage: null, feature: null };
    this.teller.say({ place: this.header.place, layer: this.layer + 1, key: null, ...cell });
  }
}
