// Points in two dimensions, with labels where they fit; the chosen token is always labelled.

import { el, listen, svg } from "../shared/dom.js";
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
  return [[right, middleY], [left, middleY], [middleX, above], [middleX, below], [right, above], [right, below], [left, above], [left, below]].map(
    ([boxX, boxY]) => ({ x: boxX, y: boxY, width, height }),
  );
}

// For each box wanted (in order of importance) the first place that is free and inside, or null: then it is left out.
// `kept`: boxes that must stay free.
export function placeLabels(wanted, frame, dots, kept = []) {
  const taken = [...kept];
  return wanted.map(({ point, width, height, gap, always }) => {
    const places = placesAround(point, width, height, gap);
    const inside = places.filter((box) => box.x >= 0 && box.y >= 0 && box.x + box.width <= frame.width && box.y + box.height <= frame.height);
    const free = inside.filter((box) => !taken.some((other) => overlaps(box, other)));
    const clear = free.find((box) => !dots.some((dot) => dot !== point && overlaps(box, { x: dot.x - 3, y: dot.y - 3, width: 6, height: 6 })));
    const box = clear ?? free[0] ?? (always ? (inside[0] ?? places[0]) : null);
    if (box) taken.push(box);
    return box;
  });
}

export class Scatter {
  constructor(store) {
    this.store = store;
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
    const focused = this.layers.getRootNode().activeElement?.dataset?.depth;
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
    if (focused !== undefined) this.layers.querySelector(`[data-depth="${focused}"]`)?.focus({ preventScroll: true });
  }

  // The same scale on both axes, so that distances on screen can be compared.
  drawPicture() {
    const { store } = this;
    const width = Math.max(200, Math.floor(this.node.clientWidth));
    const height = Math.round(Math.min(360, Math.max(270, 0.72 * width)));
    this.points = store.points;
    const range = (values) => [Math.min(...values), Math.max(...values)];
    const [left, right] = range(this.points.map(({ x }) => x));
    const [bottom, top] = range(this.points.map(({ y }) => y));
    const scale = Math.min((width - 4 * MARGIN) / (right - left || 1e-9), (height - 2.4 * MARGIN) / (top - bottom || 1e-9));
    const unit = Math.min(scale, 1e6);
    this.size = { width, height };
    const at = (x, y) => ({ x: width / 2 + (x - (left + right) / 2) * unit, y: height / 2 - 4 - (y - (bottom + top) / 2) * unit });
    this.dots = this.points.map(({ x, y }) => at(x, y));
    this.centre = at(0, 0);
    this.picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" });
    this.figure.replaceChildren(this.picture);
    this.drawCaption();
    this.drawCursor();
  }

  drawCaption() {
    const { store } = this;
    const { name, shares } = store.side.layers[store.depth];
    const where = store.depth === 0 ? "as embeddings" : `after layer ${store.depth}`;
    this.figure.setAttribute("aria-label", `PCA of the sentence's tokens ${where}: axis 1 ${percentText(shares[0])}, axis 2 ${percentText(shares[1])} of the variance`);
    this.caption.textContent =
      shares[0] === 0
        ? `All points are alike (${name}): there is no variance to show.`
        : `PCA of ${name}${store.depth === 0 ? " (same token, same place) and the tokens' 5 nearest, grey" : ""}: axis 1 holds ${percentText(shares[0])} of the variance, axis 2 ${percentText(shares[1])}; the other ${percentText(Math.max(0, 1 - shares[0] - shares[1]))} cannot be seen here.`;
  }

  // The point that stands for the cursor: the one pointed at, else the chosen token's.
  get here() {
    const { cursor } = this.store;
    return cursor.part === "pca" ? cursor.point : cursor.token;
  }

  drawCursor() {
    const { theme, points, dots, store } = this;
    const { width, height } = this.size;
    // Along a row of embed the token stays: nothing here changes.
    if (this.drawn?.picture === this.picture && this.drawn.here === this.here && this.drawn.token === store.cursor.token) return;
    this.drawn = { picture: this.picture, here: this.here, token: store.cursor.token };
    const near = new Set(store.near(store.id).slice(0, 5).map(({ id }) => id));
    const isNear = (i) => store.depth === 0 && near.has(points[i].id);
    const rank = (i) => (i === this.here ? 0 : i === store.cursor.token ? 1 : points[i].token !== null ? 2 : isNear(i) ? 3 : 4);
    const order = points.map((_, i) => i).sort((a, b) => rank(a) - rank(b) || a - b);
    const context = (this.context ??= document.createElement("canvas").getContext("2d"));
    const wanted = this.labelled(order, rank).map((i) => {
      const type = points[i].token === null ? TYPE.near : TYPE.token;
      const text = shortened(points[i].text, LONGEST_LABEL);
      context.font = `${rank(i) < 2 ? "bold " : ""}${type}px ${theme.font}`;
      return { i, text, type, point: dots[i], width: context.measureText(text).width + 2, height: type + 3, gap: rank(i) < 2 ? 9 : 6, always: rank(i) < 2 };
    });
    const boxes = placeLabels(wanted, this.size, dots, this.keptFree());
    const lines = [
      svg("line", { class: "axis", x1: 0, x2: width, y1: this.centre.y, y2: this.centre.y }),
      svg("line", { class: "axis", x1: this.centre.x, x2: this.centre.x, y1: 0, y2: height }),
      ...this.axisNames(),
    ];
    const from = dots[store.cursor.token];
    const ties = points.flatMap((_, i) => (isNear(i) ? [svg("line", { class: "tie", x1: from.x, y1: from.y, x2: dots[i].x, y2: dots[i].y })] : []));
    const { name } = store.side.layers[store.depth];
    const circles = [...order].reverse().map((i) => {
      const size = points[i].token === null ? 3.5 : 5.5;
      const circle = svg("circle", { class: `dot rank-${rank(i)}`, cx: dots[i].x, cy: dots[i].y, r: rank(i) < 2 ? 8 : size });
      return marked(circle, name, [i, points[i].x, points[i].y]);
    });
    const labels = wanted.flatMap(({ i, text, type }, k) => {
      const box = boxes[k];
      if (!box) return [];
      const at = { x: box.x + 1, y: box.y + type - 1, "font-size": type, "data-point": i + 1 };
      return [svg("text", { class: `dot-label rank-${rank(i)}`, ...at }, text)];
    }).reverse();
    this.picture.replaceChildren(...lines, ...ties, ...circles, ...labels);
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

  axisNames() {
    const { shares } = this.store.side.layers[this.store.depth];
    const { width } = this.size;
    const name = (text, properties) => svg("text", { class: "axis-name", "font-size": 14, ...properties }, text);
    return [
      name(`axis 1: ${percentText(shares[0])} →`, { x: width - 4, y: this.size.height - 6, "text-anchor": "end" }),
      name(`↑ axis 2: ${percentText(shares[1])}`, { x: 4, y: 14 }),
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
