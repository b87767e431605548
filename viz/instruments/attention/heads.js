// All heads of the place as a grid, one of them large, the cursor's row as bars, and each head of the layer in words.

import { el } from "../shared/dom.js";
import { Matrix } from "../shared/matrix.js";
import { shortened, weightText } from "../shared/numbers.js";
import { cellOf, rowOf } from "../shared/part.js";
import { css } from "../shared/theme.js";
import { Grid } from "./grid.js";
import { Sayings } from "./sayings.js";

const BAR_HEIGHT = 22;
const AROUND_BARS = 190;
const FEWEST_BARS = 8;
const STRIP = 150;
const HEIGHTS = [240, 860];
const LONGEST_LABEL = 18;

export class Heads {
  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this.store = store;
    /** @type {any} */
    this.theme = null;
    this.matrix = new Matrix({
      onCursor: (/** @type {any} */ cell) => store.point({ stage: "weights", ...cell }),
      onPin: (/** @type {any} */ cell) => store.pin({ stage: "weights", ...cell }),
    });
    this.grid = new Grid(store);
    this.sayings = new Sayings(store);
    this.siteCaption = el("p", { class: "site-caption" });
    const asks = el("strong", { class: "query" }, "Rows ask");
    const answers = el("strong", { class: "key" }, "columns answer");
    this.legend = el("div", { class: "legend", "aria-hidden": "true" });
    this.readout = el("p", { class: "readout" });
    this.bars = el("div", { class: "bars" });
    this.gridSide = el("section", { class: "heads" }, this.grid.node, this.siteCaption, this.sayings.node);
    const caption = el("div", { class: "caption" }, el("p", {}, asks, ", ", answers, "."), this.legend);
    this.stage = el("section", { class: "stage" }, caption, this.matrix.node);
    const side = el("section", { class: "side" }, this.readout, this.bars);
    this.node = el("div", { class: "overview" }, this.gridSide, this.stage, side);
    /** @type {{ part: import("../shared/part.js").Part, isExact: boolean }} the weights that are shown */
    this.current = { part: { values: [], rows: 0, columns: 0 }, isExact: false };
  }

  /** @param {any} theme */
  draw(theme) {
    const { store } = this;
    const { site } = store;
    this.theme = theme;
    this.grid.draw(theme, this.gridSide.clientWidth);
    this.siteCaption.textContent = site.caption;
    this.drawLegend();
    const { queries, keys } = store.sizes;
    const said = `weights of ${queries} ${site.asking} tokens over ${keys} ${site.answering} tokens`;
    this.matrix.node.setAttribute("aria-label", `${store.title}: ${said}`);
    this.matrix.node.classList.toggle("what-if", store.whatIf);
    this.current = this.weights();
    this.matrix.draw({
      values: this.current.part.values,
      stage: "weights",
      rows: site.queries.map((label) => shortened(label, 2 * LONGEST_LABEL)),
      columns: site.keys.map((label) => shortened(label, LONGEST_LABEL)),
      causal: site.causal && store.knobs.mask,
      theme,
      width: this.stage.clientWidth,
      height: this.height(),
    });
    this.sayings.draw();
    this.drawCursor();
  }

  // Exact weights once they are here; until then the first message's shades, and no number.
  weights() {
    const { store } = this;
    if (store.exact) return { part: store.weights(), isExact: true };
    const { queries: rows, keys: columns } = store.sizes;
    return { part: { values: store.shades(store.layer, store.head), rows, columns }, isExact: false };
  }

  // What is left of the first screen between the headings and the strip, so that all of it is seen at once.
  height() {
    const scrolled = document.querySelector("[data-testid=stMain]")?.scrollTop ?? 0;
    const above = this.matrix.node.getBoundingClientRect().top + scrolled;
    return Math.min(HEIGHTS[1], Math.max(HEIGHTS[0], window.innerHeight - above - STRIP));
  }

  drawLegend() {
    const gradient = `linear-gradient(to right, ${this.theme.stops.join(", ")})`;
    const parts = ["weight 0", el("span", { class: "scale", style: { background: gradient } }), "1"];
    if (this.store.site.causal) parts.push(el("span", { class: "hatch" }), "masked: not yet written");
    this.legend.replaceChildren(...parts);
  }

  /** @param {number} weight */
  numberText(weight) {
    return this.current.isExact ? weightText(weight) : "…";
  }

  drawCursor() {
    const { store } = this;
    const { site, cursor, pinned } = store;
    this.matrix.mark({ query: cursor.query, key: cursor.key }, pinned);
    const number = this.numberText(cellOf(this.current.part, cursor.query, cursor.key));
    this.readout.replaceChildren(
      el("span", { class: "number" }, number),
      store.whatIf ? el("span", { class: "badge what-if" }, "what if") : "",
      pinned ? el("span", { class: "badge" }, "pinned") : "",
      el("br"),
      "query ",
      el("b", { class: "query" }, site.queries[cursor.query]),
      ` (row ${cursor.query + 1})`,
      el("br"),
      "key ",
      el("b", { class: "key" }, site.keys[cursor.key]),
      ` (column ${cursor.key + 1})`,
    );
    this.drawBars(Array.from(rowOf(this.current.part, cursor.query)));
  }

  // The cursor's row: where this query looks. In token order while all fit, else the heaviest and the rest.
  /** @param {number[]} row */
  drawBars(row) {
    const { site, cursor, knobs } = this.store;
    const visible = site.causal && knobs.mask ? Math.min(cursor.query + 1, row.length) : row.length;
    const most = Math.max(FEWEST_BARS, Math.floor((this.stage.clientHeight - AROUND_BARS) / BAR_HEIGHT));
    const order = [...Array(visible).keys()];
    const heaviest = visible > most ? [...order].sort((a, b) => row[b] - row[a]).slice(0, most - 1) : order;
    const kept = order.filter((j) => heaviest.includes(j));
    const lines = kept.map((j) => this.bar(site.keys[j], row[j], j === cursor.key));
    const sum = row.reduce((total, weight) => total + weight, 0);
    if (visible > most) {
      const rest = order.reduce((total, j) => (heaviest.includes(j) ? total : total + row[j]), 0);
      lines.push(this.bar(`${visible - most + 1} others`, rest, false));
    }
    const value = el("span", { class: "value" }, this.numberText(sum));
    this.bars.replaceChildren(...lines, el("div", { class: "sum" }, "row sum ", value));
  }

  /** @param {string} label @param {number} weight @param {boolean} isHere */
  bar(label, weight, isHere) {
    const fill = { width: `${100 * weight}%`, background: css(this.theme, Math.max(0.45, weight)) };
    return el(
      "div",
      { class: isHere ? "bar here" : "bar", title: label },
      el("span", { class: "label" }, label),
      el("span", { class: "track" }, el("span", { class: "fill", style: fill })),
      el("span", { class: "value" }, this.numberText(weight)),
    );
  }
}
