// One labelled matrix of signed numbers (or of weights): rows are tokens, first on top, columns are features. Nothing
// here knows what the numbers mean.

import { Sheet } from "./sheet.js";

/** @typedef {import("./sheet.js").Cell} Cell */

const WIDEST = 30;

export class Panel extends Sheet {
  /** @param {{ onCursor: (cell: Cell) => void, onPin: (cell: Cell) => void }} options */
  constructor({ onCursor, onPin }) {
    super("panel", onCursor, onPin);
    this.longest = 14;
    // Of the cursor's row.
    this.colour = "";
  }

  // stage: what the trace calls the numbers; labels: one a row; scale, limit: of paint.js; width: all the room.
  /**
   * @param {{ name: string, stage: string, values: any, rows: number, columns: number, labels: string[] | null,
   *   scale: string, limit: number, width: number, rowHeight: number, theme: any, colour: string }} spec
   */
  draw({ name, stage, values, rows, columns, labels, scale, limit, width, rowHeight, theme, colour }) {
    this.colour = colour;
    this.node.setAttribute("aria-label", name);
    const x = labels ? this.labelWidth(labels, theme, width * 0.35) : 1;
    const cellWidth = Math.min(WIDEST, Math.max(0.5, (width - x - 2) / columns));
    const cells = { x, y: 1, cellWidth, cellHeight: rowHeight, width: cellWidth * columns, height: rowHeight * rows };
    const picture = { stage, values, rows, columns, scale, limit };
    const panel = { name: stage, rows, columns, headerY: 0, labels: labels ?? undefined, picture, ...cells };
    const size = { width: x + panel.width + 2, height: panel.height + 2 };
    Object.assign(this.node.style, { width: `${size.width}px`, height: `${size.height}px` });
    this.lay({ panels: [panel], cell: rowHeight, ...size }, theme);
  }

  // Mark the cursor's row and cell; null: none.
  /** @param {{ row: number, column: number } | null} cursor @param {boolean} pinned */
  mark(cursor, pinned) {
    if (!this.layout) return;
    const context = this.marking();
    if (!cursor) return;
    const [panel] = this.layout.panels;
    this.markRow(context, panel, cursor.row, this.colour);
    this.markCell(context, panel, cursor.row, cursor.column, pinned ? 5 : 3);
    if (panel.labels) this.label(context, panel, cursor.row, this.colour, true);
  }
}
