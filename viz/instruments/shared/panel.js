// A labelled matrix of signed numbers (or of weights) on two stacked canvases: the picture below, the cursor above.
// Rows are tokens, first on top; columns are features. Nothing here knows what the numbers mean.

import { el, listen } from "./dom.js";
import { shortened } from "./numbers.js";
import { fresh, paint, wipe, write } from "./paint.js";

const TYPE = 16;
const LONGEST_LABEL = 14;

export class Panel {
  // onCursor, onPin: called with { row, column }.
  constructor({ onCursor, onPin }) {
    this.picture = el("canvas", { "aria-hidden": "true" });
    this.overlay = el("canvas", { class: "over", "aria-hidden": "true" });
    this.node = el("div", { class: "panel", role: "figure", tabindex: "0" }, this.picture, this.overlay);
    listen(this.node, { pointermove: (event) => this.at(event, onCursor) });
    listen(this.node, { click: (event) => this.at(event, onPin) });
  }

  // spec: { name, stage (what the trace calls the numbers), values, rows, columns, labels (one a row, or null), scale (of paint.js),
  //         limit, width (all the room there is), rowHeight, theme, colour (of the cursor's row) }
  draw(spec) {
    this.spec = spec;
    const { name, rows, columns, labels, rowHeight, width, theme } = spec;
    this.node.setAttribute("aria-label", name);
    const context = this.picture.getContext("2d");
    context.font = `bold ${TYPE}px ${theme.font}`;
    const texts = (labels ?? []).map((label) => shortened(label, LONGEST_LABEL));
    const left = labels ? Math.ceil(Math.min(width * 0.35, 12 + Math.max(...texts.map((text) => context.measureText(text).width)))) : 1;
    const cellWidth = Math.min(30, Math.max(0.5, (width - left - 2) / columns));
    this.frame = { left, top: 1, cellWidth, cellHeight: rowHeight, width: left + cellWidth * columns + 2, height: rowHeight * rows + 2 };
    this.texts = texts;
    Object.assign(this.node.style, { width: `${this.frame.width}px`, height: `${this.frame.height}px` });
    for (const canvas of [this.picture, this.overlay]) fresh(canvas, this.frame.width, this.frame.height);
    this.paintCells();
    this.paintLabels(this.picture.getContext("2d"), null);
  }

  paintCells() {
    const { stage, values, rows, columns, scale, limit, theme } = this.spec;
    const { left, top, cellWidth, cellHeight } = this.frame;
    const place = { x: left, y: top, width: cellWidth * columns, height: cellHeight * rows };
    const context = this.picture.getContext("2d");
    paint(context, { stage, values, rows, columns, scale, limit, ...place }, theme);
    context.strokeStyle = theme.faint;
    context.lineWidth = 1;
    context.strokeRect(left - 0.5, top - 0.5, cellWidth * columns + 1, cellHeight * rows + 1);
  }

  // All labels, or the cursor's row alone, in bold.
  paintLabels(context, cursor) {
    const { theme, colour } = this.spec;
    const { left, top, cellHeight } = this.frame;
    context.textAlign = "right";
    context.textBaseline = "middle";
    this.texts.forEach((text, i) => {
      if (cursor ? cursor.row !== i : cellHeight < 10) return;
      const size = cursor ? TYPE : Math.min(TYPE, cellHeight - 1);
      const y = top + (i + 0.5) * cellHeight;
      context.font = `${cursor ? "bold " : ""}${size}px ${theme.font}`;
      if (cursor) {
        context.fillStyle = theme.background;
        context.fillRect(0, y - TYPE / 2 - 2, left - 2, TYPE + 4);
      }
      context.fillStyle = cursor ? colour : theme.text;
      write(context, text, left - 7, y, left - 8);
    });
  }

  // Mark the cursor's row and cell. cursor: { row, column } or null.
  mark(cursor, pinned) {
    if (!this.frame) return;
    const context = this.overlay.getContext("2d");
    const { left, top, cellWidth, cellHeight } = this.frame;
    const { columns, theme, colour } = this.spec;
    wipe(this.overlay);
    if (!cursor) return;
    const y = top + cursor.row * cellHeight;
    context.lineWidth = 2;
    context.strokeStyle = colour;
    context.strokeRect(left - 1, y - 1, cellWidth * columns + 1, cellHeight + 1);
    context.lineWidth = pinned ? 5 : 3;
    context.strokeStyle = theme.text;
    context.strokeRect(left + cursor.column * cellWidth - 1, y - 1, Math.max(3, cellWidth) + 1, cellHeight + 1);
    this.paintLabels(context, cursor);
  }

  at(event, tell) {
    if (!this.frame) return;
    const box = this.node.getBoundingClientRect();
    const { left, top, cellWidth, cellHeight } = this.frame;
    const { rows, columns } = this.spec;
    const row = Math.floor((event.clientY - box.top - top) / cellHeight);
    const column = Math.floor((event.clientX - box.left - left) / cellWidth);
    if (row >= 0 && row < rows && column >= 0 && column < columns) tell({ row, column });
  }
}
