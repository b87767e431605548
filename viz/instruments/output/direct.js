// Direct logit contributions, as in model/contributions.py: pure functions on flat arrays, tested against Python's numbers.

import { dot } from "../shared/maths.js";

export const KINDS = ["embedding", "self_attn", "cross_attn", "ffn", "bias"];
const SITES = { self_attn: "self-attention", cross_attn: "cross-attention", ffn: "feed-forward" };
const SHORT = { self_attn: "self", cross_attn: "cross", ffn: "FFN", bias: "b, β" };

// E's row of a word as seen from before each norm, and last from behind them all: g ← (γg − mean(γg)) / σ, backwards.
export function directions(row, gammas, stds) {
  const width = row.length;
  const carried = [Float64Array.from(row)];
  for (let n = stds.length - 1; n >= 0; n--) {
    const scaled = carried[0].map((x, d) => x * gammas[n * width + d]);
    const mean = scaled.reduce((sum, x) => sum + x, 0) / width;
    carried.unshift(scaled.map((x) => (x - mean) / stds[n]));
  }
  return carried;
}

// What each part adds: its own numbers (a row of `terms`) against the word, seen from where the part enters.
export function contributions(terms, parts, carried) {
  const width = carried[0].length;
  return Float64Array.from(parts, ({ norms }, p) => dot(terms, p * width, carried[norms], 0, width));
}

export function sum(values) {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

// What the screen calls a part of the header's list.
export function partName({ name, kind, layer, site, head }) {
  if (layer === undefined) return { "decoder.embed": "embedding", "decoder.pos": "position" }[name] ?? "final norm's β";
  const where = `layer ${layer + 1} ${SITES[site]}`;
  if (head !== undefined) return `${where}, head ${head + 1}`;
  if (kind === "ffn") return where;
  return name.endsWith("beta") ? `${where}, its norm's β` : `${where}, ${site === "ffn" ? "b_2" : "b_O"}`;
}

function partShort({ name, kind, head }) {
  if (kind === "embedding") return name === "decoder.pos" ? "pos" : "embed";
  if (head !== undefined) return String(head + 1);
  if (kind === "ffn") return "F";
  return name.endsWith("beta") ? "β" : "b";
}

const layerName = (layer) => (layer === undefined ? null : `layer ${layer + 1}`);

// How a part's own numbers came about.
export function partSource({ name, kind, head }, reads) {
  if (name === "decoder.pos") return "the position's vector";
  if (kind === "embedding") return `E[${reads}] × √d_model`;
  if (head !== undefined) return "the head's z (with b_V) through W_O";
  if (kind === "ffn") return "the hidden units through W_2";
  return name.endsWith("beta") ? "the norm's own β" : name.endsWith("b_o") ? "the bias b_O" : "the bias b_2";
}

// One bar a part, in the order in which they enter the stream.
function single(parts) {
  return parts.map((part, p) => ({
    name: partName(part),
    short: partShort(part),
    kind: part.kind,
    group: layerName(part.layer),
    worded: part.layer === undefined,
    under: part.site ? SHORT[part.site] : "",
    members: [p],
  }));
}

// One bar a block: a layer's heads of one attention together, its feed-forward, and last its biases and βs.
function blocks(parts) {
  const found = new Map();
  const hasBeta = parts.some(({ layer, name }) => layer !== undefined && name.endsWith("beta")); // pre-norm: only the final norm's
  parts.forEach((part, p) => {
    const { kind, layer, name } = part;
    const key = layer === undefined ? name : `${layer} ${kind}`;
    if (!found.has(key)) {
      const own = layer === undefined;
      found.set(key, {
        name: own ? partName(part) : `layer ${layer + 1} ${kind === "bias" ? `biases${hasBeta ? " and β" : ""}` : SITES[kind]}`,
        short: own || (kind === "bias" && !hasBeta) ? partShort(part) : SHORT[kind],
        kind,
        group: layerName(layer),
        worded: own,
        under: "",
        order: own ? (kind === "bias" ? Infinity : -1) : layer * KINDS.length + KINDS.indexOf(kind),
        members: [],
      });
    }
    found.get(key).members.push(p);
  });
  return [...found.values()].sort((a, b) => (a.order === b.order ? 0 : a.order - b.order));
}

// Bars with their values and the running total before and after each; the last one is the sum itself.
export function bars(parts, values, heads) {
  let total = 0;
  const found = (heads ? single(parts) : blocks(parts)).map((bar) => {
    const value = sum(bar.members.map((p) => values[p]));
    const before = total;
    total += value;
    return { ...bar, value, before, after: total };
  });
  const last = { name: "the logit", short: "logit", kind: "logit", group: "sum", worded: true, under: "", members: [], value: total, before: 0, after: total };
  return [...found, last];
}
