// The table PE as a picture, and chosen dimensions of it as waves.

import { activeIn, el, focusOn } from "../shared/dom.js";
import { LEFT_RIGHT, pinning, UP_DOWN, walk } from "../shared/keys.js";
import { Legend } from "../shared/legend.js";
import { numberText } from "../shared/numbers.js";
import { largest } from "../shared/paint.js";
import { Chart } from "./chart.js";
import { encoding, wavelength } from "./maths.js";
import { MOST_WAVES } from "./store.js";
import { Plot } from "./plot.js";

const DENSITY = 8;
const WAVES =
  "Row p is the vector that is added to the token at position p; the first token has position 0. Dimensions come in " +
  "pairs, a sine and a cosine: the left ones swing fast from row to row, the right ones hardly change.";
const LEARNED =
  "Row p is the vector, learned in training, that is added to the token at position p; the first token has position 0.";

// "2π·10000^(8/128) = 11.17 positions", of the pair that holds a dimension (from 0).
export function wavelengthText({ header }, dim) {
  const pair = Math.floor(dim / 2);
  const long = numberText(wavelength(pair, header.d_model, header.base));
  return `2π·${header.base}^(${2 * pair}/${header.d_model}) = ${long} positions`;
}

export class Heat {
  constructor(store) {
    this.store = store;
    this.chart = new Chart({
      onCursor: ({ row, column }) => store.point({ p: row, dim: column }),
      onPin: ({ row, column }) => store.pin({ p: row, dim: column }),
    });
    this.caption = el("p", { class: "note" });
    this.legend = new Legend();
    this.plot = new Plot({ onCursor: (p) => store.point({ p }), onPin: (p) => store.pin({ p }) });
    this.chips = el("div", { class: "chips" });
    this.title = el("b");
    this.waveNote = el("span");
    this.node = el(
      "div",
      { class: "view heat" },
      el("div", { class: "panel-name" }, this.title, this.legend.node),
      this.caption,
      this.chart.node,
      el("div", { class: "panel-name" }, el("b", {}, "The same columns as waves"), this.waveNote),
      this.chips,
      this.plot.node,
    );
  }

  get keys() {
    const { store } = this;
    const how = (/** @type {string} */ on) => ({ on, says: "on a picture arrows move" });
    return [
      ...walk(UP_DOWN, "p", (by) => store.walk("p", by), how(".panel")),
      ...walk(LEFT_RIGHT, "dim", (by) => store.walk("dim", by), how(".panel")),
      ...walk(LEFT_RIGHT, "p", (by) => store.walk("p", by), how(".plot")),
      ...pinning(store, ".panel, .plot"),
    ];
  }

  draw(theme, width) {
    const { store } = this;
    const { rows, d_model } = store.sizes;
    const limit = largest(store.pe);
    this.theme = theme;
    this.width = width;
    this.isLow = window.innerHeight < 800;
    this.title.textContent = `PE: ${rows} positions × ${d_model} dimensions`;
    this.caption.textContent = store.isWaves ? WAVES : LEARNED;
    this.legend.draw(theme, limit);
    this.chart.draw({
      name: `Positional encoding: one row a position, one column a dimension (${rows} × ${d_model}), signed`,
      stage: "PE", values: store.pe, rows, columns: d_model, scale: "signed", limit, width, theme,
      colour: theme.roles.query, rowHeight: this.rowHeight(rows),
      rowName: "position p", columnName: "dimension", columnStart: 1,
    });
    this.drawCursor();
  }

  rowHeight(rows) {
    if (rows > 40) return 6;
    return this.isLow ? 7 : 9;
  }

  drawCursor() {
    const { cursor, pinned } = this.store;
    this.chart.mark({ row: cursor.p, column: cursor.dim }, pinned);
    this.drawWaves();
  }

  get drawn() {
    const { waves, cursor } = this.store;
    return waves.includes(cursor.dim) ? waves : [...waves, cursor.dim];
  }

  colour(dim) {
    const at = this.store.waves.indexOf(dim);
    return at < 0 ? this.theme.text : this.theme.heads[at % this.theme.heads.length];
  }

  // A wave between the positions, too; a learned column has only its numbers.
  points(dim) {
    const { isWaves, sizes, header } = this.store;
    const { rows, d_model } = sizes;
    if (!isWaves) return Array.from({ length: rows }, (_, p) => [p, this.store.at(p, dim)]);
    const all = Array.from({ length: (rows - 1) * DENSITY + 1 }, (_, n) => n / DENSITY);
    return all.map((p) => [p, encoding(p, dim, d_model, header.base)]);
  }

  drawWaves() {
    const { store } = this;
    const { rows } = store.sizes;
    const { cursor, waves } = store;
    const limit = store.isWaves ? 1 : largest(store.pe);
    const order = this.drawn.filter((dim) => dim !== cursor.dim).concat(cursor.dim);
    this.plot.draw({
      name: `Waves: PE over the position p, of dimensions ${this.drawn.map((dim) => dim + 1).join(", ")}`,
      width: this.width, height: this.isLow ? 136 : 168, xMax: rows - 1, yMin: -limit, yMax: limit, xName: "position p",
      yTicks: [[limit, numberText(limit)], [0, "0"], [-limit, numberText(-limit)]],
      lines: order.map((dim) => {
        return { points: this.points(dim), colour: this.colour(dim), width: dim === cursor.dim ? 3.5 : 1.8 };
      }),
      dots: order.map((dim) => ({ x: cursor.p, y: store.at(cursor.p, dim), colour: this.colour(dim) })),
      here: cursor.p,
    });
    this.waveNote.textContent = `at position p = ${cursor.p}: the dots are the numbers of row ${cursor.p}`;
    this.drawChips(waves, cursor.dim);
  }

  drawChips(waves, here) {
    const focused = activeIn(this.chips)?.dataset.wave;
    this.chips.replaceChildren(...this.drawn.map((dim) => this.chip(dim, waves, dim === here)));
    if (focused) focusOn(this.chips.querySelector(`[data-wave="${focused}"]`));
  }
  chip(dim, waves, isHere) {
    const { store } = this;
    const kept = waves.includes(dim);
    const kind = store.isWaves ? ` (${dim % 2 ? "cos" : "sin"}): ${wavelengthText(store, dim)}` : "";
    const other = waves.length < MOST_WAVES ? "+ keep" : "+ keep instead of the first";
    return el(
      "button",
      {
        class: `chip${isHere ? " here" : ""}`, "data-wave": dim + 1, "aria-pressed": String(kept),
        onclick: () => store.keepWave(dim),
        "aria-label": kept ? `put the wave of dimension ${dim + 1} away` : `keep the wave of dimension ${dim + 1}`,
      },
      el("span", { class: "swatch", "aria-hidden": "true", style: { background: this.colour(dim) } }),
      el("span", {}, `dimension ${dim + 1}${kind}`),
      el("span", { class: "mark" }, kept ? "×" : other),
    );
  }
}
