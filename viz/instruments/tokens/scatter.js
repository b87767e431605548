// Points in two dimensions, with labels where they fit; the chosen token is always labelled.

import { activeIn, el, focusOn, listen, svg } from "../shared/dom.js";
import { percentText, shortened } from "../shared/numbers.js";
import { marked } from "../shared/paint.js";

const MARGIN = 30;
const TYPE = { token: 16, near: 14 };
const REACH = 30;
const LONGEST_LABEL = 16;

const overlaps = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

// Where a label of this size may stand around a point, best first: its box, for dots of radius `gap`.
export function placesAround({ x, y }, width, height, gap) {
  const [right, left, above, below] = [x + gap, x - gap - width, y - gap - height, y + gap];
  const [middleX, middleY] = [x - width / 2, y - height / 2];
  const beside = [[right, middleY], [left, middleY], [middleX, above], [middleX, below]];
  const corners = [[right, above], [right, below], [left, above], [left, below]];
  return [...beside, ...corners].map(([boxX, boxY]) => ({ x: boxX, y: boxY, width, height }));
}

// For each box wanted (in order of importance) the first place that is free and inside, or null: then it is left out.
// `kept`: boxes that must stay free.
export function placeLabels(wanted, frame, dots, kept = []) {
  const taken = [...kept];
  const isInside = ({ x, y, width, height }) =>
    x >= 0 && y >= 0 && x + width <= frame.width && y + height <= frame.height;
  const around = ({ x, y }) => ({ x: x - 3, y: y - 3, width: 6, height: 6 });
  return wanted.map(({ point, width, height, gap, always }) => {
    const places = placesAround(point, width, height, gap);
    const inside = places.filter(isInside);
    const free = inside.filter((box) => !taken.some((other) => overlaps(box, other)));
    const clear = free.find((box) => !dots.some((dot) => dot !== point && overlaps(box, around(dot))));
    const box = clear ?? free[0] ?? (always ? (inside[0] ?? places[0]) : null);
    if (box) taken.push(box);
    return box;
  });
}

export class Scatter {
  constructor(store) {
    this.store = store;
    /** @type {any} */
    this.theme = null;
    /** @type {any[]} */
    this.points = [];
    /** @type {{ x: number, y: number }[]} where the points are on screen */
    this.dots = [];
    this.centre = { x: 0, y: 0 };
    this.size = { width: 0, height: 0 };
    // Which cursor is drawn.
    this.drawn = "";
    this.context = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));
    this.layers = el("div", { class: "head-buttons layer-choices", role: "group", "aria-label": "After which layer" });
    this.caption = el("p", { class: "note" });
    this.figure = el("div", { class: "scatter", role: "figure", tabindex: "0" });
    this.node = el(
      "section",
      { class: "pca" },
      el("div", { class: "panel-name" }, el("b", {}, "The sentence in two dimensions"), this.layers),
      this.figure,
      this.caption,
    );
    listen(this.figure, { pointermove: (event) => this.point(event, (change) => store.point(change)) });
    listen(this.figure, { click: (event) => this.point(event, (change) => store.pin(change)) });
  }

  draw(theme) {
    this.theme = theme;
    this.drawLayers();
    this.drawPicture();
  }

  drawLayers() {
    const { store } = this;
    const focused = activeIn(this.layers)?.dataset.depth;
    this.layers.replaceChildren(
      ...store.side.layers.map(({ name }, layer) =>
        el(
          "button",
          {
            class: "head-choice",
            "aria-pressed": String(layer === store.depth),
            "aria-label": layer === 0 ? "embeddings" : `after layer ${layer}`,
            title: name,
            "data-depth": layer,
            onclick: () => store.showDepth(layer),
          },
          layer === 0 ? "embed" : String(layer),
        ),
      ),
    );
    if (focused !== undefined) focusOn(this.layers.querySelector(`[data-depth="${focused}"]`));
  }

  // The same scale on both axes, so that distances on screen can be compared.
  drawPicture() {
    const width = Math.max(200, Math.floor(this.node.clientWidth));
    const height = Math.round(Math.min(360, Math.max(270, 0.72 * width)));
    this.points = this.store.points;
    const range = (values) => [Math.min(...values), Math.max(...values)];
    const [left, right] = range(this.points.map(({ x }) => x));
    const [bottom, top] = range(this.points.map(({ y }) => y));
    const [across, down] = [right - left || 1e-9, top - bottom || 1e-9];
    const unit = Math.min((width - 4 * MARGIN) / across, (height - 2.4 * MARGIN) / down, 1e6);
    const [middleX, middleY] = [(left + right) / 2, (bottom + top) / 2];
    const at = ({ x, y }) => ({ x: width / 2 + (x - middleX) * unit, y: height / 2 - 4 - (y - middleY) * unit });
    this.size = { width, height };
    this.dots = this.points.map(at);
    this.centre = at({ x: 0, y: 0 });
    this.drawn = "";
    this.drawCaption();
    this.drawCursor();
  }

  drawCaption() {
    const { store } = this;
    const { name, shares } = store.side.layers[store.depth];
    const [first, second, rest] = [...shares, Math.max(0, 1 - shares[0] - shares[1])].map(percentText);
    const where = store.depth ? `after layer ${store.depth}` : "as embeddings";
    const label = `PCA of the sentence's tokens ${where}: axis 1 ${first}, axis 2 ${second} of the variance`;
    this.figure.setAttribute("aria-label", label);
    const of = `${name}${store.depth ? "" : " (same token, same place) and the tokens' 5 nearest, grey"}`;
    this.caption.textContent =
      shares[0] === 0
        ? `All points are alike (${name}): there is no variance to show.`
        : `PCA of ${of}: axis 1 holds ${first} of the variance, axis 2 ${second}; the other ${rest} cannot be seen ` +
          "here.";
  }

  // The point that stands for the cursor: the one pointed at, else the chosen token's.
  get here() {
    const { cursor } = this.store;
    return cursor.part === "pca" ? cursor.point : cursor.token;
  }

  // How much a point matters now: 0 is the cursor's, 1 the chosen token's, then tokens, what is near, and the rest.
  ranks() {
    const { store, points } = this;
    const near = new Set(store.near(store.id).slice(0, 5).map(({ id }) => id));
    return points.map(({ id, token }, i) => {
      if (i === this.here || i === store.cursor.token) return i === this.here ? 0 : 1;
      if (token !== null) return 2;
      return near.has(id) ? 3 : 4;
    });
  }

  drawCursor() {
    const { store, points, size } = this;
    const drawn = `${this.here} ${store.cursor.token}`;
    // Along a row of embed the token stays: nothing here changes.
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    const ranks = this.ranks();
    const order = points.map((_, i) => i).sort((a, b) => ranks[a] - ranks[b] || a - b);
    const dots = [...order].reverse().map((i) => this.dot(i, ranks[i]));
    const parts = [...this.axes(), ...this.ties(), ...dots, ...this.labels(order, ranks)];
    const { width, height } = size;
    const about = { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" };
    this.figure.replaceChildren(svg("svg", about, ...parts));
  }

  dot(i, rank) {
    const { token, x, y } = this.points[i];
    const { name } = this.store.side.layers[this.store.depth];
    const small = token === null ? 3.5 : 5.5;
    const at = { cx: this.dots[i].x, cy: this.dots[i].y, r: rank < 2 ? 8 : small };
    return marked(svg("circle", { class: `dot rank-${rank}`, ...at }), name, [i, x, y]);
  }

  // From the chosen token to its nearest, where they are drawn.
  ties() {
    const { store, points, dots } = this;
    const near = new Set(store.near(store.id).slice(0, 5).map(({ id }) => id));
    const from = dots[store.cursor.token];
    const ends = store.depth ? [] : dots.filter((_, i) => near.has(points[i].id));
    return ends.map(({ x, y }) => svg("line", { class: "tie", x1: from.x, y1: from.y, x2: x, y2: y }));
  }

  labels(order, ranks) {
    const { theme, points, dots } = this;
    const wanted = this.labelled(order).map((i) => {
      const type = points[i].token === null ? TYPE.near : TYPE.token;
      const text = shortened(points[i].text, LONGEST_LABEL);
      const always = ranks[i] < 2;
      this.context.font = `${always ? "bold " : ""}${type}px ${theme.font}`;
      const size = { width: this.context.measureText(text).width + 2, height: type + 3 };
      return { i, text, type, point: dots[i], gap: always ? 9 : 6, always, ...size };
    });
    const boxes = placeLabels(wanted, this.size, dots, this.keptFree());
    const placed = wanted.map((label, k) => ({ ...label, box: boxes[k] })).filter(({ box }) => box);
    return placed.reverse().map(({ i, text, type, box }) => {
      const at = { x: box.x + 1, y: box.y + type - 1, "font-size": type, "data-point": i + 1 };
      return svg("text", { class: `dot-label rank-${ranks[i]}`, ...at }, text);
    });
  }

  // Points to label: of tokens at one place that read alike, the first.
  labelled(order) {
    const seen = new Set();
    return order.filter((i) => {
      const { x, y } = this.dots[i];
      const key = `${Math.round(x)},${Math.round(y)},${this.points[i].text}`;
      return !seen.has(key) && seen.add(key);
    });
  }

  // Where the axes' names stand.
  keptFree() {
    return [
      { x: this.size.width - 130, y: this.size.height - 22, width: 130, height: 22 },
      { x: 0, y: 0, width: 130, height: 18 },
    ];
  }

  axes() {
    const { width, height } = this.size;
    const { x, y } = this.centre;
    const [first, second] = this.store.side.layers[this.store.depth].shares.map(percentText);
    const name = (text, at) => svg("text", { class: "axis-name", "font-size": 14, ...at }, text);
    return [
      svg("line", { class: "axis", x1: 0, x2: width, y1: y, y2: y }),
      svg("line", { class: "axis", x1: x, x2: x, y1: 0, y2: height }),
      name(`axis 1: ${first} →`, { x: width - 4, y: height - 6, "text-anchor": "end" }),
      name(`↑ axis 2: ${second}`, { x: 4, y: 14 }),
    ];
  }

  // The nearest dot within reach.
  point(event, tell) {
    const box = this.figure.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const distance = (i) => Math.hypot(this.dots[i].x - x, this.dots[i].y - y);
    const nearest = this.dots.reduce((best, _, i) => (distance(i) < distance(best) ? i : best), 0);
    if (distance(nearest) > REACH) return;
    const { token } = this.points[nearest];
    tell({ part: "pca", point: nearest, ...(token === null ? {} : { token }) });
  }
}
