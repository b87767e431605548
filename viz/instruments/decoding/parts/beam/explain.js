// How a node's score was made, for the strip: its tokens' log-probabilities, their sum, the length penalty.

import { exactText, numberText } from "../../../shared/numbers.js";
import { penalty } from "./tree.js";

export function explainNode(tree, node) {
  const { alpha } = tree.header;
  const path = tree.path(node);
  const n = path.length;
  const list = path.map(({ logProb }) => exactText(logProb)).join(", ");
  return {
    title: `score at step ${n}`,
    formula: `${numberText(node.total)} / ((5 + ${n}) / 6)^${alpha} = ${numberText(node.total)} / ${numberText(penalty(n, alpha))}`,
    terms: path.map(({ text, logProb, id, length }) => ({ name: String(length), text, value: logProb, here: id === node.id })),
    sumName: "log P",
    total: node.total,
    note: `${tree.why(node)} · nats; n counts the end token`,
    value: node.score,
    numpy: [
      "import numpy as np",
      `log_probs = np.array([${list}], dtype=np.float32)`,
      `n, alpha = len(log_probs), ${alpha}`,
      `print(log_probs.sum() / ((5 + n) / 6) ** alpha)  # on screen: ${exactText(node.score)}`,
    ].join("\n"),
  };
}
