// What flows between the panels of a head: keys and queries into scores, values under them into z, heads side by side.

import { shortened } from "../shared/numbers.js";
import { write } from "../shared/paint.js";

export class Flow {
  /** @param {import("./store.js").Store} store @param {import("../shared/board.js").Board} board */
  constructor(store, board) {
    this.store = store;
    this.board = board;
  }

  get roles() {
    return this.board.theme.roles;
  }

  /** @param {string | undefined} name @returns {import("../shared/sheet.js").Panel} */
  panel(name) {
    return /** @type {any} */ (this.board.panel(name ?? ""));
  }

  // The first matrix, and the panels whose rows meet in it.
  get meeting() {
    const { store } = this;
    const scores = store.site.stages.find(({ columns, of }) => columns === "key" && of.length > 1);
    const [q, k] = ["query", "key"].map((axis) => scores?.of.find((name) => store.rowName(name) === axis));
    return { scores: this.panel(scores?.name), q: this.panel(q), k: this.panel(k) };
  }

  // What is mixed, and what it becomes.
  get mixing() {
    const values = this.store.site.stages.filter(({ role }) => role === "value");
    const [v, z] = ["key", "query"].map((axis) => values.find(({ rows }) => rows === axis));
    return { v: this.panel(v?.name), z: this.panel(z?.name) };
  }

  // The free space between k and v.
  get between() {
    const { scores } = this.meeting;
    const left = scores.x + scores.width + 24;
    return { left, width: this.mixing.v.x - left - 20 };
  }

  /** @param {CanvasRenderingContext2D} context */
  draw(context) {
    const { queries, keys } = this.store.sizes;
    Object.assign(context, { lineWidth: 1, globalAlpha: 0.45, strokeStyle: this.roles.key });
    for (let j = 0; j < keys; j++) this.keyPath(context, j);
    context.strokeStyle = this.roles.query;
    for (let i = 0; i < queries; i++) this.queryPath(context, i);
    Object.assign(context, { globalAlpha: 0.25, fillStyle: this.roles.value });
    this.ribbon(context);
    context.globalAlpha = 1;
  }

  /** @param {CanvasRenderingContext2D} context @param {import("../shared/store.js").Cursor} cursor */
  mark(context, { query, key }) {
    Object.assign(context, { lineWidth: 3, strokeStyle: this.roles.key });
    this.keyPath(context, key);
    context.strokeStyle = this.roles.query;
    this.queryPath(context, query);
    this.markKey(context, key);
  }

  // Right from key j's row of k, then down into column j of the scores.
  /** @param {CanvasRenderingContext2D} context @param {number} j */
  keyPath(context, j) {
    const { scores, k } = this.meeting;
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

  /** @param {CanvasRenderingContext2D} context @param {number} i */
  queryPath(context, i) {
    const { scores, q } = this.meeting;
    const y = q.y + (i + 0.5) * q.cellHeight;
    line(context, [q.x + q.width, y], [scores.x - 1, y]);
  }

  /** @param {CanvasRenderingContext2D} context */
  ribbon(context) {
    const { v, z } = this.mixing;
    context.beginPath();
    context.moveTo(v.x, v.y + v.height + 1);
    context.lineTo(v.x + v.width, v.y + v.height + 1);
    context.lineTo(z.x + z.width, z.y - 2);
    context.lineTo(z.x, z.y - 2);
    context.fill();
  }

  // The key's token above its column of scores.
  /** @param {CanvasRenderingContext2D} context @param {number} key */
  markKey(context, key) {
    const { board } = this;
    const { type, theme } = board;
    const { scores } = this.meeting;
    const text = shortened(this.store.site.keys[key], board.longest);
    const [x, y] = [scores.x + (key + 1) * scores.cellWidth + 5, scores.headerY - 10];
    Object.assign(context, { textAlign: "left", textBaseline: "middle", font: `bold ${type}px ${theme.font}` });
    context.fillStyle = theme.background;
    context.fillRect(x - 3, y - type / 2 - 2, context.measureText(text).width + 6, type + 4);
    context.fillStyle = theme.roles.key;
    write(context, text, x, y);
  }

  // Where the heads stand side by side, this one stands out.
  /** @param {CanvasRenderingContext2D} context @param {import("../shared/sheet.js").Panel} panel */
  headBorders(context, { x, y, width, height }) {
    const { head, sizes } = this.store;
    const wide = width / sizes.n_heads;
    Object.assign(context, { strokeStyle: this.board.theme.text, lineWidth: 1 });
    for (let each = 1; each < sizes.n_heads; each++) line(context, [x + each * wide, y], [x + each * wide, y + height]);
    Object.assign(context, { strokeStyle: this.roles.output, lineWidth: 3 });
    context.strokeRect(x + head * wide, y, wide, height);
  }
}

/** @param {CanvasRenderingContext2D} context @param {[number, number]} from @param {[number, number]} to */
function line(context, from, to) {
  context.beginPath();
  context.moveTo(...from);
  context.lineTo(...to);
  context.stroke();
}
