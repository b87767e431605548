// How the number under the cursor is made, as data for the strip.

import { exactText, numberText } from "../../../shared/numbers.js";
import { sums } from "./lanes.js";
import { LEAST_SHOWN } from "./words.js";

const list = (name, values) => `${name} = np.array([${Array.from(values, exactText).join(", ")}], dtype=np.float32)`;
const snippet = (lines, result, value) => ["import numpy as np", ...lines, `print(${result})  # on screen: ${exactText(value)}`].join("\n");

// A weight of one head is given (its softmax is shown at its own place); the mean is made here.
function weight(store, { on, column }) {
  const { label, title: place, back } = store.header.attentions.find(({ name }) => name === on);
  const { step, lane, layer, head } = store;
  const words = back ? lane.header.reads : store.header.source;
  const where = `step ${step + 1}, which reads “${lane.header.reads[step]}”, looks at “${words[column]}”`;
  const title = `${label}[${step + 1}, ${column + 1}]`;
  const value = store.weightsRow(on, step)[column];
  if (head === null) {
    const { n_heads } = store.header;
    const each = Array.from({ length: n_heads }, (_, h) => store.weightsRow(on, step, lane, layer, h)[column]);
    return {
      title,
      formula: `Σ over heads / ${n_heads} = ${numberText(each.reduce((a, b) => a + b, 0))} / ${n_heads}`,
      terms: each.map((one, h) => ({ name: "head", text: String(h + 1), value: one })),
      note: `Layer ${layer + 1}, mean of its heads: ${where}.`,
      value,
      asWeight: true,
      numpy: snippet([list("heads", each)], "heads.mean()", value),
    };
  }
  const row = store.weightsRow(on, step).subarray(0, words.length);
  const seen = back ? row.subarray(0, step + 1) : row;
  return {
    title,
    formula: `weights[${column + 1}] of layer ${layer + 1}, head ${head + 1}: one of ${seen.length} that sum to 1`,
    terms: Array.from(seen, (one, j) => ({ name: words[j], text: "weight", value: one, here: j === column })),
    note: `${where[0].toUpperCase()}${where.slice(1)}. How this softmax is made: the place “${place}”.`,
    value,
    asWeight: true,
    numpy: snippet([list("weights", seen), "print(weights.sum())"], `weights[${column}]`, value),
  };
}

function probability({ token, rank, logProb }, where, more) {
  const value = Math.exp(logProb);
  return {
    title: `P(${token})`,
    formula: `exp(log-probability) = exp(${numberText(logProb)})`,
    terms: [],
    note: `${where}: rank ${rank + 1}, log-probability ${numberText(logProb)} nats. ${more}`,
    value,
    asWeight: value >= LEAST_SHOWN,
    numpy: snippet([`log_prob = np.float64(${exactText(logProb)})`], "np.exp(log_prob)", value),
  };
}

function candidate(store, word) {
  const before = store.logProb(store.lane, store.step);
  const after = `log P so far ${word.taken ? "is" : "would be"} ${numberText(before)} + ${numberText(word.logProb)} = ${numberText(before + word.logProb)}.`;
  return probability(word, `Step ${store.step + 1}${word.taken ? " takes it" : ""}`, after);
}

function said(store, { lane: index, step }) {
  const lane = store.lanes[index];
  const word = store.candidates(step, lane).find(({ taken }) => taken);
  return probability(word, `Lane ${index + 1} takes it at step ${step + 1}`, step < lane.forced.length ? "It was forced." : "");
}

function sum(store, { on, lane: index }) {
  const lane = store.lanes[index];
  const steps = lane.header.reads.length;
  const count = on === "soFar" ? Math.min(store.step + 1, steps) : steps;
  const values = lane.arrays.log_probs.values.subarray(0, count);
  const value = sums(store, lane)[on];
  const isMean = on === "perToken";
  const all = on === "soFar" ? `the first ${count === 1 ? "token" : `${count} tokens`}` : `all ${steps} tokens`;
  return {
    title: isMean ? `log P per token of lane ${index + 1}` : `log P of lane ${index + 1}${on === "soFar" ? " so far" : ""}`,
    formula: isMean ? `log P / tokens = ${numberText(sums(store, lane).total)} / ${steps}` : `Σ log p(token | source, tokens before), ${all}`,
    terms: Array.from(values, (one, t) => ({ name: String(t + 1), text: lane.header.predicts[t], value: one, here: t === store.step })),
    sumName: "log P",
    note: isMean ? "In nats: a mean makes lanes of different length comparable." : `In nats (natural logarithm)${on === "total" ? ", the end token included" : ""}: P = exp(${numberText(value)}) = ${numberText(Math.exp(value))}.`,
    value,
    numpy: snippet([list("log_probs", values)], isMean ? "log_probs.mean(dtype=np.float64)" : "log_probs.sum(dtype=np.float64)", value),
  };
}

// cursor: { on: an attention's name, column }, { on: "word", rank (place in the list) }, { on: "said", lane, step }, { on: "soFar" | "total" |
// "perToken", lane }. Without one, or with one that is not there at this step: the word that is taken.
export function explain(store, cursor) {
  const words = store.candidates();
  const keys = { [store.outward.name]: store.header.source.length, [store.backward.name]: store.step + 1 };
  if (cursor?.on in keys && cursor.column < keys[cursor.on]) return weight(store, cursor);
  if (cursor?.on === "said" && store.lanes[cursor.lane]?.header.reads.length > cursor.step) return said(store, cursor);
  if (["soFar", "total", "perToken"].includes(cursor?.on) && store.lanes[cursor.lane]) return sum(store, cursor);
  return candidate(store, (cursor?.on === "word" && words[cursor.rank]) || words.find(({ taken }) => taken));
}

// The largest |recomputed − given| / max(1, |given|) over all lanes, and what was compared.
export function check({ lanes, header: { attentions } }) {
  let error = 0;
  const worst = (a, b) => {
    const apart = Math.abs(a - b) / Math.max(1, Math.abs(b));
    error = Number.isNaN(apart) || Number.isNaN(error) ? NaN : Math.max(error, apart);
  };
  for (const { header, arrays } of lanes) {
    const { log_probs, ids, cand_ids, cand_log_probs } = arrays;
    worst(log_probs.values.reduce((sum, value) => sum + value, 0), header.log_prob);
    for (const { name } of attentions) {
      const { values, shape } = arrays[name];
      const keys = shape[3];
      for (let start = 0; start < values.length; start += keys) {
        let sum = 0;
        for (let key = 0; key < keys; key++) sum += values[start + key];
        worst(sum, 1);
      }
    }
    const most = cand_ids.shape[1];
    ids.values.forEach((id, step) => {
      let mass = 0;
      for (let i = step * most; i < (step + 1) * most; i++) {
        mass += Math.exp(cand_log_probs.values[i]);
        if (cand_ids.values[i] === id) worst(cand_log_probs.values[i], log_probs.values[step]);
      }
      worst(Math.max(mass, 1), 1);
    });
  }
  return error;
}
