// How a node's score was made, for the strip: its tokens' log-probabilities, their sum, the length penalty.

import { numberText } from "../../../shared/numbers.js";
import { snippet, vector } from "../../../shared/snippet.js";
import { penalty } from "./tree.js";

/** @param {import("./tree.js").Tree} tree @param {import("./tree.js").Node} node */
export function explainNode(tree, node) {
  const { alpha } = tree.header;
  const path = tree.path(node);
  const n = path.length;
  const logs = path.map(({ logProb }) => logProb);
  const [total, divisor] = [numberText(node.total), numberText(penalty(n, alpha))];
  return {
    title: `score at step ${n}`,
    formula: `${total} / ((5 + ${n}) / 6)^${alpha} = ${total} / ${divisor}`,
    terms: path.map(({ text, logProb, id, length }) => ({
      name: String(length), text, value: logProb, here: id === node.id,
    })),
    sumName: "log P",
    total: node.total,
    note: `${tree.why(node)} · nats; n counts the end token`,
    value: node.score,
    numpy: snippet(
      [vector("log_probs", logs), `n, alpha = len(log_probs), ${alpha}`],
      "log_probs.sum() / ((5 + n) / 6) ** alpha", node.score,
    ),
  };
}
