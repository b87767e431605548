// The arithmetic of alignment, on flat arrays: weights between words, entropies, crossing links, norms, correlation.

import { sum } from "../../../shared/maths.js";

// Tokens by the word that they belong to: [0, 1, 1] → [[0], [1, 2]].
/** @param {Int32Array} wordOfToken */
export function groupsOf(wordOfToken) {
  /** @type {number[][]} */
  const groups = [];
  wordOfToken.forEach((word, token) => (groups[word] ??= []).push(token));
  return groups;
}

export const singles = (/** @type {number} */ n) => Array.from({ length: n }, (_, token) => [token]);

// To a word: the sum over its pieces; from a word: the mean over its rows; NaN for one without rows.
/**
 * @param {(row: number, key: number) => number} weightOf between tokens
 * @param {number[][]} rows @param {number[][]} columns the attention rows and keys of each word
 */
export function joinWeights(weightOf, rows, columns) {
  const out = new Float64Array(rows.length * columns.length);
  rows.forEach((from, i) => {
    columns.forEach((to, j) => {
      let sum = 0;
      for (const row of from) for (const key of to) sum += weightOf(row, key);
      out[i * columns.length + j] = from.length ? sum / from.length : NaN;
    });
  });
  return out;
}

export const surprise = (/** @type {number} */ weight) => (weight > 0 ? -weight * Math.log(weight) : 0);

// Entropy in nats of row i: NaN where the row has no weights.
/** @param {ArrayLike<number>} weights @param {number} i @param {number} columns */
export function rowEntropy(weights, i, columns) {
  let nats = 0;
  for (let j = 0; j < columns; j++) {
    const weight = weights[i * columns + j];
    nats += Number.isNaN(weight) ? NaN : surprise(weight);
  }
  return nats;
}

// Mean entropy in nats of the rows that have weights.
/** @param {ArrayLike<number>} weights @param {number} rows @param {number} columns */
export function meanEntropy(weights, rows, columns) {
  const each = Array.from({ length: rows }, (_, i) => rowEntropy(weights, i, columns));
  const all = each.filter((nats) => !Number.isNaN(nats));
  return sum(all) / all.length;
}

// The column of row i's largest weight (of equals the first), or −1 where the row has no weights.
/** @param {ArrayLike<number>} weights @param {number} i @param {number} columns */
export function strongest(weights, i, columns) {
  let [best, most] = [-1, -Infinity];
  for (let j = 0; j < columns; j++) {
    const weight = weights[i * columns + j];
    if (weight > most) [best, most] = [j, weight];
  }
  return best;
}

// Of the strongest links of the words below that are not special: how many there are, how many of them go to a special
// word above (those are not counted further), and how many pairs of the others cross.
/**
 * @param {ArrayLike<number>} weights @param {number} rows @param {number} columns
 * @param {boolean[]} specialBelow @param {boolean[]} specialAbove
 */
export function crossings(weights, rows, columns, specialBelow, specialAbove) {
  /** @type {number[]} */
  const ends = [];
  let elsewhere = 0;
  for (let i = 0; i < rows; i++) {
    const j = specialBelow[i] ? -1 : strongest(weights, i, columns);
    if (j < 0) continue;
    if (specialAbove[j]) elsewhere += 1;
    else ends.push(j);
  }
  const crossing = sum(ends.map((end, a) => ends.slice(a + 1).filter((other) => end > other).length));
  return { links: ends.length, elsewhere, pairs: (ends.length * (ends.length - 1)) / 2, crossing };
}

// ‖Σ_h α_h u_h‖ from the dot products u_h·u_g (head × head, at `start`); alphas: one a head, 0 leaves a head out.
/** @param {number[]} alphas @param {ArrayLike<number>} products @param {number} start */
export function norm(alphas, products, start) {
  const heads = alphas.length;
  let square = 0;
  for (let h = 0; h < heads; h++) {
    for (let g = 0; g < heads; g++) square += alphas[h] * alphas[g] * products[start + h * heads + g];
  }
  return Math.sqrt(Math.max(0, square));
}

// Ranks from 1, the smallest first; equal values share their mean rank.
/** @param {number[]} values */
export function ranks(values) {
  return Array.from(values, (value) => {
    let below = 0;
    let equal = 0;
    for (const other of values) {
      if (other < value) below += 1;
      else if (other === value) equal += 1;
    }
    return below + (equal + 1) / 2;
  });
}

// Spearman's rank correlation with what it is made of; `value` is NaN for fewer than 3 values or where all are equal.
/** @param {number[]} a @param {number[]} b */
export function spearman(a, b) {
  const middle = (a.length + 1) / 2;
  const [x, y] = [ranks(a), ranks(b)];
  const product = (/** @type {number[]} */ u, /** @type {number[]} */ v) =>
    sum(u.map((rank, i) => (rank - middle) * (v[i] - middle)));
  const size = Math.sqrt(product(x, x) * product(y, y));
  return { x, y, middle, size, value: a.length < 3 || !(size > 0) ? NaN : product(x, y) / size };
}
