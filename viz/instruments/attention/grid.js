// All heads of the place as thumbnails, layers down, heads across, with each layer's mean.

import { el } from "../shared/dom.js";
import { paintThumbnail } from "../shared/paint.js";

const TIGHT = 58;
const MANY_LAYERS = 5;

export class Grid {
  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this.store = store;
    /** @type {any} */
    this.theme = null;
    this.node = el("div", { class: "grid", role: "group", "aria-label": "All heads: layers down, heads across" });
    /** @type {any[]} what the thumbnails were drawn for */
    this.drawn = [];
    /** @type {HTMLElement[][]} by layer and head */
    this.thumbs = [];
  }

  // `width`: of the room around it.
  /** @param {any} theme @param {number} width */
  draw(theme, width) {
    this.theme = theme;
    const drawn = [this.store.arrays, this.store.place, theme.mode, width];
    if (drawn.some((value, i) => value !== this.drawn[i])) this.drawAll(width);
    this.drawn = drawn;
    const { layer, head } = this.store;
    this.thumbs.forEach((thumbs, i) =>
      thumbs.forEach((thumb, j) => thumb.setAttribute("aria-pressed", String(i === layer && j === head))),
    );
  }

  /** @param {number} width */
  drawAll(width) {
    const { n_layers, n_heads } = this.store.sizes;
    const isTight = width / (n_heads + 1.5) < TIGHT;
    const name = (/** @type {string} */ text, kind = "") => el("span", { class: `head-name ${kind}`.trim() }, text);
    const heads = Array.from({ length: n_heads }, (_, head) => name(isTight ? `${head + 1}` : `head ${head + 1}`));
    this.thumbs = [];
    const rows = Array.from({ length: n_layers }, (_, layer) => this.layer(layer));
    this.node.style.gridTemplateColumns = `auto repeat(${n_heads + 1}, minmax(0, 1fr))`;
    this.node.replaceChildren(name(isTight ? "head" : ""), ...heads, name("mean", "mean"), ...rows.flat());
  }

  /** @param {number} layer */
  layer(layer) {
    const { store } = this;
    const { n_layers, n_heads, queries, keys } = store.sizes;
    const mean = new Float32Array(queries * keys);
    const thumbs = Array.from({ length: n_heads }, (_, head) => {
      const weights = store.shades(layer, head);
      weights.forEach((weight, i) => (mean[i] += weight / n_heads));
      const about = { class: "thumb", "data-layer": layer + 1, "data-head": head + 1 };
      const label = `layer ${layer + 1}, head ${head + 1}`;
      const choose = { "aria-label": label, onclick: () => store.choose(layer, head) };
      return el("button", { ...about, ...choose }, this.thumbnail("weights", weights));
    });
    this.thumbs.push(thumbs);
    const name = el("span", { class: "layer-name" }, n_layers > MANY_LAYERS ? `${layer + 1}` : `layer ${layer + 1}`);
    const about = { class: "thumb mean", role: "img", "aria-label": `layer ${layer + 1}, mean of its heads` };
    return [name, ...thumbs, el("span", about, this.thumbnail("mean of weights", mean))];
  }

  /** @param {string} stage @param {Float32Array} values */
  thumbnail(stage, values) {
    const { queries: rows, keys: columns } = this.store.sizes;
    const canvas = el("canvas", {});
    paintThumbnail(canvas, { stage, values, rows, columns, scale: "weight" }, this.theme);
    return canvas;
  }
}
