// PE(p + k) is PE(p) with each pair turned by a fixed angle: the same whatever p.

import { Badge } from "../shared/badge.js";
import { el, listen, svg } from "../shared/dom.js";
import { LEFT_RIGHT, pinning, UP_DOWN, walk } from "../shared/keys.js";
import { numberText } from "../shared/numbers.js";
import { marked } from "../shared/paint.js";
import { frequency, rotation } from "./maths.js";

const RADIUS = 104;
const SIZE = 276;
const SMALL = 46;

const square = (size) => ({ width: size, height: size, viewBox: `0 0 ${size} ${size}` });

function hand(className, radius, angle, x, y) {
  const tip = [Math.cos(angle), Math.sin(angle)];
  const ends = { x1: x, y1: y, x2: x + radius * tip[0], y2: y - radius * tip[1] };
  return marked(svg("line", { class: className, ...ends }), "PE", tip);
}

export class Rotation {
  constructor(store) {
    this.store = store;
    this.sliders = {
      k: this.slider("k: how far on", (value) => store.turn(value)),
      pair: this.slider("pair i", (value) => store.move({ dim: 2 * value })),
      p: this.slider("position p", (value) => store.move({ p: value })),
    };
    this.clock = svg("svg", { ...square(SIZE), role: "figure", class: "clock" });
    this.equation = el("div", { class: "equation" });
    this.caption = el("p", { class: "note" });
    this.badge = new Badge();
    this.clocks = el("div", { class: "clocks", role: "figure", tabindex: "0" });
    listen(this.clocks, { pointermove: (event) => this.point(event, (dim) => store.point({ dim })) });
    listen(this.clocks, { click: (event) => this.point(event, (dim) => store.pin({ dim })) });
    this.allName = el("b");
    const error = el("p", { class: "rotation-error" }, this.badge.node);
    const beside = el("div", { class: "cellbox" }, this.equation, error, this.caption);
    this.node = el(
      "div",
      { class: "view rotation" },
      el("div", { class: "knobs" }, ...Object.values(this.sliders).map(({ node }) => node)),
      el("div", { class: "two" }, this.clock, beside),
      el("div", { class: "panel-name" }, this.allName),
      this.clocks,
    );
  }

  // The picture follows while the reader drags; the link is told where the knob is let go.
  slider(label, tell) {
    const input = el("input", { type: "range", min: "0", step: "1", "aria-label": label });
    const text = el("span", { class: "knob-value" });
    listen(input, { input: () => tell(Number(input.value)), change: () => this.store.say() });
    return { input, text, node: el("label", { class: "knob" }, label, input, text) };
  }

  get keys() {
    const { store } = this;
    const how = { on: ".clocks", says: "on a picture arrows move" };
    const byPair = walk(LEFT_RIGHT, "dim", (by) => store.set({ dim: store.cursor.dim + 2 * by }), how);
    return [
      ...walk(UP_DOWN, "p", (by) => store.set({ p: store.cursor.p + by }), how),
      ...byPair.map((row) => ({ ...row, by: 2 * Number(row.by) })),
      ...pinning(store, ".clocks"),
    ];
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
    const small = (_, pair) => svg("svg", { ...square(SMALL), class: "small-clock", "data-pair": pair });
    this.clocks.replaceChildren(...Array.from({ length: pairs }, small));
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
    const each = `each turns by its own fixed angle when p grows by ${k}`;
    this.clocks.setAttribute("aria-label", `Clocks of all ${pairs} pairs: ${each}; pair ${pair} is chosen`);
    this.drawAllClocks();
  }

  angle(pair, p) {
    const { d_model, base } = this.store.header;
    return p * frequency(pair, d_model, base);
  }

  // The two hands of a pair: their tips are (cos, sin) at p and at p + k.
  hands(pair, radius, x, y) {
    const { cursor, k } = this.store;
    const ends = { from: cursor.p, to: cursor.p + k };
    return Object.entries(ends).map(([name, p]) => hand(`hand ${name}`, radius, this.angle(pair, p), x, y));
  }

  drawClock() {
    const { store } = this;
    const { cursor, k, pair } = store;
    const middle = SIZE / 2;
    const label = (p, angle, className, near) => {
      const x = middle + (RADIUS + 22) * Math.cos(angle);
      const y = middle - (RADIUS + (near ? 32 : 16)) * Math.sin(angle) + 5;
      return svg("text", { class: className, x, y, "text-anchor": "middle", "font-size": 16 }, `PE(${p})`);
    };
    const [from, to] = [this.angle(pair, cursor.p), this.angle(pair, cursor.p + k)];
    const turn = to - from;
    const isNear = Math.cos(turn) > 0.9;
    const steps = Array.from({ length: 49 }, (_, n) => from + (Math.min(turn, 2 * Math.PI) * n) / 48);
    const onArc = (angle) => `${middle + 0.4 * RADIUS * Math.cos(angle)} ${middle - 0.4 * RADIUS * Math.sin(angle)}`;
    const arc = `M${steps.map(onArc).join("L")}`;
    const turns = `turns by ${numberText(turn)} radians to that of PE(${cursor.p + k})`;
    this.clock.setAttribute("aria-label", `Pair ${pair}: the hand of PE(${cursor.p}) ${turns}`);
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
    const column = (values, name, nameClass, className = "bracket") => {
      const bracket = el("div", { class: className }, ...values.map((value) => el("span", {}, numberText(value))));
      return el("div", { class: "column" }, bracket, el("span", { class: nameClass }, name));
    };
    const angle = k * frequency(pair, d_model, base);
    const before = [store.at(cursor.p, 2 * pair), store.at(cursor.p, 2 * pair + 1)];
    const after = matrix.map(([a, b]) => a * before[0] + b * before[1]);
    this.equation.replaceChildren(
      column(after, `PE(${cursor.p + k})`, "to-name"),
      el("span", { class: "sign" }, "="),
      column(matrix.flat(), `R(k = ${k})`, "", "bracket matrix2"),
      el("span", { class: "sign" }, "·"),
      column(before, `PE(${cursor.p})`, "from-name"),
    );
    this.badge.says = `all ${store.sizes.pairs} pairs, all p from 0 to ${Math.max(0, store.sizes.rows - 1 - k)}`;
    this.badge.draw({ error: store.rotationError(), what: "PE(p + k) as R · PE(p)" });
    const omega = `${base}^(−${2 * pair}/${d_model}) = ${numberText(frequency(pair, d_model, base))}`;
    this.caption.textContent =
      `R = [cos kω, sin kω; −sin kω, cos kω] with ω = ${omega}, so kω = ${numberText(angle)} radians ` +
      `(${numberText((angle * 180) / Math.PI)}°). It holds k, but no p: move p, and both hands turn together while R ` +
      "stays. So “k further on” is one fixed linear map.";
  }

  drawAllClocks() {
    const middle = SMALL / 2;
    [...this.clocks.children].forEach((clock, pair) => {
      clock.classList.toggle("here", pair === this.store.pair);
      const title = svg("title", {}, `pair ${pair}: dimensions ${2 * pair + 1} and ${2 * pair + 2}`);
      const face = svg("circle", { class: "face", cx: middle, cy: middle, r: middle - 2 });
      clock.replaceChildren(title, face, ...this.hands(pair, middle - 4, middle, middle));
    });
  }
}
