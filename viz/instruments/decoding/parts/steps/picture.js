// One step of the decoder: ribbons from the source to the token that reads, the tokens read so far, below them the row of its
// masked self-attention, and the token that is taken. What is not there yet keeps its place, empty.

import { listen } from "../../../shared/dom.js";
import { weightText } from "../../../shared/numbers.js";
import { marked } from "../../../shared/paint.js";
import { css, textOn } from "../../../shared/theme.js";
import { Ribbons, svg } from "../../shared/ribbons.js";

const CELL = 28;
const TYPE = 14;
const NUMBER_WIDTH = 43;
const MOST_LINES = 5;
const LINE = 22;
const LEAST_BETWEEN = 64;

export class StepPicture extends Ribbons {
  constructor({ onPoint, onClick }) {
    super({ onPoint: ({ row, column }) => this.told(onPoint, row, column), onClick: ({ row, column }) => this.told(onClick, row, column) });
    this.onCell = { onPoint, onClick };
    this.node.classList.add("play-ribbons");
  }

  // Below each word is a cell, which has room for its number where that is possible.
  place(words, width) {
    return super.place(words, width, NUMBER_WIDTH + 5);
  }

  // A word above, a ribbon: its weight; a word below that was read: its cell in the row of self-attention.
  told(tell, row, column) {
    if (column !== null) tell({ on: this.spec.outward.name, column });
    else if (row <= this.step) tell({ on: this.spec.backward.name, column: row });
  }

  // spec: { source, reads, predicts, step, outward, backward: { name, row (of the step) }, name, room, height, theme, colour }
  draw(spec) {
    const { source, reads, predicts, step, outward, backward, name, room, height, theme, colour } = spec;
    this.step = step;
    const below = [reads[0], ...predicts];
    const weights = new Float32Array(below.length * source.length);
    weights.set(outward.row, step * source.length);
    this.measure.font = `bold 16px ${theme.font}`;
    let width = room;
    while (Math.max(this.place(source, width).lines, this.place(below, width).lines) > MOST_LINES) width *= 1.15;
    const lines = this.place(source, width).lines + this.place(below, width).lines;
    const between = Math.max(LEAST_BETWEEN, height - lines * LINE - CELL - 14);
    super.draw({ outward, backward, name, above: source, below, weights, rows: [step], width: Math.floor(width), height: between, theme, colour });
    this.picture = this.node.firstChild;
    const { total } = this.frame;
    const tall = total + CELL + 4;
    this.picture.setAttribute("height", tall);
    this.picture.setAttribute("viewBox", `0 0 ${Math.floor(width)} ${tall}`);
    const boxes = [...source.map((_, i) => this.box("top", i, "play-source")), ...below.map((_, i) => this.box("bottom", i, this.kind(i)))];
    this.picture.prepend(...boxes);
    for (const word of this.words) {
      const i = Number(word.dataset.row ?? -1);
      word.classList.toggle("later", i > step + 1);
      word.classList.toggle("taken", i === step + 1);
      word.classList.toggle("newest", i === step);
    }
    this.drawRow(backward.row, total, below.length);
    this.bringIntoView(room);
  }

  kind(i) {
    if (i < this.step) return "play-read";
    return i === this.step ? "play-newest" : i === this.step + 1 ? "play-taken" : "play-later";
  }

  box(side, i, kind) {
    const { top, bottom, lineHeight, y1 } = this.frame;
    const place = side === "top" ? top : bottom;
    const size = place.sizes[i] - 2;
    const y = (side === "top" ? 0 : y1) + (i % place.lines) * lineHeight + 1;
    return svg("rect", { class: kind, x: place.middles[i] - size / 2, y, width: size, height: lineHeight - 2, rx: 4 });
  }

  // The causal row: a cell below each token that was read; where none is yet, only its frame.
  drawRow(row, y, count) {
    const { theme } = this.spec;
    const { middles } = this.frame.bottom;
    const width = this.spec.width;
    const between = (i) => (middles[i - 1] + middles[i]) / 2;
    const edge = (i) => (i === 0 ? Math.max(0.5, 2 * middles[0] - between(1)) : i === count ? Math.min(width - 0.5, 2 * middles[count - 1] - between(count - 1)) : between(i));
    this.cells = [];
    for (let i = 0; i < count; i++) {
      const [x0, x1] = [edge(i), edge(i + 1)];
      const isRead = i <= this.step;
      const weight = row[i];
      const cell = svg("rect", {
        class: isRead ? "play-cell" : "play-cell-later", x: x0 + 0.5, y, width: Math.max(1, x1 - x0 - 1), height: CELL,
        fill: isRead ? css(theme, weight) : "none", "data-read": isRead ? i : null, "data-weight": isRead ? weightText(weight) : null,
      });
      this.picture.append(cell);
      if (!isRead) continue;
      listen(cell, { pointerenter: () => this.onCell.onPoint({ on: this.spec.backward.name, column: i }) });
      listen(cell, { click: () => this.onCell.onClick({ on: this.spec.backward.name, column: i }) });
      this.cells.push(marked(cell, this.spec.backward.name, [this.step, i, weight]));
      if (x1 - x0 < NUMBER_WIDTH) continue;
      const text = svg("text", { class: "play-cell-number", x: (x0 + x1) / 2, y: y + CELL / 2 + 5, "text-anchor": "middle", "font-size": TYPE, fill: textOn(theme, weight) });
      text.append(weightText(weight));
      this.picture.append(text);
    }
  }

  bringIntoView(room) {
    const x = this.frame.bottom.middles[Math.min(this.step + 1, this.frame.bottom.middles.length - 1)];
    const { node } = this;
    if (x < node.scrollLeft + 60 || x > node.scrollLeft + room - 60) node.scrollLeft = x - room / 2;
  }

  // cursor: { on: an attention's name, column } or null
  point(cursor, pinned) {
    if (!this.picture) return;
    const [outward, backward] = [this.spec.outward.name, this.spec.backward.name];
    const column = (on) => (cursor?.on === on ? cursor.column : -1);
    for (const path of this.paths) path.classList.toggle("here", Number(path.dataset.column) === column(outward));
    for (const word of this.words) word.classList.toggle("here", Number(word.dataset.column ?? -1) === column(outward) && column(outward) >= 0);
    this.cells.forEach((cell, i) => cell.classList.toggle("here", i === column(backward)));
    this.picture.classList.toggle("pinned", pinned);
  }
}
