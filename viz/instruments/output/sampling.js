// From logits to a choice: softmax at a temperature, then top-k, then top-p. Pure functions, tested against NumPy.

export const OWN = { temperature: 1, topK: null, topP: null };
export const CUT_BY_TOP_K = 1;
export const CUT_BY_TOP_P = 2;
const ROUNDING = 1e-12;

// Ids, highest logit first; of equals the lower id first.
export function ranked(logits) {
  return Int32Array.from(logits.keys()).sort((a, b) => logits[b] - logits[a] || a - b);
}

// exp((logit − highest) / temperature) of each word, the highest logit, and their sum.
export function exps(logits, temperature = 1) {
  let highest = -Infinity;
  for (const logit of logits) if (logit > highest) highest = logit;
  const values = Float64Array.from(logits, (logit) => Math.exp((logit - highest) / temperature));
  let sum = 0;
  for (const value of values) sum += value;
  return { values, highest, sum };
}

export function softmax(logits, temperature = 1) {
  const { values, sum } = exps(logits, temperature);
  return values.map((value) => value / sum);
}

// What would be drawn from: { values (exps at the temperature), highest, kept (how many words), cut (a reason a word,
// 0 where kept), sum (of the kept exps), mass (their share before the cut), probs (renormalised, 0 where cut) }.
// In this order: the temperature divides; top-k keeps the k most probable; top-p keeps, of those, the smallest set of
// most probable words whose share reaches p, the word that crosses included.
export function sample(logits, order, { temperature, topK, topP }) {
  const { values, highest, sum: all } = exps(logits, temperature);
  const most = Math.min(topK ?? order.length, order.length);
  let ofTopK = 0;
  for (let rank = 0; rank < most; rank++) ofTopK += values[order[rank]];
  let kept = 0;
  let sum = 0;
  while (kept < most && (topP === null || kept === 0 || sum / ofTopK < topP - ROUNDING)) sum += values[order[kept++]];
  const cut = new Uint8Array(order.length);
  const probs = new Float64Array(order.length);
  order.forEach((id, rank) => {
    if (rank >= most) cut[id] = CUT_BY_TOP_K;
    else if (rank >= kept) cut[id] = CUT_BY_TOP_P;
    else probs[id] = values[id] / sum;
  });
  return { values, highest, kept, cut, sum, mass: sum / all, probs };
}
