// All heads of the site as a grid (with each layer's mean), one of them large, and the row under the cursor as bars.

import { el } from "../shared/dom.js";
import { Matrix } from "../shared/matrix.js";
import { percentText, shortened, weightText } from "../shared/numbers.js";
import { paintThumbnail } from "../shared/paint.js";
import { css } from "../shared/theme.js";
import { describeHead, FIGURES, inWords, patternOf } from "./pattern.js";

const BAR_HEIGHT = 22;
const AROUND_BARS = 190;
const STRIP = 150;
const LONGEST_LABEL = 18;
export class Heads {
  constructor(store) {
    this.store = store;
    this.matrix = new Matrix({
      onCursor: (cell) => store.point({ stage: "weights", ...cell }),
      onPin: (cell) => store.pin({ stage: "weights", ...cell }),
    });
    this.grid = el("div", { class: "grid", role: "group", "aria-label": "All heads: layers down, heads across" });
    this.siteCaption = el("p", { class: "site-caption" });
    this.rule = el("p", {});
    this.legend = el("div", { class: "legend", "aria-hidden": "true" });
    this.caption = el("div", { class: "caption" }, this.rule, this.legend);
    this.readout = el("p", { class: "readout" });
    this.bars = el("div", { class: "bars" });
    this.pattern = el("div", { class: "pattern" });
    this.gridSide = el("section", { class: "heads" }, this.grid, this.siteCaption, this.pattern);
    this.stage = el("section", { class: "stage" }, this.caption, this.matrix.node);
    this.side = el("section", { class: "side" }, this.readout, this.bars);
    this.node = el("div", { class: "overview" }, this.gridSide, this.stage, this.side);
  }

  draw(theme) {
    this.theme = theme;
    const drawn = [this.store.overview, this.store.chosen.place, theme.mode, this.gridSide.clientWidth];
    if (!this.drawn || drawn.some((value, i) => value !== this.drawn[i])) this.drawGrid();
    this.drawn = drawn;
    this.drawStage();
  }

  drawGrid() {
    const { store, theme } = this;
    const { n_layers, n_heads, queries, keys } = store.sizes;
    const { values } = store.overview[store.chosen.place];
    const size = queries * keys;
    const isTight = this.gridSide.clientWidth / (n_heads + 1.5) < 58;
    const cells = [el("span", { class: "head-name" }, isTight ? "head" : "")];
    for (let head = 0; head < n_heads; head++) cells.push(el("span", { class: "head-name" }, isTight ? `${head + 1}` : `head ${head + 1}`));
    cells.push(el("span", { class: "head-name mean" }, "mean"));
    for (let layer = 0; layer < n_layers; layer++) {
      cells.push(el("span", { class: "layer-name" }, n_layers > 5 ? `${layer + 1}` : `layer ${layer + 1}`));
      const mean = new Float32Array(size);
      for (let head = 0; head < n_heads; head++) {
        const start = (layer * n_heads + head) * size;
        const weights = Float32Array.from(values.subarray(start, start + size), (byte) => byte / 255);
        weights.forEach((weight, i) => (mean[i] += weight / n_heads));
        const canvas = el("canvas", {});
        paintThumbnail(canvas, { stage: "weights", values: weights, rows: queries, columns: keys, scale: "weight" }, theme);
        const properties = {
          class: "thumb",
          "data-layer": layer + 1,
          "data-head": head + 1,
          "aria-label": `layer ${layer + 1}, head ${head + 1}`,
          onclick: () => store.choose({ layer, head }),
        };
        cells.push(el("button", properties, canvas));
      }
      const canvas = el("canvas", {});
      paintThumbnail(canvas, { stage: "mean of weights", values: mean, rows: queries, columns: keys, scale: "weight" }, theme);
      cells.push(el("span", { class: "thumb mean", role: "img", "aria-label": `layer ${layer + 1}, mean of its heads` }, canvas));
    }
    this.grid.style.gridTemplateColumns = `auto repeat(${n_heads + 1}, minmax(0, 1fr))`;
    this.grid.replaceChildren(...cells);
    this.markChosen();
  }

  markChosen() {
    const { layer, head } = this.store.chosen;
    for (const thumb of this.grid.querySelectorAll("button.thumb")) {
      const isChosen = Number(thumb.dataset.layer) === layer + 1 && Number(thumb.dataset.head) === head + 1;
      thumb.setAttribute("aria-pressed", String(isChosen));
    }
  }

  // Exact weights once they are here; until then the overview's shades, and no number.
  weights() {
    const { store } = this;
    const { n_heads, queries, keys } = store.sizes;
    const exact = store.stage("weights");
    if (exact) return { values: exact.values, isExact: true };
    const start = (store.chosen.layer * n_heads + store.chosen.head) * queries * keys;
    const bytes = store.overview[store.chosen.place].values.subarray(start, start + queries * keys);
    return { values: Float32Array.from(bytes, (byte) => byte / 255), isExact: false };
  }

  drawStage() {
    const { store, theme } = this;
    const { site } = store;
    this.markChosen();
    this.siteCaption.textContent = site.caption;
    this.rule.replaceChildren(
      el("strong", { style: { color: theme.roles.query } }, "Rows ask"),
      ", ",
      el("strong", { style: { color: theme.roles.key } }, "columns answer"),
      ".",
    );
    this.drawLegend();
    const sides = { src: "source", tgt: "target" };
    const { layer, head } = store.chosen;
    const { queries, keys } = store.sizes;
    const name = `${site.title}, layer ${layer + 1}, head ${head + 1}`;
    this.matrix.node.setAttribute(
      "aria-label",
      `${name}: weights of ${queries} ${sides[site.sides.query]} tokens over ${keys} ${sides[site.sides.key]} tokens`,
    );
    this.matrix.node.classList.toggle("what-if", store.whatIf);
    this.current = this.weights();
    this.matrix.draw({
      ...this.current,
      stage: "weights",
      rows: site.queries.map((label) => shortened(label, 2 * LONGEST_LABEL)),
      columns: site.keys.map((label) => shortened(label, LONGEST_LABEL)),
      causal: site.causal && store.knobs.mask,
      theme,
      width: this.stage.clientWidth,
      height: this.height(),
    });
    this.drawPattern();
    this.drawCursor();
  }

  // What is left of the first screen between the headings and the strip, so that all of it is seen at once.
  height() {
    const scrolled = document.querySelector("[data-testid=stMain]")?.scrollTop ?? 0;
    const above = this.matrix.node.getBoundingClientRect().top + scrolled;
    return Math.min(860, Math.max(240, window.innerHeight - above - STRIP));
  }

  drawLegend() {
    const gradient = `linear-gradient(to right, ${this.theme.stops.join(", ")})`;
    const parts = ["weight 0", el("span", { class: "scale", style: { background: gradient } }), "1"];
    if (this.store.site.causal) parts.push(el("span", { class: "hatch" }), "masked: not yet written");
    this.legend.replaceChildren(...parts);
  }

  drawCursor() {
    const { store, current } = this;
    const { site, cursor } = store;
    const { keys } = store.sizes;
    this.matrix.mark(cursor, store.pinned);
    const row = Array.from(current.values.subarray(cursor.query * keys, (cursor.query + 1) * keys));
    this.readout.replaceChildren(
      el("span", { class: "number" }, current.isExact ? weightText(row[cursor.key]) : "…"),
      store.whatIf ? el("span", { class: "badge what-if" }, "what if") : "",
      store.pinned ? el("span", { class: "badge" }, "pinned") : "",
      el("br"),
      "query ",
      el("b", { class: "query" }, site.queries[cursor.query]),
      ` (row ${cursor.query + 1})`,
      el("br"),
      "key ",
      el("b", { class: "key" }, site.keys[cursor.key]),
      ` (column ${cursor.key + 1})`,
    );
    this.drawBars(row);
  }

  // The cursor's row: where this query looks. In token order while all fit, else the heaviest and the rest.
  drawBars(row) {
    const { site, cursor, knobs } = this.store;
    const visible = site.causal && knobs.mask ? Math.min(cursor.query + 1, row.length) : row.length;
    const most = Math.max(8, Math.floor((this.stage.clientHeight - AROUND_BARS) / BAR_HEIGHT));
    let shown = [...Array(visible).keys()];
    let rest = 0;
    if (visible > most) {
      shown.sort((a, b) => row[b] - row[a]);
      rest = shown.slice(most - 1).reduce((sum, j) => sum + row[j], 0);
      shown = shown.slice(0, most - 1).sort((a, b) => a - b);
    }
    const number = (weight) => (this.current.isExact ? weightText(weight) : "…");
    const line = (label, weight, here) => {
      const fill = { width: `${100 * weight}%`, background: css(this.theme, Math.max(0.45, weight)) };
      return el(
        "div",
        { class: here ? "bar here" : "bar", title: label },
        el("span", { class: "label" }, label),
        el("span", { class: "track" }, el("span", { class: "fill", style: fill })),
        el("span", { class: "value" }, number(weight)),
      );
    };
    const lines = shown.map((j) => line(site.keys[j], row[j], j === cursor.key));
    if (visible > most) lines.push(line(`${visible - most + 1} others`, rest, false));
    const sum = row.reduce((total, weight) => total + weight, 0);
    this.bars.replaceChildren(...lines, el("div", { class: "sum" }, "row sum ", el("span", { class: "value" }, number(sum))));
  }

  // What this head does, in plain words, each with its figure; and a badge for each head of the layer.
  drawPattern() {
    const { store } = this;
    const { n_heads, keys: columns } = store.sizes;
    const { site } = store;
    const { real, sides } = site;
    const self = sides.query === sides.key;
    const asked = { queries: real.query, keys: real.key, columns, self, end: sides.key === "src" ? real.key - 1 : null };
    const rows = Array.from({ length: n_heads }, (_, head) => {
      const isOpen = head === store.chosen.head;
      const button = el("button", { class: "head-button", "data-head": head + 1, onclick: () => store.choose({ head }) }, `head ${head + 1}`);
      if (!store.exact) return el("div", { class: "head-line" }, button, el("span", { class: "note" }, "…"));
      const { values } = isOpen ? store.stage("weights") : store.own("weights", head);
      const stats = describeHead(values, { ...asked, causal: site.causal && !(isOpen && !store.knobs.mask) });
      const pattern = patternOf(stats);
      const isNamed = !["none", "single", "spread"].includes(pattern.name);
      const figures = [
        `entropy ${stats.entropy.toFixed(2)} of ${Math.log2(real.key).toFixed(2)} bits`,
        ...Object.keys(FIGURES).filter((name) => name in stats).map((name) => `${FIGURES[name]} ${percentText(stats[name])}`),
        `a row's heaviest ${percentText(stats.peak)}`,
      ];
      if ("order" in stats) figures.push(`the heaviest path through the words that never steps back ${percentText(stats.order)}`);
      const left = real.query - stats.choices;
      if (left) figures.push(`without ${left === 1 ? "the row that sees" : `${left} rows that see`} one token only`);
      return el(
        "div",
        { class: isOpen ? "head-line here" : "head-line" },
        button,
        el("span", { class: isNamed ? "badge" : "note" }, inWords(pattern, stats, site)),
        isOpen ? el("div", { class: "figures" }, `${figures.join(" · ")}.`) : null,
      );
    });
    const focused = this.pattern.getRootNode().activeElement?.closest(".head-button")?.dataset.head;
    this.pattern.replaceChildren(...rows);
    if (focused) this.pattern.querySelector(`[data-head="${focused}"]`)?.focus({ preventScroll: true });
  }
}
