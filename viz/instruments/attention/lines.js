// The same weights as lines: tokens that ask on the left, tokens that answer on the right, width and opacity = weight.

import { el, listen, refill, svg } from "../shared/dom.js";
import { heaviest } from "../shared/maths.js";
import { percentText, shortened, weightText } from "../shared/numbers.js";
import { marked } from "../shared/paint.js";
import { MASS } from "./store.js";

const LONGEST_LABEL = 20;
const HEADING = 36;
const TYPE = 16;

export class Lines {
  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this.store = store;
    /** @type {any} */
    this.theme = null;
    /** @type {any[]} */
    this.strokes = [];
    this.buttons = el("div", { class: "line-heads", role: "group", "aria-label": "Heads drawn" });
    const range = { type: "range", min: MASS.least, max: MASS.most, step: "5" };
    this.slider = el("input", { ...range, "aria-label": "Share of the mass drawn" });
    this.sliderText = el("span", {});
    listen(this.slider, {
      input: () => store.drawUntil(Number(this.slider.value)),
      change: () => store.say({ quiet: true }),
    });
    const slider = el("label", { class: "slider" }, "heaviest lines until ", this.slider, this.sliderText);
    this.figure = el("div", { class: "lines-figure", role: "figure" });
    this.node = el("div", { class: "lines" }, el("div", { class: "line-controls" }, this.buttons, slider), this.figure);
  }

  /** @param {any} theme */
  draw(theme) {
    const { store } = this;
    this.theme = theme;
    if (!store.exact) {
      this.figure.replaceChildren(el("p", {}, store.trouble ? "" : "Fetching this layer's numbers…"));
      return;
    }
    refill(this.buttons, "head", ...Array.from({ length: store.sizes.n_heads }, (_, head) => this.button(head)));
    this.slider.value = String(store.mass);
    this.sliderText.textContent = ` ${percentText(store.mass / 100)} of the mass`;
    this.drawLines();
  }

  /** @param {number} head */
  colour(head) {
    return this.theme.heads[head % this.theme.heads.length];
  }

  /** @param {number} head */
  button(head) {
    const isOn = this.store.drawn.has(head);
    const borderColor = this.colour(head);
    const about = { class: "head-toggle", "data-head": head + 1, "aria-pressed": String(isOn), style: { borderColor } };
    return el(
      "button",
      { ...about, onclick: () => this.store.toggle(head) },
      el("span", { class: "swatch", style: { background: isOn ? borderColor : "transparent", borderColor } }),
      `head ${head + 1}`,
    );
  }

  // Where tokens stand: `left` and `right` end, and the middle of each row.
  measure() {
    const { queries, keys } = this.store.sizes;
    const width = Math.max(280, this.figure.clientWidth || this.node.clientWidth);
    const row = Math.min(34, Math.max(17, (window.innerHeight * 0.62) / Math.max(queries, keys)));
    const sides = { left: Math.min(230, width * 0.36), right: width - Math.min(180, width * 0.3) };
    const y = (/** @type {number} */ i) => HEADING + (i + 0.5) * row;
    return { ...sides, y, type: Math.min(TYPE, row - 1), width, height: Math.max(queries, keys) * row + HEADING + 4 };
  }

  drawLines() {
    const { store, theme } = this;
    const { site } = store;
    const frame = this.measure();
    const { width, height, left, right } = frame;
    const type = { y: 18, "font-size": TYPE, "font-weight": 700 };
    this.strokes = [...store.drawn].sort((a, b) => a - b).flatMap((head) => this.strokesOf(head, frame));
    const picture = svg(
      "svg",
      { width, height, viewBox: `0 0 ${width} ${height}` },
      svg("text", { ...type, x: left - 8, "text-anchor": "end", fill: theme.roles.query }, "asks"),
      svg("text", { ...type, x: right + 8, "text-anchor": "start", fill: theme.roles.key }, "answers"),
      ...this.strokes,
      ...site.queries.map((text, i) => this.label(text, "query", i, frame)),
      ...site.keys.map((text, j) => this.label(text, "key", j, frame)),
    );
    const said = "who asks on the left, who answers on the right";
    this.figure.setAttribute("aria-label", `Lines of ${site.title}, layer ${store.layer + 1}: ${said}`);
    this.figure.replaceChildren(picture);
  }

  // One head's lines, the heaviest last.
  /** @param {number} head @param {ReturnType<Lines["measure"]>} frame */
  strokesOf(head, { left, right, y }) {
    const { store } = this;
    const { site } = store;
    const { values, columns } = store.weights(head);
    const middle = (left + right) / 2;
    return heaviest(values, store.mass / 100).reverse().map((cell) => {
      const [i, j, weight] = [Math.floor(cell / columns), cell % columns, values[cell]];
      const line = svg("path", {
        d: `M ${left} ${y(i)} C ${middle} ${y(i)}, ${middle} ${y(j)}, ${right} ${y(j)}`,
        fill: "none",
        stroke: this.colour(head),
        "stroke-width": (0.75 + 7 * weight).toFixed(2),
        "stroke-opacity": Math.max(0.12, weight).toFixed(3),
        "data-query": i,
        "data-key": j,
        "data-head": head,
      });
      line.append(svg("title", {}, `head ${head + 1}: ${site.queries[i]} asks ${site.keys[j]}: ${weightText(weight)}`));
      return marked(line, "weights", [head, i, j, weight]);
    });
  }

  /**
   * @param {string} text @param {"query" | "key"} side @param {number} i
   * @param {ReturnType<Lines["measure"]>} frame
   */
  label(text, side, i, { left, right, y, type }) {
    const [x, anchor] = side === "query" ? [left - 8, "end"] : [right + 8, "start"];
    const place = { x, y: y(i), "text-anchor": anchor, "dominant-baseline": "middle" };
    const about = { ...place, fill: this.theme.text, "font-size": type, class: "line-token" };
    const node = svg("text", about, shortened(text, LONGEST_LABEL), svg("title", {}, text));
    listen(node, {
      pointerenter: () => {
        this.keepOnly(side, i);
        this.store.point({ stage: "weights", [side]: i });
      },
      pointerleave: () => this.keepOnly(null),
    });
    return node;
  }

  /** @param {"query" | "key" | null} side */
  keepOnly(side, index = 0) {
    const isKept = (/** @type {SVGElement} */ line) => side === null || Number(line.dataset[side]) === index;
    for (const line of this.strokes) line.style.display = isKept(line) ? "" : "none";
  }

  drawCursor() {}
}
