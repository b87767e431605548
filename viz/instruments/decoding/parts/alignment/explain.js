// How the number under the cursor of the alignment tab was made, as data for the strip.

import { exactText, numberText } from "../../../shared/numbers.js";
import { rowEntropy, surprise } from "./maths.js";

const minus = (text) => text.replace(/^-/, "−");
const list = (values) => `[${Array.from(values, exactText).join(", ")}]`;
const table = (rows) => `[${rows.map(list).join(", ")}]`;
const array = (name, text) => `${name} = np.array(${text}, dtype=np.float32)`;
const snippet = (lines, result, value) => ["import numpy as np", ...lines, `print(${result})  # on screen: ${exactText(value)}`].join("\n");

export const headName = ({ layer, head }) => (head === null ? `layer ${layer + 1}, mean of its heads` : `layer ${layer + 1}, head ${head + 1}`);

// The heads' own weights where the mean over them is shown; otherwise the head's.
function mean(state, row, key) {
  const heads = state.store.header.n_heads;
  return Array.from({ length: heads }, (_, head) => ({ name: `head ${head + 1}`, weight: state.weight(state.store.layer, head, row, key) })).map(({ name, weight }) => ({
    name,
    text: `${numberText(weight)} / ${heads}`,
    value: weight / heads,
  }));
}

function cell(state, row, column) {
  const { store, units } = state;
  const [rows, columns] = [units.rows[row], units.columns[column]];
  const [below, above] = [units.below[row], units.above[column]];
  if (!rows.length) return `“${below}” is the last token: no row reads it, so it has no weights here.`;
  const { layer, head } = store;
  const { source } = store.header;
  const { predicts } = store.lane.header;
  const weights = state.joined();
  const value = weights[row * units.columns.length + column];
  const isOne = rows.length === 1 && columns.length === 1;
  const shift = state.on.has("reads") ? 1 : 0;
  const pieces = rows.flatMap((r) => columns.map((c) => ({ name: `${predicts[r - shift]} ← ${source[c]}`, weight: state.weight(layer, head, r, c) })));
  const terms = isOne ? [] : pieces.map(({ name, weight }) => ({ name, text: rows.length > 1 ? `${numberText(weight)} / ${rows.length}` : numberText(weight), value: weight / rows.length }));
  const several = [columns.length > 1 ? `sum over the ${columns.length} pieces of “${above}”` : null, rows.length > 1 ? `mean over the ${rows.length} rows of “${below}”` : null];
  const asIs = head === null ? "mean over the heads" : "as it is";
  const block = (h) => table(rows.map((r) => columns.map((c) => state.weight(layer, h, r, c))));
  const all = Array.from({ length: store.header.n_heads }, (_, h) => block(h));
  return {
    title: `weight[“${below}” ← “${above}”]`,
    formula: isOne ? `row ${rows[0] + 1}, column ${columns[0] + 1}, ${asIs}` : several.filter(Boolean).join(", "),
    note: `${headName(store)} · ${rows.length > 1 ? "rows" : "row"} ${rows.map((r) => r + 1).join(", ")} of ${store.outward.label}, which ${shift ? "read" : "predict"}${rows.length > 1 ? "" : "s"} “${below}”`,
    terms: isOne && head === null ? mean(state, rows[0], columns[0]) : terms,
    sumName: isOne && head === null ? "mean" : "joined",
    value,
    asWeight: true,
    numpy: snippet([array("W", head === null ? `[${all.join(", ")}]` : block(head))], head === null ? "W.mean(0).sum(-1).mean()" : "W.sum(-1).mean()", value),
  };
}

function rowOf(state, row) {
  const { store, units } = state;
  const n = units.columns.length;
  const weights = Array.from(state.joined().subarray(row * n, (row + 1) * n));
  if (!units.rows[row].length) return cell(state, row, 0);
  const value = rowEntropy(weights, 0, n);
  return {
    title: `entropy[“${units.below[row]}”]`,
    formula: "−Σ w ln w over the source",
    note: `nats: 0 where one ${state.unit} has all the weight, ln ${n} = ${numberText(Math.log(n))} where all share alike · ${headName(store)}`,
    terms: weights.map((weight, j) => ({ name: units.above[j], text: `−${numberText(weight)} ln ${numberText(weight)}`, value: surprise(weight) })),
    value,
    numpy: snippet([array("w", list(weights)), "w = w[w > 0]"], "-(w * np.log(w)).sum()", value),
  };
}

function ofHead(state, { layer, head }) {
  const { units } = state;
  const { table: all, clearest } = state.entropies;
  const n = units.columns.length;
  const weights = state.joined(layer, head, units);
  const rows = units.rows.map((_, i) => i).filter((i) => units.rows[i].length);
  const value = all[layer][head ?? all[layer].length - 1];
  const isLowest = head !== null && clearest.layer === layer && clearest.head === head;
  return {
    title: `entropy of ${headName({ layer, head })}`,
    formula: `mean over ${rows.length} target ${state.unit}${rows.length === 1 ? "" : "s"} of −Σ w ln w`,
    note: `nats, over the ${state.unit}s of the source, the end token included${isLowest ? " · the lowest of all heads: the clearest" : ""}`,
    terms: rows.map((i) => ({ name: units.below[i], text: `${numberText(rowEntropy(weights, i, n))} / ${rows.length}`, value: rowEntropy(weights, i, n) / rows.length })),
    sumName: "mean",
    value,
    numpy: snippet([array("W", table(rows.map((i) => weights.subarray(i * n, (i + 1) * n)))), "L = np.log(np.where(W > 0, W, 1))"], "-(W * L).sum(-1).mean()", value),
  };
}

function alpha(state, key) {
  const { store } = state;
  const value = state.alphas()[key];
  const isMean = store.head === null;
  return {
    title: `α[“${store.header.source[key]}”]`,
    formula: `weight in row ${store.step + 1}, column ${key + 1} of ${headName(store)}`,
    terms: isMean ? mean(state, store.step, key) : [],
    sumName: "mean",
    value,
    asWeight: true,
    numpy: isMean ? snippet([array("alpha", list(state.headAlphas(key)))], "alpha.mean()", value) : undefined,
  };
}

function length(state, key) {
  const { store } = state;
  const value = state.norms()[key];
  const { values } = state.here.words.arrays.products;
  const [start, heads] = [state.productsAt(key), store.header.n_heads];
  const alphas = state.headAlphas(key);
  const product = (h, g) => values[start + h * heads + g];
  const token = store.header.source[key];
  if (store.head !== null) {
    const h = store.head;
    const size = Math.sqrt(product(h, h));
    return {
      title: `‖α·v·W_O‖[“${token}”]`,
      formula: `α × ‖v W_O‖ = ${numberText(alphas[h])} × ${numberText(size)}`,
      note: `v and W_O of ${headName(store)}; v holds its bias, W_O's bias is left out: it comes from no token.`,
      terms: [],
      value,
      numpy: snippet([`alpha, size = np.float32(${exactText(alphas[h])}), np.float32(${exactText(size)})`], "alpha * size", value),
    };
  }
  const pairs = alphas.flatMap((a, h) => alphas.slice(h).map((b, more) => ({ h, g: h + more, a, b })));
  return {
    title: `‖Σ_h α_h·v_h·W_O‖[“${token}”]`,
    formula: "√ Σ_h Σ_g α_h α_g (u_h · u_g), u_h = v_h W_O",
    note: `all heads of layer ${store.layer + 1} together; a head's v holds its bias, W_O's bias is left out: it comes from no token.`,
    terms: pairs.map(({ h, g, a, b }) => {
      const times = h === g ? 1 : 2;
      return { name: `heads ${h + 1}, ${g + 1}`, text: `${times === 2 ? "2 × " : ""}${numberText(a)} × ${numberText(b)} × ${numberText(product(h, g))}`, value: times * a * b * product(h, g) };
    }),
    sumName: "norm²",
    value,
    numpy: snippet([array("alpha", list(alphas)), array("U", table(alphas.map((_, h) => values.subarray(start + h * heads, start + (h + 1) * heads))))], "np.sqrt(alpha @ U @ alpha)", value),
  };
}

function delta(state, key) {
  const { store } = state;
  const { source } = store.header;
  if (!state.owed) return "Masking out each source token once…";
  const { values } = state.owed.arrays.log_probs;
  const value = values[key + 1] - values[0];
  const taken = store.lane.header.predicts[store.step];
  return {
    title: `Δ[“${source[key]}”]`,
    formula: `log P(“${taken}” | source, “${source[key]}” masked out) − log P(“${taken}” | source) = ${minus(exactText(values[key + 1]))} − ${minus(exactText(values[0])).replace(/^−(.*)$/, "(−$1)")}`,
    note: `nats, at step ${store.step + 1} · masked out: nothing attends to it, in no layer; all places are kept, so this is not the sentence without it.`,
    terms: [],
    value,
    numpy: snippet([`masked, whole = np.float32(${exactText(values[key + 1])}), np.float32(${exactText(values[0])})`], "masked - whole", value),
  };
}

function correlation(state, what) {
  const found = state.correlations[what];
  if (!found) return "Masking out each source token once…";
  const { x, y, middle, size, value } = found;
  const other = what === "norm" ? "norm" : "|Δ|";
  if (Number.isNaN(value)) return "A rank correlation needs at least 3 tokens, and ranks that differ.";
  return {
    title: `Spearman(α, ${other})`,
    formula: `Σ (rank α − ${middle}) × (rank ${other} − ${middle}) / ${numberText(size)}`,
    note: `ranks from 1, the smallest first, ties share their mean; ${numberText(size)} = √(Σ (rank α − ${middle})² × Σ (rank ${other} − ${middle})²)`,
    terms: x.map((rank, i) => ({
      name: state.store.header.source[i],
      text: `(${rank} − ${middle}) × (${y[i]} − ${middle}) / ${numberText(size)}`,
      value: ((rank - middle) * (y[i] - middle)) / size,
    })),
    value,
    numpy: snippet([array("a", list(x)), array("b", list(y))], "np.corrcoef(a, b)[0, 1]", value),
  };
}

const TOKEN = { alpha, norm: length, influence: delta };

export function explain(state, cursor) {
  if (!state.here) return state.store.trouble ?? "Joining tokens into words…";
  if (cursor.kind === "head") return ofHead(state, cursor);
  if (cursor.kind === "token") return TOKEN[cursor.what](state, cursor.column);
  if (cursor.kind === "rank") return correlation(state, cursor.what);
  if (cursor.column === null) return rowOf(state, cursor.row);
  return cell(state, cursor.row, cursor.column);
}
