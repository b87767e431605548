// PE(p) · PE(q) for all positions, and one row of it as a curve.

import { el } from "../shared/dom.js";
import { LEFT_RIGHT, pinning, UP_DOWN, walk } from "../shared/keys.js";
import { Legend } from "../shared/legend.js";
import { numberText } from "../shared/numbers.js";
import { largest } from "../shared/paint.js";
import { Chart } from "./chart.js";
import { Plot } from "./plot.js";

export class Similarity {
  constructor(store) {
    this.store = store;
    this.chart = new Chart({
      onCursor: ({ row, column }) => store.point({ p: row, q: column }),
      onPin: ({ row, column }) => store.pin({ p: row, q: column }),
    });
    this.caption = el("p", { class: "note" });
    this.legend = new Legend();
    this.plot = new Plot({ onCursor: (q) => store.point({ q }), onPin: (q) => store.pin({ q }) });
    this.curve = el("b");
    this.curveNote = el("p", { class: "note" });
    const name = el("div", { class: "panel-name" }, this.curve);
    const beside = el("div", { class: "cellbox" }, name, this.plot.node, this.curveNote);
    this.node = el(
      "div",
      { class: "view similarity" },
      el("div", { class: "panel-name" }, el("b", {}, "PE(p) · PE(q)"), this.legend.node),
      this.caption,
      el("div", { class: "two" }, el("div", { class: "cellbox" }, this.chart.node), beside),
    );
  }

  get keys() {
    const { store } = this;
    const says = "on a picture arrows move";
    return [
      ...walk(UP_DOWN, "p", (by) => store.walk("p", by), { on: ".panel", says }),
      ...walk(LEFT_RIGHT, "q", (by) => store.walk("q", by), { on: ".panel, .plot", says }),
      ...pinning(store, ".panel, .plot"),
    ];
  }

  draw(theme, width) {
    const { store } = this;
    const { rows, d_model } = store.sizes;
    const products = store.similarity;
    const limit = largest(products);
    this.theme = theme;
    const isWide = width >= 800;
    const room = isWide ? Math.min(width * 0.52, 520) : width;
    const cell = Math.max(3, Math.min(15, (room - 44) / rows));
    this.plotWidth = isWide ? width - (cell * rows + 44) - 28 : width;
    const sum = `Each of the ${d_model} dimensions of row p times that of column q, summed`;
    this.caption.textContent = store.isWaves
      ? `${sum}: largest on the diagonal, where a position meets itself (${numberText(products[0])}), and along each ` +
        "diagonal all the same: the product depends on the distance q − p alone."
      : `${sum}. Learned positions need not depend on the distance alone.`;
    this.legend.draw(theme, limit);
    this.chart.draw({
      name: `Similarity of positions: PE(p) · PE(q), ${rows} × ${rows}, signed`,
      stage: "PE · PE", values: products, rows, columns: rows, scale: "signed", limit, theme, colour: theme.roles.query,
      width: cell * rows + 42, rowHeight: cell, rowName: "position p", columnName: "position q", columnStart: 0,
    });
    this.drawCursor();
  }

  drawCursor() {
    const { store, theme } = this;
    const { rows } = store.sizes;
    const { p, q } = store.cursor;
    const row = Array.from(store.similarity.subarray(p * rows, (p + 1) * rows));
    this.chart.mark({ row: p, column: q }, store.pinned);
    this.curve.textContent = `Row p = ${p} as a curve: PE(${p}) · PE(q)`;
    const [low, high] = [Math.min(0, ...row), Math.max(...row, 0.1)];
    this.plot.draw({
      name: `PE(${p}) · PE(q) over q`,
      width: this.plotWidth, height: 250, xMax: rows - 1, yMin: low, yMax: high, xName: "position q",
      yTicks: [[high, numberText(high)], [0, "0"], ...(low < -0.15 * high ? [[low, numberText(low)]] : [])],
      lines: [{ points: row.map((value, n) => [n, value]), colour: theme.roles.query, width: 2.5 }],
      dots: [{ x: q, y: row[q], colour: theme.roles.key }],
      here: q,
    });
    this.curveNote.textContent = `q = ${q}, distance ${Math.abs(q - p)}: ${numberText(row[q])}`;
  }
}
