// How the cell under the cursor was made, as data: formula, terms, result, and a NumPy snippet with the very numbers.

import { numberText, weightText } from "../shared/numbers.js";
import { cellOf, columnOf, products, rowOf } from "../shared/part.js";
import { scalars, snippet, vector } from "../shared/snippet.js";

/**
 * @typedef {object} Cell
 * @property {import("./store.js").Store} store
 * @property {import("./maths.js").Stage} stage
 * @property {import("../shared/part.js").Part} part its numbers
 * @property {number} i its row @property {number} column
 * @property {number} value NaN while nobody knows it
 * @property {(n: number) => import("../shared/part.js").Part} parent the nth of what the stage is made from
 */

const FETCHING = { note: "Fetching the weight matrix…", waiting: true };

// A number as it is, from a row of its own.
/** @param {Cell} cell @param {string} formula @param {string} note */
function asItIs({ part, i, column, value }, formula, note) {
  return { formula, note, numpy: snippet([vector("x", rowOf(part, i))], `x[${column}]`, value) };
}

/** @param {Cell} cell */
function given(cell) {
  const { store, stage } = cell;
  const { said, more } = store.site.given[stage.name];
  return asItIs(cell, `given: ${said}`, `It is the entry ${store.names[stage.name]}${more}.`);
}

// A stage that has no arithmetic here: of another variant of attention, or what an encoding adds.
/** @param {Cell} cell */
function named(cell) {
  const { store, stage } = cell;
  const made = stage.of.length ? `the model's own, made from ${stage.of.join(" and ")}` : "given: the model's own";
  return asItIs(cell, made, `It is the entry ${store.names[stage.name]}.`);
}

// A row through a weight matrix. `x`: what it is called in the terms, `letter`: its features; `out`: the row of W, in
// torch's order.
/** @param {Cell} cell @param {{ matrix: string, of: string, x: string, letter: string, out: number }} how */
function linear({ store, stage, i, column, value, parent }, { matrix, of, x, letter, out }) {
  const from = stage.of[0];
  const { projections } = store;
  const here = column + 1;
  const said = `row ${i + 1} of ${from} · column ${here} of ${of}W_${matrix} + bias`;
  if (!projections) return { formula: said, ...FETCHING };
  const row = rowOf(parent(0), i);
  const W = projections[`W_${matrix.toLowerCase()}`].values.subarray(out * row.length, (out + 1) * row.length);
  const bias = projections[`b_${matrix.toLowerCase()}`].values[out];
  const terms = products(row, W, (n) => `${x}${n}·W${n}`);
  return {
    formula: `Σ_${letter} ${from}[${i + 1}, ${letter}] · W_${matrix}[${letter}, ${here}] + b_${matrix}[${here}]`,
    terms: [...terms, { name: "bias", text: "bias", value: bias }],
    numpy: snippet([vector(x, row), vector("W_column", W), scalars({ b: bias })], `${x} @ W_column + b`, value),
  };
}

/** @param {Cell} cell */
function projected(cell) {
  const { store, stage, column } = cell;
  const out = store.head * store.sizes.d_head + column;
  return linear(cell, { matrix: stage.name, of: "this head's ", x: "x", letter: "d", out });
}

/** @param {Cell} cell */
const output = (cell) => linear(cell, { matrix: "O", of: "", x: "concat", letter: "f", out: cell.column });

/** @param {Cell} cell */
function turned({ store, stage, i, column, value, parent }) {
  const letter = stage.of[0];
  const { d_head } = store.sizes;
  const pair = column - (column % 2);
  const angle = i / 10000 ** (pair / d_head);
  const [even, odd] = [cellOf(parent(0), i, pair), cellOf(parent(0), i, pair + 1)];
  const [cos, sin] = [{ text: "cos", times: Math.cos(angle) }, { text: "sin", times: Math.sin(angle) }];
  const isFirst = column === pair;
  const [first, second] = isFirst ? [cos, { text: "−sin", times: -sin.times }] : [sin, cos];
  const [a, sign, b] = isFirst ? ["cos", "-", "sin"] : ["sin", "+", "cos"];
  const both = `the pair (${pair + 1}, ${pair + 2})`;
  const power = `10000^(${pair}/${d_head})`;
  return {
    formula: `${both} of ${letter} turned by position ${i} / ${power} = ${numberText(angle)} rad`,
    terms: [
      { name: `${letter}${pair + 1}`, text: `${numberText(even)} × ${first.text}`, value: even * first.times },
      { name: `${letter}${pair + 2}`, text: `${numberText(odd)} × ${second.text}`, value: odd * second.times },
    ],
    numpy: snippet(
      [vector("pair", [even, odd]), `angle = ${angle}`],
      `pair[0] * np.${a}(angle) ${sign} pair[1] * np.${b}(angle)`,
      value,
    ),
  };
}

/** @param {Cell} cell */
function score({ i, column, value, parent }) {
  const [q, k] = [rowOf(parent(0), i), rowOf(parent(1), column)];
  return {
    formula: `Σ_e q[${i + 1}, e] · k[${column + 1}, e]: does this query meet this key?`,
    terms: products(q, k, (e) => `q${e}·k${e}`),
    numpy: snippet([vector("q", q), vector("k", k)], "q @ k", value),
  };
}

/** @param {Cell} cell */
function scaled({ store, i, column, value, parent }) {
  const { d_head } = store.sizes;
  const before = cellOf(parent(0), i, column);
  const text = numberText(before);
  const isOff = !store.knobs.scale;
  const divided = `${text} / √d_head = ${text} / √${d_head} = ${text} / ${numberText(Math.sqrt(d_head))}`;
  return {
    formula: isOff ? `${text}, left as it is (what if: no scaling)` : divided,
    numpy: snippet([scalars({ score: before })], isOff ? "score" : `score / np.sqrt(np.float32(${d_head}))`, value),
  };
}

/** @param {Cell} cell */
function biased({ i, column, value, parent }) {
  const [before, bias] = [cellOf(parent(0), i, column), cellOf(parent(1), i, column)];
  return {
    formula: `${numberText(before)} + ${numberText(bias)}: farther keys get less`,
    terms: [{ name: "scaled", text: "scaled", value: before }, { name: "bias", text: "position bias", value: bias }],
    numpy: snippet([scalars({ scaled: before, bias })], "scaled + bias", value),
  };
}

// Why a key may or may not be seen, in words.
/** @param {{ site: any, knobs: any }} store @param {number} query @param {number} key */
export function maskRule({ site, knobs }, query, key) {
  if (!knobs.mask) return "kept: what if there were no mask?";
  if (key >= site.real.key) return "−∞ by the padding mask: this key is only filling, no token of the sentence.";
  if (!site.causal) return "kept: a real token, and no causal mask here.";
  const [row, token] = [`row ${query + 1}`, `token ${key + 1}`];
  if (key > query) return `−∞ by the causal mask: ${row} must not see ${token}, which comes later.`;
  return `kept: ${token} does not come after ${row}.`;
}

/** @param {Cell} cell */
function masked({ store, i, column, value, parent }) {
  const before = cellOf(parent(0), i, column);
  const keep = value === -Infinity ? "False" : "True";
  return {
    formula: `${numberText(before)} → ${numberText(value)}`,
    note: maskRule(store, i, column),
    numpy: snippet([scalars({ scaled: before }), `keep = ${keep}`], "np.where(keep, scaled, -np.inf)", value),
  };
}

/** @param {Cell} cell */
function weight({ store, i, column, value, parent }) {
  const line = rowOf(parent(0), i);
  const { temperature } = store.knobs;
  const { keys } = store.site;
  const highest = Math.max(...line);
  const exps = Array.from(line, (x) => (highest === -Infinity ? 0 : Math.exp((x - highest) / temperature)));
  const sum = exps.reduce((a, b) => a + b, 0);
  const below = (/** @type {number} */ x) => {
    const difference = `${numberText(x)} − ${numberText(highest)}`;
    return temperature === 1 ? difference : `(${difference}) / ${temperature}`;
  };
  return {
    formula: `exp(${below(line[column])}) / Σ = ${numberText(exps[column])} / ${numberText(sum)}`,
    note: `Σ has one term a key; ${numberText(highest)} is the row's largest masked score.`,
    terms: exps.map((e, j) => ({ name: keys[j], text: `exp(${below(line[j])})`, value: e, here: j === column })),
    sumName: "Σ",
    total: sum,
    asWeight: true,
    numpy: snippet(
      [vector("x", line), `e = np.exp((x - x.max()) / np.float32(${temperature}))`],
      `(e / e.sum())[${column}]`,
      value,
    ),
  };
}

/** @param {Cell} cell */
function mixed({ store, i, column, value, parent }) {
  const [weights, values] = [rowOf(parent(0), i), columnOf(parent(1), column)];
  const text = (/** @type {number} */ j) => `${weightText(weights[j])} × ${numberText(values[j])}`;
  return {
    formula: `Σ_j weights[${i + 1}, j] · v[j, ${column + 1}]: the values, weighted and summed over keys`,
    terms: Array.from(values, (v, j) => ({ name: store.site.keys[j], text: text(j), value: weights[j] * v })),
    numpy: snippet([vector("weights", weights), vector("v", values)], "weights @ v", value),
  };
}

/** @param {Cell} cell */
function beside({ store, stage, part, i, column, value }) {
  const { d_head } = store.sizes;
  const where = `feature ${(column % d_head) + 1} of head ${Math.floor(column / d_head) + 1}`;
  return {
    formula: `the heads' ${stage.of[0]} side by side: column ${column + 1} is ${where}`,
    numpy: snippet([vector("concat", rowOf(part, i))], `concat[${column}]`, value),
  };
}

/** @type {Record<string, (cell: Cell) => any>} */
const MAKERS = {
  q: projected, k: projected, v: projected, q_rot: turned, k_rot: turned, scores: score, scaled, biased, masked,
  weights: weight, z: mixed, concat: beside, out: output,
};
const NEEDS_MATRICES = new Set(["q", "k", "v", "out"]);

// The explanation of the cell under the cursor; until the layer's numbers are here, a sentence that says so.
/** @param {import("./store.js").Store} store */
export function explain(store) {
  const { site, cursor } = store;
  if (!store.exact) return store.trouble ?? "Fetching this layer's numbers…";
  const stage = store.row(cursor.stage);
  const { name, rows, columns } = stage;
  if (NEEDS_MATRICES.has(name) && !store.projections) store.fetchProjections();
  const [i, column] = [cursor[store.rowName(name)], cursor[store.columnName(name)]];
  const known = store.part(name);
  const value = known ? cellOf(known, i, column) : NaN;
  const parent = (/** @type {number} */ n) => store.part(stage.of[n]) ?? store.own(stage.of[n]);
  const make = name in site.given ? given : (MAKERS[name] ?? named);
  const made = make({ store, stage, part: known ?? store.own(name), i, column, value, parent });
  // Which tokens it is about.
  const row = rows === "query" ? `row ${i + 1}: ${site.queries[i]}` : `key ${i + 1}: ${site.keys[i]}`;
  const key = columns === "key" ? `key ${column + 1}: ${site.keys[column]}` : null;
  const note = [row, key, made.note].filter(Boolean).join(" · ");
  return { terms: [], ...made, title: `${name}[${i + 1}, ${column + 1}]`, value, whatIf: store.isChanged(name), note };
}
