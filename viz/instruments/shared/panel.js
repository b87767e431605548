// A labelled matrix of signed numbers (or of weights) on two stacked canvases: the picture below, the cursor above.
// Rows are tokens, first on top; columns are features. Nothing here knows what the numbers mean.

import { el, listen } from "./dom.js";
import { shortened } from "./numbers.js";
import { shade, shadeSigned } from "./theme.js";

const TYPE = 16;
const LONGEST_LABEL = 14;

// The largest absolute finite value, at least a little above 0: the end of a diverging scale.
export function largest(values) {
  let limit = 0;
  for (const value of values) if (Number.isFinite(value)) limit = Math.max(limit, Math.abs(value));
  return limit || 1;
}

export class Panel {
  // onCursor, onPin: called with { row, column }.
  constructor({ onCursor, onPin }) {
    this.picture = el("canvas", { "aria-hidden": "true" });
    this.overlay = el("canvas", { class: "over", "aria-hidden": "true" });
    this.node = el("div", { class: "panel", role: "figure", tabindex: "0" }, this.picture, this.overlay);
    listen(this.node, { pointermove: (event) => this.at(event, onCursor) });
    listen(this.node, { click: (event) => this.at(event, onPin) });
  }

  // spec: { name, values, rows, columns, labels (one a row, or null), scale: "signed" | "weight", limit (signed only),
  //         width (all the room there is), rowHeight, theme, colour (of the cursor's row) }
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
    this.size(this.picture);
    this.size(this.overlay);
    this.paintCells();
    this.paintLabels(this.picture.getContext("2d"), null);
  }

  size(canvas) {
    const ratio = window.devicePixelRatio || 1;
    const { width, height } = this.frame;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    for (const part of [canvas, this.node]) Object.assign(part.style, { width: `${width}px`, height: `${height}px` });
    canvas.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
  }

  paintCells() {
    const { values, rows, columns, scale, limit, theme } = this.spec;
    const { left, top, cellWidth, cellHeight } = this.frame;
    const isWeight = scale === "weight";
    const table = isWeight ? theme.ramp : theme.signed;
    const image = new ImageData(columns, rows);
    for (let i = 0; i < rows * columns; i++) {
      const at = isWeight ? shade(values[i]) : shadeSigned(values[i], limit);
      image.data.set(table.subarray(at, at + 3), 4 * i);
      image.data[4 * i + 3] = 255;
    }
    const scratch = document.createElement("canvas");
    Object.assign(scratch, { width: columns, height: rows });
    scratch.getContext("2d").putImageData(image, 0, 0);
    const context = this.picture.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.drawImage(scratch, left, top, cellWidth * columns, cellHeight * rows);
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
      context.fillText(text, left - 7, y, left - 8);
    });
  }

  // Mark the cursor's row and cell. cursor: { row, column } or null.
  mark(cursor, pinned) {
    if (!this.frame) return;
    const context = this.overlay.getContext("2d");
    const { left, top, cellWidth, cellHeight, width, height } = this.frame;
    const { columns, theme, colour } = this.spec;
    context.clearRect(0, 0, width, height);
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
