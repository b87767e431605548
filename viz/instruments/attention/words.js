// What the screen calls a stage of attention, and how it is made, in a few signs above its panel.

/** @type {Record<string, string>} */
const TITLES = {
  x_q: "x, queries", x_kv: "x, keys", q_rot: "q turned", k_rot: "k turned", position_bias: "bias", concat: "all heads",
};

/** @param {string} name */
export const titleOf = (name) => TITLES[name] ?? name;

/** @param {import("./maths.js").Stage} stage @param {import("./store.js").Store} store @returns {string} */
export function formulaOf({ name, of }, { knobs, sizes }) {
  /** @type {Record<string, string>} */
  const formulas = {
    q: "x W_q + b", k: "x W_k + b", v: "x W_v + b", q_rot: "q turned", k_rot: "k turned",
    scores: "q kᵀ", scaled: knobs.scale ? `÷ √${sizes.d_head}` : "not scaled", position_bias: "of the distance",
    biased: "+ distance", masked: knobs.mask ? "mask → −∞" : "no mask", weights: "softmax", z: "weights · v",
    concat: "z, side by side", out: "· W_O + b",
  };
  return formulas[name] ?? `from ${of.join(", ")}`;
}
