// What the instrument knows and what is chosen: the side, the cursor (a token, a dimension, a neighbour, a point), the
// layer of the PCA. Views subscribe; nothing here draws.

import { readLink, Teller, wholeNumber } from "../shared/link.js";
import * as maths from "../shared/maths.js";

const within = (value, limit) => Math.min(Math.max(value, 0), limit - 1);
export const SIDES = ["src", "tgt"];

const sideOf = ({ side }) => (side === "target" ? "tgt" : "src");

export class Store {
  constructor() {
    this.listeners = new Set();
    this.teller = new Teller();
    const link = readLink();
    this.sideName = sideOf(link);
    this.layer = 0;
    const number = (name) => (link[name] === undefined ? null : wholeNumber(link[name]));
    const [query, feature] = [number("query"), number("feature")];
    this.pinned = feature !== null;
    this.cursor = { part: "embed", token: (query ?? 1) - 1, dim: (feature ?? 1) - 1, near: 0, point: 0 };
  }

  take({ header, arrays }) {
    this.header = header;
    this.arrays = arrays;
    this.rowOf = new Map(header.ids.map((id, row) => [id, row]));
    this.clamp();
    this.changed("data");
  }

  get side() {
    return this.header.sides[this.sideName];
  }

  get sizes() {
    return { ...this.header.sizes, tokens: this.side.ids.length, near: this.arrays.near.shape[1], layers: this.side.layers.length };
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
    const start = this.rowOf.get(id) * d_model;
    return this.arrays.E.values.subarray(start, start + d_model);
  }

  // The nearest rows of E to an id's: [{ id, cosine, dot, norm }], nearest first.
  near(id) {
    const { near, near_cosine, near_dot, near_norm } = this.arrays;
    const count = near.shape[1];
    const start = this.rowOf.get(id) * count;
    return Array.from({ length: count }, (_, k) => ({
      id: near.values[start + k],
      cosine: near_cosine.values[start + k],
      dot: near_dot.values[start + k],
      norm: near_norm.values[start + k],
    }));
  }

  norm(id) {
    return this.arrays.norm.values[this.rowOf.get(id)];
  }

  // Points of the PCA: the tokens, and at the embeddings also their neighbours: [{ id, x, y, token }], token null there.
  get points() {
    const { ids, tokens, pca_near } = this.side;
    const all = this.arrays[`pca.${this.sideName}`].values;
    const start = 2 * ids.length * this.layer;
    const points = ids.map((id, i) => ({ id, text: tokens[i], token: i, x: all[start + 2 * i], y: all[start + 2 * i + 1] }));
    if (this.layer > 0) return points;
    const more = this.arrays[`pca_near.${this.sideName}`].values;
    return [...points, ...pca_near.map((id, i) => ({ id, text: this.readable(id), token: null, x: more[2 * i], y: more[2 * i + 1] }))];
  }

  // Recomputed here from what was sent: embed of both sides from rows of E, cosines from dot products and lengths.
  check() {
    const factor = Math.sqrt(this.sizes.d_model);
    const errors = SIDES.map((name) => {
      const own = this.header.sides[name].ids.flatMap((id) => Array.from(this.row(id), (value) => value * factor));
      return maths.largestError(own, this.arrays[`embed.${name}`].values);
    });
    for (const id of this.header.ids) {
      const [near, norm] = [this.near(id), this.norm(id)];
      errors.push(maths.largestError(near.map((one) => one.dot / (norm * one.norm)), near.map((one) => one.cosine)));
    }
    return Math.max(...errors);
  }

  // Choosing ---------------------------------------------------------------------------------------------------

  changed(what) {
    for (const listener of this.listeners) listener(what);
  }

  clamp() {
    const { tokens, d_model, near, layers } = this.sizes;
    this.layer = within(this.layer, layers);
    Object.assign(this.cursor, {
      token: within(this.cursor.token, tokens),
      dim: within(this.cursor.dim, d_model),
      near: within(this.cursor.near, near),
      point: within(this.cursor.point, this.points.length),
    });
  }

  // Point at something; while a cell is pinned, pointing changes nothing.
  hover(change) {
    if (this.pinned) return;
    this.set(change);
  }

  set(change) {
    if (Object.entries(change).every(([name, value]) => this.cursor[name] === value)) return;
    this.cursor = { ...this.cursor, ...change };
    this.clamp();
    this.changed("cursor");
  }

  // A token, by click or key: what was pinned is free again.
  choose(token) {
    this.pinned = false;
    this.cursor = { ...this.cursor, part: "embed", token };
    this.clamp();
    this.changed("cursor");
    this.say();
  }

  // By key: the pin, if there is one, moves along.
  move(change) {
    this.cursor = { ...this.cursor, ...change };
    this.clamp();
    this.changed("cursor");
    this.say();
  }

  pin(change = {}) {
    this.cursor = { ...this.cursor, ...change };
    this.clamp();
    this.pinned = true;
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
    const { part, token, dim } = this.cursor;
    const side = this.sideName === "tgt" ? "target" : null;
    this.teller.say({ place: "tokens", side, query: token + 1, feature: this.pinned && part === "embed" ? dim + 1 : null });
  }

  // The map may choose the other side, by the link.
  follow() {
    const link = readLink();
    if (this.header && link.place === "tokens" && sideOf(link) !== this.sideName) this.show(sideOf(link));
  }

  show(sideName) {
    this.sideName = sideName;
    this.pinned = false;
    this.cursor = { ...this.cursor, part: "embed", point: 0 };
    this.clamp();
    this.changed("side");
    this.say();
  }

  showLayer(layer) {
    this.layer = layer;
    if (this.cursor.part === "pca" && this.cursor.point >= this.points.length) this.cursor = { ...this.cursor, part: "embed" };
    this.clamp();
    this.changed("layer");
  }
}
