// How the number under the cursor was made, as data: formula, terms, result, and a NumPy snippet with the very numbers.

import { exactText, numberText, weightText } from "../shared/numbers.js";
import { partName, partSource } from "./direct.js";
import { CUT_BY_TOP_K } from "./sampling.js";

const SHOWN = 20;
const list = (name, values) => `${name} = np.array([${Array.from(values, exactText).join(", ")}], dtype=np.float32)`;
const countText = (count) => count.toLocaleString("en");

function snippet(lines, result, value) {
  return ["import numpy as np", ...lines, `print(${result})  # on screen: ${exactText(value)}`].join("\n");
}

// Why a word is not drawn from, under these knobs.
export function cutText(reason, { topK, topP }) {
  return reason === CUT_BY_TOP_K ? `cut by top-k: not among the ${topK}` : `cut by top-p: ${topP} is reached before`;
}

// One probability of a softmax over words: `ids` are named one by one (the word itself among them), the others summed.
function share({ title, logits, highest, exps, sum, id, ids, others, temperature, token, note, value }) {
  const below = (logit) => {
    const difference = `${numberText(logit)} − ${numberText(highest)}`.replace("− −", "+ ");
    return temperature === 1 ? difference : `(${difference}) / ${temperature}`;
  };
  const terms = ids.map((word) => ({ name: token(word), text: `exp(${below(logits[word])})`, value: exps[word], here: word === id }));
  const rest = others ? sum - terms.reduce((all, term) => all + term.value, 0) : 0;
  if (others) terms.push({ name: `${countText(others)} other tokens`, text: "exp(…)", value: Math.max(0, rest) });
  return {
    title,
    formula: `exp(${below(logits[id])}) / Σ = ${numberText(exps[id])} / ${numberText(sum)}`,
    note,
    terms,
    sumName: "Σ exp",
    total: sum,
    value,
    asWeight: true,
    numpy: snippet(
      [
        list("logits", ids.map((word) => logits[word])),
        `highest = np.float32(${exactText(highest)})`,
        `others = ${others ? Math.max(0, rest) : 0}  # the same sum over the ${countText(others)} other tokens`,
        `e = np.exp((logits - highest) / np.float32(${temperature}))`,
      ],
      `e[${ids.indexOf(id)}] / (e.sum() + others)`,
      value,
    ),
  };
}

const named = (order, id, most = SHOWN) => {
  const first = Array.from(order.subarray(0, most));
  return first.includes(id) ? first : [...first, id];
};

const readsNote = ({ header, step }) => `step ${step + 1} reads ${header.reads[step]}`;

function probability(store, word) {
  const { own } = store;
  const title = `P(${word.token})`;
  if (!own) return { title, formula: "exp(logit − highest logit) / Σ exp", terms: [], value: word.prob, asWeight: true, note: "Fetching all logits of this step…", waiting: true };
  const ids = named(own.order, word.id);
  return share({
    ...own,
    title,
    id: word.id,
    ids,
    others: own.order.length - ids.length,
    temperature: 1,
    token: (id) => store.token(id),
    value: word.prob,
    note: `${readsNote(store)} · Σ over all ${countText(own.order.length)} tokens, the highest logit taken off first`,
  });
}

function whatIf(store, word) {
  const { sampled, own, knobs } = store;
  const title = `what if: P(${word.token})`;
  if (!sampled) return { title, formula: "exp((logit − highest logit) / temperature) / Σ of the tokens that are kept", terms: [], value: NaN, asWeight: true, note: "Fetching all logits of this step…", waiting: true };
  const reason = sampled.cut[word.id];
  if (reason) {
    return { title, formula: cutText(reason, knobs), terms: [], value: 0, asWeight: true, whatIf: true, note: `The model's own probability is ${weightText(word.prob)}. ${countText(sampled.kept)} tokens are kept.` };
  }
  const ids = named(own.order.subarray(0, sampled.kept), word.id);
  return {
    ...share({
      logits: own.logits,
      exps: sampled.values,
      highest: sampled.highest,
      sum: sampled.sum,
      title,
      id: word.id,
      ids,
      others: sampled.kept - ids.length,
      temperature: knobs.temperature,
      token: (id) => store.token(id),
      value: sampled.probs[word.id],
      note: `${readsNote(store)} · Σ over the ${countText(sampled.kept)} tokens kept, ${weightText(sampled.mass)} of the mass before the cut`,
    }),
    whatIf: true,
  };
}

function logit(store, word) {
  const vector = store.own?.vectorOf(word.id);
  const t = store.step + 1;
  const base = { title: `logits[${t}, ${word.token}]`, formula: `Σ_d states[${t}, d] · E[${word.token}, d]`, value: word.logit, terms: [] };
  if (!vector) return { ...base, note: "Fetching this word's vector…", waiting: true };
  const { state } = store;
  return {
    ...base,
    terms: Array.from(state, (x, d) => ({ name: `s${d + 1}·E${d + 1}`, text: `${numberText(x)} × ${numberText(vector[d])}`, value: x * vector[d] })),
    note: `${readsNote(store)} · the last state against the vector of token ${word.id}, ${word.token}: the same vector that embeds it.`,
    numpy: snippet([list("state", state), list("E_row", vector)], "state @ E_row", word.logit),
  };
}

function state(store, { feature }) {
  const value = store.state[feature];
  return {
    title: `states[${store.step + 1}, ${feature + 1}]`,
    formula: `given: the stream that leaves the decoder${store.header.norm === "pre" ? ", after its final norm" : ""}`,
    note: `${readsNote(store)} · It is the entry decoder.states, made of ${store.header.states_of}.`,
    terms: [],
    value,
    numpy: snippet([list("state", store.state)], `state[${feature}]`, value),
  };
}

// The lens names its ten most probable words; all logits of a cell come when it is pinned.
function lens(store, { layer, position }) {
  const words = store.lensWords({ layer, position });
  const [word] = words;
  const entry = store.header.lens[layer];
  const title = `lens[${layer}, ${position + 1}]: P(${word.token})`;
  const where = `${layer ? `after layer ${layer}` : "before the first layer"}, step ${position + 1} reads ${store.header.reads[position]}`;
  const found = store.lensLogits({ layer, position });
  if (found) {
    const ids = words.map(({ id }) => id);
    return share({
      ...found,
      title,
      id: word.id,
      ids,
      others: found.order.length - ids.length,
      temperature: 1,
      token: (id) => store.token(id),
      value: word.prob,
      note: `${where} · logits = ${store.header.norm === "pre" ? "final_norm(" : ""}${entry}[${position + 1}]${store.header.norm === "pre" ? ")" : ""} · Eᵀ`,
    });
  }
  const mass = words.reduce((sum, { prob }) => sum + prob, 0);
  return {
    title,
    formula: `softmax(${store.header.norm === "pre" ? `final_norm(${entry}[${position + 1}])` : `${entry}[${position + 1}]`} · Eᵀ)`,
    note: `${where} · Click the cell for the logits behind it.`,
    terms: [
      ...words.map(({ token, prob }, i) => ({ name: token, text: "P", value: prob, here: i === 0 })),
      { name: "all other tokens", text: "P", value: Math.max(0, 1 - mass) },
    ],
    sumName: "sum",
    total: 1,
    value: word.prob,
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
  const { header, written } = store;
  const carried = store.carried(word.id);
  if (!carried) return { ...base, formula: "u · g", terms: [], waiting: true, note: "Fetching what each block wrote at this step…" };
  const { d_model, norms } = header;
  const from = header.parts[p].norms;
  const u = written.terms.values.subarray(p * d_model, (p + 1) * d_model);
  const g = carried[from];
  const passed = norms.length - from;
  const lines = [list("u", u), list("E_row", store.own.vectorOf(word.id))];
  for (let n = from; n < norms.length; n++) {
    lines.push(list("gamma", written.gammas.values.subarray(n * d_model, (n + 1) * d_model)));
    lines.push(`u = gamma * (u - u.mean()) / np.float32(${exactText(written.stds.values[n])})  # ${norms[n]}`);
  }
  return {
    ...base,
    formula: passed ? `u · g, g = E[${word.token}] back through ${passed} norm${passed === 1 ? "" : "s"}` : `u · E[${word.token}]`,
    terms: Array.from(u, (x, d) => ({ name: `u${d + 1}·${passed ? "g" : "E"}${d + 1}`, text: `${numberText(x)} × ${numberText(g[d])}`, value: x * g[d] })),
    note: `${base.note} · u = ${partSource(header.parts[p], header.reads[store.step])}${passed ? "; each norm: g ← (γg − mean γg) / σ" : ""}`,
    numpy: snippet(lines, "u @ E_row", base.value),
  };
}

function added(store, { bar }) {
  const found = store.added;
  const { bars, word, values } = found;
  const { name, members, value, before, after, kind } = bars[bar];
  if (kind === "logit") return total(store, found);
  const base = { title: `${name} → ${word.token}`, value, note: `running total ${numberText(before)} → ${numberText(after)}` };
  if (members.length === 1) return part(store, members[0], base, found);
  return {
    ...base,
    formula: `Σ of ${members.length} parts`,
    terms: members.map((p) => ({ name: partName(store.header.parts[p]).replace(/^layer \d+ /, ""), text: "", value: values[p] })),
    waiting: Number.isNaN(value),
    note: `${base.note} · “heads” shows each part as a bar of its own.`,
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
