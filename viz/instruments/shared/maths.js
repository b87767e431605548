// The arithmetic of one attention head on flat, row-major arrays: pure functions, tested against NumPy.

export function dot(a, aStart, b, bStart, n) {
  let sum = 0;
  for (let e = 0; e < n; e++) sum += a[aStart + e] * b[bStart + e];
  return sum;
}

/** @param {ArrayLike<number>} values */
export function sum(values) {
  let all = 0;
  for (let i = 0; i < values.length; i++) all += values[i];
  return all;
}

// q (rows × n), k (columns × n) → q kᵀ (rows × columns)
export function scores(q, k, rows, columns, n) {
  const out = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) out[i * columns + j] = dot(q, i * n, k, j * n, n);
  }
  return out;
}

export const scale = (values, divisor) => Float64Array.from(values, (value) => value / divisor);

export const add = (a, b) => Float64Array.from(a, (value, i) => value + b[i]);

// −∞ where `keep` (1 = may attend) is 0.
export const mask = (values, keep) => Float64Array.from(values, (value, i) => (keep[i] ? value : -Infinity));

// Softmax along rows, after division by the temperature; a row that may see no key gets weights 0.
export function softmaxRows(values, rows, columns, temperature = 1) {
  const out = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    let highest = -Infinity;
    for (let j = 0; j < columns; j++) highest = Math.max(highest, values[i * columns + j]);
    if (highest === -Infinity) continue;
    let sum = 0;
    for (let j = 0; j < columns; j++) {
      const e = Math.exp((values[i * columns + j] - highest) / temperature);
      out[i * columns + j] = e;
      sum += e;
    }
    for (let j = 0; j < columns; j++) out[i * columns + j] /= sum;
  }
  return out;
}

// weights (rows × keys) @ v (keys × n) → z (rows × n)
export function mix(weights, v, rows, keys, n) {
  const out = new Float64Array(rows * n);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < keys; j++) {
      const weight = weights[i * keys + j];
      if (weight === 0) continue;
      for (let e = 0; e < n; e++) out[i * n + e] += weight * v[j * n + e];
    }
  }
  return out;
}

// x (rows × m) @ Wᵀ + b with W stored as torch does (n × m) → rows × n
export function project(x, W, b, rows, m, n) {
  const out = new Float64Array(rows * n);
  for (let i = 0; i < rows; i++) {
    for (let f = 0; f < n; f++) out[i * n + f] = dot(x, i * m, W, f * m, m) + b[f];
  }
  return out;
}

// Heads (head × rows × n) side by side: rows × (heads · n)
export function concat(z, heads, rows, n) {
  const out = new Float64Array(rows * heads * n);
  for (let h = 0; h < heads; h++) {
    for (let i = 0; i < rows; i++) {
      for (let e = 0; e < n; e++) out[i * heads * n + h * n + e] = z[(h * rows + i) * n + e];
    }
  }
  return out;
}

// Largest |a − b| / max(1, |b|). NaN counts as wrong (∞), equal infinities as right.
export function largestError(a, b) {
  if (a.length !== b.length) return Infinity;
  let worst = 0;
  for (let i = 0; i < a.length; i++) {
    if (a[i] === b[i]) continue;
    const error = Math.abs(a[i] - b[i]) / Math.max(1, Math.abs(b[i]));
    if (!(error <= worst)) worst = Number.isFinite(error) ? error : Infinity;
  }
  return worst;
}

// Entropy of a distribution in bits: 0 where one key takes all, log2(n) where n share alike.
export function entropy(weights, start, n) {
  let bits = 0;
  for (let j = 0; j < n; j++) {
    const p = weights[start + j];
    if (p > 0) bits -= p * Math.log2(p);
  }
  return bits;
}

export function rowMax(weights, start, n) {
  let highest = 0;
  for (let j = 0; j < n; j++) highest = Math.max(highest, weights[start + j]);
  return highest;
}

// The heaviest cells that together hold at least `share` of the mass, as indices, heaviest first.
export function heaviest(weights, share) {
  const order = [...weights.keys()].filter((i) => weights[i] > 0).sort((a, b) => weights[b] - weights[a]);
  const total = order.reduce((sum, i) => sum + weights[i], 0);
  const chosen = [];
  let mass = 0;
  for (const i of order) {
    if (mass >= share * total - 1e-12) break;
    chosen.push(i);
    mass += weights[i];
  }
  return chosen;
}
