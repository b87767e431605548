// The cache in words and numbers: what the strip says of a key, a value or a count. Counts of multiply–adds are exact whole numbers.

import { exactText, numberText } from "../../../shared/numbers.js";

export const grouped = (whole) => whole.toLocaleString("en-US");
export const times = (a, b) => `${(a / b).toFixed(1)}×`;
export const milliseconds = (value) => `${value.toPrecision(3)} ms`;
// Three quartiles as "2.91× (2.71–3.14)" or "41 (39–45) ms": the median, and between which half of the runs lies.
const figures = (value, digits) => (value >= 10 ** digits ? Math.round(value).toString() : value.toPrecision(digits));
export const ratioSpread = ([low, middle, high]) => `${figures(middle, 3)}× (${figures(low, 3)}–${figures(high, 3)})`;
export const timeSpread = ([low, middle, high]) => `${figures(middle, 2)} (${figures(low, 2)}–${figures(high, 2)}) ms`;
export const sum = (counts) => Object.values(counts).reduce((all, count) => all + count, 0);
const list = (name, values) => `${name} = np.array([${Array.from(values, exactText).join(", ")}], dtype=np.float32)`;

export const WAYS = { cached: "with the cache", uncached: "without a cache" };

// What one step costs, one way: four products.
export function stepCost(header, way, step) {
  const counts = header.work[way][step];
  const texts = header.products[way][step];
  const code = Object.values(texts).map((text) => text.replaceAll(" × ", " * ").replaceAll("²", "**2"));
  const assumed = way === "cached" ? null : `${step + 1} rows pass the ${header.stack}, all k and v are made again; the last row alone goes on to the vocabulary.`;
  return {
    title: `multiply–adds of step ${step + 1} ${WAYS[way]}, in millions`,
    formula: `${grouped(sum(counts))} / 10⁶`,
    terms: Object.entries(counts).map(([block, count]) => ({ name: header.blocks[block], text: `${texts[block]} / 10⁶`, value: count / 1e6 })),
    value: sum(counts) / 1e6,
    note: assumed,
    numpy: `blocks = [${code.join(", ")}]\nprint(sum(blocks) / 1e6)  # on screen: ${numberText(sum(counts) / 1e6)}`,
  };
}

// Multiply–adds of the steps 1 to `step`.
export const sumUpTo = (header, way, step) => header.work[way].slice(0, step + 1).reduce((all, counts) => all + sum(counts), 0);

export function sumCost(header, way, step) {
  const counts = header.work[way].slice(0, step + 1).map(sum);
  const total = sumUpTo(header, way, step);
  return {
    title: `multiply–adds of steps 1 to ${step + 1} ${WAYS[way]}, in millions`,
    formula: `${grouped(total)} / 10⁶`,
    note: `The ${header.stack} alone: the ${header.once.title}'s ${grouped(header.once.count)} run once either way.`,
    terms: counts.map((count, i) => ({ name: `step ${i + 1}`, text: `${grouped(count)} / 10⁶`, value: count / 1e6 })),
    value: total / 1e6,
    numpy: `steps = [${counts.join(", ")}]\nprint(sum(steps) / 1e6)  # on screen: ${numberText(total / 1e6)}`,
  };
}

export function rowsSoFar(step) {
  const rows = step + 1;
  return {
    title: `rows computed in steps 1 to ${rows} without a cache`,
    formula: rows > 3 ? `1 + 2 + … + ${rows} = ${rows} × ${rows + 1} / 2` : Array.from({ length: rows }, (_, i) => i + 1).join(" + "),
    terms: [],
    value: (rows * (rows + 1)) / 2,
    note: `With the cache: ${rows}, one a step. A row here is one token's key and value, in every layer and head.`,
    numpy: `print(sum(range(1, ${rows} + 1)))`,
  };
}

// The part "cache_time" at one step.
export function timeOf({ header, arrays }, step) {
  const [cached, uncached] = Object.keys(WAYS).map((way) => milliseconds(arrays[`${way}_ms`].values[step]));
  return `Step ${step + 1}: ${cached} with the cache, ${uncached} without one (medians of ${header.repeats} interleaved runs).`;
}

// Of both ways: the first step, where they do the same work, and the last.
export function timesOf({ header, arrays }) {
  const at = (step) => Object.keys(WAYS).map((way) => milliseconds(arrays[`${way}_ms`].values[step])).join(" with, ");
  const last = arrays.cached_ms.values.length - 1;
  return `Step 1, where both do the same work: ${at(0)} without; step ${last + 1}: ${at(last)} without. Medians of ${header.repeats} interleaved runs.`;
}

// When a row is computed and when it is read again.
export function when(isBack, row, step, steps) {
  if (isBack && row > step) return `Step ${row + 1} computes it; it is not there yet.`;
  const born = isBack ? row : 0;
  const again = born + 1 === steps ? "and not needed again" : born + 2 === steps ? `read again at step ${steps}` : `read again at steps ${born + 2} to ${steps}`;
  return `Computed at step ${born + 1}${born === step ? ", the open one" : ""}; ${again}.`;
}

// The key or value under the cursor: { zone: "k" | "v", row, column }. `terms`: what it is made from, or null while that comes.
export function cellOf({ header, arrays }, terms, { name: site, back }, { zone: letter, row, column }, step) {
  const name = `${site}_${letter}`;
  const { values, shape } = arrays[name];
  const value = values[row * shape[1] + column];
  const token = (back ? header.reads : header.source)[row];
  const made = when(back, row, step, header.reads.length);
  const base = {
    title: `${letter}[${row + 1}, ${column + 1}]`,
    value,
    note: `“${token}”. ${made} x[${row + 1}]: row ${row + 1} of ${header.inputs[name]}.`,
    terms: [],
  };
  if (back && row > step) return `${base.title}, “${token}”: ${made}`;
  if (!terms) return { ...base, formula: `row ${row + 1} of the stream · column ${column + 1} of this head's W_${letter} + bias`, waiting: true };
  const width = terms.x.shape[1];
  const x = terms.x.values.subarray(row * width, (row + 1) * width);
  const W = terms[`W_${letter}`].values.subarray(column * width, (column + 1) * width);
  const bias = terms[`b_${letter}`].values[column];
  return {
    ...base,
    formula: `Σ_d x[${row + 1}, d] · W_${letter}[d, ${column + 1}] + b_${letter}[${column + 1}]`,
    terms: [
      ...Array.from(x, (number, d) => ({ name: `x${d + 1}·W${d + 1}`, text: `${numberText(number)} × ${numberText(W[d])}`, value: number * W[d] })),
      { name: "bias", text: "bias", value: bias },
    ],
    numpy: ["import numpy as np", list("x", x), list("W_column", W), `b = np.float32(${exactText(bias)})`, `print(x @ W_column + b)  # on screen: ${exactText(value)}`].join("\n"),
  };
}
