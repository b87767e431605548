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
    const { panels, height, width } = this.panel.layout;
    const [{ cellWidth, cellHeight }] = panels;
    this.rowName.textContent = `↓ ${spec.rowName}`;
    this.columnName.textContent = `→ ${spec.columnName}`;
    const down = niceStep(cellHeight, 17);
    const across = niceStep(cellWidth, 36);
    const some = (count, step, start) => Array.from({ length: count }, (_, n) => n).filter((n) => (n + start) % step === 0 || (start === 1 && n === 0 && step > 1));
    this.rows.style.height = `${height}px`;
    this.columns.style.width = `${LEFT + width}px`;
    this.rows.replaceChildren(...some(spec.rows, down, 0).map((n) => el("span", { style: { top: `${1 + (n + 0.5) * cellHeight}px` } }, String(n))));
    const columns = some(spec.columns, across, spec.columnStart).filter((n) => n === 0 || n + spec.columnStart >= across);
    this.columns.replaceChildren(...columns.map((n) => el("span", { style: { left: `${LEFT + 1 + (n + 0.5) * cellWidth}px` } }, String(n + spec.columnStart))));
  }

  mark(cursor, pinned) {
    this.panel.mark(cursor, pinned);
  }
}
