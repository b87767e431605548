// What the cache saves, beside the picture: rows computed, a bar a step, a table of counts, the cache's size, the measured time.

import { el } from "../../../shared/dom.js";
import { Bars, Triangle } from "./cost.js";
import { grouped, milliseconds, ratioSpread, sum, sumUpTo, times, timeSpread, WAYS } from "./words.js";

const CHARTS = { work: "multiply–adds", time: "ms" };

export class Side {
  // onPoint(what) with { cost: "rows" | "step" | "sum" | "time", step, way }, or null; onOpen(step); onAgain()
  constructor({ onPoint, onOpen, onAgain }) {
    Object.assign(this, { onPoint, chart: "work" });
    const onLeave = () => onPoint(null);
    const triangle = (way) => new Triangle(way === "cached", { onPoint: (step) => onPoint({ cost: "rows", step, way }), onClick: onOpen, onLeave });
    this.triangles = Object.fromEntries(Object.keys(WAYS).map((way) => [way, { title: el("p", {}), picture: triangle(way) }]));
    this.charts = Object.entries(CHARTS).map(([name, text]) => el("button", { class: "small head-choice", "data-choice": name, onclick: () => this.choose(name) }, text));
    this.bars = new Bars({ onPoint: (bar) => onPoint({ cost: "step", chart: this.chart, ...bar }), onClick: onOpen, onLeave });
    this.buildTable();
    this.memory = el("p", { class: "cache-memory" });
    this.timing = el("span", { class: "cache-timing" });
    this.again = el("button", { class: "small", "aria-label": "Measure again", onclick: onAgain }, "Again");
    this.node = el(
      "div",
      { class: "cache-right" },
      el(
        "div",
        { class: "cache-drawn" },
        ...Object.values(this.triangles).map(({ title, picture }) => el("div", {}, title, picture.node)),
        el("div", { class: "cache-chart" }, el("div", { class: "cache-charts", role: "group", "aria-label": "Bars" }, ...this.charts), this.bars.node),
      ),
      this.table,
      this.memory,
      el("p", { class: "cache-time" }, this.timing, " ", this.again),
    );
  }

  // Rows: what the open step costs, all steps so far, all of them, and the time; columns: with the cache, without, ratio.
  buildTable() {
    const at = { step: () => this.step, sum: () => this.step, all: () => this.steps - 1, time: () => this.steps - 1 };
    const costs = { step: "step", sum: "sum", all: "sum", time: "time" };
    const cell = (name, way) => {
      const point = () => this.onPoint({ cost: costs[name], step: at[name](), way });
      const leave = () => this.onPoint(null);
      return el("td", { "data-way": way, tabindex: "0", onpointerenter: point, onfocus: point, onpointerleave: leave, onblur: leave });
    };
    const row = (name) => ({ name: el("th", { scope: "row" }), cached: cell(name, "cached"), uncached: cell(name, "uncached"), ratio: el("td", { class: "ratio" }) });
    this.cells = Object.fromEntries(Object.keys(costs).map((name) => [name, row(name)]));
    const heads = ["multiply–adds", ...Object.values(WAYS), "ratio"].map((text) => el("th", { scope: "col" }, text));
    const rows = Object.entries(this.cells).map(([name, cells]) => el("tr", { "data-row": name }, ...Object.values(cells)));
    this.table = el("table", { class: "cache-table" }, el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...rows));
  }

  // Not `disabled`: that would take the focus, and with it the keys, away.
  measures(isMeasuring) {
    this.isMeasuring = isMeasuring;
    this.again.setAttribute("aria-disabled", String(isMeasuring));
  }

  choose(chart) {
    this.chart = chart;
    this.paintBars();
  }

  // spec: { header of the part "cache", times: the part "cache_time" or null, step, size (of a triangle), theme }
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
    const rows = { cached: step + 1, uncached: ((step + 1) * (step + 2)) / 2 };
    for (const [way, text] of Object.entries(WAYS)) {
      const counted = `${grouped(rows[way])} ${rows[way] === 1 ? "row" : "rows"}`;
      this.triangles[way].title.replaceChildren(text, el("br"), el("b", { class: `rows-${way}` }, counted));
      this.triangles[way].picture.draw({ name: `Rows that each step computes ${text}: ${counted} in steps 1 to ${step + 1}`, steps, step, size, theme });
    }
  }

  paintBars() {
    const { step, theme, chart, header } = this;
    for (const button of this.charts) button.setAttribute("aria-pressed", String(button.dataset.choice === chart));
    const series = (way) => (chart === "work" ? header.work[way].map(sum) : this.times && Array.from(this.times.arrays[`${way}_ms`].values));
    const [cached, uncached] = [series("cached"), series("uncached")];
    if (!cached) return;
    const highest = Math.max(...cached, ...uncached);
    const most = chart === "work" ? grouped(highest) : milliseconds(highest);
    this.bars.draw({ name: `${chart === "work" ? "Multiply–adds" : "Milliseconds"} of each step: without a cache hatched, with it filled`, cached, uncached, step, width: this.bars.node.parentNode.clientWidth, height: this.size + 6, most, theme });
  }

  paintTable() {
    const { header, step, steps } = this;
    const fill = ({ name, cached, uncached, ratio }, title, [few, many], text) => {
      name.textContent = title;
      cached.textContent = text(few);
      uncached.textContent = text(many);
      ratio.textContent = times(many, few);
    };
    const counts = (count) => Object.keys(WAYS).map(count);
    const { cells } = this;
    fill(cells.step, `step ${step + 1}`, counts((way) => sum(header.work[way][step])), grouped);
    fill(cells.sum, `steps 1–${step + 1}`, counts((way) => sumUpTo(header, way, step)), grouped);
    fill(cells.all, `all ${steps} steps`, counts((way) => sumUpTo(header, way, steps - 1)), grouped);
    const total = this.times?.header.total_ms;
    this.table.classList.toggle("timed", Boolean(total));
    if (total) {
      fill(cells.time, "time", counts((way) => total[way]), timeSpread);
      cells.time.ratio.textContent = ratioSpread(this.times.header.ratio);
    } else for (const [i, cell] of Object.values(cells.time).entries()) cell.textContent = i ? "…" : "time";
    this.table.title = `The ${header.once.title}'s ${grouped(header.once.count)} multiply–adds, run once either way, are not counted here.`;
  }

  paintMemory() {
    const { sizes, source, numbers } = this.header;
    const held = sum(numbers[this.step]);
    const formula = `2 × ${sizes.n_layers} layers × ${sizes.d_model} × (${this.step + 1} + ${source.length} source)`;
    this.memory.replaceChildren("The cache holds ", el("span", { class: "cache-formula" }, formula), " = ", el("b", { class: "cache-numbers" }, grouped(held)), " numbers × 4 bytes = ", el("b", { class: "cache-bytes" }, grouped(4 * held)), " bytes.");
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
    this.timing.textContent = `Time of ${this.header.once.title} and all steps, each operation by itself: median of ${repeats} interleaved runs (and the range of their middle half), on this server, ${clock}.${doubt}${fused}`;
  }
}
