// How the cell under the cursor was made, as data: formula, terms, result, and a NumPy snippet with the very numbers.

import { numberText } from "../shared/numbers.js";
import { products, rowOf as row } from "../shared/part.js";
import { scalars, snippet, vector as list } from "../shared/snippet.js";
import { PARAMETERS } from "./layout.js";
import { NEEDS_MATRICES } from "./maths.js";

// A number that follows a sign: a negative one in brackets.
const bracketed = (value) => (value < 0 ? `(${numberText(value)})` : numberText(value));

function given({ store, stage, entry, vector, column, value }) {
  const enters = store.header.layered ? "the stream that enters this block" : "the stream that leaves the last layer";
  const what = stage.name === store.stream ? enters : "what the attention adds (its own instrument shows how)";
  return {
    formula: `given: ${what}`,
    note: `It is the entry ${entry}${store.header.layered ? "" : `, which is ${store.layerHeader.enters} as it is`}.`,
    numpy: snippet([list("x", vector)], `x[${column}]`, value),
  };
}

function parameter({ stage, vector, column, value }) {
  return {
    formula: `${PARAMETERS[stage.name]} of feature ${column + 1}`,
    note: "Learnt, the same for every token and every sentence.",
    numpy: snippet([list(stage.name, vector)], `${stage.name}[${column}]`, value),
  };
}

// Σ x·W + b, for both linear layers.
function linear({ store, stage, i, column, value }, number, letter) {
  const x = row(store.own(stage.of[0]), i);
  const here = `${stage.of[0]}[${i + 1}, ${letter}]`;
  const formula = `Σ_${letter} ${here} · W_${number}[${column + 1}, ${letter}] + b_${number}[${column + 1}]`;
  if (!store.matrices) return { formula, note: "Fetching the weight matrix…", waiting: true };
  const n = x.length;
  const W = store.matrices[`W_${number}`].values.subarray(column * n, (column + 1) * n);
  const bias = store.matrices[`b_${number}`].values[column];
  const terms = products(x, W, (at) => `${letter}${at}`);
  terms.push({ name: `b_${number}`, text: "bias", value: bias });
  return {
    formula,
    terms,
    numpy: snippet([list("x", x), list("W_row", W), scalars({ b: bias })], "W_row @ x + b", value),
  };
}

function hidden({ store, stage, i, column, value }) {
  const before = row(store.own(stage.of[0]), i)[column];
  return {
    formula: `max(0, ${stage.of[0]}[${i + 1}, ${column + 1}]) = max(0, ${numberText(before)})`,
    note: before > 0 ? "This unit is active for this token." : "Cut to 0 by ReLU: this unit is silent for this token.",
    numpy: snippet([scalars({ ffn_pre: before })], "np.maximum(0, ffn_pre)", value),
  };
}

// norm_in and resid_out: the sum of two streams, or one of them as it is.
function sum({ store, stage, i, column, value }) {
  const parts = stage.of.map((name) => row(store.own(name), i)[column]);
  if (parts.length === 1) {
    return {
      formula: `${stage.of[0]}[${i + 1}, ${column + 1}], as it is`,
      numpy: snippet([scalars({ [stage.of[0]]: parts[0] })], stage.of[0], value),
    };
  }
  return {
    formula: stage.of.map((name) => `${name}[${i + 1}, ${column + 1}]`).join(" + "),
    terms: parts.map((part, n) => ({ name: stage.of[n], text: n ? "what the block adds" : "the stream", value: part })),
    numpy: snippet(stage.of.map((name, n) => scalars({ [name]: parts[n] })), stage.of.join(" + "), value),
  };
}

function mean({ store, stage, i, value }) {
  const x = row(store.own(stage.of[0]), i);
  return {
    formula: `μ = Σ_d ${stage.of[0]}[${i + 1}, d] / d_model, d_model = ${x.length}`,
    terms: Array.from(x, (each, d) => ({
      name: `d${d + 1}`,
      text: `${numberText(each)} / ${x.length}`,
      value: each / x.length,
    })),
    numpy: snippet([list(stage.of[0], x)], `${stage.of[0]}.mean()`, value),
  };
}

function std({ store, stage, i, value }) {
  const { eps } = store.layerHeader;
  const x = row(store.own(stage.of[0]), i);
  const mu = store.own(stage.of[1]).values[i];
  const terms = Array.from(x, (each, d) => ({
    name: `d${d + 1}`,
    text: `(${numberText(each)} − ${bracketed(mu)})² / ${x.length}`,
    value: (each - mu) ** 2 / x.length,
  }));
  const variance = terms.reduce((all, term) => all + term.value, 0);
  return {
    formula: `σ = √(Σ_d (x_d − μ)² / d_model + ε) = √(${numberText(variance)} + ${eps})`,
    terms,
    sumName: "variance",
    total: variance,
    numpy: snippet(
      [list(stage.of[0], x), scalars({ mean: mu })],
      `np.sqrt(((${stage.of[0]} - mean) ** 2).mean() + np.float32(${eps}))`,
      value,
    ),
  };
}

function normed({ store, stage, i, column, value }) {
  const [x, mu, sigma] = stage.of.map((name) => row(store.own(name), i));
  const given = [x[column], mu[0], sigma[0]];
  const formula = "(x − μ) / σ · γ + β";
  const [gamma, beta] = ["gamma", "beta"].map((name) => store.own(name).values[column]);
  const [a, b, c, g, h] = [numberText(given[0]), ...[given[1], given[2], gamma, beta].map(bracketed)];
  return {
    formula: `${formula} = (${a} − ${b}) / ${c} · ${g} + ${h}`,
    note:
      `γ[${column + 1}] = ${numberText(gamma)}, β[${column + 1}] = ${numberText(beta)}: ` +
      "learnt, the same for every token.",
    numpy: snippet(
      [scalars({ x: given[0], mean: given[1], std: given[2], gamma, beta })],
      "(x - mean) / std * gamma + beta",
      value,
    ),
  };
}

const MAKERS = {
  ffn_pre: (cell) => linear(cell, 1, "d"),
  ffn_hidden: hidden,
  ffn_out: (cell) => linear(cell, 2, "h"),
  mean,
  std,
  norm_out: normed,
  gamma: parameter,
  beta: parameter,
};

const makerOf = ({ name, of }) => (of.length || name in PARAMETERS ? (MAKERS[name] ?? sum) : given);

// The explanation of the cell under the cursor; until the layer's numbers are here, a sentence that says so.
export function explain(store) {
  if (!store.exact) return store.trouble ?? `Fetching ${store.whole}'s numbers…`;
  const stage = store.stage(store.cursor.stage);
  if (NEEDS_MATRICES.has(stage.name) && !store.matrices) store.fetchMatrices();
  const part = store.own(stage.name);
  const isParameter = stage.name in PARAMETERS;
  const i = isParameter ? 0 : store.cursor.row;
  const name = store.columnName(stage.name);
  const column = name ? store.cursor[name] : 0;
  const value = part.values[i * part.columns + column];
  const cell = { store, stage, i, column, value, vector: row(part, i), entry: store.layerHeader.names[stage.name] };
  const made = makerOf(stage)(cell);
  const where = isParameter ? "" : `row ${i + 1}: ${store.header.labels[i]}`;
  const index = [...(isParameter ? [] : [i + 1]), ...(name ? [column + 1] : [])];
  return {
    terms: [],
    ...made,
    title: `${stage.name}[${index.join(", ")}]`,
    value,
    note: [where, made.note].filter(Boolean).join(" · "),
  };
}
