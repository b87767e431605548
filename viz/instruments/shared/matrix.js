// A labelled matrix of weights on two stacked canvases: the picture below, the cursor above.
// Rows are queries, columns are keys, first token top-left.

import { el, listen } from "./dom.js";
import { fresh, hatch, paintTiles, wipe, write } from "./paint.js";

const SLANTED = (55 * Math.PI) / 180;
const VERTICAL = Math.PI / 2;
const TYPE = 16;

export class Matrix {
  constructor({ onCursor, onPin }) {
    this.picture = el("canvas", { "aria-hidden": "true" });
    this.overlay = el("canvas", { class: "overlay", "aria-hidden": "true" });
    this.node = el("div", { class: "matrix", role: "figure", tabindex: "0" }, this.picture, this.overlay);
    listen(this.node, {
      pointermove: (event) => {
        const cell = this.cellAt(event);
        if (cell) onCursor(cell);
      },
      click: (event) => {
        const cell = this.cellAt(event);
        if (cell) onPin(cell);
      },
    });
  }

  // spec: { stage (what the trace calls them), values, rows: labels, columns: labels, causal, theme, width, height }
  draw(spec) {
    this.spec = spec;
    this.measure();
    const { width, height } = this.frame;
    Object.assign(this.node.style, { width: `${width}px`, height: `${height}px` });
    for (const canvas of [this.picture, this.overlay]) fresh(canvas, width, height);
    this.paintCells();
    this.paintLabels(this.picture.getContext("2d"), null);
  }

  measure() {
    const { rows, columns, width, height, theme } = this.spec;
    const context = this.picture.getContext("2d");
    context.font = `${TYPE}px ${theme.font}`;
    const widest = (labels) => Math.max(...labels.map((label) => context.measureText(label).width));
    const keyLength = widest(columns);
    const queryLength = widest(rows);
    const left = Math.min(queryLength + 12, width * 0.45);
    let right = 4;
    let cellWidth = (width - left - right) / columns.length;
    this.upright = keyLength + 8 <= cellWidth;
    let top = TYPE + 12;
    if (!this.upright) {
      // Slanted labels lean over the right edge; where they would touch, they stand upright on their sides.
      const lean = Math.min(keyLength * Math.cos(SLANTED) + 8, width * 0.2);
      const slantedWidth = (width - left - lean) / columns.length;
      this.angle = slantedWidth * Math.sin(SLANTED) > TYPE + 2 ? SLANTED : VERTICAL;
      right = this.angle === SLANTED ? lean : right;
      cellWidth = (width - left - right) / columns.length;
      top = Math.min(keyLength * Math.sin(this.angle) + TYPE + 6, height * 0.4);
    }
    const cellHeight = Math.min(44, Math.max(3, (height - top - 4) / rows.length));
    cellWidth = Math.max(3, Math.min(cellWidth, 2.4 * cellHeight));
    this.frame = {
      left: Math.round(left),
      top: Math.round(top),
      cellWidth,
      cellHeight,
      width: Math.ceil(left + cellWidth * columns.length + right),
      height: Math.ceil(top + cellHeight * rows.length + 4),
    };
    this.rowType = Math.max(9, Math.min(TYPE, cellHeight - 1));
    this.columnType = Math.max(9, Math.min(TYPE, this.upright ? TYPE : cellWidth * 0.95));
    this.crowdedRows = cellHeight < 10;
    this.crowdedColumns = !this.upright && cellWidth < 10;
  }

  paintCells() {
    const { stage, values, rows, columns, causal, theme } = this.spec;
    const { left, top, cellWidth, cellHeight } = this.frame;
    const context = this.picture.getContext("2d");
    const place = { x: left, y: top, width: cellWidth * columns.length, height: cellHeight * rows.length };
    const picture = { stage, values, rows: rows.length, columns: columns.length, scale: "weight", ...place };
    const painted = paintTiles(context, picture, theme, Math.min(cellWidth, cellHeight) > 8 ? 1 : 0);
    // What the causal mask forbids is hatched, so that "not allowed" never looks like "hardly any".
    if (causal) hatch(context, painted, (query, key) => key > query, theme, 9);
    context.strokeStyle = theme.faint;
    context.lineWidth = 1;
    context.strokeRect(left - 0.5, top - 0.5, cellWidth * columns.length + 1, cellHeight * rows.length + 1);
  }

  // All labels, or only those of the cursor's row and column, in bold.
  paintLabels(context, cursor) {
    const { rows, columns, theme } = this.spec;
    const { left, top, cellWidth, cellHeight } = this.frame;
    context.textBaseline = "middle";
    for (let i = 0; i < rows.length; i++) {
      const here = cursor && cursor.query === i;
      if (cursor ? !here : this.crowdedRows) continue;
      context.font = `${here ? "bold " : ""}${here ? TYPE : this.rowType}px ${theme.font}`;
      context.fillStyle = here ? theme.roles.query : theme.text;
      context.textAlign = "right";
      const y = top + (i + 0.5) * cellHeight;
      if (here) this.clearLabel(context, 0, y - TYPE / 2 - 3, left - 2, TYPE + 6);
      context.fillStyle = here ? theme.roles.query : theme.text;
      write(context, rows[i], left - 7, y, left - 8);
    }
    for (let j = 0; j < columns.length; j++) {
      const here = cursor && cursor.key === j;
      if (cursor ? !here : this.crowdedColumns) continue;
      context.save();
      context.translate(left + (j + 0.5) * cellWidth, top - 7);
      context.font = `${here ? "bold " : ""}${here ? TYPE : this.columnType}px ${theme.font}`;
      context.textAlign = this.upright ? "center" : "left";
      if (!this.upright) context.rotate(-this.angle);
      const length = context.measureText(columns[j]).width;
      if (here) this.clearLabel(context, this.upright ? -length / 2 - 2 : -3, -TYPE / 2 - 2, length + 6, TYPE + 4);
      context.fillStyle = here ? theme.roles.key : theme.text;
      write(context, columns[j], 0, this.upright ? -4 : 0);
      context.restore();
    }
  }

  clearLabel(context, x, y, width, height) {
    context.fillStyle = this.spec.theme.background;
    context.fillRect(x, y, width, height);
  }

  // Mark the cursor's row, column and cell. cursor: { query, key } or null.
  mark(cursor, pinned) {
    const context = this.overlay.getContext("2d");
    const { left, top, cellWidth, cellHeight } = this.frame;
    const { rows, columns, theme } = this.spec;
    wipe(this.overlay);
    if (!cursor) return;
    const x = left + cursor.key * cellWidth;
    const y = top + cursor.query * cellHeight;
    context.lineWidth = 2;
    context.strokeStyle = theme.roles.query;
    context.strokeRect(left - 1, y - 1, cellWidth * columns.length + 1, cellHeight + 1);
    context.strokeStyle = theme.roles.key;
    context.strokeRect(x - 1, top - 1, cellWidth + 1, cellHeight * rows.length + 1);
    context.lineWidth = pinned ? 5 : 3;
    context.strokeStyle = theme.text;
    context.strokeRect(x - 1, y - 1, cellWidth + 1, cellHeight + 1);
    this.paintLabels(context, cursor);
  }

  cellAt(event) {
    if (!this.frame) return null;
    const box = this.node.getBoundingClientRect();
    const { left, top, cellWidth, cellHeight } = this.frame;
    const key = Math.floor((event.clientX - box.left - left) / cellWidth);
    const query = Math.floor((event.clientY - box.top - top) / cellHeight);
    const { rows, columns } = this.spec;
    return query >= 0 && query < rows.length && key >= 0 && key < columns.length ? { query, key } : null;
  }
}
