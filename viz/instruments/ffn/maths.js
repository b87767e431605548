// The arithmetic of one feed-forward, and of the norm beside any block, on flat, row-major arrays: pure functions.

import { add, project } from "../shared/maths.js";

export const relu = (values) => Float64Array.from(values, (value) => (value > 0 || Number.isNaN(value) ? value : 0));

export function rowMeans(x, rows, columns) {
  return Float64Array.from(
    { length: rows },
    (_, i) => x.subarray(i * columns, (i + 1) * columns).reduce((sum, value) => sum + value, 0) / columns,
  );
}

// √(Σ(x − μ)²/d_model + ε) of each row
export function rowStds(x, mean, rows, columns, eps) {
  return Float64Array.from({ length: rows }, (_, i) => {
    let sum = 0;
    for (let d = 0; d < columns; d++) sum += (x[i * columns + d] - mean[i]) ** 2;
    return Math.sqrt(sum / columns + eps);
  });
}

export function normalised(x, mean, std, gamma, beta, columns) {
  return Float64Array.from(x, (value, n) => {
    const [i, d] = [Math.floor(n / columns), n % columns];
    return ((value - mean[i]) / std[i]) * gamma[d] + beta[d];
  });
}

// What a stage is, from the numbers of its parents (`parent(n)` → { values, rows, columns }), the norm's `gamma` and
// `beta`, and the feed-forward's `matrices`; null where those are needed and not yet here.
export function recompute(stage, parent, { eps, gamma, beta, matrices }) {
  const first = parent(0);
  const { values, rows, columns } = first;
  const needs = matrices || !NEEDS_MATRICES.has(stage.name);
  if (!needs) return null;
  const makers = {
    ffn_pre: () => project(values, matrices.W_1.values, matrices.b_1.values, rows, columns, stage.shape[1]),
    ffn_hidden: () => relu(values),
    ffn_out: () => project(values, matrices.W_2.values, matrices.b_2.values, rows, columns, stage.shape[1]),
    mean: () => rowMeans(values, rows, columns),
    std: () => rowStds(values, parent(1).values, rows, columns, eps),
    norm_out: () => normalised(values, parent(1).values, parent(2).values, gamma, beta, columns),
  };
  const sum = () => (stage.of.length > 1 ? add(values, parent(1).values) : Float64Array.from(values));
  return (makers[stage.name] ?? sum)();
}

export const NEEDS_MATRICES = new Set(["ffn_pre", "ffn_out"]);

// Units of one row, strongest first; only those above 0.
export function strongest(values, rows, columns, row, most) {
  const line = values.subarray(row * columns, (row + 1) * columns);
  return [...line.keys()].filter((unit) => line[unit] > 0).sort((a, b) => line[b] - line[a]).slice(0, most);
}

// Rows that activate one unit, strongest first; only those above 0.
export function strongestRows(values, rows, columns, unit, most) {
  const value = (row) => values[row * columns + unit];
  return [...Array(rows).keys()].filter((row) => value(row) > 0).sort((a, b) => value(b) - value(a)).slice(0, most);
}

export function activeUnits(values, columns, row) {
  let count = 0;
  for (let unit = 0; unit < columns; unit++) if (values[row * columns + unit] > 0) count += 1;
  return count;
}

// The next number of two digits: 2.461 → 2.5. What the legend says is then exactly where the colours end.
export function roundedUp(size) {
  const step = 10 ** (Math.floor(Math.log10(size)) - 1);
  return Number((Math.ceil(size / step - 1e-9) * step).toPrecision(2));
}

// Where a colour scale ends, and the largest size there is: 98 of 100 numbers that are not 0 lie within, so that one
// outlier does not blank the rest. Where the largest is hardly larger, the scale ends there.
export function colourScale(values) {
  const sizes = Float64Array.from(values, Math.abs).filter((size) => size > 0 && Number.isFinite(size)).sort();
  if (!sizes.length) return { limit: 1, largest: 0 };
  const largest = sizes[sizes.length - 1];
  return { limit: roundedUp(sizes[Math.min(sizes.length - 1, Math.floor(0.98 * sizes.length))]), largest };
}

// How long each row of `a` is, against the same row of `b`.
export function relativeLengths(a, b, rows, columns) {
  const length = (values, i) => Math.hypot(...values.subarray(i * columns, (i + 1) * columns));
  return Array.from({ length: rows }, (_, i) => length(a, i) / length(b, i));
}

// rows × columns → rows × pixels (at most as many): of the columns that fall into a pixel, the number furthest from 0.
export function strongestColumns(values, rows, columns, pixels) {
  if (pixels >= columns) return values;
  const out = new Float64Array(rows * pixels);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const at = i * pixels + Math.floor((j * pixels) / columns);
      const value = values[i * columns + j];
      if (!(Math.abs(value) <= Math.abs(out[at]))) out[at] = value;
    }
  }
  return out;
}

// A share of units: one decimal below 10%.
export const shareText = (share) => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)}%`;
