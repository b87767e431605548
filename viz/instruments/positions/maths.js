// The arithmetic of positional encodings and of the difference between two attention maps: pure functions.

// ω of pair i: PE(p) holds sin(p ω) and cos(p ω).
export const frequency = (pair, d_model, base) => base ** ((-2 * pair) / d_model);

// How many positions one turn of pair i takes.
export const wavelength = (pair, d_model, base) => (2 * Math.PI) / frequency(pair, d_model, base);

// PE at any position (also between the whole ones), dimension counted from 0: even ones are sines, odd ones cosines.
export function encoding(position, dimension, d_model, base) {
  const angle = position * frequency(Math.floor(dimension / 2), d_model, base);
  return dimension % 2 ? Math.cos(angle) : Math.sin(angle);
}

// The whole table, row-major.
export function encodings(rows, d_model, base) {
  const at = (n) => encoding(Math.floor(n / d_model), n % d_model, d_model, base);
  return Float64Array.from({ length: rows * d_model }, (_, n) => at(n));
}

// The 2×2 matrix R with (sin, cos) at p + k = R (sin, cos) at p, whatever p: [[cos kω, sin kω], [−sin kω, cos kω]].
export function rotation(k, pair, d_model, base) {
  const angle = k * frequency(pair, d_model, base);
  return [[Math.cos(angle), Math.sin(angle)], [-Math.sin(angle), Math.cos(angle)]];
}

// Every whole pair of row p of a table, turned by k.
export function turned(table, p, k, d_model, base) {
  const out = new Float64Array(2 * Math.floor(d_model / 2));
  for (let pair = 0; 2 * pair + 1 < d_model; pair++) {
    const [sine, cosine] = [table[p * d_model + 2 * pair], table[p * d_model + 2 * pair + 1]];
    rotation(k, pair, d_model, base).forEach(([a, b], n) => (out[2 * pair + n] = a * sine + b * cosine));
  }
  return out;
}

// For each row, half the sum of |a − b|: 0 where the rows are the same, 1 where they have nothing in common.
export function totalVariation(a, b, rows, columns) {
  return Array.from({ length: rows }, (_, i) => {
    let sum = 0;
    for (let j = 0; j < columns; j++) sum += Math.abs(a[i * columns + j] - b[i * columns + j]);
    return sum / 2;
  });
}

export const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

// A map whose rows or columns were read in another order, back in the order typed: row r belongs to place `rowsAt[r]`.
export function backInPlace(values, rowsAt, columnsAt) {
  const out = new Float32Array(values.length);
  const n = columnsAt.length;
  rowsAt.forEach((row, r) => columnsAt.forEach((column, c) => (out[row * n + column] = values[r * n + c])));
  return out;
}
