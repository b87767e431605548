// Two rows of words, and a ribbon for each weight between them: its width is the weight. What is above is read, what is below reads.

import { el, listen } from "../../shared/dom.js";
import { shortened, weightText } from "../../shared/numbers.js";
import { marked } from "../../shared/paint.js";

const SVG = "http://www.w3.org/2000/svg";
const TYPE = 16;
const LEAST = 0.02;
const GAP = 10;
const WIDEST = 30;
const NEAREST = 12;
const MOST_LINES = 12;

export function svg(tag, properties, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(properties)) if (value !== null && value !== undefined) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// Middles of words of these sizes: evenly stretched over the width, then moved apart, first to the right, then to the left. Too wide a row
// runs out at the left.
function spread(sizes, width, lines) {
  const sum = sizes.reduce((all, size) => all + size, 0);
  const scale = Math.min(1.6, width / sum);
  const middles = [];
  let at = Math.max(0, (width - sum * scale) / 2);
  const apart = (i, j) => (j - i === lines ? (sizes[i] + sizes[j]) / 2 : NEAREST);
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
  // onPoint({ row, column }): the pointer is at a ribbon, or at a word (the other of the two is null); onClick likewise.
  constructor({ onPoint = () => {}, onClick = () => {} } = {}) {
    Object.assign(this, { onPoint, onClick });
    this.node = el("div", { class: "ribbons", role: "figure" });
    this.measure = document.createElement("canvas").getContext("2d");
  }

  // spec: { name, above (words), below (words), weights (below × above, 0…1), rows: which of the words below have ribbons (all if null),
  //         width, height (between the words), theme, colour, signed: false, widest: a ribbon of weight 1, in pixels }
  draw(spec) {
    this.spec = spec;
    const { name, above, below, weights, rows = null, width, theme, colour } = spec;
    this.node.setAttribute("aria-label", name);
    this.measure.font = `bold ${TYPE}px ${theme.font}`;
    const top = this.place(above, width);
    const bottom = this.place(below, width);
    const lineHeight = TYPE + 6;
    const y0 = top.lines * lineHeight + 4;
    const height = spec.height ?? Math.round(Math.min(150, Math.max(70, width / 7)));
    const y1 = y0 + height;
    const total = y1 + bottom.lines * lineHeight + 6;
    this.frame = { top, bottom, lineHeight, y0, y1, total };
    const picture = svg("svg", { width, height: total, viewBox: `0 0 ${width} ${total}` });
    this.paths = [];
    const shown = rows ?? below.map((_, row) => row);
    for (const row of shown) {
      for (let column = 0; column < above.length; column++) {
        const weight = weights[row * above.length + column];
        if (!(weight >= LEAST)) continue;
        const [x0, x1] = [top.middles[column], bottom.middles[row]];
        const half = Math.max(0.75, ((spec.widest ?? WIDEST) * weight) / 2);
        const middle = (y0 + y1) / 2;
        const d = `M ${x0 - half} ${y0} C ${x0 - half} ${middle}, ${x1 - half} ${middle}, ${x1 - half} ${y1} L ${x1 + half} ${y1} C ${x1 + half} ${middle}, ${x0 + half} ${middle}, ${x0 + half} ${y0} Z`;
        const path = svg("path", { class: "ribbon", d, fill: colour, "fill-opacity": (0.25 + 0.6 * weight).toFixed(3), "data-row": row, "data-column": column, "data-weight": weightText(weight) });
        path.append(svg("title", {}, `${below[row]} looks at ${above[column]}: ${weightText(weight)}`));
        listen(path, { pointerenter: () => this.onPoint({ row, column }) });
        listen(path, { click: () => this.onClick({ row, column }) });
        this.paths.push(marked(path, "weights", [row, column, weight]));
        picture.append(path);
      }
    }
    this.words = [
      ...this.labels(above, top, (line) => line * lineHeight + TYPE, "column"),
      ...this.labels(below, bottom, (line) => y1 + (line + 1) * lineHeight - 4, "row"),
    ];
    picture.append(...this.words);
    this.node.replaceChildren(picture);
  }

  // Where the words stand along the row, none upon another: in one line where they fit, else by turns in two or more, one below the other.
  // No word gets less than `least`, where there is room for that.
  place(words, width, least = 0) {
    const texts = words.map((word) => shortened(word, 16));
    const sizes = texts.map((text) => this.measure.measureText(text).width + GAP);
    const wide = sizes.map((size) => Math.max(size, least));
    if (least && wide.reduce((all, size) => all + size, 0) <= width) return { texts, lines: 1, sizes, middles: spread(wide, width, 1) };
    for (let lines = 1; ; lines++) {
      const middles = spread(sizes, width, lines);
      if (lines === MOST_LINES || middles[0] >= sizes[0] / 2 - 1) return { texts, lines, sizes, middles };
    }
  }

  labels(words, { texts, lines, middles }, y, axis) {
    return words.map((word, i) => {
      const node = svg("text", { class: "ribbon-token", x: middles[i], y: y(i % lines), "text-anchor": "middle", "font-size": TYPE, fill: this.spec.theme.text, [`data-${axis}`]: i });
      node.append(texts[i], svg("title", {}, word));
      const cell = axis === "row" ? { row: i, column: null } : { row: null, column: i };
      listen(node, { pointerenter: () => this.onPoint(cell) });
      listen(node, { click: () => this.onClick(cell) });
      return node;
    });
  }

  // Bold words, and only the ribbons that touch the cell; null: all as they are.
  mark(cell) {
    if (!this.spec) return;
    for (const path of this.paths) {
      const touches = !cell || ((cell.row === null || Number(path.dataset.row) === cell.row) && (cell.column === null || Number(path.dataset.column) === cell.column));
      path.style.display = touches ? "" : "none";
    }
    for (const word of this.words) {
      const isHere = cell && (Number(word.dataset.row ?? -1) === cell.row || Number(word.dataset.column ?? -1) === cell.column);
      word.setAttribute("font-weight", isHere ? 700 : 400);
    }
  }
}
