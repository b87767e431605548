// How a number of a drawn sequence was made, as data for the strip.

import { sum } from "../../../shared/maths.js";
import { numberText, probText, shortened } from "../../../shared/numbers.js";
import { snippet, vector } from "../../../shared/snippet.js";

const LONGEST = 40;

/** @param {ArrayLike<number>} logs @param {string[]} tokens */
const termsOf = (logs, tokens) =>
  Array.from(logs, (value, t) => ({ name: `${t + 1} ${tokens[t]}`, text: `ln ${probText(Math.exp(value))}`, value }));

/** @typedef {{ total: number, cut: string, uncut: boolean, isCut: boolean }} Drawn how many, and what from, in words */

/** @param {any} row of the table @param {string} what "share", "probability", "logProb", "mean" @param {Drawn} drawn */
export function explanation(row, what, { total, cut, uncut, isCut }) {
  const name = `“${shortened(row.text || row.tokens.join(" "), LONGEST)}”`;
  if (what === "share") {
    const { count } = row;
    const note = `drawn ${count}× of ${total}`;
    const formula = `${count} / ${total}`;
    return { title: `share of ${name}`, formula, terms: [], value: count / total, asWeight: true, note };
  }
  if (what === "probability") {
    const logQ = sum(row.drawnLogs);
    return {
      title: `probability of ${name}`,
      formula: `exp(Σ ln q) = exp(${numberText(logQ)})`,
      terms: termsOf(row.drawnLogs, row.tokens),
      sumName: "Σ ln q",
      total: logQ,
      value: Math.exp(logQ),
      note: uncut
        ? "q = p: nothing is cut, so this is exp(log P); padding and start tokens alone are never drawn"
        : `q: a step's probability in what is drawn from: ${cut}${isCut ? ", the rest renormalised" : ""}`,
      numpy: snippet([vector("ln_q", row.drawnLogs)], "np.exp(ln_q.astype(float).sum())", Math.exp(logQ)),
    };
  }
  const logP = sum(row.logs);
  const steps = row.logs.length;
  const isMean = what === "mean";
  const value = isMean ? logP / steps : logP;
  return {
    title: isMean ? `log P per token of ${name}` : `log P of ${name}`,
    formula: isMean ? `Σ ln p / ${steps} = ${numberText(logP)} / ${steps}` : "Σ ln p",
    terms: termsOf(row.logs, row.tokens),
    sumName: "Σ ln p",
    total: logP,
    value,
    note: "nats; p: the model's own probability of each step, at temperature 1 over all tokens",
    numpy: snippet([vector("ln_p", row.logs)], `ln_p.astype(float).${isMean ? "mean" : "sum"}()`, value),
  };
}
