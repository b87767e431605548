// The sentences under the alignment: a row or a column as numbers, crossing links, what a ribbon is.

import { el } from "../../../shared/dom.js";
import { weightText } from "../../../shared/numbers.js";

const mostNamed = (width) => (width < 1000 ? 4 : 5); // that fit into one line

const many = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;

// What a target word looks at, or who looks at a source word (`row` null): the largest weights by name.
export function rowLine({ units, weights, width }, { row, column }) {
  const most = mostNamed(width);
  const n = units.columns.length;
  const isColumn = row === null;
  const names = isColumn ? units.below : units.above;
  const values = isColumn ? units.rows.map((_, i) => weights[i * n + column]) : Array.from(weights.subarray(row * n, (row + 1) * n));
  const word = isColumn ? units.above[column] : units.below[row];
  if (!isColumn && !units.rows[row].length) return [`“${word}” is the last token: no row reads it.`];
  const order = [...values.keys()].filter((i) => !Number.isNaN(values[i])).sort((a, b) => values[b] - values[a]);
  const rest = order.slice(most);
  const sum = (all) => weightText(all.reduce((total, i) => total + values[i], 0));
  return [
    el("b", {}, `“${word}”`),
    isColumn ? " is looked at by: " : " looks at: ",
    ...order.slice(0, most).flatMap((i, at) => [at ? " · " : "", el("span", { class: "align-pair" }, `${names[i]} `, el("b", {}, weightText(values[i])))]),
    rest.length ? ` · ${many(rest.length, "other")} ${sum(rest)}` : "",
    isColumn ? "" : ` · sum ${sum(order)}`,
  ];
}

export function linksLine({ links, elsewhere, pairs, crossing }, unit) {
  const left = elsewhere ? ` (${elsewhere} more at ⟨/s⟩: not counted)` : "";
  return [
    `Strongest links: ${many(links, `target ${unit}`)} ${links === 1 ? "looks" : "look"} most at a source ${unit}${left}; of the ${many(pairs, "pair")} of these links `,
    el("b", {}, `${crossing} cross${crossing === 1 ? "es" : ""}`),
    ".",
  ];
}

export function pictureCaption({ joins, unit, on }) {
  const which = joins ? `rows that ${on.has("reads") ? "read" : "predict"} it` : `row that ${on.has("reads") ? "reads" : "predicts"} it`;
  return [
    `A ribbon's width is the weight (none below 0.02). Row t of attention predicts token t and reads token t − 1: a target ${unit} has the ${which}.`,
    joins ? "To a split word: the sum over its pieces; from a split word: the mean over its pieces' rows (Clark et al. 2019)." : "",
    on.has("noend") ? "⟨/s⟩ is left out of the picture, where rows sum to less than 1; the numbers and entropies still count it." : "",
  ].join(" ").trim();
}
