// A panel of numbers with the numbers of its rows (left) and columns (below) written beside it.

import { el } from "../shared/dom.js";
import { Panel } from "../shared/panel.js";
import { niceStep } from "./plot.js";

const LEFT = 34;

export class Chart {
  constructor({ onCursor, onPin }) {
    this.panel = new Panel({ onCursor, onPin });
    this.rows = el("div", { class: "axis rows", "aria-hidden": "true" });
    this.columns = el("div", { class: "axis columns", "aria-hidden": "true" });
    this.rowName = el("span", { class: "axis-title" });
    this.columnName = el("span", { class: "axis-title" });
    this.node = el(
      "div",
      { class: "chart" },
      el("div", { class: "axis-names", "aria-hidden": "true" }, this.rowName, this.columnName),
      el("div", { class: "chart-row" }, this.rows, this.panel.node),
      this.columns,
    );
  }

  // spec: the panel's, with rowName, columnName and columnStart: the number of the first column (rows count from 0).
  draw(spec) {
    this.panel.draw({ ...spec, labels: null, width: spec.width - LEFT - 4 });
    const { panels, height, width } = /** @type {import("../shared/sheet.js").Layout} */ (this.panel.layout);
    const [{ x, y, cellWidth, cellHeight }] = panels;
    this.rowName.textContent = `↓ ${spec.rowName}`;
    this.columnName.textContent = `→ ${spec.columnName}`;
    this.rows.style.height = `${height}px`;
    this.columns.style.width = `${LEFT + width}px`;
    this.rows.replaceChildren(...this.ticks(spec.rows, 0, { side: "top", from: y, size: cellHeight, room: 17 }));
    const across = { side: "left", from: LEFT + x, size: cellWidth, room: 36 };
    this.columns.replaceChildren(...this.ticks(spec.columns, spec.columnStart, across));
  }

  // The first number, and of the others those that have room.
  ticks(count, start, { side, from, size, room }) {
    const step = niceStep(size, room);
    const shown = Array.from({ length: count }, (_, n) => n).filter((n) => n === 0 || (n + start) % step === 0);
    return shown.map((n) => el("span", { style: { [side]: `${from + (n + 0.5) * size}px` } }, String(n + start)));
  }

  mark(cursor, pinned) {
    this.panel.mark(cursor, pinned);
  }
}
