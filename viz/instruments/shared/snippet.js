// The NumPy lines that give the number on screen, from the very numbers it is made of.

import { exactText } from "./numbers.js";

/** @param {string} name @param {Iterable<number>} values */
export const vector = (name, values) =>
  `${name} = np.array([${Array.from(values, exactText).join(", ")}], dtype=np.float32)`;

// Several names on one line: "score, bias = np.float32(0.5), np.float32(−1)".
/** @param {Record<string, number>} numbers */
export function scalars(numbers) {
  const values = Object.values(numbers).map((value) => `np.float32(${exactText(value)})`);
  return `${Object.keys(numbers).join(", ")} = ${values.join(", ")}`;
}

/** @param {string[]} lines @param {string} result the expression that gives it @param {number} value */
export function snippet(lines, result, value) {
  return ["import numpy as np", ...lines, `print(${result})  # on screen: ${exactText(value)}`].join("\n");
}
