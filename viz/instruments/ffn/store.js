// The block that is open: its stages, one layer's numbers as they arrive, and the cursor on them. Nothing here draws.

import { LayeredStore } from "../shared/layered.js";
import { largestError } from "../shared/maths.js";
import { within } from "../shared/store.js";
import { PARAMETERS } from "./layout.js";
import { activeUnits, recompute } from "./maths.js";

/** @typedef {{ name: string, of: string[], columns: "d_model" | "d_ff" | "one", shape: number[] }} Stage */
/** @typedef {{ values: Float32Array, rows: number, columns: number }} Part */

export class Store extends LayeredStore {
  constructor() {
    super("ffn");
    // A link may pin a cell by its row alone; then the column is still open.
    this.isOpen = false;
  }

  // The link: `query` is the row, `feature` the column of `stage`.
  linked() {
    const { stage, row } = this.cursor;
    const cell = { query: row, stage, feature: this.cursor[this.columnName(stage) ?? ""] ?? 0 };
    return { layer: this.layer, ...(this.pinned ? cell : {}) };
  }

  restore({ layer, query, stage, feature }) {
    if (layer !== null) this.layer = layer;
    this.pinned = query !== null || feature !== null;
    this.isOpen = this.pinned && feature === null;
    const { tokens } = this.sizes;
    const column = feature ?? 0;
    this.cursor = { stage: this.header.thumbnail, row: query ?? Math.floor(tokens / 2), feature: column, unit: column };
    if (this.pinned && stage && this.hasStage(stage)) this.cursor.stage = stage;
  }

  get layers() {
    return this.header.layered ? this.header.n_layers : 1;
  }

  get limits() {
    const { tokens, d_ff, d_model } = this.sizes;
    return { row: tokens, feature: d_model, unit: Math.max(1, d_ff) };
  }

  get title() {
    return this.header.layered ? `${this.header.title}, layer ${this.layer + 1}` : this.header.title;
  }

  // What the numbers are of, in words.
  get whole() {
    return this.header.layered ? "this layer" : "this norm";
  }

  // A stage of the block; γ and β count as such, though they are given.
  /** @param {string} name @returns {Stage} */
  stage(name) {
    if (name in PARAMETERS) return { name, of: [], columns: "d_model", shape: [1, this.sizes.d_model] };
    return this.header.stages.find((/** @type {Stage} */ stage) => stage.name === name);
  }

  /** @param {string} name */
  hasStage(name) {
    return name in PARAMETERS || this.header.stages.some((/** @type {Stage} */ stage) => stage.name === name);
  }

  // d_ff is 0 where the block has no hidden layer.
  get sizes() {
    const [tokens, d_model] = this.stage("norm_out").shape;
    const hidden = this.hasStage("ffn_hidden") ? this.stage("ffn_hidden").shape[1] : 0;
    return { tokens, d_model, d_ff: hidden };
  }

  get stream() {
    return this.header.stages[0].name;
  }

  clamp() {
    if (!this.hasStage(this.cursor.stage)) this.cursor.stage = this.header.thumbnail;
    super.clamp();
  }

  // Numbers by route -------------------------------------------------------------------------------------------------

  get at() {
    return { place: this.place, layer: this.layer };
  }

  fetch() {
    const again = this.header.layered ? "Choose the layer again, or reload" : "Reload";
    this.numbers.want("exact", this.at, {
      otherwise: `The exact numbers of ${this.whole} did not arrive. ${again} the page.`,
    });
    this.settle();
  }

  changed(what) {
    if (what === "numbers") this.settle();
    super.changed(what);
  }

  // Until the reader points somewhere: the strongest unit (or feature) of the middle row, or of the row that a link
  // pins.
  settle() {
    if (this.touched || (this.pinned && !this.isOpen) || !this.exact) return;
    const stage = this.pinned ? this.cursor.stage : this.header.thumbnail;
    this.isOpen = false;
    const column = this.columnName(stage);
    if (column === null) return;
    const { values, rows, columns } = this.own(stage);
    const row = Math.min(this.cursor.row, rows - 1); // γ and β have one row
    const line = values.subarray(row * columns, (row + 1) * columns);
    this.cursor = this.bounded({ ...this.cursor, stage, [column]: line.indexOf(Math.max(...line)) });
  }

  get message() {
    return this.numbers.peek("exact", this.at);
  }

  get exact() {
    return this.message?.arrays ?? null;
  }

  get layerHeader() {
    return this.message?.header ?? null;
  }

  get matrices() {
    return this.numbers.peek("matrices", this.at, { keep: true })?.arrays ?? null;
  }

  fetchMatrices() {
    const otherwise = "The weight matrices did not arrive. Point at the cell again, or reload the page.";
    this.numbers.want("matrices", this.at, { keep: true, otherwise });
  }

  // The model's own numbers of a stage.
  /** @param {string} name @returns {Part} */
  own(name) {
    const array = this.exact[name] ?? this.exact[this.layerHeader.same[name]];
    return { values: array.values, rows: array.shape[0], columns: array.shape[1] };
  }

  // What is computed here from what was sent, against the model's own numbers.
  check() {
    if (!this.exact) return null;
    const errors = new Map();
    const [gamma, beta] = Object.keys(PARAMETERS).map((name) => this.own(name).values);
    for (const stage of this.header.stages.filter((/** @type {Stage} */ { of }) => of.length)) {
      const parent = (/** @type {number} */ n) => this.own(stage.of[n]);
      const made = recompute(stage, parent, { eps: this.layerHeader.eps, gamma, beta, matrices: this.matrices });
      if (made) errors.set(stage.name, largestError(made, this.own(stage.name).values));
    }
    const what = `${[...errors.keys()].join(", ")} of ${this.whole} from the numbers it was sent`;
    return { error: Math.max(...errors.values()), what };
  }

  /** @param {number} row */
  active(row) {
    const { values, columns } = this.own("ffn_hidden");
    return activeUnits(values, columns, row);
  }

  // The name of the cursor's column in a stage: "feature", "unit", or null where there is only one.
  /** @param {string} name */
  columnName(name) {
    return { d_model: "feature", d_ff: "unit", one: null }[this.stage(name).columns];
  }

  // Another stage of those in this order.
  /** @param {string[]} names @param {number} by */
  otherStage(names, by) {
    this.move({ stage: names[within(names.indexOf(this.cursor.stage) + by, names.length)] });
  }
}
