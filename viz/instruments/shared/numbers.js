// One format per quantity.

export const weightText = (weight) => weight.toFixed(4);
export const percentText = (probability) =>
  probability > 0 && probability < 0.0005 ? "<0.1%" : `${(100 * probability).toFixed(1)}%`;
