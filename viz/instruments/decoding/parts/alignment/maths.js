// The arithmetic of alignment, on flat arrays: weights between words, entropies, crossing links, norms, rank correlation.

// Tokens by the word that they belong to: [0, 1, 1] → [[0], [1, 2]].
export function groupsOf(wordOfToken) {
  const groups = [];
  wordOfToken.forEach((word, token) => (groups[word] ??= []).push(token));
  return groups;
}

export const singles = (n) => Array.from({ length: n }, (_, token) => [token]);

// weightOf(row, key): a weight between tokens. rows, columns: the attention rows and keys of each word; a word without rows gets NaN.
// To a word: the sum over its pieces; from a word: the mean over its rows.
export function joinWeights(weightOf, rows, columns) {
  const out = new Float64Array(rows.length * columns.length);
  rows.forEach((from, i) => {
    columns.forEach((to, j) => {
      let sum = 0;
      for (const row of from) for (const key of to) sum += weightOf(row, key);
      out[i * columns.length + j] = from.length ? sum / from.length : NaN;
    });
  });
  return out;
}

export const surprise = (weight) => (weight > 0 ? -weight * Math.log(weight) : 0);

// Entropy in nats of row i: NaN where the row has no weights.
export function rowEntropy(weights, i, columns) {
  let nats = 0;
  for (let j = 0; j < columns; j++) {
    const weight = weights[i * columns + j];
    nats += Number.isNaN(weight) ? NaN : surprise(weight);
  }
  return nats;
}

// Mean entropy in nats of the rows that have weights.
export function meanEntropy(weights, rows, columns) {
  const all = Array.from({ length: rows }, (_, i) => rowEntropy(weights, i, columns)).filter((nats) => !Number.isNaN(nats));
  return all.reduce((sum, nats) => sum + nats, 0) / all.length;
}

// The column of row i's largest weight (of equals the first), or −1 where the row has no weights.
export function strongest(weights, i, columns) {
  let best = -1;
  for (let j = 0; j < columns; j++) if (weights[i * columns + j] > (best < 0 ? -Infinity : weights[i * columns + best])) best = j;
  return best;
}

// Of the strongest links of the words below that are not special: how many there are, how many of them go to a special word
// above (those are not counted further), and how many pairs of the others cross.
export function crossings(weights, rows, columns, specialBelow, specialAbove) {
  const ends = [];
  let elsewhere = 0;
  for (let i = 0; i < rows; i++) {
    const j = specialBelow[i] ? -1 : strongest(weights, i, columns);
    if (j < 0) continue;
    if (specialAbove[j]) elsewhere += 1;
    else ends.push(j);
  }
  let crossing = 0;
  for (let a = 0; a < ends.length; a++) for (let b = a + 1; b < ends.length; b++) if (ends[a] > ends[b]) crossing += 1;
  return { links: ends.length, elsewhere, pairs: (ends.length * (ends.length - 1)) / 2, crossing };
}

// ‖Σ_h α_h u_h‖ from the dot products u_h·u_g (head × head, at `start`); alphas: one a head, 0 leaves a head out.
export function norm(alphas, products, start) {
  const heads = alphas.length;
  let square = 0;
  for (let h = 0; h < heads; h++) for (let g = 0; g < heads; g++) square += alphas[h] * alphas[g] * products[start + h * heads + g];
  return Math.sqrt(Math.max(0, square));
}

// Ranks from 1, the smallest first; equal values share their mean rank.
export function ranks(values) {
  return Array.from(values, (value) => {
    let below = 0;
    let equal = 0;
    for (const other of values) {
      if (other < value) below += 1;
      else if (other === value) equal += 1;
    }
    return below + (equal + 1) / 2;
  });
}

// Spearman's rank correlation with what it is made of; `value` is NaN for fewer than 3 values or where all are equal.
export function spearman(a, b) {
  const middle = (a.length + 1) / 2;
  const [x, y] = [ranks(a), ranks(b)];
  const sum = (u, v) => u.reduce((all, rank, i) => all + (rank - middle) * (v[i] - middle), 0);
  const size = Math.sqrt(sum(x, x) * sum(y, y));
  return { x, y, middle, size, value: a.length < 3 || !(size > 0) ? NaN : sum(x, y) / size };
}
