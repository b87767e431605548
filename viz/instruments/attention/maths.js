// The stages of one head from the numbers that they are made of, and under what-if knobs. Pure functions.

import * as maths from "../shared/maths.js";

/**
 * @typedef {object} Stage a row of viz/stages.py
 * @property {string} name @property {string[]} of @property {string} rows @property {string} columns
 * @property {boolean} head @property {string | null} role
 */
/** @typedef {import("../shared/part.js").Part} Part */
/** @typedef {{ scale: boolean, mask: boolean, temperature: number }} Knobs */
/**
 * @typedef {object} Context
 * @property {Knobs} knobs
 * @property {number} d_head
 * @property {Part} masked the model's own: −∞ where a key may not be seen
 * @property {(head: Float64Array) => Float64Array} joined this head's numbers beside those of all others
 * @property {Record<string, any> | null} matrices W_o and b_o; null while they are not here
 */

/** @type {Knobs} the model's own */
export const OWN = { scale: true, mask: true, temperature: 1 };

// 1 where a key may be seen.
/** @param {Part} masked */
export const kept = (masked) => Uint8Array.from(masked.values, (value) => (value === -Infinity ? 0 : 1));

/** @type {Record<string, (parents: Part[], context: Context) => Float64Array | null>} */
const MAKERS = {
  scores: ([q, k]) => maths.scores(q.values, k.values, q.rows, k.rows, q.columns),
  scaled: ([{ values }], { knobs, d_head }) => (knobs.scale ? maths.scale(values, Math.sqrt(d_head)) : values),
  biased: ([scaled, bias]) => maths.add(scaled.values, bias.values),
  masked: ([before], { knobs, masked }) => (knobs.mask ? maths.mask(before.values, kept(masked)) : before.values),
  weights: ([{ values, rows, columns }], { knobs }) => maths.softmaxRows(values, rows, columns, knobs.temperature),
  z: ([weights, v]) => maths.mix(weights.values, v.values, weights.rows, weights.columns, v.columns),
  concat: ([z], { joined }) => joined(z.values),
  out: ([{ values, rows, columns }], { matrices }) => {
    if (!matrices) return null;
    const [W, b] = [matrices.W_o.values, matrices.b_o.values];
    return maths.project(values, W, b, rows, columns, b.length);
  },
};

// Each stage that can be computed here, from q, k and v on, by its name. One that is not known here stays the model's.
/** @param {Stage[]} stages @param {(name: string) => Part} own @param {Context} context */
export function recompute(stages, own, context) {
  /** @type {Record<string, Part>} */
  const made = {};
  for (const { name, of } of stages) {
    const values = MAKERS[name]?.(of.map((parent) => made[parent] ?? own(parent)), context);
    if (values) made[name] = { ...own(name), values };
  }
  return made;
}
