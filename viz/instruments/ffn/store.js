// What the instrument knows and what is chosen: labels, a layer's numbers as they arrive, the cursor. Nothing here draws.

import { readLink, Teller, wholeNumber } from "../shared/link.js";
import { largestError } from "../shared/maths.js";
import { unpack } from "../shared/transport.js";
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
    const [row, column] = [numberIn(link, "query"), numberIn(link, "unit")];
    this.pinned = row !== null && column !== null && Boolean(link.panel);
    this.cursor = this.pinned ? { stage: link.panel, row, feature: column, unit: column } : null;
  }

  // A new sentence, model or place: what was fetched for the old one goes.
  take({ header, arrays }) {
    const isElsewhere = this.header && this.header.place !== header.place;
    this.header = header;
    this.thumbnails = arrays.ffn_hidden;
    this.layers.clear();
    this.trouble = null;
    if (isElsewhere) {
      this.pinned = false;
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

  stage(name) {
    return this.header.stages.find((stage) => stage.name === name);
  }

  get sizes() {
    const [tokens, d_ff] = this.stage("ffn_hidden").shape;
    return { tokens, d_ff, d_model: this.stage("ffn_out").shape[1] };
  }

  clamp() {
    const { tokens, d_ff, d_model } = this.sizes;
    this.layer = within(this.layer ?? Math.floor(this.header.n_layers / 2), this.header.n_layers);
    this.cursor ??= { stage: "ffn_hidden", row: Math.floor(tokens / 2), feature: 0, unit: 0 };
    if (!this.stage(this.cursor.stage)) this.cursor.stage = "ffn_hidden";
    const { stage, row, feature, unit } = this.cursor;
    this.cursor = { stage, row: within(row, tokens), feature: within(feature, d_model), unit: within(unit, d_ff) };
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
    const { header, layer } = this;
    if (this.layers.has(layer)) return;
    this.layers.set(layer, null);
    try {
      const message = await this.get("ffn", header.request);
      if (this.header !== header) return;
      this.layers.set(layer, message);
      this.trouble = null;
      this.settle();
    } catch {
      if (this.header !== header) return;
      this.layers.delete(layer);
      this.trouble = "The exact numbers of this layer did not arrive. Choose the layer again, or reload the page.";
    }
    this.changed("numbers");
  }

  // Until the reader points somewhere: the strongest unit of the middle row.
  settle() {
    if (this.touched || this.pinned || !this.exact) return;
    const { values, columns } = this.own("ffn_hidden");
    const { row } = this.cursor;
    const line = values.subarray(row * columns, (row + 1) * columns);
    this.cursor = { ...this.cursor, unit: line.indexOf(Math.max(...line)) };
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
    return this.layers.get(this.layer)?.arrays ?? null;
  }

  get layerHeader() {
    return this.layers.get(this.layer)?.header ?? null;
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
      const made = recompute(stage, (n) => this.own(stage.of[n]), { eps: this.layerHeader.eps, matrices: this.matrices });
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
    const cell = this.pinned ? { query: row + 1, panel: stage, unit: column + 1 } : { query: null, panel: null, unit: null };
    this.teller.say({ place: this.header.place, layer: this.layer + 1, key: null, feature: null, stage: null, ...cell });
  }
}
