// What the instrument knows and what is chosen: the side, the cursor (a token, a dimension, a neighbour, a point), the
// layer of the PCA. Nothing here draws.

import { largestError } from "../shared/maths.js";
import { SidedStore } from "../shared/sided.js";
import { within } from "../shared/store.js";

// Which count of the cursor tells, with the token, what is pinned in a part; the link calls a dimension a feature.
const PINS = { embed: { feature: "dim" }, near: { near: "near" }, pca: { point: "point" } };

export class Store extends SidedStore {
  constructor() {
    super("tokens");
    // Of the PCA: 0 is the embeddings.
    this.depth = 0;
    /** @type {Map<number, number>} id → its row of the E that was sent */
    this.rowOf = new Map();
  }

  taken() {
    this.rowOf = new Map(this.header.ids.map((/** @type {number} */ id, /** @type {number} */ row) => [id, row]));
  }

  linked() {
    const { part, token } = this.cursor;
    const pin = this.pinned ? Object.entries(PINS[part]).map(([name, count]) => [name, this.cursor[count]]) : [];
    return { ...super.linked(), query: token, depth: this.depth || null, ...Object.fromEntries(pin) };
  }

  restore(values) {
    super.restore(values);
    const part = Object.keys(PINS).find((each) => Object.keys(PINS[each]).some((name) => values[name] !== null));
    this.pinned = part !== undefined;
    this.depth = Math.round(values.depth ?? 0);
    const { query, feature, near, point } = values;
    this.cursor = { part: part ?? "embed", token: query ?? 0, dim: feature ?? 0, near: near ?? 0, point: point ?? 0 };
  }

  get sizes() {
    const { ids, layers } = this.side;
    return { ...this.header.sizes, tokens: ids.length, near: this.arrays.near.shape[1], layers: layers.length };
  }

  get limits() {
    const { tokens, d_model, near } = this.sizes;
    return { token: tokens, dim: d_model, near, point: this.points.length };
  }

  clamp() {
    super.clamp();
    this.depth = within(this.depth, this.sizes.layers);
  }

  get id() {
    return this.side.ids[this.cursor.token];
  }

  // The word that holds the chosen token.
  get word() {
    return this.side.words.find((word) => word.tokens.includes(this.cursor.token));
  }

  readable(id) {
    return this.header.readable[id];
  }

  // Numbers ----------------------------------------------------------------------------------------------------

  get embed() {
    return this.arrays[`embed.${this.sideName}`].values;
  }

  // Row of E of an id of the sentence.
  row(id) {
    const { d_model } = this.sizes;
    const start = Number(this.rowOf.get(id)) * d_model;
    return this.arrays.E.values.subarray(start, start + d_model);
  }

  // The nearest rows of E to an id's: [{ id, cosine, dot, norm }], nearest first.
  near(id) {
    const { near, near_cosine, near_dot, near_norm } = this.arrays;
    const count = near.shape[1];
    const start = Number(this.rowOf.get(id)) * count;
    return Array.from({ length: count }, (_, k) => ({
      id: near.values[start + k],
      cosine: near_cosine.values[start + k],
      dot: near_dot.values[start + k],
      norm: near_norm.values[start + k],
    }));
  }

  norm(id) {
    return this.arrays.norm.values[Number(this.rowOf.get(id))];
  }

  // Points of the PCA: the tokens, and at the embeddings also their neighbours, which are no token of the sentence.
  get points() {
    const { ids, tokens, pca_near } = this.side;
    const [all, more] = ["pca", "pca_near"].map((name) => this.arrays[`${name}.${this.sideName}`].values);
    const at = (values, i) => ({ x: values[2 * i], y: values[2 * i + 1] });
    const first = ids.length * this.depth;
    const points = ids.map((id, i) => ({ id, text: tokens[i], token: i, ...at(all, first + i) }));
    const near = pca_near.map((id, i) => ({ id, text: this.readable(id), token: null, ...at(more, i) }));
    return this.depth ? points : [...points, ...near];
  }

  // Recomputed here from what was sent: embed of both sides from rows of E, cosines from dot products and lengths.
  check() {
    const factor = Math.sqrt(this.sizes.d_model);
    const errors = Object.entries(this.sides).map(([name, { ids }]) => {
      const own = ids.flatMap((id) => Array.from(this.row(id), (value) => value * factor));
      return largestError(own, this.arrays[`embed.${name}`].values);
    });
    for (const id of this.header.ids) {
      const [near, norm] = [this.near(id), this.norm(id)];
      errors.push(largestError(near.map((one) => one.dot / (norm * one.norm)), near.map((one) => one.cosine)));
    }
    const what = "embed of both sides from rows of E × √d_model, and each cosine from its dot product and lengths";
    return { error: Math.max(...errors), what };
  }

  // Choosing ---------------------------------------------------------------------------------------------------

  // By key; the link always says the token.
  go(change) {
    this.move(change);
    this.say();
  }

  // A token, by click or key: what was pinned is free again.
  choose(token) {
    this.pinned = false;
    this.cursor = this.bounded({ ...this.cursor, part: "embed", token });
    this.changed("cursor");
    this.say();
  }

  show(name) {
    this.cursor = { ...this.cursor, part: "embed", point: 0 };
    super.show(name);
  }

  showDepth(depth) {
    this.depth = depth;
    const { part, point } = this.cursor;
    if (part === "pca" && point >= this.points.length) this.cursor = { ...this.cursor, part: "embed" };
    this.clamp();
    this.changed("depth");
    this.say();
  }

  get state() {
    return { ...super.state, depth: this.depth };
  }
}
