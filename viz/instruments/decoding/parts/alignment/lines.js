// The sentences under the alignment: a row or a column as numbers, crossing links, what a ribbon is.

import { el } from "../../../shared/dom.js";
import { sum } from "../../../shared/maths.js";
import { weightText } from "../../../shared/numbers.js";

const mostNamed = (/** @type {number} */ width) => (width < 1000 ? 4 : 5); // that fit into one line

const many = (/** @type {number} */ n, /** @type {string} */ word) => `${n} ${word}${n === 1 ? "" : "s"}`;

// What a target word looks at, or who looks at a source word (`row` null): the largest weights by name.
/** @param {{ units: any, weights: Float64Array, width: number }} shown @param {{ row: number, column: number }} cell */
export function rowLine({ units, weights, width }, { row, column }) {
  const most = mostNamed(width);
  const n = units.columns.length;
  const isColumn = row === null;
  const names = isColumn ? units.below : units.above;
  /** @type {number[]} */
  const values = names.map((/** @type {string} */ _, /** @type {number} */ i) =>
    isColumn ? weights[i * n + column] : weights[row * n + i],
  );
  const word = isColumn ? units.above[column] : units.below[row];
  if (!isColumn && !units.rows[row].length) return [`“${word}” is the last token: no row reads it.`];
  const order = [...values.keys()].filter((i) => !Number.isNaN(values[i])).sort((a, b) => values[b] - values[a]);
  const rest = order.slice(most);
  const total = (/** @type {number[]} */ all) => weightText(sum(all.map((i) => values[i])));
  const pair = (/** @type {number} */ i) =>
    el("span", { class: "align-pair" }, `${names[i]} `, el("b", {}, weightText(values[i])));
  return [
    el("b", {}, `“${word}”`),
    isColumn ? " is looked at by: " : " looks at: ",
    ...order.slice(0, most).flatMap((i, at) => [at ? " · " : "", pair(i)]),
    rest.length ? ` · ${many(rest.length, "other")} ${total(rest)}` : "",
    isColumn ? "" : ` · sum ${total(order)}`,
  ];
}

/** @param {Record<string, number>} counts @param {string} unit */
export function linksLine({ links, elsewhere, pairs, crossing }, unit) {
  const left = elsewhere ? ` (${elsewhere} more at ⟨/s⟩: not counted)` : "";
  const looking = `${many(links, `target ${unit}`)} ${links === 1 ? "looks" : "look"} most at a source ${unit}${left}`;
  return [
    `Strongest links: ${looking}; of the ${many(pairs, "pair")} of these links `,
    el("b", {}, `${crossing} cross${crossing === 1 ? "es" : ""}`),
    ".",
  ];
}

const JOINED =
  " To a split word: the sum over its pieces; from a split word: the mean over its pieces' rows (Clark et al. 2019).";
const NO_END =
  " ⟨/s⟩ is left out of the picture, where rows sum to less than 1; the numbers and entropies still count it.";

/** @param {{ joins: boolean, unit: string, on: Set<string> }} state */
export function pictureCaption({ joins, unit, on }) {
  const does = on.has("reads") ? "read" : "predict";
  const which = joins ? `rows that ${does} it` : `row that ${does}s it`;
  return (
    "A ribbon's width is the weight (none below 0.02). Row t of attention predicts token t and reads token t − 1: " +
    `a target ${unit} has the ${which}.${joins ? JOINED : ""}${on.has("noend") ? NO_END : ""}`
  );
}
