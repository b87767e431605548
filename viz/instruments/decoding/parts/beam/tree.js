// The beam's tree as data: nodes by id, columns by score, paths, and in words why each node is where it is.

import { numberText } from "../../../shared/numbers.js";

export const ROOT = -1;
/** @param {number} length @param {number} alpha */
export const penalty = (length, alpha) => ((5 + length) / 6) ** alpha;

/**
 * @typedef {{ id: number, parent: number, step: number, token: number, text: string, logProb: number, total: number,
 *   score: number, kept: boolean, finished: boolean, length: number }} Node
 */

export class Tree {
  /** @param {{ header: any, arrays: any }} answer */
  constructor(answer) {
    const { header, arrays } = answer;
    this.answer = answer;
    this.header = header;
    this.arrays = arrays;
    /** @type {Node[]} */
    this.nodes = Array.from(arrays.parent.values, (_, id) => {
      const of = (/** @type {string} */ name) => arrays[name].values[id];
      const [token, step] = [of("token"), of("step")];
      return {
        id, step, token, text: this.text(token), length: step + 1, parent: of("parent"), logProb: of("log_prob"),
        total: of("total"), score: of("score"), kept: of("kept") === 1, finished: of("finished") === 1,
      };
    });
    this.needed = arrays.needed.values;
    this.steps = this.needed.length;
    /** @type {Node[][]} */
    this.columns = Array.from({ length: this.steps }, () => []);
    for (const node of this.nodes) this.columns[node.step].push(node);
    const order = (/** @type {Node} */ a, /** @type {Node} */ b) =>
      Number(b.kept) - Number(a.kept) || b.score - a.score || a.id - b.id;
    for (const column of this.columns) column.sort(order);
    this.rowOf = new Map(Array.from(arrays.row.values, (node, row) => [node, row]));
    this.last = this.beamAfter(this.steps - 1);
    this.winner = this.nodes[header.winner];
    this.winning = new Set(this.path(this.winner).map(({ id }) => id));
    this.greedy = new Set(header.greedy.path);
  }

  /** @param {number} token */
  text(token) {
    return this.header.tokens[token] ?? `token ${token}`;
  }

  /** @param {number} step @returns {number[]} ids of nodes */
  beamAfter(step) {
    const { values, shape } = this.arrays.beam;
    return Array.from(values.subarray(step * shape[1], (step + 1) * shape[1]), Number).filter((id) => id !== ROOT);
  }

  // The nodes from the first step to this one.
  /** @param {Node} node */
  path(node) {
    const nodes = [];
    for (let at = node; at; at = this.nodes[at.parent]) nodes.unshift(at);
    return nodes;
  }

  /** @param {Node} node */
  sentence(node) {
    return spoken(this.path(node).map(({ text }) => text));
  }

  // "winner", "finished", "left" (finished, and pushed out later), "stopped" (by the limit), "kept" or "pruned".
  /** @param {Node} node */
  status(node) {
    if (!node.kept) return "pruned";
    if (node.id === this.winner.id) return "winner";
    if (node.finished) return this.last.includes(node.id) ? "finished" : "left";
    return this.last.includes(node.id) ? "stopped" : "kept";
  }

  /** @param {Node} node */
  mark(node) {
    if (!node.kept) return "✗";
    if (node.finished) return "✓";
    return this.last.includes(node.id) ? "■" : "";
  }

  // The first step at which a finished hypothesis no longer had a place.
  /** @param {Node} node */
  leftAt(node) {
    let step = node.step;
    while (step < this.steps && this.beamAfter(step).includes(node.id)) step++;
    return step;
  }

  /** @param {Node} node */
  why(node) {
    const comparison = (/** @type {number} */ step) => {
      const short = this.needed[step] - node.score;
      const by = short > 0 ? `short by ${numberText(short)}` : "a tie";
      return `score ${numberText(node.score)}, needed ${numberText(this.needed[step])}, ${by}`;
    };
    const { limit, width } = this.header;
    const greedyLeaves = this.greedy.has(node.id) ? ". Here greedy leaves the beam" : "";
    const stopped = `; stopped at the limit of ${limit} token${limit === 1 ? "" : "s"}, unfinished`;
    const place = `place ${this.beamAfter(node.step).indexOf(node.id) + 1} of ${width} after step ${node.step + 1}`;
    const needed = `score ${numberText(node.score)}, needed ${numberText(this.needed[node.step])}`;
    const left = this.leftAt(node);
    return {
      pruned: () => `pruned: ${comparison(node.step)}${greedyLeaves}`,
      winner: () => `the winner: the highest score when the search ended${node.finished ? "" : stopped}`,
      finished: () => `finished: ${place}, kept to the end`,
      left: () => `finished, pushed out at step ${left + 1}: ${comparison(left)}`,
      stopped: () => `kept: ${place}${stopped}`,
      kept: () => `kept: ${place}, ${needed}`,
    }[this.status(node)]();
  }

  // Hypotheses that came to an end, those that the limit stopped, and greedy's: by their score at α, best first.
  /** @param {number} alpha */
  board(alpha) {
    const { greedy, tokens } = this.header;
    /** @param {Node | null} node @param {string} text @param {any} hypothesis @param {boolean} isGreedy */
    const line = (node, text, { total, length, finished }, isGreedy) =>
      ({ node, text, total, length, finished, isGreedy, score: total / penalty(length, alpha) });
    const ended = this.nodes.filter((node) => node.kept && (node.finished || this.last.includes(node.id)));
    const board = ended.map((node) => line(node, this.sentence(node), node, node.id === greedy.path.at(-1)));
    if (!board.some(({ isGreedy }) => isGreedy)) {
      const { ids, log_prob: total, finished } = greedy;
      const text = spoken(ids.map((/** @type {number} */ id) => tokens[id]));
      board.push(line(null, text, { total, length: ids.length, finished }, true));
    }
    return board.sort((a, b) => b.score - a.score);
  }

  // Of the row that predicted a node's token: its candidates, each with the node that it became (if it was tried).
  /** @param {Node} node */
  candidates(node) {
    const { cand_ids, cand_log_probs } = this.arrays;
    const most = cand_ids.shape[1];
    const from = Number(this.rowOf.get(node.parent)) * most;
    const siblings = this.columns[node.step].filter(({ parent }) => parent === node.parent);
    const ids = Array.from(cand_ids.values.subarray(from, from + most), Number);
    const candidates = ids.map((id, rank) => ({
      id, rank, text: this.text(id), logProb: cand_log_probs.values[from + rank],
      node: siblings.find(({ token }) => token === id) ?? null,
    }));
    return candidates.filter(({ id }) => id >= 0);
  }

  // What that row looked at in a layer: one weight a source token.
  /** @param {Node} node @param {number} layer */
  attention(node, layer) {
    const [, rows, keys] = this.arrays.attention.shape;
    const at = (layer * rows + Number(this.rowOf.get(node.parent))) * keys;
    return this.arrays.attention.values.subarray(at, at + keys);
  }
}

// Tokens as one text: · stands for a space.
/** @param {string[]} texts */
function spoken(texts) {
  return texts.join("").replaceAll("·", " ").trim();
}
