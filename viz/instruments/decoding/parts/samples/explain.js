// How a number of a drawn sequence was made, as data for the strip.

import { exactText, numberText, shortened, weightText } from "../../../shared/numbers.js";

const LONGEST = 40;

// Probabilities below a thousandth would show few digits with four decimals.
export const probText = (p) => (p > 0 && p < 0.001 ? numberText(p) : weightText(p));

export const sum = (values) => values.reduce((all, value) => all + value, 0);

const snippet = (name, values, result, value) =>
  ["import numpy as np", `${name} = np.array([${Array.from(values, exactText).join(", ")}], dtype=np.float32)`, `print(${result})  # on screen: ${exactText(value)}`].join("\n");

const termsOf = (logs, tokens) => Array.from(logs, (value, t) => ({ name: `${t + 1} ${tokens[t]}`, text: `ln ${probText(Math.exp(value))}`, value }));

// row: { text, tokens, count, logs, drawnLogs }; what: "share" | "probability" | "logProb" | "mean"; cut: what was drawn from, in words.
export function explanation(row, what, { total, cut, uncut, isCut }) {
  const name = `“${shortened(row.text || row.tokens.join(" "), LONGEST)}”`;
  if (what === "share") {
    return { title: `share of ${name}`, formula: `${row.count} / ${total}`, terms: [], value: row.count / total, asWeight: true, note: `drawn ${row.count}× of ${total}` };
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
      numpy: snippet("ln_q", row.drawnLogs, "np.exp(ln_q.astype(float).sum())", Math.exp(logQ)),
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
    numpy: snippet("ln_p", row.logs, `ln_p.astype(float).${isMean ? "mean" : "sum"}()`, value),
  };
}
