// What a head does, from its weights alone: figures, then the one sentence that fits them.
//
// Rows without a choice (they see one key only) are left out: their weight is 1 whatever the head does.

import { entropy, rowMax } from "../shared/maths.js";
import { percentText } from "../shared/numbers.js";

const MOST = 0.5; // more of the weight than this is a pattern
const LEAST_EACH = 1 / 3; // of two that make a pattern together
const MOST_TOGETHER = 2 / 3;
const LEAST_STOPS = 3;

// Of all paths that go row by row through the first `keys` columns and never step back: the heaviest. { share: its mean
// weight, keys: where it stands in each row }.
/** @param {ArrayLike<number>[]} rows @param {number} keys */
export function heaviestPath(rows, keys) {
  let best = new Float64Array(keys);
  const from = rows.map((row) => {
    const before = new Int32Array(keys);
    for (let j = 1, top = 0; j < keys; j++) {
      if (best[j] > best[top]) top = j;
      before[j] = top;
    }
    best = best.map((_, j) => best[before[j]] + row[j]);
    return before;
  });
  let key = best.indexOf(Math.max(...best));
  const share = best[key] / rows.length;
  const path = [];
  for (let i = rows.length - 1; i >= 0; i--) {
    path.unshift(key);
    key = from[i][key];
  }
  return { share, keys: path };
}

// Figures of a head. queries, keys: how many are real tokens; columns: the width of a row of `weights`; self: queries
// and keys are the same tokens; causal: row i sees i + 1 keys; end: the end token's column, or null.
/**
 * @typedef {object} Asked
 * @property {number} queries @property {number} keys @property {number} columns
 * @property {boolean} self @property {boolean} causal @property {number | null} end
 */
/** @param {Float32Array} weights @param {Asked} asked */
export function describeHead(weights, { queries, keys, columns, self, causal, end }) {
  const sees = (/** @type {number} */ i) => (causal ? Math.min(i + 1, keys) : keys);
  const chosen = Array.from({ length: queries }, (_, i) => i).filter((i) => sees(i) > 1);
  const at = (/** @type {number} */ i, /** @type {number} */ j) => weights[i * columns + j];
  /** @type {(rows: number[], value: (i: number) => number) => number} */
  const meanOf = (rows, value) => (rows.length ? rows.reduce((sum, i) => sum + value(i), 0) / rows.length : 0);
  /** @type {(key: (i: number) => number) => number} */
  const shareAt = (key) => meanOf(chosen.filter((i) => key(i) >= 0 && key(i) < sees(i)), (i) => at(i, key(i)));
  /** @type {Record<string, number>} */
  const figures = {
    choices: chosen.length,
    entropy: meanOf(chosen, (i) => entropy(weights, i * columns, columns)),
    peak: meanOf(chosen, (i) => rowMax(weights, i * columns, columns)),
    first: shareAt(() => 0),
  };
  if (end !== null) figures.end = shareAt(() => end);
  if (self) {
    Object.assign(figures, { diagonal: shareAt((i) => i), previous: shareAt((i) => i - 1) });
    if (!causal) figures.next = shareAt((i) => i + 1);
  } else if (chosen.length && (end ?? keys) > 0) {
    const rows = chosen.map((i) => weights.subarray(i * columns, i * columns + columns));
    const words = end ?? keys; // the end token is no place in the word order
    const path = heaviestPath(rows, words);
    figures.order = path.share;
    figures.stops = new Set(path.keys.filter((j, n) => rows[n][j] === Math.max(...rows[n].subarray(0, words)))).size;
  }
  const shares = Array.from({ length: keys }, (_, j) => meanOf(chosen, (i) => at(i, j)));
  figures.one = Math.max(...shares);
  figures.key = shares.indexOf(figures.one);
  return figures;
}

/** @type {Record<string, string>} */
export const FIGURES = {
  diagonal: "itself",
  previous: "the previous token",
  next: "the next token",
  first: "the first token",
  end: "the end token",
};
const FIXED = Object.keys(FIGURES);

// The pattern: { name, share }. Fixed places first; then the word order, alone or with rests on the end token; then one
// token; else "single" (each row has a favourite, in no such place) or "spread". "none": no row has a choice.
/** @param {Record<string, number>} figures @returns {{ name: string, share?: number, rest?: number }} */
export function patternOf(figures) {
  if (!figures.choices) return { name: "none" };
  const held = FIXED.filter((name) => figures[name] > MOST);
  if (held.length) {
    const name = held.reduce((a, b) => (figures[a] >= figures[b] ? a : b));
    return { name, share: figures[name] };
  }
  const { one, peak } = figures;
  const inOrder = orderOf(figures);
  if (inOrder) return inOrder;
  if (one > MOST) return { name: "one", share: one };
  return peak > MOST ? { name: "single", share: peak } : { name: "spread" };
}

// Whether the rows go through the words in their order.
/** @param {Record<string, number>} figures */
function orderOf({ order = 0, end = 0, stops = 0, choices }) {
  if (stops < LEAST_STOPS || stops < choices / 2) return null;
  if (order > MOST) return { name: "order", share: order };
  const isBoth = order >= LEAST_EACH && end >= LEAST_EACH && order + end >= MOST_TOGETHER;
  return isBoth ? { name: "order and end", share: order, rest: end } : null;
}

// The pattern in words; keys, real, causal, answering: of the site. `first`: of the tokens read it is ⟨s⟩, a place to
// rest, not a word.
/**
 * @param {{ name: string, share?: number, rest?: number }} pattern @param {any} figures @param {any} site
 * @returns {string}
 */
export function inWords({ name, share, rest }, { entropy: bits, key }, { keys, real, causal, answering }) {
  const percent = percentText(share ?? 0);
  /** @type {Record<string, () => string>} */
  const words = {
    none: () => "no row has a choice",
    diagonal: () => `mostly looks at itself (${percent})`,
    previous: () => `mostly looks at the previous token (${percent})`,
    next: () => `mostly looks at the next token (${percent})`,
    first: () => (causal ? `rests on ${keys[0]} (${percent})` : `mostly looks at the first token (${percent})`),
    end: () => `rests on the end token (${percent})`,
    order: () => `follows the word order (${percent})`,
    "order and end": () =>
      `follows the word order (${percent}), else rests on the end token (${percentText(rest ?? 0)})`,
    one: () => `mostly looks at “${keys[key]}” (${percent})`,
    single: () => `one token a row, in no fixed place (${percent})`,
    spread: () => `spread over about ${Math.max(2, Math.round(2 ** bits))} of ${real.key} ${answering} tokens`,
  };
  return words[name]();
}
