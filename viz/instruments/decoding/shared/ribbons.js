// Two rows of words, and a ribbon for each weight between them: its width is the weight. What is above is read, what is
// below reads.

import { el, listen, svg } from "../../shared/dom.js";
import { sum } from "../../shared/maths.js";
import { shortened, weightText } from "../../shared/numbers.js";
import { marked } from "../../shared/paint.js";

const TYPE = 16;
const LINE = TYPE + 6;
const LEAST = 0.02;
const GAP = 10;
const WIDEST = 30;
const NEAREST = 12;
const MOST_LINES = 12;

/** @typedef {{ row: number | null, column: number | null }} Cell a ribbon; a word where the other is null */
/** @typedef {{ texts: string[], lines: number, sizes: number[], middles: number[] }} Row where words stand */

// Middles of words of these sizes: stretched over the width, then moved apart, first to the right, then to the left.
// Too wide a row runs out at the left.
/** @param {number[]} sizes @param {number} width @param {number} lines */
function spread(sizes, width, lines) {
  const all = sum(sizes);
  const scale = Math.min(1.6, width / all);
  /** @type {number[]} */
  const middles = [];
  let at = Math.max(0, (width - all * scale) / 2);
  const apart = (/** @type {number} */ i, /** @type {number} */ j) =>
    j - i === lines ? (sizes[i] + sizes[j]) / 2 : NEAREST;
  sizes.forEach((size, i) => {
    const nearest = [i - 1, i - lines].filter((j) => j >= 0).map((j) => middles[j] + apart(j, i));
    middles.push(Math.max(at + (size * scale) / 2, size / 2, ...nearest));
    at += size * scale;
  });
  for (let i = sizes.length - 1; i >= 0; i--) {
    const farthest = [i + 1, i + lines].filter((j) => j < sizes.length).map((j) => middles[j] - apart(i, j));
    middles[i] = Math.min(middles[i], width - sizes[i] / 2, ...farthest);
  }
  return middles;
}

export class Ribbons {
  /** @param {{ onPoint: (cell: Cell) => void, onClick: (cell: Cell) => void }} told */
  constructor({ onPoint, onClick }) {
    this.onPoint = onPoint;
    this.onClick = onClick;
    this.node = el("div", { class: "ribbons", role: "figure" });
    this.measure = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));
    /** @type {any} */
    this.spec = null;
    /** @type {any[]} */
    this.paths = [];
    /** @type {any[]} */
    this.words = [];
    /** @type {Row} */
    const nowhere = { texts: [], lines: 1, sizes: [], middles: [] };
    this.frame = { top: nowhere, bottom: nowhere, y0: 0, y1: 0, total: 0, lineHeight: LINE };
  }

  /**
   * @param {{ name: string, above: string[], below: string[], weights: ArrayLike<number>, rows?: number[],
   *   width: number, height: number, theme: any, colour: string, widest?: number }} spec
   *   weights: below × above, 0…1; rows: which of the words below have ribbons, all without it; height: between words;
   *   widest: a ribbon of weight 1, in pixels
   */
  draw(spec) {
    this.spec = spec;
    const { name, above, below, rows, width, height, theme } = spec;
    this.node.setAttribute("aria-label", name);
    this.measure.font = `bold ${TYPE}px ${theme.font}`;
    const [top, bottom] = [this.place(above, width), this.place(below, width)];
    const y0 = top.lines * LINE + 4;
    const y1 = y0 + height;
    const total = y1 + bottom.lines * LINE + 6;
    this.frame = { ...this.frame, top, bottom, y0, y1, total };
    const cells = (rows ?? [...below.keys()]).flatMap((row) => above.map((_, column) => ({ row, column })));
    const weightOf = (/** @type {{ row: number, column: number }} */ { row, column }) =>
      spec.weights[row * above.length + column];
    this.paths = cells.filter((cell) => weightOf(cell) >= LEAST).map((cell) => this.ribbon(cell, weightOf(cell)));
    this.words = [
      ...this.labels(above, top, (line) => line * LINE + TYPE, "column"),
      ...this.labels(below, bottom, (line) => y1 + (line + 1) * LINE - 4, "row"),
    ];
    const size = { width, height: total, viewBox: `0 0 ${width} ${total}` };
    this.node.replaceChildren(svg("svg", size, ...this.paths, ...this.words));
  }

  /** @param {{ row: number, column: number }} cell @param {number} weight */
  ribbon({ row, column }, weight) {
    const { above, below, colour, widest = WIDEST } = this.spec;
    const { top, bottom, y0, y1 } = this.frame;
    const [x0, x1] = [top.middles[column], bottom.middles[row]];
    const half = Math.max(0.75, (widest * weight) / 2);
    const middle = (y0 + y1) / 2;
    const curve = (/** @type {number[]} */ [from, start, to, end]) =>
      `${from} ${start} C ${from} ${middle}, ${to} ${middle}, ${to} ${end}`;
    const d = `M ${curve([x0 - half, y0, x1 - half, y1])} L ${curve([x1 + half, y1, x0 + half, y0])} Z`;
    const text = weightText(weight);
    const data = { "data-row": row, "data-column": column, "data-weight": text };
    const title = svg("title", {}, `${below[row]} looks at ${above[column]}: ${text}`);
    const opacity = (0.25 + 0.6 * weight).toFixed(3);
    const path = svg("path", { class: "ribbon", d, fill: colour, "fill-opacity": opacity, ...data }, title);
    listen(path, { pointerenter: () => this.onPoint({ row, column }), click: () => this.onClick({ row, column }) });
    return marked(path, "weights", [row, column, weight]);
  }

  // Where the words stand along the row, none upon another: in one line where they fit, else by turns in more, one
  // below the other. No word gets less than `least`, where there is room for that.
  /** @param {string[]} words @param {number} width @returns {Row} */
  place(words, width, least = 0) {
    const texts = words.map((word) => shortened(word, 16));
    const sizes = texts.map((text) => this.measure.measureText(text).width + GAP);
    const wide = sizes.map((size) => Math.max(size, least));
    if (least && sum(wide) <= width) return { texts, lines: 1, sizes, middles: spread(wide, width, 1) };
    for (let lines = 1; ; lines++) {
      const middles = spread(sizes, width, lines);
      if (lines === MOST_LINES || middles[0] >= sizes[0] / 2 - 1) return { texts, lines, sizes, middles };
    }
  }

  /** @param {string[]} words @param {Row} row @param {(line: number) => number} y @param {"row" | "column"} axis */
  labels(words, { texts, lines, middles }, y, axis) {
    return words.map((word, i) => {
      const at = { x: middles[i], y: y(i % lines), "text-anchor": "middle", "font-size": TYPE };
      const properties = { class: "ribbon-token", ...at, fill: this.spec.theme.text, [`data-${axis}`]: i };
      const node = svg("text", properties, texts[i], svg("title", {}, word));
      const cell = { row: null, column: null, [axis]: i };
      listen(node, { pointerenter: () => this.onPoint(cell), click: () => this.onClick(cell) });
      return node;
    });
  }

  // Bold words, and only the ribbons that touch the cell; null: all as they are.
  /** @param {Cell | null} cell */
  mark(cell) {
    const is = (/** @type {string | undefined} */ said, /** @type {number | null} */ at) => Number(said ?? NaN) === at;
    const touches = (/** @type {string} */ said, /** @type {number | null} */ at) => at === null || is(said, at);
    for (const { dataset, style } of this.paths) {
      const isShown = !cell || (touches(dataset.row, cell.row) && touches(dataset.column, cell.column));
      style.display = isShown ? "" : "none";
    }
    for (const word of this.words) {
      const isHere = cell && (is(word.dataset.row, cell.row) || is(word.dataset.column, cell.column));
      word.setAttribute("font-weight", isHere ? 700 : 400);
    }
  }
}
