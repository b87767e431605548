// The growing picture: one row a token, with its key and its value in one head as strips of numbers. Between the token and the
// strips a cell for each layer: filled where the row is computed at the open step, hatched where it is read again.

import { el, listen } from "../../../shared/dom.js";
import { shortened } from "../../../shared/numbers.js";
import { fresh, prepared, stamp, write } from "../../../shared/paint.js";

const TYPE = 16;
const HEADER = 24;
const READABLE = 12.5; // lowest row that a label fits into
const SPACED = 14.5;

// Diagonal lines of a colour, to fill what is read again.
export function hatch(context, colour) {
  const ratio = window.devicePixelRatio || 1;
  const tile = document.createElement("canvas");
  const size = Math.round(5 * ratio);
  Object.assign(tile, { width: size, height: size });
  const lines = tile.getContext("2d");
  lines.strokeStyle = colour;
  lines.lineWidth = 1.1 * ratio;
  for (const shift of [-size, 0, size]) {
    lines.beginPath();
    lines.moveTo(shift - 1, size + 1);
    lines.lineTo(shift + size + 1, -1);
    lines.stroke();
  }
  const pattern = context.createPattern(tile, "repeat");
  pattern.setTransform(new DOMMatrix().scale(1 / ratio));
  return pattern;
}

export class Rows {
  // onPoint, onClick: called with { zone: "token" | "layer" | "state" | "k" | "v", row, column }; onLeave without anything.
  constructor({ onPoint, onClick, onLeave }) {
    this.picture = el("canvas", { "aria-hidden": "true" });
    this.overlay = el("canvas", { class: "cache-over", "aria-hidden": "true" });
    this.node = el("div", { class: "cache-rows", role: "figure", tabindex: "0" }, this.picture, this.overlay);
    listen(this.node, { pointermove: (event) => this.at(event, onPoint) });
    listen(this.node, { click: (event) => this.at(event, onClick) });
    listen(this.node, { pointerleave: onLeave });
  }

  // spec: { name, tokens, k, v (token × features each), features, limit, layers, layer, colours: { k, v },
  //         width, height (at most, where the rows stay readable), theme }
  draw(spec) {
    this.spec = spec;
    const { name, tokens, features, layers, width, height, theme } = spec;
    this.node.setAttribute("aria-label", name);
    const context = this.picture.getContext("2d");
    context.font = `bold ${TYPE}px ${theme.font}`;
    const room = Math.min(width * 0.24, 130);
    this.texts = tokens.map((token) => shortened(token, 14));
    const token = Math.min(room, 10 + Math.max(...this.texts.map((text) => context.measureText(text).width)));
    const slim = width < 420;
    const layerWidth = Math.max(9, Math.min(slim ? 14 : 20, (width * 0.2) / layers));
    const state = Math.ceil(context.measureText("re-used").width) + (slim ? 2 : 14);
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
    this.strips = ["k", "v"].map((letter) => prepared({ stage: letter, values: spec[letter], ...sizes }, theme));
  }

  // states: for each row "new", "re-used" or "" (not there yet).
  paint(states) {
    if (!this.frame) return;
    this.states = states;
    const { tokens, features, layers, theme, colours } = this.spec;
    const { width, height, top, rowHeight, cell } = this.frame;
    const context = fresh(this.picture, width, height);
    const colour = theme.roles.output;
    const lines = hatch(context, theme.text);
    this.paintHeader(context);
    let labelled = -Infinity;
    let worded = -Infinity;
    const lone = states.filter((state) => state === "new").length === 1 ? states.indexOf("new") : -1;
    tokens.forEach((_, row) => {
      const y = top + row * rowHeight;
      const state = states[row];
      for (let i = 0; i < layers; i++) this.paintState(context, this.frame.layer + i * this.frame.layerWidth, y, state, colour, lines);
      for (const [n, letter] of ["k", "v"].entries()) {
        const x = this.frame[letter];
        if (state) stamp(context, this.strips[n], { x, y, width: features * cell, height: rowHeight - (rowHeight > 8 ? 2 : 0) }, row);
        else this.paintNothing(context, x, y, features * cell);
      }
      const fits = rowHeight >= READABLE || (y - labelled >= TYPE + 2 && (lone < 0 || Math.abs(row - lone) * rowHeight >= TYPE));
      if (row !== lone && fits) {
        labelled = y;
        this.paintToken(context, row, false);
      }
      if (row !== lone && y - worded >= SPACED && (lone < 0 || Math.abs(row - lone) * rowHeight >= SPACED)) {
        worded = y;
        this.paintWord(context, y, state, colour);
      }
    });
    if (lone >= 0) this.paintNew(context, lone, colour);
    context.font = `bold ${TYPE}px ${theme.font}`;
    context.textAlign = "left";
    context.textBaseline = "alphabetic";
    for (const letter of ["k", "v"]) {
      context.fillStyle = colours[letter];
      write(context, features * cell > 84 ? `${letter}  ${tokens.length} × ${features}` : letter, this.frame[letter], 16);
    }
  }

  // The one row that is computed at this step, over its neighbours where rows are low.
  paintNew(context, row, colour) {
    const { top, rowHeight, cell } = this.frame;
    const y = top + row * rowHeight;
    this.paintToken(context, row, true);
    this.paintWord(context, y, "new", colour);
    context.strokeStyle = colour;
    context.lineWidth = 3;
    for (const letter of ["k", "v"]) context.strokeRect(this.frame[letter] - 2, y - 2, this.spec.features * cell + 4, Math.max(4, rowHeight) + 1);
  }

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

  paintState(context, x, y, state, colour, lines) {
    const { layerWidth, rowHeight } = this.frame;
    const gap = rowHeight > 8 ? 3 : 1;
    const [width, height] = [layerWidth - 3, rowHeight - gap];
    context.lineWidth = 1;
    context.strokeStyle = state ? this.spec.theme.text : this.spec.theme.faint;
    context.setLineDash(state ? [] : [1, 3]);
    if (state) {
      context.fillStyle = state === "new" ? colour : lines;
      context.fillRect(x, y, width, height);
    }
    if (state || rowHeight > 8) context.strokeRect(x + 0.5, y + 0.5, width - 1, height - 1);
    context.setLineDash([]);
  }

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
    context.strokeRect(this.frame[cell.zone] + cell.column * cellWidth - line / 2, y - line / 2, cellWidth + line, Math.max(3, rowHeight - 2) + line);
  }

  // The cell at a point of the page, or null.
  cellAt(clientX, clientY) {
    const box = this.node.getBoundingClientRect();
    const { layers, features, tokens } = this.spec;
    const { top, rowHeight, layer, layerWidth, state, stateWidth, cell } = this.frame;
    const [x, row] = [clientX - box.left, Math.floor((clientY - box.top - top) / rowHeight)];
    const within = row >= 0 && row < tokens.length;
    for (const letter of ["k", "v"]) {
      const column = Math.floor((x - this.frame[letter]) / cell);
      if (within && column >= 0 && column < features) return { zone: letter, row, column };
    }
    const column = Math.floor((x - layer) / layerWidth);
    if (column >= 0 && column < layers && row < tokens.length) return { zone: "layer", row, column };
    if (within && x >= state && x < state + stateWidth) return { zone: "state", row, column: 0 };
    return within && x < layer ? { zone: "token", row, column: 0 } : null;
  }

  at(event, tell) {
    const cell = this.frame && this.cellAt(event.clientX, event.clientY);
    if (cell) tell(cell);
  }
}
