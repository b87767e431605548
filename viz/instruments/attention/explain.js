// How the cell under the cursor was made, as data: formula, terms, result, and a NumPy snippet with the very numbers.

import { exactText, numberText, weightText } from "../shared/numbers.js";

const list = (name, values) => `${name} = np.array([${Array.from(values, exactText).join(", ")}], dtype=np.float32)`;
const row = (part, i) => part.values.subarray(i * part.columns, (i + 1) * part.columns);
const columnOf = (part, e) => Float64Array.from({ length: part.rows }, (_, j) => part.values[j * part.columns + e]);
const at = (part, i, j) => part.values[i * part.columns + j];

// Products a·b with a sum; `names` label the terms.
function products(a, b, names) {
  return Array.from(a, (value, n) => ({ name: names(n), text: `${numberText(value)} × ${numberText(b[n])}`, value: value * b[n] }));
}

function snippet(lines, result, value) {
  return ["import numpy as np", ...lines, `print(${result})  # on screen: ${exactText(value)}`].join("\n");
}

// What a head reads: the stream, where norms come first after its norm, or what the encoder hands on.
function what(store, stage) {
  const entry = store.names.inputs[stage];
  if (entry.endsWith("memory")) return `the encoder's output${store.names.made_of[stage].endsWith("norm_out") ? ", after its final norm" : ""}`;
  return `the stream that enters this block${entry.endsWith("norm_out") ? ", after its norm" : ""}`;
}

function given(store, { stage, query, key, wide }) {
  const part = store.stage(stage);
  const index = stage === "x_q" ? query : key;
  const entry = store.names.inputs[stage];
  const value = at(part, index, wide);
  return {
    title: `${stage}[${index + 1}, ${wide + 1}]`,
    formula: `given: ${what(store, stage)}`,
    note: `It is the entry ${entry}${entry.endsWith("memory") ? `, which is ${store.names.made_of[stage]}, made from the source` : ""}.`,
    terms: [],
    value,
    numpy: snippet([list("x", row(part, index))], `x[${wide}]`, value),
  };
}

function projected(store, { stage, query, key, feature }) {
  const letter = stage[0];
  const index = letter === "q" ? query : key;
  const x = store.own(letter === "q" ? "x_q" : "x_kv");
  const value = at(store.stage(stage), index, feature);
  const base = { title: `${letter}[${index + 1}, ${feature + 1}]`, value, terms: [] };
  const name = letter === "q" ? "x_q" : "x_kv";
  const formula = `row ${index + 1} of ${name} · column ${feature + 1} of this head's W_${letter} + bias`;
  if (!store.projections) return { ...base, formula, note: "Fetching the weight matrix…", waiting: true };
  const { d_head, d_model } = store.sizes;
  const out = store.chosen.head * d_head + feature;
  const W = store.projections[`W_${letter}`].values.subarray(out * d_model, (out + 1) * d_model);
  const bias = store.projections[`b_${letter}`].values[out];
  const terms = products(row(x, index), W, (d) => `x${d + 1}·W${d + 1}`);
  terms.push({ name: "bias", text: "bias", value: bias });
  return {
    ...base,
    formula: `Σ_d ${name}[${index + 1}, d] · W_${letter}[d, ${feature + 1}] + b_${letter}[${feature + 1}]`,
    terms,
    numpy: snippet([list("x", row(x, index)), list("W_column", W), `b = np.float32(${exactText(bias)})`], "x @ W_column + b", value),
  };
}

function turned(store, { stage, query, key, feature }) {
  const letter = stage[0];
  const index = letter === "q" ? query : key;
  const part = store.own(letter);
  const pair = feature - (feature % 2);
  const angle = index / 10000 ** (pair / store.sizes.d_head);
  const [even, odd] = [at(part, index, pair), at(part, index, pair + 1)];
  const isEven = feature % 2 === 0;
  const value = at(store.stage(stage), index, feature);
  return {
    title: `${letter}_rot[${index + 1}, ${feature + 1}]`,
    formula: `the pair (${pair + 1}, ${pair + 2}) of ${letter} turned by position ${index} / 10000^(${pair}/${store.sizes.d_head}) = ${numberText(angle)} rad`,
    terms: [
      { name: `${letter}${pair + 1}`, text: `${numberText(even)} × ${isEven ? "cos" : "sin"}`, value: even * (isEven ? Math.cos(angle) : Math.sin(angle)) },
      { name: `${letter}${pair + 2}`, text: `${numberText(odd)} × ${isEven ? "−sin" : "cos"}`, value: odd * (isEven ? -Math.sin(angle) : Math.cos(angle)) },
    ],
    value,
    numpy: snippet(
      [list("pair", [even, odd]), `angle = ${angle}`],
      isEven ? "pair[0] * np.cos(angle) - pair[1] * np.sin(angle)" : "pair[0] * np.sin(angle) + pair[1] * np.cos(angle)",
      value,
    ),
  };
}

function score(store, { query, key }) {
  const q = store.own("q_rot") ?? store.own("q");
  const k = store.own("k_rot") ?? store.own("k");
  const value = at(store.stage("scores"), query, key);
  return {
    title: `scores[${query + 1}, ${key + 1}]`,
    formula: `Σ_e q[${query + 1}, e] · k[${key + 1}, e]: does this query meet this key?`,
    terms: products(row(q, query), row(k, key), (e) => `q${e + 1}·k${e + 1}`),
    value,
    numpy: snippet([list("q", row(q, query)), list("k", row(k, key))], "q @ k", value),
  };
}

function scaled(store, { query, key }) {
  const { d_head } = store.sizes;
  const before = at(store.stage("scores"), query, key);
  const value = at(store.stage("scaled"), query, key);
  const off = !store.knobs.scale;
  return {
    title: `scaled[${query + 1}, ${key + 1}]`,
    formula: off ? `${numberText(before)}, left as it is (what if: no scaling)` : `${numberText(before)} / √d_head = ${numberText(before)} / √${d_head} = ${numberText(before)} / ${numberText(Math.sqrt(d_head))}`,
    terms: [],
    value,
    numpy: snippet([`score = np.float32(${exactText(before)})`], off ? "score" : `score / np.sqrt(np.float32(${d_head}))`, value),
  };
}

function biased(store, { query, key }) {
  const before = at(store.stage("scaled"), query, key);
  const bias = at(store.own("position_bias"), query, key);
  const value = at(store.stage("biased"), query, key);
  return {
    title: `biased[${query + 1}, ${key + 1}]`,
    formula: "scaled + the position bias: the farther, the lower",
    terms: [{ name: "scaled", text: "scaled", value: before }, { name: "bias", text: "position bias", value: bias }],
    value,
    numpy: snippet([`scaled, bias = np.float32(${exactText(before)}), np.float32(${exactText(bias)})`], "scaled + bias", value),
  };
}

// Why a key may or may not be seen, in words.
export function maskRule(store, query, key) {
  const { site } = store;
  if (!store.knobs.mask) return "kept: what if there were no mask?";
  if (key >= site.real.key) return "−∞ by the padding mask: this key is only filling, no token of the sentence.";
  if (site.causal && key > query) return `−∞ by the causal mask: row ${query + 1} must not see token ${key + 1}, which comes later.`;
  return site.causal ? `kept: token ${key + 1} does not come after row ${query + 1}.` : "kept: a real token, and no causal mask here.";
}

function masked(store, { query, key }) {
  const before = at(store.stage("biased") ?? store.stage("scaled"), query, key);
  const value = at(store.stage("masked"), query, key);
  return {
    title: `masked[${query + 1}, ${key + 1}]`,
    formula: `${numberText(before)} → ${numberText(value)}`,
    note: maskRule(store, query, key),
    terms: [],
    value,
    numpy: snippet([`scaled, keep = np.float32(${exactText(before)}), ${value === -Infinity ? "False" : "True"}`], "np.where(keep, scaled, -np.inf)", value),
  };
}

function weight(store, { query, key }) {
  const line = row(store.stage("masked"), query);
  const { temperature } = store.knobs;
  const highest = Math.max(...line);
  const value = at(store.stage("weights"), query, key);
  const exps = Array.from(line, (x) => (highest === -Infinity ? 0 : Math.exp((x - highest) / temperature)));
  const sum = exps.reduce((a, b) => a + b, 0);
  const below = (x) => {
    const difference = `${numberText(x)} − ${numberText(highest)}`;
    return temperature === 1 ? difference : `(${difference}) / ${temperature}`;
  };
  return {
    title: `weights[${query + 1}, ${key + 1}]`,
    formula: `exp(${below(line[key])}) / Σ = ${numberText(exps[key])} / ${numberText(sum)}`,
    note: `Σ has one term a key; ${numberText(highest)} is the row's largest masked score.`,
    terms: exps.map((term, j) => ({ name: store.site.keys[j], text: `exp(${below(line[j])})`, value: term, here: j === key })),
    sumName: "Σ",
    total: sum,
    value,
    asWeight: true,
    numpy: snippet([list("x", line), `e = np.exp((x - x.max()) / np.float32(${temperature}))`], `(e / e.sum())[${key}]`, value),
  };
}

function mixed(store, { query, feature }) {
  const weights = row(store.stage("weights"), query);
  const values = columnOf(store.own("v"), feature);
  const value = at(store.stage("z"), query, feature);
  return {
    title: `z[${query + 1}, ${feature + 1}]`,
    formula: `Σ_j weights[${query + 1}, j] · v[j, ${feature + 1}]: the values, weighted and summed over keys`,
    terms: Array.from(weights, (w, j) => ({ name: store.site.keys[j], text: `${weightText(w)} × ${numberText(values[j])}`, value: w * values[j] })),
    value,
    numpy: snippet([list("weights", weights), list("v", values)], "weights @ v", value),
  };
}

function beside(store, { query, wide }) {
  const { d_head } = store.sizes;
  const head = Math.floor(wide / d_head);
  const value = at(store.stage("concat"), query, wide);
  return {
    title: `concat[${query + 1}, ${wide + 1}]`,
    formula: `the heads' z side by side: column ${wide + 1} is feature ${(wide % d_head) + 1} of head ${head + 1}`,
    terms: [],
    value,
    numpy: snippet([list("concat", row(store.stage("concat"), query))], `concat[${wide}]`, value),
  };
}

function output(store, { query, wide }) {
  const part = store.stage("out");
  const value = part ? at(part, query, wide) : NaN;
  const base = { title: `out[${query + 1}, ${wide + 1}]`, value, terms: [] };
  if (!store.projections) return { ...base, formula: `row ${query + 1} of concat · column ${wide + 1} of W_O + bias`, note: "Fetching the weight matrix…", waiting: true };
  const { d_model } = store.sizes;
  const concat = row(store.stage("concat"), query);
  const W = store.projections.W_o.values.subarray(wide * d_model, (wide + 1) * d_model);
  const bias = store.projections.b_o.values[wide];
  const terms = products(concat, W, (f) => `concat${f + 1}·W${f + 1}`);
  terms.push({ name: "bias", text: "bias", value: bias });
  return {
    ...base,
    formula: `Σ_f concat[${query + 1}, f] · W_O[f, ${wide + 1}] + b_O[${wide + 1}]`,
    terms,
    numpy: snippet([list("concat", concat), list("W_column", W), `b = np.float32(${exactText(bias)})`], "concat @ W_column + b", value),
  };
}

const MAKERS = {
  x_q: given, x_kv: given, q: projected, k: projected, v: projected, q_rot: turned, k_rot: turned, scores: score,
  scaled, biased, masked, weights: weight, z: mixed, concat: beside, out: output,
};

const NEEDS_MATRICES = new Set(["q", "k", "v", "out"]);

// Which tokens the cell under the cursor is about.
function tokensOf({ site }, { stage, query, key }) {
  const row = ["x_kv", "k", "k_rot", "v"].includes(stage) ? null : `row ${query + 1}: ${site.queries[query]}`;
  const column = ["x_q", "q", "q_rot", "out", "concat"].includes(stage) ? null : `key ${key + 1}: ${site.keys[key]}`;
  return [row, column];
}

// The explanation of the cell under the cursor; until the layer's numbers are here, a sentence that says so.
export function explain(store) {
  const { cursor } = store;
  if (!store.exact) return store.trouble ?? "Fetching this layer's numbers…";
  if (NEEDS_MATRICES.has(cursor.stage) && !store.projections) store.fetchProjections();
  const made = MAKERS[cursor.stage](store, cursor);
  const whatIf = store.whatIf && cursor.stage in store.recomputed && cursor.stage !== "scores";
  return { ...made, whatIf, note: [...tokensOf(store, cursor), made.note].filter(Boolean).join(" · ") };
}
