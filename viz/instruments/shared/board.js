// A board: the stages of a sublayer as panels of token × column on two stacked canvases, the picture below, the cursor above; their
// names as text. Where a panel lies is the instrument's layout; here it is painted, labelled, pointed at and marked.

import { el, listen } from "./dom.js";
import { shortened } from "./numbers.js";
import { fresh, hatch, paint, wipe, write } from "./paint.js";

/**
 * @typedef {object} Panel
 * @property {string} name the stage
 * @property {number} x @property {number} y @property {number} width @property {number} height
 * @property {number} rows @property {number} columns @property {number} cellWidth @property {number} cellHeight
 * @property {number} headerY where its name stands
 * @property {any} [picture] what to paint (paint.js): { stage, values, rows, columns, scale, limit, silent }; none: numbers, or unknown
 * @property {(row: number, column: number) => boolean} [isHidden] cells that are hatched
 * @property {string | null} [frame] colour of a border that stands out
 * @property {string[]} [labels] one a row, at its left
 */
/** @typedef {{ name: string, title: string, formula: string, shape: string, hint: string, x: number, y: number, room: number, colour?: string | null, className?: string }} Heading */
/** @typedef {{ panels: Panel[], width: number, height: number, cell: number }} Layout */

const LONGEST_LABEL = 13;
const LINES_APART = 7;

export class Board {
  /** @param {{ onPoint: (cell: any) => void, onClick: (cell: any) => void, inside?: Node[] }} options told { panel, row, column } */
  constructor({ onPoint, onClick, inside = [] }) {
    this.picture = /** @type {HTMLCanvasElement} */ (el("canvas", { "aria-hidden": "true" }));
    this.overlay = /** @type {HTMLCanvasElement} */ (el("canvas", { class: "over", "aria-hidden": "true" }));
    this.headings = el("div", { class: "stage-names" });
    this.node = el("div", { class: "board", role: "figure", tabindex: "0" }, this.picture, this.overlay, this.headings, ...inside);
    /** @type {Layout | null} */
    this.layout = null;
    /** @type {any} */
    this.theme = null;
    listen(this.node, {
      pointermove: (event) => this.pointed(event, onPoint),
      click: (event) => this.pointed(event, onClick),
    });
  }

  /** @param {PointerEvent} event @param {(cell: any) => void} act */
  pointed(event, act) {
    const box = this.node.getBoundingClientRect();
    const cell = this.layout && cellAt(this.layout.panels, event.clientX - box.left, event.clientY - box.top);
    if (cell) act(cell);
  }

  get context() {
    return /** @type {CanvasRenderingContext2D} */ (this.picture.getContext("2d"));
  }

  // Nothing but a sentence.
  /** @param {string} why */
  clear(why) {
    this.layout = null;
    for (const canvas of [this.picture, this.overlay]) wipe(canvas);
    this.headings.replaceChildren(el("p", {}, why));
  }

  // All panels; then `more(context)` draws what only this instrument has, and the names are written.
  /** @param {Layout} layout @param {any} theme @param {Heading[]} headings @param {(context: CanvasRenderingContext2D) => void} [more] */
  draw(layout, theme, headings, more = () => {}) {
    Object.assign(this, { layout, theme });
    this.node.style.height = `${layout.height}px`;
    for (const canvas of [this.picture, this.overlay]) fresh(canvas, layout.width, layout.height);
    const { context } = this;
    for (const panel of layout.panels) this.drawPanel(context, panel);
    more(context);
    this.headings.replaceChildren(...headings.map((heading) => this.heading(heading)));
    this.node.dataset.cell = String(layout.cell);
  }

  /** @param {CanvasRenderingContext2D} context @param {Panel} panel */
  drawPanel(context, panel) {
    const { picture, isHidden, x, y, width, height } = panel;
    const painted = picture && paint(context, { ...picture, x, y, width, height }, this.theme);
    if (isHidden) hatch(context, painted ?? panel, isHidden, this.theme, LINES_APART);
    context.strokeStyle = panel.frame ?? this.theme.faint;
    context.lineWidth = panel.frame ? 3 : 1;
    context.strokeRect(x - 0.5, y - 0.5, width + 1, height + 1);
    for (const row of panel.labels?.keys() ?? []) if (row % this.stride === 0) this.label(context, panel, row, this.theme.text, false);
  }

  // Text is written no smaller than this …
  get type() {
    return (this.layout?.cell ?? 0) > 17 ? 16 : 14;
  }

  // … and of crowded rows only every so many.
  get stride() {
    return Math.max(1, Math.ceil(this.type / (this.layout?.cell ?? 1)));
  }

  /** @param {CanvasRenderingContext2D} context @param {Panel} panel @param {number} row @param {string} colour @param {boolean} isHere */
  label(context, panel, row, colour, isHere) {
    if (isHere) this.wipeRow(context, 0, panel, row, panel.x - 3);
    context.textAlign = "right";
    this.write(context, shortened(panel.labels?.[row] ?? "", LONGEST_LABEL), panel.x - 7, panel, row, { colour, isHere, most: panel.x - 8 });
  }

  // Text in the middle of a row.
  /**
   * @param {CanvasRenderingContext2D} context @param {string} text @param {number} x @param {Panel} panel @param {number} row
   * @param {{ colour?: string, isHere?: boolean, most?: number }} [how]
   */
  write(context, text, x, panel, row, { colour = this.theme.text, isHere = false, most = undefined } = {}) {
    context.font = `${isHere ? "bold " : ""}${this.type}px ${this.theme.font}`;
    context.textBaseline = "middle";
    context.fillStyle = colour;
    write(context, text, x, panel.y + (row + 0.5) * panel.cellHeight, most);
  }

  // Clear the ground for a row's text, which may be higher than its row.
  /** @param {CanvasRenderingContext2D} context @param {number} x @param {Panel} panel @param {number} row @param {number} width */
  wipeRow(context, x, panel, row, width) {
    const high = Math.max(this.type + 2, panel.cellHeight);
    context.fillStyle = this.theme.background;
    context.fillRect(x, panel.y + (row + 0.5) * panel.cellHeight - high / 2, width, high);
  }

  /** @param {Heading} heading */
  heading({ name, title, formula, shape, hint, x, y, room, colour = null, className = "" }) {
    const style = { left: `${x}px`, top: `${y}px`, maxWidth: `${room}px` };
    const panel = this.layout?.panels.find((each) => each.name === name);
    return el(
      "div",
      { class: `stage-name ${className}`.trim(), "data-stage": name, "data-y": panel?.y, title: hint, style },
      el("b", { style: colour ? { color: colour } : {} }, title),
      el("span", {}, formula),
      el("span", { class: "shape" }, shape),
    );
  }

  // An empty overlay to mark the cursor on.
  marking() {
    wipe(this.overlay);
    return /** @type {CanvasRenderingContext2D} */ (this.overlay.getContext("2d"));
  }

  // A row of a panel, a column, a cell, framed in a colour.
  /** @param {CanvasRenderingContext2D} context @param {Panel} panel @param {number} row @param {string} colour */
  markRow(context, panel, row, colour, line = 2) {
    Object.assign(context, { lineWidth: line, strokeStyle: colour });
    context.strokeRect(panel.x - 1, panel.y + row * panel.cellHeight, panel.width + 2, panel.cellHeight);
  }

  /** @param {CanvasRenderingContext2D} context @param {Panel} panel @param {number} column @param {string} colour */
  markColumn(context, panel, column, colour, line = 2) {
    Object.assign(context, { lineWidth: line, strokeStyle: colour });
    context.strokeRect(panel.x + column * panel.cellWidth, panel.y - 1, panel.cellWidth, panel.height + 2);
  }

  // However narrow a cell is, its frame can be seen.
  /** @param {CanvasRenderingContext2D} context @param {Panel} panel @param {number} row @param {number} column @param {number} line */
  markCell(context, panel, row, column, line) {
    const width = Math.max(3, panel.cellWidth);
    const x = panel.x + column * panel.cellWidth - (width - panel.cellWidth) / 2;
    Object.assign(context, { lineWidth: line, strokeStyle: this.theme.text });
    context.strokeRect(x - 1, panel.y + row * panel.cellHeight - 1, width + 2, panel.cellHeight + 2);
  }
}

// The cell of the panels under a point; null where there is none.
/** @param {Panel[]} panels @param {number} x @param {number} y */
export function cellAt(panels, x, y) {
  for (const panel of panels) {
    const row = Math.floor((y - panel.y) / panel.cellHeight);
    const column = Math.floor((x - panel.x) / panel.cellWidth);
    const isInside = x >= panel.x && x < panel.x + panel.width && y >= panel.y && y < panel.y + panel.height;
    if (isInside && row < panel.rows) return { panel, row, column };
  }
  return null;
}
