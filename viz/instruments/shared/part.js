// A part of the numbers: a matrix, row by row.

import { numberText } from "./numbers.js";

/** @typedef {{ values: any, rows: number, columns: number }} Part values: a typed array of rows · columns numbers */

/** @param {Part} part @param {number} i */
export const rowOf = (part, i) => part.values.subarray(i * part.columns, (i + 1) * part.columns);

/** @param {Part} part @param {number} j */
export function columnOf({ values, rows, columns }, j) {
  return Float64Array.from({ length: rows }, (_, i) => values[i * columns + j]);
}

/** @param {Part} part @param {number} i @param {number} j @returns {number} */
export const cellOf = (part, i, j) => part.values[i * part.columns + j];

// Terms for the strip whose sum is a · b; `name` says what the nth is, from 1.
/** @param {ArrayLike<number>} a @param {ArrayLike<number>} b @param {(n: number) => string} name */
export function products(a, b, name) {
  return Array.from(a, (value, n) => {
    return { name: name(n + 1), text: `${numberText(value)} × ${numberText(b[n])}`, value: value * b[n] };
  });
}
