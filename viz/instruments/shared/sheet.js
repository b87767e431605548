// Pictures on two stacked canvases, the pixels below, the cursor above: matrices of token × column, which are painted,
// labelled, pointed at and marked. Where a panel lies is said by who draws it.

import { el, listen } from "./dom.js";
import { shortened } from "./numbers.js";
import { fresh, hatch, paint, paintTiles, wipe, write } from "./paint.js";

/**
 * @typedef {object} Panel
 * @property {string} name the stage
 * @property {number} x @property {number} y @property {number} width @property {number} height
 * @property {number} rows @property {number} columns @property {number} cellWidth @property {number} cellHeight
 * @property {number} headerY where its name stands
 * @property {any} [picture] what to paint (paint.js): { stage, values, rows, columns, scale, limit, silent }
 * @property {number} [gap] between its cells, where they are painted one by one
 * @property {(row: number, column: number) => boolean} [isHidden] cells that are hatched
 * @property {string | null} [frame] colour of a border that stands out
 * @property {string[]} [labels] one a row, at its left
 */
/** @typedef {{ panels: Panel[], width: number, height: number, cell: number }} Layout */
/** @typedef {{ panel: Panel, row: number, column: number }} Cell */

const LINES_APART = 7;
const TOUCH = 2;

export class Sheet {
  /** @param {string} className @param {(cell: Cell) => void} onPoint @param {(cell: Cell) => void} onClick */
  constructor(className, onPoint, onClick) {
    this.picture = /** @type {HTMLCanvasElement} */ (el("canvas", { "aria-hidden": "true" }));
    this.overlay = /** @type {HTMLCanvasElement} */ (el("canvas", { class: "over", "aria-hidden": "true" }));
    this.node = el("div", { class: className, role: "figure", tabindex: "0" }, this.picture, this.overlay);
    /** @type {Layout | null} */
    this.layout = null;
    /** @type {any} */
    this.theme = null;
    // Labels have so many characters at most.
    this.longest = 13;
    listen(this.node, {
      pointermove: (event) => this.pointed(event, onPoint),
      click: (event) => this.pointed(event, onClick),
    });
  }

  /** @param {PointerEvent} event @param {(cell: Cell) => void} act */
  pointed(event, act) {
    const box = this.node.getBoundingClientRect();
    const cell = this.layout && cellAt(this.layout.panels, event.clientX - box.left, event.clientY - box.top);
    if (cell) act(cell);
  }

  get context() {
    return /** @type {CanvasRenderingContext2D} */ (this.picture.getContext("2d"));
  }

  // The panels of a layout on empty canvases; the context, for what else is there.
  /** @param {Layout} layout @param {any} theme */
  lay(layout, theme) {
    Object.assign(this, { layout, theme });
    for (const canvas of [this.picture, this.overlay]) fresh(canvas, layout.width, layout.height);
    const { context } = this;
    for (const panel of layout.panels) this.drawPanel(context, panel);
    return context;
  }

  // What labels of rows need at the left, at most `most`.
  /** @param {string[]} labels @param {any} theme @param {number} most */
  labelWidth(labels, theme, most) {
    const { context } = this;
    context.font = `bold 16px ${theme.font}`;
    const widest = Math.max(...labels.map((label) => context.measureText(shortened(label, this.longest)).width));
    return Math.ceil(Math.min(widest + 12, most));
  }

  /** @param {CanvasRenderingContext2D} context @param {Panel} panel */
  drawPanel(context, panel) {
    const { picture, isHidden, x, y, width, height, gap } = panel;
    const how = gap === undefined ? paint : paintTiles;
    const painted = picture && how(context, { ...picture, x, y, width, height }, this.theme, gap);
    if (isHidden) hatch(context, painted ?? panel, isHidden, this.theme, LINES_APART);
    context.strokeStyle = panel.frame ?? this.theme.faint;
    context.lineWidth = panel.frame ? 3 : 1;
    context.strokeRect(x - 0.5, y - 0.5, width + 1, height + 1);
    const some = [...(panel.labels?.keys() ?? [])].filter((row) => row % this.stride === 0);
    for (const row of some) this.label(context, panel, row, this.theme.text, false);
  }

  // Text is written no smaller than this …
  get type() {
    return (this.layout?.cell ?? 0) > 17 ? 16 : 14;
  }

  // … and of crowded rows only every so many; a line of text is a little less high than its type.
  get stride() {
    return Math.max(1, Math.ceil((this.type - TOUCH) / (this.layout?.cell ?? 1)));
  }

  /**
   * @param {CanvasRenderingContext2D} context @param {Panel} panel @param {number} row @param {string} colour
   * @param {boolean} isHere
   */
  label(context, panel, row, colour, isHere) {
    if (isHere) this.wipeRow(context, 0, panel, row, panel.x - 3);
    context.textAlign = "right";
    const text = shortened(panel.labels?.[row] ?? "", this.longest);
    this.write(context, text, panel.x - 7, panel, row, { colour, isHere, most: panel.x - 8 });
  }

  // Text in the middle of a row.
  /**
   * @param {CanvasRenderingContext2D} context @param {string} text @param {number} x @param {Panel} panel
   * @param {number} row @param {{ colour?: string, isHere?: boolean, most?: number }} [how]
   */
  write(context, text, x, panel, row, { colour = this.theme.text, isHere = false, most = undefined } = {}) {
    context.font = `${isHere ? "bold " : ""}${this.type}px ${this.theme.font}`;
    context.textBaseline = "middle";
    context.fillStyle = colour;
    write(context, text, x, panel.y + (row + 0.5) * panel.cellHeight, most);
  }

  // Clear the ground for a row's text, which may be higher than its row.
  /**
   * @param {CanvasRenderingContext2D} context @param {number} x @param {Panel} panel @param {number} row
   * @param {number} width
   */
  wipeRow(context, x, panel, row, width) {
    const high = Math.max(this.type + 2, panel.cellHeight);
    context.fillStyle = this.theme.background;
    context.fillRect(x, panel.y + (row + 0.5) * panel.cellHeight - high / 2, width, high);
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
  /**
   * @param {CanvasRenderingContext2D} context @param {Panel} panel @param {number} row @param {number} column
   * @param {number} line
   */
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
