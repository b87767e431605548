// How the number under the cursor was made, as data: formula, terms, result, and a NumPy snippet with the very numbers.

import { numberText, weightText } from "../shared/numbers.js";
import { scalars, snippet, vector as list } from "../shared/snippet.js";
import { CUT_BY_TOP_K } from "./sampling.js";

const SHOWN = 20;
const FETCHING = { waiting: true, terms: [], note: "Fetching all logits of this step…" };
export const countText = (count) => count.toLocaleString("en");

// Why a word is not drawn from, under these knobs.
export function cutText(reason, { topK, topP }) {
  return reason === CUT_BY_TOP_K ? `cut by top-k: not among the ${topK}` : `cut by top-p: ${topP} is reached before`;
}

// One probability of a softmax over words: `ids` are named one by one (the word itself among them), `others` summed.
function share({ logits, highest, exps, sum, id, ids, others, temperature = 1, token, value, ...said }) {
  const below = (logit) => {
    const difference = `${numberText(logit)} − ${numberText(highest)}`.replace("− −", "+ ");
    return temperature === 1 ? difference : `(${difference}) / ${temperature}`;
  };
  const text = (word) => `exp(${below(logits[word])})`;
  const terms = ids.map((word) => ({ name: token(word), text: text(word), value: exps[word], here: word === id }));
  const rest = others ? Math.max(0, sum - terms.reduce((all, each) => all + each.value, 0)) : 0;
  if (others) terms.push({ name: `${countText(others)} other tokens`, text: "exp(…)", value: rest, here: false });
  const lines = [
    list("logits", ids.map((word) => logits[word])),
    scalars({ highest }),
    `others = ${rest}  # the same sum over the ${countText(others)} other tokens`,
    `e = np.exp((logits - highest) / np.float32(${temperature}))`,
  ];
  return {
    ...said,
    formula: `exp(${below(logits[id])}) / Σ = ${numberText(exps[id])} / ${numberText(sum)}`,
    terms,
    sumName: "Σ exp",
    total: sum,
    value,
    asWeight: true,
    numpy: snippet(lines, `e[${ids.indexOf(id)}] / (e.sum() + others)`, value),
  };
}

const named = (order, id, most = SHOWN) => {
  const first = Array.from(order.subarray(0, most));
  return first.includes(id) ? first : [...first, id];
};

// a · b, one product a term.
function products(a, b, [one, other]) {
  const text = (x, d) => `${numberText(x)} × ${numberText(b[d])}`;
  return Array.from(a, (x, d) => ({ name: `${one}${d + 1}·${other}${d + 1}`, text: text(x, d), value: x * b[d] }));
}

const readsNote = ({ header, step }) => `step ${step + 1} reads ${header.reads[step]}`;

function probability(store, word) {
  const { own } = store;
  const base = { title: `P(${word.token})`, value: word.prob };
  if (!own) return { ...base, formula: "exp(logit − highest logit) / Σ exp", asWeight: true, ...FETCHING };
  const [ids, all] = [named(own.order, word.id), own.order.length];
  const note = `${readsNote(store)} · Σ over all ${countText(all)} tokens, the highest logit taken off first`;
  return share({ ...own, ...base, id: word.id, ids, others: all - ids.length, token: (id) => store.token(id), note });
}

function whatIf(store, word) {
  const { sampled, own, knobs } = store;
  const base = { title: `what if: P(${word.token})`, asWeight: true };
  if (!sampled) {
    const formula = "exp((logit − highest logit) / temperature) / Σ of the tokens that are kept";
    return { ...base, formula, value: NaN, ...FETCHING };
  }
  const reason = sampled.cut[word.id];
  if (reason) {
    const note = `The model's own probability is ${weightText(word.prob)}. ${countText(sampled.kept)} tokens are kept.`;
    return { ...base, formula: cutText(reason, knobs), terms: [], value: 0, whatIf: true, note };
  }
  const ids = named(own.order.subarray(0, sampled.kept), word.id);
  const kept = `${countText(sampled.kept)} tokens kept, ${weightText(sampled.mass)} of the mass before the cut`;
  const made = share({
    ...sampled, logits: own.logits, exps: sampled.values, temperature: knobs.temperature, id: word.id, ids,
    others: sampled.kept - ids.length, token: (id) => store.token(id), value: sampled.probs[word.id],
  });
  return { ...made, ...base, whatIf: true, note: `${readsNote(store)} · Σ over the ${kept}` };
}

function logit(store, word) {
  const { own, lastState, step } = store;
  const vector = own?.vectorOf(word.id);
  const t = step + 1;
  const formula = `Σ_d states[${t}, d] · E[${word.token}, d]`;
  const base = { title: `logits[${t}, ${word.token}]`, formula, value: word.logit, terms: [] };
  if (!vector) return { ...base, note: "Fetching this word's vector…", waiting: true };
  const whose = `the vector of token ${word.id}, ${word.token}: the same vector that embeds it`;
  return {
    ...base,
    terms: products(lastState, vector, ["s", "E"]),
    note: `${readsNote(store)} · the last state against ${whose}.`,
    numpy: snippet([list("state", lastState), list("E_row", vector)], "state @ E_row", word.logit),
  };
}

function state(store, { feature }) {
  const { lastState, header } = store;
  const value = lastState[feature];
  return {
    title: `states[${store.step + 1}, ${feature + 1}]`,
    formula: header.states.given,
    note: `${readsNote(store)} · It is the entry ${header.states.entry}, made of ${header.states.of}.`,
    terms: [],
    value,
    numpy: snippet([list("state", lastState)], `state[${feature}]`, value),
  };
}

// The lens names its ten most probable words; all logits of a cell come when it is pinned.
function lens(store, cell) {
  const { layer, position } = cell;
  const { header } = store;
  const words = store.lensWords(cell);
  const [word] = words;
  const norm = header.lens_norm.name;
  const row = `${header.lens[layer]}[${position + 1}]`;
  const reads = `step ${position + 1} reads ${header.reads[position]}`;
  const where = `${layer ? `after layer ${layer}` : "before the first layer"}, ${reads}`;
  const state = norm ? `${norm}(${row})` : row;
  const base = { title: `lens[${layer}, ${position + 1}]: P(${word.token})`, value: word.prob };
  const found = store.lensLogits(cell);
  if (found) {
    const ids = words.map(({ id }) => id);
    const [others, note] = [found.order.length - ids.length, `${where} · logits = ${state} · Eᵀ`];
    return share({ ...found, ...base, id: word.id, ids, others, token: (id) => store.token(id), note });
  }
  const mass = words.reduce((sum, { prob }) => sum + prob, 0);
  const terms = words.map(({ token, prob }, i) => ({ name: token, text: "P", value: prob, here: i === 0 }));
  return {
    ...base,
    formula: `softmax(${state} · Eᵀ)`,
    note: `${where} · Click the cell for the logits behind it.`,
    terms: [...terms, { name: "all other tokens", text: "P", value: Math.max(0, 1 - mass) }],
    sumName: "sum",
    total: 1,
    asWeight: true,
    numpy: snippet([list("top_10", words.map(({ prob }) => prob))], "top_10[0]", word.prob),
  };
}

// The logit itself: every bar of the waterfall, and their sum.
function total(store, { bars, word, values }) {
  const own = bars.slice(0, -1);
  return {
    title: `logits[${store.step + 1}, ${word.token}]`,
    formula: `Σ of the ${own.length} bars`,
    terms: own.map(({ name, value }) => ({ name, text: "", value })),
    value: word.logit,
    waiting: Number.isNaN(values[0]),
    note: `${readsNote(store)} · There is no output bias: the bars are all there is.`,
    numpy: snippet([list("bars", values)], "bars.sum(dtype=float)", word.logit),
  };
}

// One part of the stream, carried on to the logit: its own numbers against E's row, seen from where it enters.
function part(store, p, base, { word }) {
  const { header, written, own } = store;
  const carried = store.carried(word.id);
  if (!carried) return { ...base, ...FETCHING, formula: "u · g", note: "Fetching what each block wrote at this step…" };
  const { d_model, norms } = header;
  const { norms: from, source } = header.parts[p];
  const row = (array, n) => array.values.subarray(n * d_model, (n + 1) * d_model);
  const u = row(written.terms, p);
  const passed = norms.slice(from);
  const lines = passed.flatMap((name, i) => [
    list("gamma", row(written.gammas, from + i)),
    scalars({ std: written.stds.values[from + i] }),
    `u = gamma * (u - u.mean()) / std  # ${name}`,
  ]);
  const [plural, E] = [passed.length === 1 ? "" : "s", `E[${word.token}]`];
  const made = `u = ${source.replace("{reads}", header.reads[store.step])}`;
  return {
    ...base,
    formula: passed.length ? `u · g, g = ${E} back through ${passed.length} norm${plural}` : `u · ${E}`,
    terms: products(u, carried[from], ["u", passed.length ? "g" : "E"]),
    note: `${base.note} · ${made}${passed.length ? "; each norm: g ← (γg − mean γg) / σ" : ""}`,
    numpy: snippet([list("u", u), list("E_row", own.vectorOf(word.id)), ...lines], "u @ E_row", base.value),
  };
}

function added(store, { bar }) {
  const found = store.added;
  const { bars, word, values } = found;
  const { name, members, value, before, after, look } = bars[bar];
  if (look === "logit") return total(store, found);
  const note = `running total ${numberText(before)} → ${numberText(after)}`;
  const base = { title: `${name} → ${word.token}`, value, note };
  if (members.length === 1) return part(store, members[0], base, found);
  const without = (p) => store.header.parts[p].name.replace(/^layer \d+ /, "");
  return {
    ...base,
    formula: `Σ of ${members.length} parts`,
    terms: members.map((p) => ({ name: without(p), text: "", value: values[p] })),
    waiting: Number.isNaN(value),
    note: `${note} · “heads” shows each part as a bar of its own.`,
    numpy: snippet([list("parts", members.map((p) => values[p]))], "parts.sum()", value),
  };
}

// The explanation of what is under the cursor.
export function explain(store) {
  const { cursor } = store;
  if (cursor.on === "added") return added(store, cursor);
  if (cursor.on === "lens") return lens(store, cursor);
  if (cursor.on === "state") return state(store, cursor);
  const word = store.candidates[cursor.rank];
  return { prob: probability, "what-if": whatIf, logit }[cursor.on](store, word);
}
