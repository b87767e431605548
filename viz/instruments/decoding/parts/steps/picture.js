// One step: ribbons from the source to the token that reads, the tokens read so far, below them the row of its
// attention back to them, and the token that is taken. What is not there yet keeps its place, empty.

import { listen, svg } from "../../../shared/dom.js";
import { weightText } from "../../../shared/numbers.js";
import { marked } from "../../../shared/paint.js";
import { css, textOn } from "../../../shared/theme.js";
import { Ribbons } from "../../shared/ribbons.js";

const CELL = 28;
const TYPE = 14;
const NUMBER_WIDTH = 43;
const MOST_LINES = 5;
const LINE = 22;
const LEAST_BETWEEN = 64;

/** @typedef {import("../../shared/ribbons.js").Row} Row */
/** @typedef {{ name: string, row: Float32Array }} Looking a step's row of an attention */

export class StepPicture extends Ribbons {
  /** @param {{ onPoint: (cursor: any) => void, onClick: (cursor: any) => void }} told */
  constructor({ onPoint, onClick }) {
    super({
      onPoint: ({ row, column }) => this.told(onPoint, row, column),
      onClick: ({ row, column }) => this.told(onClick, row, column),
    });
    this.onCell = { onPoint, onClick };
    this.step = 0;
    /** @type {Looking} */
    this.outward = this.backward = { name: "", row: new Float32Array() };
    /** @type {any[]} */
    this.cells = [];
    /** @type {any} */
    this.picture = null;
    this.node.classList.add("play-ribbons");
  }

  // Below each word is a cell, which has room for its number where that is possible.
  /** @param {string[]} words @param {number} width */
  place(words, width) {
    return super.place(words, width, NUMBER_WIDTH + 5);
  }

  // A word above, a ribbon: its weight; a word below that was read: its cell in the row below.
  /** @param {(cursor: any) => void} tell @param {number | null} row @param {number | null} column */
  told(tell, row, column) {
    if (column !== null) tell({ on: this.outward.name, column });
    else if (row !== null && row <= this.step) tell({ on: this.backward.name, column: row });
  }

  /**
   * @param {{ source: string[], reads: string[], predicts: string[], step: number, outward: Looking, backward: Looking,
   *   name: string, room: number, height: number, theme: any, colour: string }} spec
   */
  drawStep({ source, reads, predicts, step, outward, backward, name, room, height, theme, colour }) {
    Object.assign(this, { step, outward, backward });
    const below = [reads[0], ...predicts];
    const weights = new Float32Array(below.length * source.length);
    weights.set(outward.row, step * source.length);
    this.measure.font = `bold 16px ${theme.font}`;
    let width = room;
    const lines = () => [source, below].map((words) => this.place(words, width).lines);
    while (Math.max(...lines()) > MOST_LINES) width *= 1.15;
    const between = Math.max(LEAST_BETWEEN, height - (lines()[0] + lines()[1]) * LINE - CELL - 14);
    width = Math.floor(width);
    this.draw({ name, above: source, below, weights, rows: [step], width, height: between, theme, colour });
    this.picture = this.node.firstChild;
    const tall = this.frame.total + CELL + 4;
    this.picture.setAttribute("height", tall);
    this.picture.setAttribute("viewBox", `0 0 ${width} ${tall}`);
    const { top, bottom, y1 } = this.frame;
    const boxes = [
      ...source.map((_, i) => this.box(top, 0, i, "play-source")),
      ...below.map((_, i) => this.box(bottom, y1, i, this.kind(i))),
    ];
    this.picture.prepend(...boxes);
    for (const word of this.words) {
      const i = Number(word.dataset.row ?? -1);
      word.classList.toggle("later", i > step + 1);
      word.classList.toggle("taken", i === step + 1);
      word.classList.toggle("newest", i === step);
    }
    this.drawRow(below.length);
    this.bringIntoView(room);
  }

  /** @param {number} i */
  kind(i) {
    return ["play-newest", "play-taken"][i - this.step] ?? (i < this.step ? "play-read" : "play-later");
  }

  /** @param {Row} place @param {number} from @param {number} i @param {string} kind */
  box(place, from, i, kind) {
    const { lineHeight } = this.frame;
    const width = place.sizes[i] - 2;
    const y = from + (i % place.lines) * lineHeight + 1;
    return svg("rect", { class: kind, x: place.middles[i] - width / 2, y, width, height: lineHeight - 2, rx: 4 });
  }

  // The edges of the cells below `count` words: halfway between two.
  /** @param {number} count */
  edges(count) {
    const { middles } = this.frame.bottom;
    const between = middles.slice(1).map((middle, i) => (middles[i] + middle) / 2);
    const last = Math.min(this.spec.width - 0.5, 2 * middles[count - 1] - between[count - 2]);
    return [Math.max(0.5, 2 * middles[0] - between[0]), ...between, last];
  }

  // The row that looks back: a cell below each token that was read; where none is yet, only its frame.
  /** @param {number} count */
  drawRow(count) {
    const { theme } = this.spec;
    const { name, row } = this.backward;
    const edges = this.edges(count);
    const y = this.frame.total;
    this.cells = [];
    for (let i = 0; i < count; i++) {
      const [x0, x1] = [edges[i], edges[i + 1]];
      const box = { x: x0 + 0.5, y, width: Math.max(1, x1 - x0 - 1), height: CELL };
      if (i > this.step) {
        this.picture.append(svg("rect", { class: "play-cell-later", ...box, fill: "none" }));
        continue;
      }
      const text = weightText(row[i]);
      const data = { "data-read": i, "data-weight": text };
      const cell = svg("rect", { class: "play-cell", ...box, fill: css(theme, row[i]), ...data });
      listen(cell, { pointerenter: () => this.onCell.onPoint({ on: name, column: i }) });
      listen(cell, { click: () => this.onCell.onClick({ on: name, column: i }) });
      this.cells.push(marked(cell, name, [this.step, i, row[i]]));
      this.picture.append(cell);
      if (x1 - x0 < NUMBER_WIDTH) continue;
      const at = { x: (x0 + x1) / 2, y: y + CELL / 2 + 5, "text-anchor": "middle", "font-size": TYPE };
      this.picture.append(svg("text", { class: "play-cell-number", ...at, fill: textOn(theme, row[i]) }, text));
    }
  }

  /** @param {number} room */
  bringIntoView(room) {
    const { middles } = this.frame.bottom;
    const x = middles[Math.min(this.step + 1, middles.length - 1)];
    const { node } = this;
    if (x < node.scrollLeft + 60 || x > node.scrollLeft + room - 60) node.scrollLeft = x - room / 2;
  }

  // cursor: { on: an attention's name, column } or null
  /** @param {any} cursor @param {boolean} pinned */
  point(cursor, pinned) {
    if (!this.picture) return;
    const column = (/** @type {Looking} */ { name }) => (cursor?.on === name ? cursor.column : -1);
    const above = column(this.outward);
    const isAbove = (/** @type {any} */ { dataset }) => above >= 0 && Number(dataset.column ?? -1) === above;
    for (const node of [...this.paths, ...this.words]) node.classList.toggle("here", isAbove(node));
    this.cells.forEach((cell, i) => cell.classList.toggle("here", i === column(this.backward)));
    this.picture.classList.toggle("pinned", pinned);
  }
}
