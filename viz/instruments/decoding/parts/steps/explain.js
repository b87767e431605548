// How the number under the cursor is made, as data for the strip; and how well what was sent agrees with itself.

import { largestError, sum } from "../../../shared/maths.js";
import { exactText, numberText } from "../../../shared/numbers.js";
import { snippet, vector } from "../../../shared/snippet.js";
import { sums } from "./lanes.js";
import { LEAST_SHOWN } from "./words.js";

/** @typedef {import("../../store.js").Store} Store @typedef {import("../../store.js").Lane} Lane */

// A weight of one head is given (its softmax is shown at its own place); the mean is made here.
/** @param {Store} store @param {{ on: string, column: number }} cursor */
function weight(store, { on, column }) {
  const { label, title: place, back } = store.attention(on);
  const { step, lane, layer, head, header: { n_heads, source } } = store;
  const words = back ? lane.header.reads : source;
  const where = `step ${step + 1}, which reads “${lane.header.reads[step]}”, looks at “${words[column]}”`;
  const row = store.weightsRow(on, step);
  const value = row[column];
  const said = { title: `${label}[${step + 1}, ${column + 1}]`, value, asWeight: true };
  if (head === null) {
    const each = Array.from({ length: n_heads }, (_, h) => store.weightsRow(on, step, lane, layer, h)[column]);
    return {
      ...said,
      formula: `Σ over heads / ${n_heads} = ${numberText(sum(each))} / ${n_heads}`,
      terms: each.map((one, h) => ({ name: "head", text: String(h + 1), value: one })),
      note: `Layer ${layer + 1}, mean of its heads: ${where}.`,
      numpy: snippet([vector("heads", each)], "heads.mean()", value),
    };
  }
  const seen = row.subarray(0, back ? step + 1 : words.length);
  return {
    ...said,
    formula: `weights[${column + 1}] of layer ${layer + 1}, head ${head + 1}: one of ${seen.length} that sum to 1`,
    terms: Array.from(seen, (one, j) => ({ name: words[j], text: "weight", value: one, here: j === column })),
    note: `${where[0].toUpperCase()}${where.slice(1)}. How this softmax is made: the place “${place}”.`,
    numpy: snippet([vector("weights", seen), "print(weights.sum())"], `weights[${column}]`, value),
  };
}

/** @param {import("../../store.js").Word} word @param {string} where @param {string} more */
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

/** @param {Store} store @param {import("../../store.js").Word} word */
function candidate(store, word) {
  const before = store.logProb(store.lane, store.step);
  const total = `${numberText(before)} + ${numberText(word.logProb)} = ${numberText(before + word.logProb)}`;
  const after = `log P so far ${word.taken ? "is" : "would be"} ${total}.`;
  return probability(word, `Step ${store.step + 1}${word.taken ? " takes it" : ""}`, after);
}

/** @param {Store} store @param {{ lane: number, step: number }} cursor */
function said(store, { lane: index, step }) {
  const lane = store.lanes[index];
  const where = `Lane ${index + 1} takes it at step ${step + 1}`;
  return probability(store.said(step, lane), where, step < lane.forced.length ? "It was forced." : "");
}

/** @param {Store} store @param {{ on: "soFar" | "total" | "perToken", lane: number }} cursor */
function summed(store, { on, lane: index }) {
  const lane = store.lanes[index];
  const steps = lane.header.reads.length;
  const count = on === "soFar" ? Math.min(store.step + 1, steps) : steps;
  const values = lane.arrays.log_probs.values.subarray(0, count);
  const all = sums(store, lane);
  const value = all[on];
  const whole = `In nats (natural logarithm)${on === "total" ? ", the end token included" : ""}: `;
  const first = `the first ${count === 1 ? "token" : `${count} tokens`}`;
  const common = {
    terms: Array.from(values, (one, t) => ({
      name: String(t + 1), text: lane.header.predicts[t], value: one, here: t === store.step,
    })),
    sumName: "log P",
    value,
    numpy: snippet(
      [vector("log_probs", values)], `log_probs.${on === "perToken" ? "mean" : "sum"}(dtype=np.float64)`, value,
    ),
  };
  if (on === "perToken") {
    return {
      ...common,
      title: `log P per token of lane ${index + 1}`,
      formula: `log P / tokens = ${numberText(all.total)} / ${steps}`,
      note: "In nats: a mean makes lanes of different length comparable.",
    };
  }
  return {
    ...common,
    title: `log P of lane ${index + 1}${on === "soFar" ? " so far" : ""}`,
    formula: `Σ log p(token | source, tokens before), ${on === "soFar" ? first : `all ${steps} tokens`}`,
    note: `${whole}P = exp(${numberText(value)}) = ${numberText(Math.exp(value))}.`,
  };
}

// cursor: { on: an attention's name, column }, { on: "word", rank (place in the list) }, { on: "said", lane, step },
// { on: "soFar" | "total" | "perToken", lane }. Without one, or with one that is not at this step: the word taken.
/** @param {Store} store @param {any} cursor */
export function explain(store, cursor) {
  return (cursor && pointed(store, cursor)) ?? candidate(store, store.said());
}

/** @param {Store} store @param {any} cursor */
function pointed(store, cursor) {
  const { outward, backward } = store;
  const keys = { [outward.name]: store.header.source.length, [backward.name]: store.step + 1 };
  if (cursor.on in keys) return cursor.column < keys[cursor.on] ? weight(store, cursor) : null;
  if (cursor.on === "word") {
    const word = store.candidates()[cursor.rank];
    return word ? candidate(store, word) : null;
  }
  const lane = store.lanes[cursor.lane];
  if (!lane) return null;
  if (cursor.on !== "said") return summed(store, cursor);
  return cursor.step < lane.header.reads.length ? said(store, cursor) : null;
}

// The largest error over all lanes.
/** @param {Store} store */
export function check({ lanes, header: { attentions } }) {
  /** @type {number[][]} */
  const [made, sent] = [[], []];
  const compare = (/** @type {number} */ a, /** @type {number} */ b) => made.push(a) && sent.push(b);
  for (const { header, arrays } of lanes) {
    const { log_probs, ids, cand_ids, cand_log_probs } = arrays;
    compare(sum(log_probs.values), header.log_prob);
    for (const { name } of attentions) {
      const { values, shape } = arrays[name];
      for (let at = 0; at < values.length; at += shape[3]) compare(sum(values.subarray(at, at + shape[3])), 1);
    }
    const most = cand_ids.shape[1];
    ids.values.forEach((/** @type {number} */ id, /** @type {number} */ step) => {
      const row = (/** @type {any} */ { values }) => values.subarray(step * most, (step + 1) * most);
      const place = row(cand_ids).indexOf(id);
      if (place >= 0) compare(row(cand_log_probs)[place], log_probs.values[step]);
      compare(Math.max(1, sum(Array.from(row(cand_log_probs), Math.exp))), 1);
    });
  }
  return largestError(made, sent);
}
