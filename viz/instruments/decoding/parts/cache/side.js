// What the cache saves, beside the picture: rows computed, a bar a step, a table of counts, the cache's size, the time.

import { el } from "../../../shared/dom.js";
import { Bars, Triangle } from "./cost.js";
import { grouped, milliseconds, ratioSpread, sumUpTo, times, timeSpread, WAYS, whole } from "./words.js";

/** @type {Record<string, string>} */
const CHARTS = { work: "multiply–adds", time: "ms" };
// Rows of the table: what the open step costs, all steps so far, all of them, and the time.
/** @type {Record<string, string>} */
const COSTS = { step: "step", sum: "sum", all: "sum", time: "time" };

export class Side {
  /**
   * @param {object} told
   * @param {(what: any) => void} told.onPoint { cost: "rows" | "step" | "sum" | "time", step, way }, or null
   * @param {(step: number) => void} told.onOpen
   * @param {() => void} told.onAgain
   */
  constructor({ onPoint, onOpen, onAgain }) {
    this.onPoint = onPoint;
    this.chart = "work";
    this.isMeasuring = false;
    /** @type {any} header of "cache" */
    this.header = null;
    /** @type {any} what "cache_time" gave */
    this.times = null;
    /** @type {any} */
    this.theme = null;
    this.step = this.steps = this.size = 0;
    const onLeave = () => onPoint(null);
    this.triangles = Object.fromEntries(Object.keys(WAYS).map((way) => {
      const onRow = (/** @type {number} */ step) => onPoint({ cost: "rows", step, way });
      const picture = new Triangle(way === "cached", { onPoint: onRow, onClick: onOpen, onLeave });
      return [way, { title: el("p", {}), picture }];
    }));
    this.charts = Object.entries(CHARTS).map(([name, text]) => {
      const onclick = () => this.choose(name);
      return el("button", { class: "small head-choice", "data-choice": name, onclick }, text);
    });
    const onBar = (/** @type {any} */ bar) => onPoint({ cost: "step", chart: this.chart, ...bar });
    this.bars = new Bars({ onPoint: onBar, onClick: onOpen, onLeave });
    /** @type {Record<string, Record<string, any>>} */
    this.cells = Object.fromEntries(Object.keys(COSTS).map((name) => [name, this.row(name)]));
    this.table = this.tableOf(this.cells);
    this.memory = el("p", { class: "cache-memory" });
    this.timing = el("span", { class: "cache-timing" });
    this.again = el("button", { class: "small", "aria-label": "Measure again", onclick: onAgain }, "Again");
    const charts = el("div", { class: "cache-charts", role: "group", "aria-label": "Bars" }, ...this.charts);
    const drawn = Object.values(this.triangles).map(({ title, picture }) => el("div", {}, title, picture.node));
    this.node = el(
      "div",
      { class: "cache-right" },
      el("div", { class: "cache-drawn" }, ...drawn, el("div", { class: "cache-chart" }, charts, this.bars.node)),
      this.table,
      this.memory,
      el("p", { class: "cache-time" }, this.timing, " ", this.again),
    );
  }

  // Columns: with the cache, without, ratio.
  /** @param {string} name */
  row(name) {
    const cell = (/** @type {string} */ way) => {
      const step = () => (name === "step" || name === "sum" ? this.step : this.steps - 1);
      const point = () => this.onPoint({ cost: COSTS[name], step: step(), way });
      const leave = () => this.onPoint(null);
      const told = { onpointerenter: point, onfocus: point, onpointerleave: leave, onblur: leave };
      return el("td", { "data-way": way, tabindex: "0", ...told });
    };
    const [cached, uncached] = Object.keys(WAYS).map(cell);
    return { name: el("th", { scope: "row" }), cached, uncached, ratio: el("td", { class: "ratio" }) };
  }

  /** @param {Record<string, Record<string, any>>} cells */
  tableOf(cells) {
    const titles = ["multiply–adds", ...Object.values(WAYS), "ratio"];
    const heads = titles.map((text) => el("th", { scope: "col" }, text));
    const rows = Object.entries(cells).map(([name, row]) => el("tr", { "data-row": name }, ...Object.values(row)));
    return el("table", { class: "cache-table" }, el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...rows));
  }

  // Not `disabled`: that would take the focus, and with it the keys, away.
  /** @param {boolean} isMeasuring */
  measures(isMeasuring) {
    this.isMeasuring = isMeasuring;
    this.again.setAttribute("aria-disabled", String(isMeasuring));
  }

  /** @param {string} chart */
  choose(chart) {
    this.chart = chart;
    this.paintBars();
  }

  /** @param {{ header: any, times: any, step: number, size: number, theme: any }} spec size: of a triangle */
  draw(spec) {
    Object.assign(this, spec);
    this.steps = this.header.reads.length;
    this.paintTriangles();
    this.paintBars();
    this.paintTable();
    this.paintMemory();
    this.paintTime();
  }

  paintTriangles() {
    const { step, steps, size, theme } = this;
    /** @type {Record<string, number>} */
    const rows = { cached: step + 1, uncached: ((step + 1) * (step + 2)) / 2 };
    for (const [way, text] of Object.entries(WAYS)) {
      const counted = `${grouped(rows[way])} ${rows[way] === 1 ? "row" : "rows"}`;
      this.triangles[way].title.replaceChildren(text, el("br"), el("b", { class: `rows-${way}` }, counted));
      const name = `Rows that each step computes ${text}: ${counted} in steps 1 to ${step + 1}`;
      this.triangles[way].picture.draw({ name, steps, step, size, theme });
    }
  }

  paintBars() {
    const { step, theme, chart, header } = this;
    for (const button of this.charts) button.setAttribute("aria-pressed", String(button.dataset.choice === chart));
    const isWork = chart === "work";
    if (!isWork && !this.times) return;
    const series = (/** @type {string} */ way) =>
      isWork ? header.work[way].map(whole) : Array.from(this.times.arrays[`${way}_ms`].values);
    const [cached, uncached] = Object.keys(WAYS).map(series);
    const highest = Math.max(...cached, ...uncached);
    const most = isWork ? grouped(highest) : milliseconds(highest);
    const name = `${isWork ? "Multiply–adds" : "Milliseconds"} of each step: without a cache hatched, with it filled`;
    const width = /** @type {HTMLElement} */ (this.bars.node.parentElement).clientWidth;
    this.bars.draw({ name, cached, uncached, step, width, height: this.size + 6, most, theme });
  }

  paintTable() {
    const { header, step, steps } = this;
    /** @param {Record<string, any>} row @param {string} title @param {any[]} costs @param {Function} text */
    const fill = ({ name, cached, uncached, ratio }, title, [few, many], text) => {
      name.textContent = title;
      cached.textContent = text(few);
      uncached.textContent = text(many);
      ratio.textContent = times(many, few);
    };
    const counts = (/** @type {(way: string) => any} */ count) => Object.keys(WAYS).map(count);
    const { cells } = this;
    fill(cells.step, `step ${step + 1}`, counts((way) => whole(header.work[way][step])), grouped);
    fill(cells.sum, `steps 1–${step + 1}`, counts((way) => sumUpTo(header, way, step)), grouped);
    fill(cells.all, `all ${steps} steps`, counts((way) => sumUpTo(header, way, steps - 1)), grouped);
    const total = this.times?.header.total_ms;
    this.table.classList.toggle("timed", Boolean(total));
    if (total) {
      fill(cells.time, "time", counts((way) => total[way]), timeSpread);
      cells.time.ratio.textContent = ratioSpread(this.times.header.ratio);
    } else for (const [i, cell] of Object.values(cells.time).entries()) cell.textContent = i ? "…" : "time";
    const { title, count } = header.once;
    this.table.title = `The ${title}'s ${grouped(count)} multiply–adds, run once either way, are not counted here.`;
  }

  paintMemory() {
    const { sizes, source, numbers } = this.header;
    const held = whole(numbers[this.step]);
    const formula = `2 × ${sizes.n_layers} layers × ${sizes.d_model} × (${this.step + 1} + ${source.length} source)`;
    this.memory.replaceChildren(
      "The cache holds ", el("span", { class: "cache-formula" }, formula), " = ",
      el("b", { class: "cache-numbers" }, grouped(held)), " numbers × 4 bytes = ",
      el("b", { class: "cache-bytes" }, grouped(4 * held)), " bytes.",
    );
  }

  paintTime() {
    if (!this.times) {
      this.timing.textContent = "Measuring the time…";
      return;
    }
    const { repeats, at, fused_ms, ratio: [low, , high] } = this.times.header;
    const clock = new Date(1000 * at).toLocaleTimeString("en-GB");
    const doubt = low < 1 && high > 1 ? " Too noisy now to say which is faster." : "";
    const fused = fused_ms ? ` Fused, with the cache, as this page decodes: ${timeSpread(fused_ms)}.` : "";
    this.timing.textContent =
      `Time of ${this.header.once.title} and all steps, each operation by itself: median of ${repeats} interleaved ` +
      `runs (and the range of their middle half), on this server, ${clock}.${doubt}${fused}`;
  }
}
