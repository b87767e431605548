// What the cache saves, drawn: which rows each step computes (two triangles), and a bar a step for each way of decoding.

import { el, listen } from "../../../shared/dom.js";
import { fresh, record, write } from "../../../shared/paint.js";
import { hatch } from "./rows.js";

const TYPE = 14;

// Rows are steps, columns are tokens: filled where a step computes a token's keys and values, hatched where it reads them again.
export class Triangle {
  // onPoint(row), onClick(row): a step, from 0.
  constructor(cached, { onPoint, onClick, onLeave }) {
    this.cached = cached;
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.node = el("div", { class: "cache-triangle", role: "figure" }, this.canvas);
    listen(this.node, { pointermove: (event) => this.at(event, onPoint) });
    listen(this.node, { click: (event) => this.at(event, onClick) });
    listen(this.node, { pointerleave: onLeave });
  }

  draw({ name, steps, step, size, theme }) {
    this.steps = steps;
    this.node.setAttribute("aria-label", name);
    const cell = (this.cell = Math.min(24, (size - 3) / steps));
    const side = cell * steps + 3;
    const context = fresh(this.canvas, side, side);
    const gap = cell > 5 ? 1 : 0;
    const lines = hatch(context, theme.text);
    for (let row = 0; row < steps; row++) {
      for (let column = 0; column <= row; column++) {
        const [x, y] = [1 + column * cell, 1 + row * cell];
        if (row > step) {
          if (column !== row && column !== 0) continue;
          context.fillStyle = theme.faint;
          context.fillRect(x + cell / 2 - 1, y + cell / 2 - 1, 2, 2);
          continue;
        }
        const isNew = !this.cached || column === row;
        context.globalAlpha = isNew && row !== step ? 0.6 : 1;
        context.fillStyle = isNew ? theme.roles.output : lines;
        context.fillRect(x, y, cell - gap, cell - gap);
        record(this.canvas, { stage: isNew ? "computed" : "re-used", values: [row, column], rows: 1, columns: 2 }, { x, y, width: cell, height: cell });
      }
    }
    context.globalAlpha = 1;
    context.strokeStyle = theme.text;
    context.lineWidth = 2;
    context.strokeRect(1, 1 + step * cell, (step + 1) * cell - gap, cell - gap);
  }

  at(event, tell) {
    const row = Math.floor((event.clientY - this.canvas.getBoundingClientRect().top) / this.cell);
    if (row >= 0 && row < this.steps) tell(row);
  }
}

// A pair of bars a step: without a cache hatched behind, with it filled in front; after the open step only outlines.
export class Bars {
  // onPoint({ step, way }), onClick(step)
  constructor({ onPoint, onClick, onLeave }) {
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.node = el("div", { class: "cache-bars", role: "figure" }, this.canvas);
    listen(this.node, { pointermove: (event) => this.at(event, onPoint) });
    listen(this.node, { click: (event) => this.at(event, ({ step }) => onClick(step)) });
    listen(this.node, { pointerleave: onLeave });
  }

  // cached, uncached: a number a step
  draw({ name, cached, uncached, step, width, height, most, theme }) {
    this.node.setAttribute("aria-label", name);
    const highest = Math.max(...cached, ...uncached);
    const [top, bottom] = [TYPE + 6, height - TYPE - 6];
    const wide = Math.min(40, (width - 2) / cached.length);
    Object.assign(this, { wide, top, bottom, cached, highest, steps: cached.length });
    const context = fresh(this.canvas, width, height);
    const lines = hatch(context, theme.text);
    const gap = wide > 8 ? 3 : wide > 4 ? 1 : 0;
    const heightOf = (value) => ((bottom - top) * value) / highest;
    const box = (value, i) => [i * wide + 1, bottom - heightOf(value), wide - gap, heightOf(value)];
    const said = (stage, values, i) => {
      const [x, y, across, high] = box(values[i], i);
      record(this.canvas, { stage, values: [values[i]], rows: 1, columns: 1, scale: "length", limit: highest }, { x, y, width: across, height: high }, i);
    };
    for (let i = 0; i < cached.length; i++) {
      context.lineWidth = 1;
      context.strokeStyle = theme.text;
      context.globalAlpha = i > step ? 0.5 : 1;
      context.setLineDash(i > step ? [2, 3] : []);
      if (i <= step) {
        context.fillStyle = lines;
        context.fillRect(...box(uncached[i], i));
        context.fillStyle = theme.roles.output;
        context.fillRect(...box(cached[i], i));
      } else context.strokeRect(...box(cached[i], i));
      if (wide > 4 || i > step) context.strokeRect(...box(uncached[i], i));
      said("without a cache", uncached, i);
      said("with a cache", cached, i);
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
  paintSteps(context, step, theme) {
    const middle = (i) => (i + 0.5) * this.wide;
    const last = this.steps - 1;
    for (const i of new Set([0, last, step])) {
      if (i !== step && Math.abs(middle(i) - middle(step)) < 24) continue;
      context.font = `${i === step ? "bold " : ""}${TYPE}px ${theme.font}`;
      context.textAlign = "center";
      const half = context.measureText(String(i + 1)).width / 2;
      write(context, String(i + 1), Math.min(Math.max(half, middle(i)), Math.max(this.wide * this.steps, 2 * half) - half), this.bottom + TYPE + 3);
    }
    context.textAlign = "left";
    context.fillRect(step * this.wide, this.bottom, this.wide, 3);
  }

  at(event, tell) {
    const box = this.canvas.getBoundingClientRect();
    const step = Math.floor((event.clientX - box.left) / this.wide);
    if (step < 0 || step >= this.steps) return;
    const value = ((this.bottom - (event.clientY - box.top)) / (this.bottom - this.top)) * this.highest;
    tell({ step, way: value <= this.cached[step] ? "cached" : "uncached" });
  }
}
