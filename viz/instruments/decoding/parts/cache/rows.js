// The growing picture: one row a token, with its key and its value in one head as strips of numbers. Between token and
// strips a cell for each layer: filled where the row is computed at the open step, hatched where it is read again.

import { el, listen } from "../../../shared/dom.js";
import { shortened } from "../../../shared/numbers.js";
import { fresh, hatching, prepared, stamp, write } from "../../../shared/paint.js";

const TYPE = 16;
const HEADER = 24;
const READABLE = 12.5; // lowest row that a label fits into
const SPACED = 14.5;

/** @typedef {{ zone: "token" | "layer" | "state" | "k" | "v", row: number, column: number }} Cell */

// Whether a row's word has room: `apart` pixels from the one before, `near` from that of the `lone` row (−1: none),
// which is always there; rows of the height `least` have it.
/** @param {number} apart @param {number} near @param {number} rowHeight @param {number} lone @param {number} least */
function room(apart, near, rowHeight, lone, least) {
  let last = -Infinity;
  return (/** @type {number} */ row) => {
    const y = row * rowHeight;
    if (row === lone) return false;
    const isFree = rowHeight >= least || (y - last >= apart && (lone < 0 || Math.abs(row - lone) * rowHeight >= near));
    if (isFree) last = y;
    return isFree;
  };
}

export class Rows {
  /** @param {{ onPoint: (cell: Cell) => void, onClick: (cell: Cell) => void, onLeave: () => void }} told */
  constructor({ onPoint, onClick, onLeave }) {
    /** @type {any} */
    this.spec = null;
    /** @type {any} where everything is */
    this.frame = null;
    /** @type {string[]} */
    this.texts = [];
    /** @type {string[]} of each row "new", "re-used" or "" (not there yet) */
    this.states = [];
    /** @type {any[]} */
    this.strips = [];
    this.picture = el("canvas", { "aria-hidden": "true" });
    this.overlay = el("canvas", { class: "cache-over", "aria-hidden": "true" });
    this.node = el("div", { class: "cache-rows", role: "figure", tabindex: "0" }, this.picture, this.overlay);
    listen(this.node, {
      pointermove: (/** @type {MouseEvent} */ event) => this.at(event, onPoint),
      click: (/** @type {MouseEvent} */ event) => this.at(event, onClick),
      pointerleave: onLeave,
    });
  }

  /**
   * @param {{ name: string, tokens: string[], k: Float32Array, v: Float32Array, features: number, limit: number,
   *   layers: number, layer: number, colours: Record<string, string>, width: number, height: number, theme: any }} spec
   *   k, v: token × features; height: at most, where the rows stay readable
   */
  draw(spec) {
    this.spec = spec;
    const { name, tokens, features, layers, width, height, theme } = spec;
    this.node.setAttribute("aria-label", name);
    const context = /** @type {CanvasRenderingContext2D} */ (this.picture.getContext("2d"));
    context.font = `bold ${TYPE}px ${theme.font}`;
    const wide = (/** @type {string} */ text) => context.measureText(text).width;
    this.texts = tokens.map((token) => shortened(token, 14));
    const token = Math.min(width * 0.24, 130, 10 + Math.max(...this.texts.map(wide)));
    const slim = width < 420;
    const layerWidth = Math.max(9, Math.min(slim ? 14 : 20, (width * 0.2) / layers));
    const state = Math.ceil(wide("re-used")) + (slim ? 2 : 14);
    const from = token + layers * layerWidth + 4 + state + 6;
    const cell = Math.max(0.5, Math.min(14, (width - from - 14) / 2 / features));
    const rowHeight = Math.max(4, Math.min(24, (height - HEADER - 4) / tokens.length));
    this.frame = {
      token, layerWidth, cell, rowHeight, top: HEADER,
      layer: token, state: token + layers * layerWidth + 4, stateWidth: state,
      k: from, v: from + features * cell + 10,
      width: Math.min(width, from + 2 * features * cell + 14), height: HEADER + rowHeight * tokens.length + 3,
    };
    Object.assign(this.node.style, { width: `${this.frame.width}px`, height: `${this.frame.height}px` });
    const sizes = { rows: tokens.length, columns: features, scale: "signed", limit: spec.limit };
    const strips = Object.entries({ k: spec.k, v: spec.v });
    this.strips = strips.map(([stage, values]) => prepared({ stage, values, ...sizes }, theme));
  }

  /** @param {string[]} states */
  paint(states) {
    if (!this.frame) return;
    this.states = states;
    const { tokens, features, layers, theme, colours } = this.spec;
    const { width, height, top, rowHeight, cell } = this.frame;
    const context = fresh(this.picture, width, height);
    const fills = { new: theme.roles.output, "re-used": hatching(context, theme.text) };
    this.paintHeader(context);
    const lone = states.filter((state) => state === "new").length === 1 ? states.indexOf("new") : -1;
    const isLabelled = room(TYPE + 2, TYPE, rowHeight, lone, READABLE);
    const isWorded = room(SPACED, SPACED, rowHeight, lone, Infinity);
    const strip = { width: features * cell, height: rowHeight - (rowHeight > 8 ? 2 : 0) };
    states.forEach((state, row) => {
      const y = top + row * rowHeight;
      for (let i = 0; i < layers; i++) {
        this.paintState(context, this.frame.layer + i * this.frame.layerWidth, y, /** @type {any} */ (fills)[state]);
      }
      for (const [n, letter] of ["k", "v"].entries()) {
        const x = this.frame[letter];
        if (state) stamp(context, this.strips[n], { x, y, ...strip }, row);
        else this.paintNothing(context, x, y, features * cell);
      }
      if (isLabelled(row)) this.paintToken(context, row, false);
      if (isWorded(row)) this.paintWord(context, y, state, fills.new);
    });
    if (lone >= 0) this.paintNew(context, lone, fills.new);
    context.font = `bold ${TYPE}px ${theme.font}`;
    context.textAlign = "left";
    context.textBaseline = "alphabetic";
    for (const letter of ["k", "v"]) {
      context.fillStyle = colours[letter];
      const text = features * cell > 84 ? `${letter}  ${tokens.length} × ${features}` : letter;
      write(context, text, this.frame[letter], 16);
    }
  }

  // The one row that is computed at this step, over its neighbours where rows are low.
  /** @param {CanvasRenderingContext2D} context @param {number} row @param {string} colour */
  paintNew(context, row, colour) {
    const { top, rowHeight, cell } = this.frame;
    const y = top + row * rowHeight;
    this.paintToken(context, row, true);
    this.paintWord(context, y, "new", colour);
    context.strokeStyle = colour;
    context.lineWidth = 3;
    const [width, height] = [this.spec.features * cell + 4, Math.max(4, rowHeight) + 1];
    for (const letter of ["k", "v"]) context.strokeRect(this.frame[letter] - 2, y - 2, width, height);
  }

  /** @param {CanvasRenderingContext2D} context */
  paintHeader(context) {
    const { layers, layer, theme } = this.spec;
    const { layerWidth, token } = this.frame;
    context.textBaseline = "alphabetic";
    context.fillStyle = theme.text;
    context.textAlign = "right";
    context.font = `${TYPE}px ${theme.font}`;
    write(context, "layer", token - 6, 16);
    context.textAlign = "center";
    for (let i = 0; i < layers; i++) {
      if (layerWidth < 10 && i !== layer) continue;
      context.font = `${i === layer ? "bold " : ""}${layerWidth < 12 ? 14 : TYPE}px ${theme.font}`;
      const x = token + (i + 0.5) * layerWidth;
      write(context, String(i + 1), x, 16);
      if (i === layer) context.fillRect(x - layerWidth / 2 + 1, 19, layerWidth - 2, 3);
    }
  }

  // `fill`: the colour or the lines of a row's state, undefined where it is not there yet.
  /** @param {CanvasRenderingContext2D} context @param {number} x @param {number} y @param {any} fill */
  paintState(context, x, y, fill) {
    const { layerWidth, rowHeight } = this.frame;
    const gap = rowHeight > 8 ? 3 : 1;
    const [width, height] = [layerWidth - 3, rowHeight - gap];
    context.lineWidth = 1;
    context.strokeStyle = fill ? this.spec.theme.text : this.spec.theme.faint;
    context.setLineDash(fill ? [] : [1, 3]);
    if (fill) {
      context.fillStyle = fill;
      context.fillRect(x, y, width, height);
    }
    if (fill || rowHeight > 8) context.strokeRect(x + 0.5, y + 0.5, width - 1, height - 1);
    context.setLineDash([]);
  }

  /** @param {CanvasRenderingContext2D} context @param {number} x @param {number} y @param {number} width */
  paintNothing(context, x, y, width) {
    if (this.frame.rowHeight < 6) return;
    context.strokeStyle = this.spec.theme.faint;
    context.lineWidth = 1;
    context.setLineDash([2, 4]);
    context.beginPath();
    context.moveTo(x, y + this.frame.rowHeight / 2);
    context.lineTo(x + width, y + this.frame.rowHeight / 2);
    context.stroke();
    context.setLineDash([]);
  }

  // The token before its row.
  /** @param {CanvasRenderingContext2D} context @param {number} row @param {boolean} bold */
  paintToken(context, row, bold) {
    const { theme } = this.spec;
    const { token, top, rowHeight } = this.frame;
    const y = top + (row + 0.5) * rowHeight - 1;
    const size = Math.max(14, Math.min(TYPE, rowHeight - 1));
    context.font = `${bold ? "bold " : ""}${size}px ${theme.font}`;
    context.textAlign = "right";
    context.textBaseline = "middle";
    if (bold) {
      context.fillStyle = theme.background;
      context.fillRect(0, y - size / 2 - 1, token - 3, size + 3);
    }
    context.globalAlpha = this.states[row] || bold ? 1 : 0.65;
    context.fillStyle = theme.text;
    write(context, this.texts[row], token - 6, y, token - 8);
    context.globalAlpha = 1;
  }

  /** @param {CanvasRenderingContext2D} context @param {number} y @param {string} state @param {string} colour */
  paintWord(context, y, state, colour) {
    if (!state) return;
    const { theme } = this.spec;
    const { state: x, stateWidth: width, rowHeight } = this.frame;
    const middle = y + rowHeight / 2 - 1;
    const size = Math.max(14, Math.min(TYPE, rowHeight - 2));
    if (state === "new") {
      context.fillStyle = colour;
      context.fillRect(x, middle - size / 2 - 1, width, size + 2);
    }
    context.font = `${state === "new" ? "bold " : ""}${size}px ${theme.font}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillStyle = state === "new" ? theme.background : theme.text;
    write(context, state, x + width / 2, middle + 1, width - 2);
  }

  // Mark a cell: { zone, row, column } or null.
  /** @param {Cell | null} cell @param {boolean} pinned */
  mark(cell, pinned) {
    if (!this.frame) return;
    const { width, height, top, rowHeight, cell: cellWidth } = this.frame;
    const context = fresh(this.overlay, width, height);
    if (!cell) return;
    const y = top + cell.row * rowHeight;
    this.paintToken(context, cell.row, true);
    if (cell.zone !== "k" && cell.zone !== "v") return;
    const line = pinned ? 4 : 2;
    context.lineWidth = line;
    context.strokeStyle = this.spec.theme.text;
    const x = this.frame[cell.zone] + cell.column * cellWidth - line / 2;
    context.strokeRect(x, y - line / 2, cellWidth + line, Math.max(3, rowHeight - 2) + line);
  }

  // The cell at a point of the page, or null. Above the rows are the layers' numbers, as row −1.
  /** @param {number} clientX @param {number} clientY */
  cellAt(clientX, clientY) {
    const box = this.node.getBoundingClientRect();
    const { layers, features, tokens } = this.spec;
    const { top, rowHeight, layer, layerWidth, state, stateWidth, cell } = this.frame;
    const [x, row] = [clientX - box.left, Math.floor((clientY - box.top - top) / rowHeight)];
    if (row >= tokens.length) return null;
    // Zones with where they begin, how wide a column is, and how many there are.
    const zones = {
      k: [this.frame.k, cell, features], v: [this.frame.v, cell, features], layer: [layer, layerWidth, layers],
      state: [state, stateWidth, 1], token: [0, layer, 1],
    };
    for (const [zone, [from, width, count]] of Object.entries(zones)) {
      const column = Math.floor((x - from) / width);
      if (column >= 0 && column < count && (row >= 0 || zone === "layer")) return { zone, row, column };
    }
    return null;
  }

  /** @param {MouseEvent} event @param {(cell: any) => void} tell */
  at(event, tell) {
    const cell = this.frame && this.cellAt(event.clientX, event.clientY);
    if (cell) tell(cell);
  }
}
