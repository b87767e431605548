// How a number of the two lanes was made, as data for the strip.

import { sum } from "../../../shared/maths.js";
import { exactText, numberText, probText } from "../../../shared/numbers.js";
import { snippet, vector } from "../../../shared/snippet.js";

/** @typedef {ReturnType<typeof lanesOf>} Both */

// The lanes of an answer: what each step says, reads and scores. log-probabilities in nats.
/** @param {{ header: any, arrays: Record<string, any> }} answer */
export function lanesOf({ header, arrays }) {
  const token = (/** @type {number} */ id) => header.tokens[id];
  const lane = (/** @type {string} */ before) => {
    const [ids, logs] = [arrays[`${before}ids`].values, arrays[`${before}log_probs`].values];
    const tokens = Array.from(ids, token);
    return { tokens, ids, reads: [header.start, ...tokens], logs };
  };
  const [reference, own] = [lane(""), lane("own_")];
  const longest = Math.max(reference.ids.length, own.ids.length);
  let parts = 0;
  while (parts < longest && reference.ids[parts] === own.ids[parts]) parts += 1;
  return {
    reference: {
      ...reference,
      losses: Float64Array.from(reference.logs, (/** @type {number} */ value) => -value),
      stepped: arrays.step_log_probs.values,
      differences: Float64Array.from(reference.logs, (/** @type {number} */ value, t) =>
        Math.abs(value - arrays.step_log_probs.values[t]),
      ),
      ranks: arrays.ranks.values,
      best: Array.from(arrays.best_ids.values, token),
      bestLogs: arrays.best_log_probs.values,
    },
    own: { ...own, finished: header.own_finished },
    steps: longest,
    parts: parts === longest ? null : parts, // the first step at which the lanes differ
  };
}

// Differences between one pass and its steps, over max(1, |ln p|), up to which they are rounding.
const ROUNDING = 1e-3;

// What one masked pass over the reference is beside a pass for each step.
/** @param {Both["reference"]} reference */
export function passesText({ ids, logs, differences }) {
  const steps = ids.length;
  const isRounding = differences.every((value, t) => value <= ROUNDING * Math.max(1, Math.abs(logs[t])));
  const largest = `largest difference ${numberText(Math.max(...differences))} nats`;
  return (
    "The causal mask hides from each step all tokens after it, so one pass over the whole reference holds every " +
    `step: 1 pass of ${steps} rows and ${steps} ${steps === 1 ? "pass" : "passes"} of one row each ` +
    `${isRounding ? "give the same ln p but for float32 rounding;" : "should give the same ln p, and do not:"} ` +
    `${largest}.`
  );
}

// What goes into ln or exp has six digits, so that the four of the result can be made from it.
const SIX = 6;
const minus = (/** @type {string} */ text) => text.replaceAll("-", "−");
function six(/** @type {number} */ value) {
  const isSmall = Math.abs(value) < 1e-4 && value !== 0;
  return (isSmall ? value.toExponential(SIX - 1) : value.toPrecision(SIX)).replace(/^-/, "−");
}

// Of each step its ln p or its loss, with the p that it is made from.
/** @param {string[]} tokens @param {ArrayLike<number>} values @param {string} sign */
const terms = (tokens, values, sign) =>
  Array.from(values, (value, t) => {
    return { name: `${t + 1} ${tokens[t]}`, text: `${sign}ln ${six(Math.exp(-Math.abs(value)))}`, value };
  });

/** @param {string} name @param {number} log @param {string} note */
function probability(name, log, note) {
  const value = Math.exp(log);
  const numpy = snippet([vector("ln_p", [log])], "np.exp(ln_p[0])", value);
  const formula = `exp(ln p) = exp(${six(log)})`;
  return { title: `p(${name})`, formula, terms: [], value, asWeight: value >= 0.001, note, numpy };
}

/** @param {string} name @param {number} value @param {string} note */
function lossOf(name, value, note) {
  const p = Math.exp(-value);
  const numpy = snippet([vector("p", [p])], "-np.log(p[0])", value);
  return { title: `loss of ${name}`, formula: `−ln p = −ln ${six(p)}`, terms: [], value, note: `nats; ${note}`, numpy };
}

// Of the whole free lane.
/** @param {Both["own"]} own */
function ownTotal({ tokens, logs }) {
  const value = sum(logs);
  return {
    title: "log P of the model's own words",
    formula: "Σ ln p",
    terms: terms(tokens, logs, ""),
    sumName: "Σ ln p",
    value,
    note: "nats",
    numpy: snippet([vector("ln_p", logs)], "ln_p.astype(float).sum()", value),
  };
}

// Of the whole reference.
/** @param {Both["reference"]} reference @param {string} what "sum" | "mean" | "perplexity" */
function total({ tokens, losses }, what) {
  const all = sum(losses);
  const steps = losses.length;
  const mean = all / steps;
  const perplexity = Math.exp(mean);
  /** @type {Record<string, [string, string, number, string]>} */
  const made = {
    sum: ["log P of the reference", "−Σ loss", -all, "-loss.astype(float).sum()"],
    mean: ["loss per token", `Σ loss / ${steps} = ${six(all)} / ${steps}`, mean, "loss.astype(float).mean()"],
    perplexity: [
      "perplexity", `exp(loss per token) = exp(${six(mean)})`, perplexity, "np.exp(loss.astype(float).mean())",
    ],
  };
  const [title, formula, value, result] = made[what];
  const doubt = "among how many equally likely tokens the model would be as much in doubt";
  return {
    title, formula, value, terms: terms(tokens, losses, "−"), sumName: "Σ loss", total: all,
    note: what === "perplexity" ? doubt : "nats", numpy: snippet([vector("loss", losses)], result, value),
  };
}

/** @param {Both["reference"]} reference @param {string} what @param {number} t @param {string} note */
function compared({ tokens, logs, stepped, differences }, what, t, note) {
  const isDifference = what === "difference";
  /** @type {Record<string, [string, number]>} */
  const named = {
    one: ["ln p, one masked pass", logs[t]], stepped: ["ln p, step by step", stepped[t]],
    difference: ["difference", differences[t]],
  };
  const [title, value] = named[what];
  const pair = [
    { name: "one pass", text: "ln p", value: logs[t], here: what === "one" },
    { name: "step by step", text: "ln p", value: stepped[t], here: what === "stepped" },
  ];
  return {
    title: `${title}, “${tokens[t]}”`,
    formula: isDifference ? minus(`|${exactText(logs[t])} − ${exactText(stepped[t])}|`) : "ln softmax(logits)",
    terms: isDifference ? [] : pair,
    sumName: "one pass − step by step",
    total: logs[t] - stepped[t],
    value,
    note: `nats; ${note}`,
  };
}

/** @param {Both["reference"]} reference @param {number} t @param {number} vocab how many tokens there are */
function rankOf({ tokens, ranks, best, bestLogs }, t, vocab) {
  const grouped = (/** @type {number} */ count) => count.toLocaleString("en");
  const most = `the most probable is “${best[t]}” with ${probText(Math.exp(bestLogs[t]))}`;
  const counted = `1 + ${grouped(ranks[t] - 1)} more probable of ${grouped(vocab)} tokens = ${grouped(ranks[t])}`;
  return `Rank of “${tokens[t]}” at step ${t + 1}: ${counted}; ${most}.`;
}

/** @param {Both} lanes @param {boolean} isOwn */
function endText({ own }, isOwn) {
  if (!isOwn) return "the reference has ended";
  return own.finished ? "the model has ended" : "the model was stopped at the longest length";
}

/** @param {Both} lanes @param {{ what: string, step: number }} cursor @param {number} vocab how many tokens */
export function explanation(lanes, { what, step: t }, vocab) {
  const { reference, own } = lanes;
  if (what === "own") return ownTotal(own);
  if (["sum", "mean", "perplexity"].includes(what)) return total(reference, what);
  const isOwn = what.startsWith("own");
  const lane = isOwn ? own : reference;
  if (t >= lane.ids.length) return `Step ${t + 1}: ${endText(lanes, isOwn)} before.`;
  const name = `“${lane.tokens[t]}”`;
  const read = `“${lane.reads[t]}”, ${isOwn ? "its own word" : "the reference's word"}`;
  const note = `step ${t + 1} reads ${t === 0 ? "the start token" : read}`;
  const best = `the most probable word after the reference so far; ${note}`;
  if (["token", "p", "ownToken", "ownP"].includes(what)) return probability(name, lane.logs[t], note);
  if (what === "rank") return rankOf(reference, t, vocab);
  if (what.startsWith("best")) return probability(`“${reference.best[t]}”`, reference.bestLogs[t], best);
  return what === "loss" ? lossOf(name, reference.losses[t], note) : compared(reference, what, t, note);
}
