// What the cache saves, drawn: which rows each step computes (two triangles), and a bar a step, each way of decoding.

import { el, listen } from "../../../shared/dom.js";
import { fresh, hatching, record, write } from "../../../shared/paint.js";

const TYPE = 14;

/**
 * @typedef {object} Told
 * @property {(what: any) => void} onPoint a step, from 0; of bars { step, way }
 * @property {(step: number) => void} onClick
 * @property {() => void} onLeave
 */

// Rows are steps, columns tokens: filled where a step makes a token's keys and values, hatched where it reads them.
export class Triangle {
  /** @param {boolean} cached @param {Told} told */
  constructor(cached, { onPoint, onClick, onLeave }) {
    this.cached = cached;
    this.steps = this.cell = 0;
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.node = el("div", { class: "cache-triangle", role: "figure" }, this.canvas);
    listen(this.node, {
      pointermove: (/** @type {MouseEvent} */ event) => this.at(event, onPoint),
      click: (/** @type {MouseEvent} */ event) => this.at(event, onClick),
      pointerleave: onLeave,
    });
  }

  /** @param {{ name: string, steps: number, step: number, size: number, theme: any }} spec */
  draw({ name, steps, step, size, theme }) {
    this.steps = steps;
    this.node.setAttribute("aria-label", name);
    const cell = (this.cell = Math.min(24, (size - 3) / steps));
    const side = cell * steps + 3;
    const context = fresh(this.canvas, side, side);
    const gap = cell > 5 ? 1 : 0;
    const lines = hatching(context, theme.text);
    for (let row = 0; row <= step; row++) {
      for (let column = 0; column <= row; column++) {
        const [x, y] = [1 + column * cell, 1 + row * cell];
        const isNew = !this.cached || column === row;
        context.globalAlpha = isNew && row !== step ? 0.6 : 1;
        context.fillStyle = isNew ? theme.roles.output : lines;
        context.fillRect(x, y, cell - gap, cell - gap);
        const stage = isNew ? "computed" : "re-used";
        const picture = { stage, values: [row, column], rows: 1, columns: 2, scale: "place" };
        record(this.canvas, picture, { x, y, width: cell, height: cell });
      }
    }
    context.globalAlpha = 1;
    // Of the steps to come, the ends of their rows.
    context.fillStyle = theme.faint;
    for (let row = step + 1; row < steps; row++) {
      for (const column of [0, row]) context.fillRect((column + 0.5) * cell, (row + 0.5) * cell, 2, 2);
    }
    context.strokeStyle = theme.text;
    context.lineWidth = 2;
    context.strokeRect(1, 1 + step * cell, (step + 1) * cell - gap, cell - gap);
  }

  /** @param {MouseEvent} event @param {(step: number) => void} tell */
  at(event, tell) {
    const row = Math.floor((event.clientY - this.canvas.getBoundingClientRect().top) / this.cell);
    if (row >= 0 && row < this.steps) tell(row);
  }
}

// A pair of bars a step: without a cache hatched behind, with it filled in front; after the open step only outlines.
export class Bars {
  /** @param {Told} told */
  constructor({ onPoint, onClick, onLeave }) {
    this.wide = this.top = this.bottom = this.highest = this.steps = 0;
    /** @type {number[]} */
    this.cached = [];
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.node = el("div", { class: "cache-bars", role: "figure" }, this.canvas);
    listen(this.node, {
      pointermove: (/** @type {MouseEvent} */ event) => this.at(event, onPoint),
      click: (/** @type {MouseEvent} */ event) => this.at(event, ({ step }) => onClick(step)),
      pointerleave: onLeave,
    });
  }

  /**
   * @param {{ name: string, cached: number[], uncached: number[], step: number, width: number, height: number,
   *   most: string, theme: any }} spec cached, uncached: a number a step
   */
  draw({ name, cached, uncached, step, width, height, most, theme }) {
    this.node.setAttribute("aria-label", name);
    const highest = Math.max(...cached, ...uncached);
    const [top, bottom] = [TYPE + 6, height - TYPE - 6];
    const wide = Math.min(40, (width - 2) / cached.length);
    Object.assign(this, { wide, top, bottom, cached, highest, steps: cached.length });
    const context = fresh(this.canvas, width, height);
    const lines = hatching(context, theme.text);
    const gap = wide > 8 ? 3 : Number(wide > 4);
    // A bar is filled up to the open step; an outline is enough for those to come.
    /**
     * @param {string} stage @param {number[]} values @param {number} i
     * @param {string | CanvasPattern} fill @param {boolean} isOutlined
     */
    const bar = (stage, values, i, fill, isOutlined) => {
      const height = ((bottom - top) * values[i]) / highest;
      const place = { x: i * wide + 1, y: bottom - height, width: wide - gap, height };
      context.fillStyle = fill;
      if (i <= step) context.fillRect(place.x, place.y, place.width, height);
      if (i > step || isOutlined) context.strokeRect(place.x, place.y, place.width, height);
      const picture = { stage, values: [values[i]], rows: 1, columns: 1, scale: "length", limit: highest };
      record(this.canvas, picture, place, i);
    };
    context.lineWidth = 1;
    context.strokeStyle = theme.text;
    for (let i = 0; i < cached.length; i++) {
      context.globalAlpha = i > step ? 0.5 : 1;
      context.setLineDash(i > step ? [2, 3] : []);
      bar("without a cache", uncached, i, lines, wide > 4);
      bar("with a cache", cached, i, theme.roles.output, false);
    }
    context.globalAlpha = 1;
    context.setLineDash([]);
    context.fillStyle = theme.text;
    context.fillRect(0, bottom, wide * cached.length + 1, 1);
    context.font = `${TYPE}px ${theme.font}`;
    write(context, `highest bar: ${most}`, 1, TYPE);
    this.paintSteps(context, step, theme);
  }

  // The first, the open and the last step under their bars.
  /** @param {CanvasRenderingContext2D} context @param {number} step @param {any} theme */
  paintSteps(context, step, theme) {
    const middle = (/** @type {number} */ i) => (i + 0.5) * this.wide;
    const last = this.steps - 1;
    for (const i of new Set([0, last, step])) {
      if (i !== step && Math.abs(middle(i) - middle(step)) < 24) continue;
      context.font = `${i === step ? "bold " : ""}${TYPE}px ${theme.font}`;
      context.textAlign = "center";
      const half = context.measureText(String(i + 1)).width / 2;
      const most = Math.max(this.wide * this.steps, 2 * half) - half;
      write(context, String(i + 1), Math.min(Math.max(half, middle(i)), most), this.bottom + TYPE + 3);
    }
    context.textAlign = "left";
    context.fillRect(step * this.wide, this.bottom, this.wide, 3);
  }

  /** @param {MouseEvent} event @param {(bar: { step: number, way: string }) => void} tell */
  at(event, tell) {
    const box = this.canvas.getBoundingClientRect();
    const step = Math.floor((event.clientX - box.left) / this.wide);
    if (step < 0 || step >= this.steps) return;
    const value = ((this.bottom - (event.clientY - box.top)) / (this.bottom - this.top)) * this.highest;
    tell({ step, way: value <= this.cached[step] ? "cached" : "uncached" });
  }
}
