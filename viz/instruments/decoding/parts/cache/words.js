// The cache in words and numbers: what the strip says of a key, a value or a count. Counts of multiply–adds are exact,
// whole numbers.

import { sum } from "../../../shared/maths.js";
import { numberText } from "../../../shared/numbers.js";
import { scalars, snippet, vector } from "../../../shared/snippet.js";

/** @typedef {Record<string, any>} Header of "cache" @typedef {number[]} Quartiles */

export const grouped = (/** @type {number} */ whole) => whole.toLocaleString("en-US");
export const times = (/** @type {number} */ a, /** @type {number} */ b) => `${(a / b).toFixed(1)}×`;
export const milliseconds = (/** @type {number} */ value) => `${value.toPrecision(3)} ms`;
// Three quartiles as "2.91× (2.71–3.14)" or "41 (39–45) ms": the median, and between which half of the runs lies.
/** @param {number} value @param {number} digits */
const figures = (value, digits) => (value >= 10 ** digits ? Math.round(value).toString() : value.toPrecision(digits));
/** @param {Quartiles} quartiles @param {number} digits @param {string} unit */
const spread = ([low, middle, high], digits, unit) =>
  `${figures(middle, digits)}${unit} (${figures(low, digits)}–${figures(high, digits)})`;
export const ratioSpread = (/** @type {Quartiles} */ quartiles) => spread(quartiles, 3, "×");
export const timeSpread = (/** @type {Quartiles} */ quartiles) => `${spread(quartiles, 2, "")} ms`;

/** @param {Record<string, number>} counts by block */
export const whole = (counts) => sum(Object.values(counts));

/** @type {Record<string, string>} */
export const WAYS = { cached: "with the cache", uncached: "without a cache" };

// What one step costs, one way: four products.
/** @param {Header} header @param {string} way @param {number} step */
export function stepCost(header, way, step) {
  /** @type {Record<string, number>} */
  const counts = header.work[way][step];
  const total = whole(counts);
  /** @type {Record<string, string>} */
  const texts = header.products[way][step];
  const code = Object.values(texts).map((text) => text.replaceAll(" × ", " * ").replaceAll("²", "**2"));
  const assumed =
    `${step + 1} rows pass the ${header.stack}, all k and v are made again; ` +
    "the last row alone goes on to the vocabulary.";
  return {
    title: `multiply–adds of step ${step + 1} ${WAYS[way]}, in millions`,
    formula: `${grouped(total)} / 10⁶`,
    terms: Object.entries(counts).map(([block, count]) => ({
      name: header.blocks[block], text: `${texts[block]} / 10⁶`, value: count / 1e6,
    })),
    value: total / 1e6,
    note: way === "cached" ? null : assumed,
    numpy: `blocks = [${code.join(", ")}]\nprint(sum(blocks) / 1e6)  # on screen: ${numberText(total / 1e6)}`,
  };
}

// Multiply–adds of the steps 1 to `step`.
/** @param {Header} header @param {string} way @param {number} step */
export const sumUpTo = (header, way, step) => sum(header.work[way].slice(0, step + 1).map(whole));

/** @param {Header} header @param {string} way @param {number} step */
export function sumCost(header, way, step) {
  const counts = header.work[way].slice(0, step + 1).map(whole);
  const total = sumUpTo(header, way, step);
  return {
    title: `multiply–adds of steps 1 to ${step + 1} ${WAYS[way]}, in millions`,
    formula: `${grouped(total)} / 10⁶`,
    note: `The ${header.stack} alone: the ${header.once.title}'s ${grouped(header.once.count)} run once either way.`,
    terms: counts.map((/** @type {number} */ count, /** @type {number} */ i) => ({
      name: `step ${i + 1}`, text: `${grouped(count)} / 10⁶`, value: count / 1e6,
    })),
    value: total / 1e6,
    numpy: `steps = [${counts.join(", ")}]\nprint(sum(steps) / 1e6)  # on screen: ${numberText(total / 1e6)}`,
  };
}

/** @param {number} step */
export function rowsSoFar(step) {
  const rows = step + 1;
  const each = Array.from({ length: rows }, (_, i) => i + 1).join(" + ");
  return {
    title: `rows computed in steps 1 to ${rows} without a cache`,
    formula: rows > 3 ? `1 + 2 + … + ${rows} = ${rows} × ${rows + 1} / 2` : each,
    terms: [],
    value: (rows * (rows + 1)) / 2,
    note: `With the cache: ${rows}, one a step. A row here is one token's key and value, in every layer and head.`,
    numpy: `print(sum(range(1, ${rows} + 1)))`,
  };
}

// Milliseconds of a step, both ways, from the numbers "cache_time".
/** @typedef {{ header: any, arrays: Record<string, any> }} Answer */
/** @param {Answer} times @param {number} step */
const timesAt = ({ arrays }, step) => Object.keys(WAYS).map((way) => milliseconds(arrays[`${way}_ms`].values[step]));

/** @param {Answer} times @param {number} step */
export function timeOf(times, step) {
  const [cached, uncached] = timesAt(times, step);
  const runs = `medians of ${times.header.repeats} interleaved runs`;
  return `Step ${step + 1}: ${cached} with the cache, ${uncached} without one (${runs}).`;
}

// Of both ways: the first step, where they do the same work, and the last.
/** @param {Answer} times */
export function timesOf(times) {
  const last = times.arrays.cached_ms.values.length - 1;
  const at = (/** @type {number} */ step) => `${timesAt(times, step).join(" with, ")} without`;
  const runs = `Medians of ${times.header.repeats} interleaved runs.`;
  return `Step 1, where both do the same work: ${at(0)}; step ${last + 1}: ${at(last)}. ${runs}`;
}

// When a row is computed and when it is read again.
/** @param {boolean} isBack @param {number} row @param {number} step @param {number} steps */
export function when(isBack, row, step, steps) {
  if (isBack && row > step) return `Step ${row + 1} computes it; it is not there yet.`;
  const born = isBack ? row : 0;
  const rest = born + 2 === steps ? `step ${steps}` : `steps ${born + 2} to ${steps}`;
  const again = born + 1 === steps ? "and not needed again" : `read again at ${rest}`;
  return `Computed at step ${born + 1}${born === step ? ", the open one" : ""}; ${again}.`;
}

// The key or value under the cursor: { zone: "k" | "v", row, column }. `terms`: what it is made from, if that is here.
/**
 * @param {Answer} answer @param {Record<string, any> | null} terms @param {{ name: string, back: boolean }} attention
 * @param {{ zone: string, row: number, column: number }} cell @param {number} step
 */
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
  const columns = `column ${column + 1} of this head's W_${letter} + bias`;
  if (!terms) return { ...base, formula: `row ${row + 1} of the stream · ${columns}`, waiting: true };
  const width = terms.x.shape[1];
  /** @type {Float32Array} */
  const x = terms.x.values.subarray(row * width, (row + 1) * width);
  const W = terms[`W_${letter}`].values.subarray(column * width, (column + 1) * width);
  const bias = terms[`b_${letter}`].values[column];
  return {
    ...base,
    formula: `Σ_d x[${row + 1}, d] · W_${letter}[d, ${column + 1}] + b_${letter}[${column + 1}]`,
    terms: [
      ...Array.from(x, (number, d) => ({
        name: `x${d + 1}·W${d + 1}`, text: `${numberText(number)} × ${numberText(W[d])}`, value: number * W[d],
      })),
      { name: "bias", text: "bias", value: bias },
    ],
    numpy: snippet([vector("x", x), vector("W_column", W), scalars({ b: bias })], "x @ W_column + b", value),
  };
}
