// How a number of the two lanes was made, as data for the strip.

import { exactText, numberText } from "../../../shared/numbers.js";
import { probText, sum } from "../samples/explain.js";

// The lanes of an answer: what each step says, reads and scores. log-probabilities in nats.
export function lanesOf({ header, arrays }) {
  const token = (id) => header.tokens[id];
  const lane = (ids, logs) => {
    const tokens = Array.from(ids.values, token);
    return { tokens, ids: ids.values, reads: [header.start, ...tokens], logs: logs.values };
  };
  const reference = lane(arrays.ids, arrays.log_probs);
  const own = lane(arrays.own_ids, arrays.own_log_probs);
  const longest = Math.max(reference.ids.length, own.ids.length);
  let parts = 0;
  while (parts < longest && reference.ids[parts] === own.ids[parts]) parts += 1;
  return {
    reference: {
      ...reference,
      losses: Float64Array.from(reference.logs, (value) => -value),
      stepped: arrays.step_log_probs.values,
      differences: Float64Array.from(reference.logs, (value, t) => Math.abs(value - arrays.step_log_probs.values[t])),
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
export function passesText({ ids, logs, differences }) {
  const steps = ids.length;
  const isRounding = differences.every((value, t) => value <= ROUNDING * Math.max(1, Math.abs(logs[t])));
  const largest = `largest difference ${numberText(Math.max(...differences))} nats`;
  return (
    "The causal mask hides from each step all tokens after it, so one pass over the whole reference holds every step: " +
    `1 pass of ${steps} rows and ${steps} ${steps === 1 ? "pass" : "passes"} of one row each ` +
    (isRounding ? `give the same ln p but for float32 rounding; ${largest}.` : `should give the same ln p, and do not: ${largest}.`)
  );
}

// What goes into ln or exp has six digits, so that the four of the result can be made from it.
const SIX = 6;
const six = (value) => (Math.abs(value) < 1e-4 && value !== 0 ? value.toExponential(SIX - 1) : value.toPrecision(SIX)).replace(/^-/, "−");

const array = (name, values) => `${name} = np.array([${Array.from(values, exactText).join(", ")}], dtype=np.float32)`;
const snippet = (line, result, value) => ["import numpy as np", line, `print(${result})  # on screen: ${exactText(value)}`].join("\n");
const terms = ({ tokens }, values, text) => Array.from(values, (value, t) => ({ name: `${t + 1} ${tokens[t]}`, text: text(Math.exp(-Math.abs(value))), value }));

function probability(name, log, note) {
  const value = Math.exp(log);
  return { title: `p(${name})`, formula: `exp(ln p) = exp(${six(log)})`, terms: [], value, asWeight: value >= 0.001, note, numpy: snippet(array("ln_p", [log]), "np.exp(ln_p[0])", value) };
}

// Of the whole reference, or of the whole free lane.
function total(lanes, what) {
  const { reference, own } = lanes;
  if (what === "own") {
    const value = sum(own.logs);
    return { title: "log P of the model's own words", formula: "Σ ln p", terms: terms(own, own.logs, (p) => `ln ${six(p)}`), sumName: "Σ ln p", value, note: "nats", numpy: snippet(array("ln_p", own.logs), "ln_p.astype(float).sum()", value) };
  }
  const all = sum(reference.losses);
  const steps = reference.losses.length;
  const mean = all / steps;
  const made = {
    sum: ["log P of the reference", "−Σ loss", -all, "-loss.astype(float).sum()"],
    mean: ["loss per token", `Σ loss / ${steps} = ${six(all)} / ${steps}`, mean, "loss.astype(float).mean()"],
    perplexity: ["perplexity", `exp(loss per token) = exp(${six(mean)})`, Math.exp(mean), "np.exp(loss.astype(float).mean())"],
  };
  const [title, formula, value, result] = made[what];
  const note = what === "perplexity" ? "among how many equally likely tokens the model would be as much in doubt" : "nats";
  return { title, formula, terms: terms(reference, reference.losses, (p) => `−ln ${six(p)}`), sumName: "Σ loss", total: all, value, note, numpy: snippet(array("loss", reference.losses), result, value) };
}

function compared({ reference }, what, t, note) {
  const value = { one: reference.logs, stepped: reference.stepped, difference: reference.differences }[what][t];
  const title = { one: "ln p, one masked pass", stepped: "ln p, step by step", difference: "difference" }[what];
  const pair = [
    { name: "one pass", text: "ln p", value: reference.logs[t], here: what === "one" },
    { name: "step by step", text: "ln p", value: reference.stepped[t], here: what === "stepped" },
  ];
  return {
    title: `${title}, “${reference.tokens[t]}”`,
    formula: what === "difference" ? `|${exactText(reference.logs[t])} − ${exactText(reference.stepped[t])}|`.replace(/-/g, "−") : "ln softmax(logits)",
    terms: what === "difference" ? [] : pair,
    sumName: "one pass − step by step",
    total: reference.logs[t] - reference.stepped[t],
    value,
    note: `nats; ${note}`,
  };
}

// cursor: { what, step }; vocab: how many tokens there are.
export function explanation(lanes, { what, step: t }, vocab) {
  if (["sum", "mean", "perplexity", "own"].includes(what)) return total(lanes, what);
  const { reference, own } = lanes;
  const lane = what.startsWith("own") ? own : reference;
  if (t >= lane.ids.length) return `Step ${t + 1}: ${lane === own ? (own.finished ? "the model has ended" : "the model was stopped at the longest length") : "the reference has ended"} before.`;
  const name = `“${lane.tokens[t]}”`;
  const read = t === 0 ? "the start token" : `“${lane.reads[t]}”, ${lane === own ? "its own word" : "the reference's word"}`;
  const note = `step ${t + 1} reads ${read}`;
  if (what === "ownToken" || what === "ownP") return probability(name, own.logs[t], note);
  if (what === "token" || what === "p") return probability(name, reference.logs[t], note);
  if (what === "rank") {
    const better = reference.ranks[t] - 1;
    const most = `the most probable is “${reference.best[t]}” with ${probText(Math.exp(reference.bestLogs[t]))}`;
    return `Rank of ${name} at step ${t + 1}: 1 + ${better.toLocaleString("en")} more probable of ${vocab.toLocaleString("en")} tokens = ${reference.ranks[t].toLocaleString("en")}; ${most}.`;
  }
  if (what === "best" || what === "bestP") return probability(`“${reference.best[t]}”`, reference.bestLogs[t], `the most probable word after the reference so far; ${note}`);
  if (what === "loss") {
    const value = reference.losses[t];
    return { title: `loss of ${name}`, formula: `−ln p = −ln ${six(Math.exp(-value))}`, terms: [], value, note: `nats; ${note}`, numpy: snippet(array("p", [Math.exp(-value)]), "-np.log(p[0])", value) };
  }
  return compared(lanes, what, t, note);
}
