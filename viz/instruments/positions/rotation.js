// PE(p + k) is PE(p) with each pair turned by a fixed angle: the same whatever p.

import { el, listen } from "../shared/dom.js";
import { numberText } from "../shared/numbers.js";
import { marked } from "../shared/paint.js";
import { frequency, rotation } from "./maths.js";
import { svg } from "./plot.js";

const RADIUS = 104;
const SIZE = 276;
const SMALL = 46;

function hand(className, radius, angle, x, y) {
  const tip = [Math.cos(angle), Math.sin(angle)];
  return marked(svg("line", { class: className, x1: x, y1: y, x2: x + radius * tip[0], y2: y - radius * tip[1] }), "PE", tip);
}

export class Rotation {
  constructor(store) {
    this.store = store;
    this.sliders = Object.fromEntries(
      [
        ["k", "k: how far on", (value) => store.turn(value)],
        ["pair", "pair i", (value) => store.move({ dim: 2 * value })],
        ["p", "position p", (value) => store.move({ p: value })],
      ].map(([name, label, tell]) => {
        const input = el("input", { type: "range", min: "0", step: "1", "aria-label": label });
        const text = el("span", { class: "knob-value" });
        listen(input, { input: () => tell(Number(input.value)) });
        return [name, { input, text, node: el("label", { class: "knob" }, label, input, text) }];
      }),
    );
    this.clock = svg("svg", { width: SIZE, height: SIZE, viewBox: `0 0 ${SIZE} ${SIZE}`, role: "figure", class: "clock" });
    this.equation = el("div", { class: "equation" });
    this.caption = el("p", { class: "note" });
    this.error = el("p", { class: "rotation-error" });
    this.clocks = el("div", { class: "clocks", role: "figure", tabindex: "0" });
    listen(this.clocks, { pointermove: (event) => this.point(event, (dim) => store.hover({ dim })) });
    listen(this.clocks, { click: (event) => this.point(event, (dim) => store.pin({ dim })) });
    this.node = el(
      "div",
      { class: "view rotation" },
      el("div", { class: "knobs" }, ...Object.values(this.sliders).map(({ node }) => node)),
      el("div", { class: "two" }, this.clock, el("div", { class: "cellbox" }, this.equation, this.error, this.caption)),
      el("div", { class: "panel-name" }, (this.allName = el("b"))),
      this.clocks,
    );
  }

  point(event, tell) {
    const pair = event.target.closest?.("[data-pair]")?.dataset.pair;
    if (pair !== undefined) tell(2 * Number(pair));
  }

  draw(theme) {
    this.theme = theme;
    const { rows, pairs } = this.store.sizes;
    this.sliders.k.input.max = String(Math.max(1, rows - 1));
    this.sliders.pair.input.max = String(pairs - 1);
    this.sliders.p.input.max = String(rows - 1);
    this.clocks.replaceChildren(
      ...Array.from({ length: pairs }, (_, pair) => svg("svg", { width: SMALL, height: SMALL, viewBox: `0 0 ${SMALL} ${SMALL}`, "data-pair": pair, class: "small-clock" })),
    );
    this.drawCursor();
  }

  drawCursor() {
    const { store } = this;
    const { k, pair, cursor } = store;
    const { pairs } = store.sizes;
    const values = { k, pair, p: cursor.p };
    for (const [name, { input, text }] of Object.entries(this.sliders)) {
      input.value = String(values[name]);
      text.textContent = String(values[name]);
    }
    this.drawClock();
    this.drawEquation();
    this.allName.textContent = `All ${pairs} pairs: the hand of PE(${cursor.p}) and, ${k} on, of PE(${cursor.p + k})`;
    this.clocks.setAttribute("aria-label", `Clocks of all ${pairs} pairs: each turns by its own fixed angle when p grows by ${k}; pair ${pair} is chosen`);
    this.drawAllClocks();
  }

  angle(pair, p) {
    const { d_model, base } = this.store.header;
    return p * frequency(pair, d_model, base);
  }

  // The two hands of a pair: their tips are (cos, sin) at p and at p + k.
  hands(pair, radius, x, y) {
    const { cursor, k } = this.store;
    return [hand("hand from", radius, this.angle(pair, cursor.p), x, y), hand("hand to", radius, this.angle(pair, cursor.p + k), x, y)];
  }

  drawClock() {
    const { store } = this;
    const { cursor, k, pair } = store;
    const middle = SIZE / 2;
    const label = (p, angle, className, near) =>
      svg("text", { class: className, x: middle + (RADIUS + 22) * Math.cos(angle), y: middle - (RADIUS + (near ? 32 : 16)) * Math.sin(angle) + 5, "text-anchor": "middle", "font-size": 16 }, `PE(${p})`);
    const [from, to] = [this.angle(pair, cursor.p), this.angle(pair, cursor.p + k)];
    const turn = to - from;
    const isNear = Math.cos(turn) > 0.9;
    const steps = Array.from({ length: 49 }, (_, n) => from + (Math.min(turn, 2 * Math.PI) * n) / 48);
    const arc = steps.map((angle, n) => `${n ? "L" : "M"}${middle + 0.4 * RADIUS * Math.cos(angle)} ${middle - 0.4 * RADIUS * Math.sin(angle)}`).join("");
    this.clock.setAttribute("aria-label", `Pair ${pair}: the hand of PE(${cursor.p}) turns by ${numberText(turn)} radians to that of PE(${cursor.p + k})`);
    this.clock.replaceChildren(
      svg("line", { class: "grid", x1: middle - RADIUS, x2: middle + RADIUS, y1: middle, y2: middle }),
      svg("line", { class: "grid", x1: middle, x2: middle, y1: middle - RADIUS, y2: middle + RADIUS }),
      svg("circle", { class: "face", cx: middle, cy: middle, r: RADIUS }),
      svg("path", { class: "arc", d: arc }),
      ...this.hands(pair, RADIUS, middle, middle),
      label(cursor.p, from, "from-name", false),
      ...(k ? [label(cursor.p + k, to, "to-name", isNear)] : []),
      svg("text", { class: "tick", x: SIZE - 4, y: SIZE - 8, "text-anchor": "end", "font-size": 14 }, "→ cos"),
      svg("text", { class: "tick", x: 4, y: 18, "font-size": 14 }, "↑ sin"),
    );
  }

  drawEquation() {
    const { store } = this;
    const { cursor, k, pair } = store;
    const { d_model, base } = store.header;
    const matrix = rotation(k, pair, d_model, base);
    const column = (values, name, className) => el("div", { class: "column" }, el("div", { class: "bracket" }, ...values.map((value) => el("span", {}, numberText(value)))), el("span", { class: className }, name));
    const angle = k * frequency(pair, d_model, base);
    const before = [store.at(cursor.p, 2 * pair), store.at(cursor.p, 2 * pair + 1)];
    const after = matrix.map(([a, b]) => a * before[0] + b * before[1]);
    this.equation.replaceChildren(
      column(after, `PE(${cursor.p + k})`, "to-name"),
      el("span", { class: "sign" }, "="),
      el("div", { class: "column" }, el("div", { class: "bracket matrix2" }, ...matrix.flat().map((value) => el("span", {}, numberText(value)))), el("span", {}, `R(k = ${k})`)),
      el("span", { class: "sign" }, "·"),
      column(before, `PE(${cursor.p})`, "from-name"),
    );
    const error = store.rotationError();
    this.error.className = `rotation-error check ${error <= 1e-5 ? "right" : "wrong"}`;
    this.error.textContent = `all ${store.sizes.pairs} pairs, all p from 0 to ${Math.max(0, store.sizes.rows - 1 - k)}: max error ${error === 0 ? "0" : Number.isFinite(error) ? error.toExponential(0) : "not a number"}`;
    this.caption.textContent = `R = [cos kω, sin kω; −sin kω, cos kω] with ω = ${base}^(−${2 * pair}/${d_model}) = ${numberText(frequency(pair, d_model, base))}, so kω = ${numberText(angle)} radians (${numberText((angle * 180) / Math.PI)}°). It holds k, but no p: move p, and both hands turn together while R stays. So “k further on” is one fixed linear map.`;
  }

  drawAllClocks() {
    const middle = SMALL / 2;
    [...this.clocks.children].forEach((clock, pair) => {
      clock.classList.toggle("here", pair === this.store.pair);
      const title = svg("title", {}, `pair ${pair}: dimensions ${2 * pair + 1} and ${2 * pair + 2}`);
      clock.replaceChildren(title, svg("circle", { class: "face", cx: middle, cy: middle, r: middle - 2 }), ...this.hands(pair, middle - 4, middle, middle));
    });
  }
}
