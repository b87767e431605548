// The beam's tree as data: nodes by id, columns by score, paths, and in words why each node is where it is.

import { numberText } from "../../../shared/numbers.js";

export const ROOT = -1;
export const penalty = (length, alpha) => ((5 + length) / 6) ** alpha;

export class Tree {
  constructor(answer) {
    const { header, arrays } = answer;
    this.answer = answer;
    this.header = header;
    this.arrays = arrays;
    const { parent, step, token, log_prob, total, score, kept, finished } = Object.fromEntries(Object.entries(arrays).map(([name, { values }]) => [name, values]));
    this.nodes = Array.from(parent, (_, id) => ({
      id, parent: parent[id], step: step[id], token: token[id], text: this.text(token[id]), logProb: log_prob[id], total: total[id],
      score: score[id], kept: kept[id] === 1, finished: finished[id] === 1, length: step[id] + 1,
    }));
    this.needed = arrays.needed.values;
    this.steps = this.needed.length;
    this.columns = Array.from({ length: this.steps }, () => []);
    for (const node of this.nodes) this.columns[node.step].push(node);
    for (const column of this.columns) column.sort((a, b) => b.kept - a.kept || b.score - a.score || a.id - b.id);
    this.rowOf = new Map(Array.from(arrays.row.values, (node, row) => [node, row]));
    this.last = this.beamAfter(this.steps - 1);
    this.winner = this.nodes[header.winner];
    this.winning = new Set(this.path(this.winner).map(({ id }) => id));
    this.greedy = new Set(header.greedy.path);
  }

  text(token) {
    return this.header.tokens[token] ?? `token ${token}`;
  }

  beamAfter(step) {
    const { values, shape } = this.arrays.beam;
    return Array.from(values.subarray(step * shape[1], (step + 1) * shape[1])).filter((id) => id !== ROOT);
  }

  // The nodes from the first step to this one.
  path(node) {
    const nodes = [];
    for (let at = node; at; at = this.nodes[at.parent]) nodes.unshift(at);
    return nodes;
  }

  sentence(node) {
    return spoken(this.path(node).map(({ text }) => text));
  }

  // "winner", "finished", "left" (finished, and pushed out later), "stopped" (by the limit), "kept" or "pruned".
  status(node) {
    if (!node.kept) return "pruned";
    if (node.id === this.winner.id) return "winner";
    if (node.finished) return this.last.includes(node.id) ? "finished" : "left";
    return this.last.includes(node.id) ? "stopped" : "kept";
  }

  mark(node) {
    if (!node.kept) return "✗";
    if (node.finished) return "✓";
    return this.last.includes(node.id) ? "■" : "";
  }

  // The first step at which a finished hypothesis no longer had a place.
  leftAt(node) {
    let step = node.step;
    while (step < this.steps && this.beamAfter(step).includes(node.id)) step++;
    return step;
  }

  why(node) {
    const comparison = (step) => {
      const short = this.needed[step] - node.score;
      const by = short > 0 ? `short by ${numberText(short)}` : "a tie";
      return `score ${numberText(node.score)}, needed ${numberText(this.needed[step])}, ${by}`;
    };
    const greedyLeaves = this.greedy.has(node.id) && !node.kept ? ". Here greedy leaves the beam" : "";
    const limit = `stopped at the limit of ${this.header.limit} token${this.header.limit === 1 ? "" : "s"}`;
    const place = `place ${this.beamAfter(node.step).indexOf(node.id) + 1} of ${this.header.width} after step ${node.step + 1}`;
    switch (this.status(node)) {
      case "pruned":
        return `pruned: ${comparison(node.step)}${greedyLeaves}`;
      case "winner":
        return `the winner: the highest score when the search ended${node.finished ? "" : `; ${limit}, unfinished`}`;
      case "finished":
        return `finished: ${place}, kept to the end`;
      case "left":
        return `finished, pushed out at step ${this.leftAt(node) + 1}: ${comparison(this.leftAt(node))}`;
      case "stopped":
        return `kept: ${place}; ${limit}, unfinished`;
      default:
        return `kept: ${place}, score ${numberText(node.score)}, needed ${numberText(this.needed[node.step])}`;
    }
  }

  // Hypotheses that came to an end, those that the limit stopped, and greedy's: by their score at α, best first.
  board(alpha) {
    const { greedy, tokens } = this.header;
    const hypotheses = this.nodes
      .filter((node) => node.kept && (node.finished || this.last.includes(node.id)))
      .map((node) => ({ node, text: this.sentence(node), total: node.total, length: node.length, finished: node.finished, isGreedy: node.id === greedy.path.at(-1) }));
    if (!hypotheses.some(({ isGreedy }) => isGreedy)) {
      const text = spoken(greedy.ids.map((id) => tokens[id]));
      hypotheses.push({ node: null, text, total: greedy.log_prob, length: greedy.ids.length, finished: greedy.finished, isGreedy: true });
    }
    for (const each of hypotheses) each.score = each.total / penalty(each.length, alpha);
    return hypotheses.sort((a, b) => b.score - a.score);
  }

  // The decoder's row that predicted a node's token: its candidates, each with the node that it became (if it was tried).
  candidates(node) {
    const row = this.rowOf.get(node.parent);
    const { cand_ids, cand_log_probs } = this.arrays;
    const most = cand_ids.shape[1];
    const siblings = this.columns[node.step].filter(({ parent }) => parent === node.parent);
    return Array.from(cand_ids.values.subarray(row * most, (row + 1) * most), (id, rank) => ({
      id, rank, text: this.text(id), logProb: cand_log_probs.values[row * most + rank], node: siblings.find(({ token }) => token === id) ?? null,
    })).filter(({ id }) => id >= 0);
  }

  // What that row looked at in a layer: one weight a source token.
  attention(node, layer) {
    const [, rows, keys] = this.arrays.attention.shape;
    const at = (layer * rows + this.rowOf.get(node.parent)) * keys;
    return this.arrays.attention.values.subarray(at, at + keys);
  }
}

// Tokens as one text: · stands for a space.
function spoken(texts) {
  return texts.join("").replaceAll("·", " ").trim();
}
