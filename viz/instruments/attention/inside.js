// Inside one head: each stage a matrix, queries entering from the left, keys from above, values passing under to z.

import { el, listen } from "../shared/dom.js";
import { cellAt, narrowLayout, wideLayout } from "../shared/layout.js";
import { numberText, shortened, weightText } from "../shared/numbers.js";
import { fresh, hatch, largest, paint, wipe, write } from "../shared/paint.js";

const NARROW = 760;
const AROUND = 236;
const LEAST_NAME = 78;
const LEAST_CHAIN = 230;
const TYPE = 16;
const LINES_APART = 7;
const LONGEST_LABEL = 13;
const TITLES = {
  x_q: "x, queries", x_kv: "x, keys", q: "q", k: "k", v: "v", q_rot: "q turned", k_rot: "k turned",
  scores: "scores", scaled: "scaled", biased: "biased", masked: "masked", weights: "weights", z: "z", concat: "all heads", out: "out",
};
const ROWS_ARE_KEYS = new Set(["x_kv", "k", "k_rot", "v"]);
const MATRICES = new Set(["scores", "scaled", "biased", "masked", "weights"]);
const WIDE = new Set(["x_q", "x_kv", "concat", "out"]);
const ROLE = { q: "query", q_rot: "query", x_q: "query", k: "key", k_rot: "key", x_kv: "key", v: "value", z: "value", concat: "output", out: "output" };

function formula(name, d_head, whatIf, { fromSource, isNormed }) {
  const formulas = {
    x_q: isNormed ? "norm_out" : "this stream", x_kv: fromSource ? "encoder's output" : "same stream", q: "x W_q + b", k: "x W_k + b", v: "x W_v + b", q_rot: "q turned", k_rot: "k turned",
    scores: "q kᵀ", scaled: whatIf.scale ? `÷ √${d_head}` : "not scaled", biased: "+ distance",
    masked: whatIf.mask ? "mask → −∞" : "no mask", weights: "softmax", z: "weights · v", concat: "z, side by side", out: "· W_O + b",
  };
  return formulas[name];
}

export class Inside {
  constructor(store) {
    this.store = store;
    this.picture = el("canvas", { "aria-hidden": "true" });
    this.overlay = el("canvas", { class: "overlay", "aria-hidden": "true" });
    this.headers = el("div", { class: "stage-names" });
    this.chain = el("div", { class: "chain" });
    this.board = el(
      "div",
      { class: "board", role: "figure", tabindex: "0" },
      this.picture,
      this.overlay,
      this.headers,
      this.chain,
    );
    this.tabs = el("div", { class: "stage-tabs", role: "tablist", "aria-label": "Stage" });
    this.node = el("div", { class: "inside" }, this.tabs, this.board);
    listen(this.board, { pointermove: (event) => this.pointed(event, (cursor) => store.point(cursor)) });
    listen(this.board, { click: (event) => this.pointed(event, (cursor) => store.pin(cursor)) });
  }

  pointed(event, act) {
    if (!this.layout) return;
    const box = this.board.getBoundingClientRect();
    const cell = cellAt(this.layout, event.clientX - box.left, event.clientY - box.top);
    if (!cell) return;
    const cursor = { stage: cell.stage, [ROWS_ARE_KEYS.has(cell.stage) ? "key" : "query"]: cell.row };
    if (MATRICES.has(cell.stage)) cursor.key = cell.column;
    else if (WIDE.has(cell.stage)) cursor.wide = cell.column;
    else cursor.feature = cell.column;
    act(cursor);
  }

  describe() {
    return this.store.stages.map((name) => {
      const { rows, columns } = this.store.stage(name) ?? this.store.own(name);
      const kind = MATRICES.has(name) ? "key" : WIDE.has(name) ? "d_model" : "d_head";
      return { name, shape: [rows, columns], columns: kind, band: ROWS_ARE_KEYS.has(name) ? "keys" : "queries" };
    });
  }

  draw(theme) {
    this.theme = theme;
    const { store } = this;
    if (!store.exact) {
      // What was drawn belongs to another layer.
      this.layout = null;
      this.chain.hidden = true;
      for (const canvas of [this.picture, this.overlay]) wipe(canvas);
      this.headers.replaceChildren(el("p", {}, store.trouble ?? "Fetching this layer's numbers…"));
      return;
    }
    const stages = this.describe();
    const width = Math.max(280, this.node.clientWidth);
    this.narrow = width < NARROW;
    const longest = Math.max(...[...store.site.queries, ...store.site.keys].map((token) => [...shortened(this.reads(token), LONGEST_LABEL)].length));
    const room = { width, height: this.height(), label: Math.min(8.4 * longest + 14, width * 0.3) };
    const open = stages.find(({ name }) => name === store.cursor.stage) ?? stages.find(({ name }) => name === "weights");
    this.layout = this.narrow ? narrowLayout(open, room) : wideLayout(stages, room);
    this.drawTabs(stages);
    this.board.style.height = `${this.layout.height}px`;
    for (const canvas of [this.picture, this.overlay]) fresh(canvas, this.layout.width, this.layout.height);
    const context = this.picture.getContext("2d");
    for (const [name, panel] of Object.entries(this.layout.panels)) this.drawPanel(context, name, panel);
    if (!this.narrow) this.drawFlow(context);
    this.drawLabels(context);
    this.drawHeaders();
    const { layer, head } = store.chosen;
    this.board.setAttribute("aria-label", `Inside ${store.site.title}, layer ${layer + 1}, head ${head + 1}: every stage from x to out`);
    this.drawCursor();
  }

  // Target rows are labelled by what they read; the prediction is in the strip below.
  reads(label) {
    return label.split(" → ")[0] || label;
  }

  // The board and the strip below it fill one screen.
  height() {
    return Math.min(900, Math.max(400, window.innerHeight - AROUND));
  }

  drawTabs(stages) {
    const { store } = this;
    this.tabs.hidden = !this.narrow;
    if (!this.narrow) return;
    this.tabs.replaceChildren(
      ...stages.map(({ name }) =>
        el(
          "button",
          { role: "tab", class: "tab", "aria-selected": String(name in this.layout.panels), onclick: () => store.move({ stage: name }) },
          TITLES[name],
        ),
      ),
    );
  }

  drawPanel(context, name, panel) {
    const { store, theme } = this;
    const part = store.stage(name);
    if (!part) {
      this.drawUnknown(context, panel);
      return;
    }
    const scale = name === "weights" ? { scale: "weight", limit: 1 } : { scale: "signed", limit: largest(part.values) };
    panel.limit = scale.limit;
    const { x, y, width, height } = panel;
    const painted = paint(context, { stage: name, ...part, ...scale, x, y, width, height }, theme);
    const isMasked = (row, column) => part.values[row * part.columns + column] === -Infinity;
    if (name === "masked") hatch(context, painted, isMasked, theme, LINES_APART);
    if (name === "concat") this.headBorders(context, panel);
    const changed = store.whatIf && name in store.recomputed && name !== "scores";
    context.strokeStyle = changed ? theme.roles.output : theme.faint;
    context.lineWidth = changed ? 3 : 1;
    context.strokeRect(panel.x - 0.5, panel.y - 0.5, panel.width + 1, panel.height + 1);
  }

  // What the knobs changed and W_O has not been fetched for: point at it, and it is.
  drawUnknown(context, panel) {
    panel.limit = 0;
    hatch(context, panel, () => true, this.theme, LINES_APART);
    context.strokeStyle = this.theme.roles.output;
    context.lineWidth = 3;
    context.strokeRect(panel.x - 0.5, panel.y - 0.5, panel.width + 1, panel.height + 1);
  }

  headBorders(context, panel) {
    const { n_heads } = this.store.sizes;
    context.strokeStyle = this.theme.text;
    context.lineWidth = 1;
    for (let head = 1; head < n_heads; head++) {
      const x = panel.x + (panel.width * head) / n_heads;
      context.beginPath();
      context.moveTo(x, panel.y);
      context.lineTo(x, panel.y + panel.height);
      context.stroke();
    }
    context.lineWidth = 3;
    context.strokeStyle = this.theme.roles.output;
    const { head } = this.store.chosen;
    context.strokeRect(panel.x + (panel.width * head) / n_heads, panel.y, panel.width / n_heads, panel.height);
  }

  // The path of key j: right from its row of k, then down into column j of the scores.
  keyPath(context, j) {
    const { panels } = this.layout;
    const k = panels.k_rot ?? panels.k;
    const { scores } = panels;
    const y = k.y + (j + 0.5) * k.cellHeight;
    const x = scores.x + (j + 0.5) * scores.cellWidth;
    const bend = Math.min(14, Math.abs(x - k.x - k.width));
    context.beginPath();
    context.moveTo(k.x + k.width, y);
    context.lineTo(x - bend, y);
    context.quadraticCurveTo(x, y, x, y + bend);
    context.lineTo(x, scores.y - 2);
    context.stroke();
  }

  queryPath(context, i) {
    const { panels } = this.layout;
    const q = panels.q_rot ?? panels.q;
    const { scores } = panels;
    const y = q.y + (i + 0.5) * q.cellHeight;
    context.beginPath();
    context.moveTo(q.x + q.width, y);
    context.lineTo(scores.x - 1, y);
    context.stroke();
  }

  drawFlow(context) {
    const { store, theme } = this;
    const { panels } = this.layout;
    const { queries, keys } = store.sizes;
    context.lineWidth = 1;
    context.globalAlpha = 0.45;
    context.strokeStyle = theme.roles.key;
    for (let j = 0; j < keys; j++) this.keyPath(context, j);
    context.strokeStyle = theme.roles.query;
    for (let i = 0; i < queries; i++) this.queryPath(context, i);
    context.globalAlpha = 0.25;
    context.fillStyle = theme.roles.value;
    const { v, z } = panels;
    context.beginPath();
    context.moveTo(v.x, v.y + v.height + 1);
    context.lineTo(v.x + v.width, v.y + v.height + 1);
    context.lineTo(z.x + z.width, z.y - 2);
    context.lineTo(z.x, z.y - 2);
    context.fill();
    context.globalAlpha = 1;
  }

  drawLabels(context) {
    const { theme, layout } = this;
    context.textAlign = "right";
    context.textBaseline = "middle";
    const size = Math.min(TYPE, layout.cell - 1);
    if (size < 8) return;
    context.font = `${size}px ${theme.font}`;
    context.fillStyle = theme.text;
    for (const name of this.labelled()) {
      const panel = layout.panels[name];
      this.labelsOf(name).forEach((label, i) => {
        write(context, shortened(label, LONGEST_LABEL), panel.x - 7, panel.y + (i + 0.5) * panel.cellHeight, panel.x - 8);
      });
    }
  }

  labelled() {
    return this.narrow ? Object.keys(this.layout.panels) : ["x_kv", "x_q"];
  }

  labelsOf(name) {
    const { site } = this.store;
    return ROWS_ARE_KEYS.has(name) ? site.keys : site.queries.map((label) => this.reads(label));
  }

  drawHeaders() {
    const { store, theme, layout } = this;
    const names = Object.entries(layout.panels).map(([name, panel]) => {
      const part = store.stage(name) ?? store.own(name);
      const colour = ROLE[name] ? { color: theme.roles[ROLE[name]] } : {};
      const room = Math.max(panel.width + 20, this.narrow ? 250 : LEAST_NAME);
      const fromSource = store.site.sides.query !== store.site.sides.key;
      const isNormed = store.names.inputs.x_q.endsWith("norm_out");
      const tinted = ROWS_ARE_KEYS.has(name) && store.site.sides.key === "src" && fromSource ? " from-source" : "";
      const isKnown = Boolean(store.stage(name));
      const scale = name === "weights" ? "0…1" : isKnown ? `±${numberText(panel.limit)}` : "not computed yet: point here";
      return el(
        "div",
        { class: `stage-name${tinted}`, "data-stage": name, title: `${TITLES[name]}, ${part.rows} × ${part.columns}, colours ${scale}`, style: { left: `${panel.x}px`, top: `${panel.headerY}px`, maxWidth: `${room}px` } },
        el("b", { style: colour }, room < 110 && name.startsWith("x_") ? "x" : TITLES[name]),
        el("span", {}, formula(name, store.sizes.d_head, store.knobs, { fromSource, isNormed })),
        el("span", { class: "shape" }, `${part.rows}×${part.columns}`),
      );
    });
    this.headers.replaceChildren(...names);
  }

  drawCursor() {
    const { store, theme, layout } = this;
    if (!layout || !store.exact) return;
    if (this.narrow && !(store.cursor.stage in layout.panels)) {
      this.draw(theme);
      return;
    }
    const context = this.overlay.getContext("2d");
    wipe(this.overlay);
    const { cursor } = store;
    if (!this.narrow) {
      context.lineWidth = 3;
      context.strokeStyle = theme.roles.key;
      this.keyPath(context, cursor.key);
      context.strokeStyle = theme.roles.query;
      this.queryPath(context, cursor.query);
    }
    for (const [name, panel] of Object.entries(layout.panels)) this.markPanel(context, name, panel, cursor);
    this.markLabels(context, cursor);
    this.drawChain();
  }

  // One cell's way from score to weight, in the free space between k and v.
  drawChain() {
    const { store, layout } = this;
    const { panels } = layout;
    const left = panels.scores ? panels.scores.x + panels.scores.width + 24 : 0;
    const width = panels.v ? panels.v.x - left - 20 : 0;
    this.chain.hidden = this.narrow || width < LEAST_CHAIN;
    if (this.chain.hidden) return;
    Object.assign(this.chain.style, { left: `${left}px`, width: `${width}px` });
    const { query, key } = store.cursor;
    const steps = ["scores", "scaled", "biased", "masked", "weights"].filter((name) => name in panels);
    const items = steps.map((name) => {
      const { values, columns } = store.stage(name);
      const value = values[query * columns + key];
      return el("li", {}, `${TITLES[name]} `, el("b", {}, name === "weights" ? weightText(value) : numberText(value)));
    });
    this.chain.replaceChildren(
      el("p", {}, el("b", { class: "query" }, store.site.queries[query]), " asks ", el("b", { class: "key" }, store.site.keys[key])),
      el("ol", {}, ...items),
    );
  }

  columnOf(name, cursor) {
    if (MATRICES.has(name)) return cursor.key;
    if (!WIDE.has(name)) return cursor.feature;
    return name === "concat" && cursor.stage === "z" ? this.store.chosen.head * this.store.sizes.d_head + cursor.feature : cursor.wide;
  }

  markPanel(context, name, panel, cursor) {
    const { theme } = this;
    const isKeys = ROWS_ARE_KEYS.has(name);
    const row = isKeys ? cursor.key : cursor.query;
    const y = panel.y + row * panel.cellHeight;
    context.lineWidth = 2;
    context.strokeStyle = isKeys ? theme.roles.key : theme.roles.query;
    context.strokeRect(panel.x - 1, y, panel.width + 2, panel.cellHeight);
    const column = this.columnOf(name, cursor);
    const x = panel.x + column * panel.cellWidth;
    if (MATRICES.has(name)) {
      context.strokeStyle = theme.roles.key;
      context.strokeRect(x, panel.y - 1, panel.cellWidth, panel.height + 2);
    }
    const isHere = name === cursor.stage;
    if (!isHere && !MATRICES.has(name)) return;
    context.lineWidth = isHere ? (this.store.pinned ? 5 : 4) : 2;
    context.strokeStyle = theme.text;
    context.strokeRect(x - 1, y - 1, panel.cellWidth + 2, panel.cellHeight + 2);
  }

  markLabels(context, cursor) {
    const { theme, layout } = this;
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const name of this.labelled()) {
      const panel = layout.panels[name];
      const isKeys = ROWS_ARE_KEYS.has(name);
      const i = isKeys ? cursor.key : cursor.query;
      const y = panel.y + (i + 0.5) * panel.cellHeight;
      context.fillStyle = theme.background;
      context.fillRect(0, y - TYPE / 2 - 2, panel.x - 3, TYPE + 4);
      context.fillStyle = isKeys ? theme.roles.key : theme.roles.query;
      context.font = `bold ${TYPE}px ${theme.font}`;
      write(context, shortened(this.labelsOf(name)[i], LONGEST_LABEL), panel.x - 7, y, panel.x - 8);
    }
    const { scores } = layout.panels;
    if (!scores) return;
    context.textAlign = "left";
    context.font = `bold ${TYPE}px ${theme.font}`;
    const label = shortened(this.store.site.keys[cursor.key], LONGEST_LABEL);
    const x = scores.x + (cursor.key + 1) * scores.cellWidth + 5;
    const y = scores.headerY - 10;
    context.fillStyle = theme.background;
    context.fillRect(x - 3, y - TYPE / 2 - 2, context.measureText(label).width + 6, TYPE + 4);
    context.fillStyle = theme.roles.key;
    write(context, label, x, y);
  }

  // Arrow keys: within the stage; Tab-free walking between stages with , and .
  move(down, right) {
    const { store } = this;
    const { cursor } = store;
    const next = { [ROWS_ARE_KEYS.has(cursor.stage) ? "key" : "query"]: (ROWS_ARE_KEYS.has(cursor.stage) ? cursor.key : cursor.query) + down };
    if (MATRICES.has(cursor.stage)) next.key = cursor.key + right;
    else if (WIDE.has(cursor.stage)) next.wide = cursor.wide + right;
    else next.feature = cursor.feature + right;
    store.move(store.bounded(next));
  }

  otherStage(by) {
    const { store } = this;
    const names = ["x_q", "x_kv", "q", "k", "v", "q_rot", "k_rot", "scores", "scaled", "biased", "masked", "weights", "z", "concat", "out"].filter((name) => store.stages.includes(name));
    const at = names.indexOf(store.cursor.stage);
    store.move({ stage: names[Math.min(Math.max(at + by, 0), names.length - 1)] });
  }
}
