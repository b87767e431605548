// Direct logit contributions, as in model/contributions.py: pure functions on flat arrays.

import { dot } from "../shared/maths.js";

// E's row of a word as seen from before each norm, and last from behind them all: g ← (γg − mean(γg)) / σ, backwards.
export function directions(row, gammas, stds) {
  const width = row.length;
  const carried = [Float64Array.from(row)];
  for (let n = stds.length - 1; n >= 0; n--) {
    const scaled = carried[0].map((x, d) => x * gammas[n * width + d]);
    const mean = sum(scaled) / width;
    carried.unshift(scaled.map((x) => (x - mean) / stds[n]));
  }
  return carried;
}

// What each part adds: its own numbers (a row of `terms`) against the word, seen from where the part enters.
export function contributions(terms, parts, carried) {
  const width = carried[0].length;
  return Float64Array.from(parts, ({ norms }, p) => dot(terms, p * width, carried[norms], 0, width));
}

export function sum(values) {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

// Bars with their values and the running total before and after each; the last one is the sum itself.
export function bars(groups, values) {
  let total = 0;
  const found = groups.map((bar) => {
    const value = sum(bar.members.map((p) => values[p]));
    const before = total;
    total += value;
    return { ...bar, value, before, after: total };
  });
  const own = { name: "the logit", short: "logit", look: "logit", group: "sum", worded: true, under: "", members: [] };
  return [...found, { ...own, value: total, before: 0, after: total }];
}
