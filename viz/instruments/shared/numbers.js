// One format per quantity: weights and probabilities have four decimals, other numbers four significant digits.

export const weightText = (weight) => weight.toFixed(4);

// Probabilities below a thousandth would show few digits with four decimals.
/** @param {number} p */
export const probText = (p) => (p > 0 && p < 0.001 ? numberText(p) : weightText(p));

export const percentText = (probability) =>
  probability > 0 && probability < 0.0005 ? "<0.1%" : `${(100 * probability).toFixed(1)}%`;

export function numberText(value) {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value < 0 ? "−∞" : "∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size >= 1e5 || size < 1e-4 ? value.toExponential(2) : value.toPrecision(4);
  return text.replace("-", "−").replace("e−", "e-");
}

// For snippets: the shortest text that gives back the same float32.
export function exactText(value) {
  if (Number.isNaN(value)) return "np.nan";
  if (!Number.isFinite(value)) return value < 0 ? "-np.inf" : "np.inf";
  for (let digits = 6; digits < 10; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === Math.fround(value)) return String(Number(text));
  }
  return String(value);
}

// A token that fits into `most` characters; the whole one belongs into the hover.
export function shortened(token, most) {
  const characters = [...token];
  return characters.length <= most ? token : `${characters.slice(0, most - 1).join("")}…`;
}
