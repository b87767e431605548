// How the number under the cursor of the alignment tab was made, as data for the strip.

import { exactText, numberText } from "../../../shared/numbers.js";
import { scalars, snippet, vector } from "../../../shared/snippet.js";
import { rowEntropy, surprise } from "./maths.js";

/** @typedef {import("./state.js").AlignState} State */

const minus = (/** @type {string} */ text) => text.replace(/^-/, "−");
/** @param {ArrayLike<number>} values @returns {string} */
const list = (values) => `[${Array.from(values, exactText).join(", ")}]`;
const table = (/** @type {ArrayLike<number>[]} */ rows) => `[${rows.map(list).join(", ")}]`;
/** @param {string} name @param {string} text */
const array = (name, text) => `${name} = np.array(${text}, dtype=np.float32)`;

/** @param {{ layer: number, head: number | null }} which */
export const headName = ({ layer, head }) =>
  `layer ${layer + 1}, ${head === null ? "mean of its heads" : `head ${head + 1}`}`;

// The heads' own weights where the mean over them is shown.
/** @param {State} state @param {number} row @param {number} key */
function mean(state, row, key) {
  const { layer, header: { n_heads } } = state.store;
  return Array.from({ length: n_heads }, (_, head) => {
    const one = state.weight(layer, head, row, key);
    return { name: `head ${head + 1}`, text: `${numberText(one)} / ${n_heads}`, value: one / n_heads };
  });
}

// How a weight between words is joined, in words.
/** @param {State} state @param {number} row @param {number} column */
function joining({ units, store: { head } }, row, column) {
  const [n, m] = [units.rows[row].length, units.columns[column].length];
  const asIs = head === null ? "mean over the heads" : "as it is";
  const said = [];
  if (m > 1) said.push(`sum over the ${m} pieces of “${units.above[column]}”`);
  if (n > 1) said.push(`mean over the ${n} rows of “${units.below[row]}”`);
  return said.join(", ") || `row ${units.rows[row][0] + 1}, column ${units.columns[column][0] + 1}, ${asIs}`;
}

// What is joined to a weight between words; of the only one its heads, where their mean is shown.
/** @param {State} state @param {number[]} rows @param {number[]} columns @param {number} shift */
function pieces(state, rows, columns, shift) {
  const { layer, head, header: { source }, lane } = state.store;
  const { predicts } = lane.header;
  if (rows.length === 1 && columns.length === 1) return head === null ? mean(state, rows[0], columns[0]) : [];
  return rows.flatMap((row) => columns.map((column) => {
    const weight = state.weight(layer, head, row, column);
    const text = rows.length > 1 ? `${numberText(weight)} / ${rows.length}` : numberText(weight);
    return { name: `${predicts[row - shift]} ← ${source[column]}`, text, value: weight / rows.length };
  }));
}

/** @param {State} state @param {number} row @param {number} column */
function cell(state, row, column) {
  const { store, units } = state;
  const [rows, columns] = [units.rows[row], units.columns[column]];
  const below = units.below[row];
  if (!rows.length) return `“${below}” is the last token: no row reads it, so it has no weights here.`;
  const { layer, head, header: { n_heads } } = store;
  const value = state.joined()[row * units.columns.length + column];
  const shift = state.on.has("reads") ? 1 : 0;
  const [word, does] = rows.length > 1 ? ["rows", ""] : ["row", "s"];
  const numbers = rows.map((r) => r + 1).join(", ");
  /** @param {number | null} h */
  const block = (h) => table(rows.map((r) => columns.map((c) => state.weight(layer, h, r, c))));
  const all = Array.from({ length: n_heads }, (_, h) => block(h));
  const isMean = head === null;
  const W = array("W", isMean ? `[${all.join(", ")}]` : block(head));
  const looking = `${word} ${numbers} of ${store.outward.label}, which ${shift ? "read" : "predict"}${does} “${below}”`;
  return {
    title: `weight[“${below}” ← “${units.above[column]}”]`,
    formula: joining(state, row, column),
    note: `${headName(store)} · ${looking}`,
    terms: pieces(state, rows, columns, shift),
    sumName: rows.length * columns.length === 1 && isMean ? "mean" : "joined",
    value,
    asWeight: true,
    numpy: snippet([W], isMean ? "W.mean(0).sum(-1).mean()" : "W.sum(-1).mean()", value),
  };
}

/** @param {State} state @param {number} row */
function rowOf(state, row) {
  const { store, units } = state;
  const n = units.columns.length;
  const weights = Array.from(state.joined().subarray(row * n, (row + 1) * n));
  if (!units.rows[row].length) return cell(state, row, 0);
  const value = rowEntropy(weights, 0, n);
  const most = `ln ${n} = ${numberText(Math.log(n))}`;
  const ends = `0 where one ${state.unit} has all the weight, ${most} where all share alike`;
  return {
    title: `entropy[“${units.below[row]}”]`,
    formula: "−Σ w ln w over the source",
    note: `nats: ${ends} · ${headName(store)}`,
    terms: weights.map((weight, j) => {
      const text = `−${numberText(weight)} ln ${numberText(weight)}`;
      return { name: units.above[j], text, value: surprise(weight) };
    }),
    value,
    numpy: snippet([vector("w", weights), "w = w[w > 0]"], "-(w * np.log(w)).sum()", value),
  };
}

/** @param {State} state @param {{ layer: number, head: number | null }} which */
function ofHead(state, { layer, head }) {
  const { units } = state;
  const { table: all, clearest } = state.entropies;
  const n = units.columns.length;
  const weights = state.joined(layer, head, units);
  const rows = units.rows.map((_, i) => i).filter((i) => units.rows[i].length);
  const value = all[layer][head ?? all[layer].length - 1];
  const isLowest = clearest.layer === layer && clearest.head === head;
  const end = isLowest ? " · the lowest of all heads: the clearest" : "";
  const W = table(rows.map((i) => weights.subarray(i * n, (i + 1) * n)));
  return {
    title: `entropy of ${headName({ layer, head })}`,
    formula: `mean over ${rows.length} target ${state.unit}${rows.length === 1 ? "" : "s"} of −Σ w ln w`,
    note: `nats, over the ${state.unit}s of the source, the end token included${end}`,
    terms: rows.map((i) => {
      const nats = rowEntropy(weights, i, n);
      return { name: units.below[i], text: `${numberText(nats)} / ${rows.length}`, value: nats / rows.length };
    }),
    sumName: "mean",
    value,
    numpy: snippet([array("W", W), "L = np.log(np.where(W > 0, W, 1))"], "-(W * L).sum(-1).mean()", value),
  };
}

/** @param {State} state @param {number} key */
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
    numpy: isMean ? snippet([vector("alpha", state.headAlphas(key))], "alpha.mean()", value) : undefined,
  };
}

/** @param {State} state @param {number} key */
function length(state, key) {
  const { store } = state;
  const value = state.norms()[key];
  const { values } = state.here.words.arrays.products;
  const [start, heads] = [state.productsAt(key), store.header.n_heads];
  const alphas = state.headAlphas(key);
  const product = (/** @type {number} */ h, /** @type {number} */ g) => values[start + h * heads + g];
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
      numpy: snippet([scalars({ alpha: alphas[h], size })], "alpha * size", value),
    };
  }
  const pairs = alphas.flatMap((a, h) => alphas.slice(h).map((b, more) => ({ h, g: h + more, a, b })));
  const U = table(alphas.map((_, h) => values.subarray(start + h * heads, start + (h + 1) * heads)));
  const left = "W_O's bias is left out: it comes from no token.";
  return {
    title: `‖Σ_h α_h·v_h·W_O‖[“${token}”]`,
    formula: "√ Σ_h Σ_g α_h α_g (u_h · u_g), u_h = v_h W_O",
    note: `all heads of layer ${store.layer + 1} together; a head's v holds its bias, ${left}`,
    terms: pairs.map(({ h, g, a, b }) => {
      const [times, twice] = h === g ? [1, ""] : [2, "2 × "];
      const text = twice + [a, b, product(h, g)].map(numberText).join(" × ");
      return { name: `heads ${h + 1}, ${g + 1}`, text, value: times * a * b * product(h, g) };
    }),
    sumName: "norm²",
    value,
    numpy: snippet([vector("alpha", alphas), array("U", U)], "np.sqrt(alpha @ U @ alpha)", value),
  };
}

/** @param {State} state @param {number} key */
function delta(state, key) {
  const { store } = state;
  const { source } = store.header;
  if (!state.owed) return "Masking out each source token once…";
  const { values } = state.owed.arrays.log_probs;
  const [whole, masked] = [values[0], values[key + 1]];
  const value = masked - whole;
  const taken = store.lane.header.predicts[store.step];
  const parts = `log P(“${taken}” | source, “${source[key]}” masked out) − log P(“${taken}” | source)`;
  const out = "nothing attends to it, in no layer; all places are kept, so this is not the sentence without it.";
  return {
    title: `Δ[“${source[key]}”]`,
    formula: `${parts} = ${minus(exactText(masked))} − ${minus(exactText(whole)).replace(/^−(.*)$/, "(−$1)")}`,
    note: `nats, at step ${store.step + 1} · masked out: ${out}`,
    terms: [],
    value,
    numpy: snippet([scalars({ masked, whole })], "masked - whole", value),
  };
}

/** @param {State} state @param {"norm" | "influence"} what */
function correlation(state, what) {
  const found = state.correlations[what];
  if (!found) return "Masking out each source token once…";
  const { x, y, middle, size, value } = found;
  const other = what === "norm" ? "norm" : "|Δ|";
  const root = `√(Σ (rank α − ${middle})² × Σ (rank ${other} − ${middle})²)`;
  if (Number.isNaN(value)) return "A rank correlation needs at least 3 tokens, and ranks that differ.";
  return {
    title: `Spearman(α, ${other})`,
    formula: `Σ (rank α − ${middle}) × (rank ${other} − ${middle}) / ${numberText(size)}`,
    note: `ranks from 1, the smallest first, ties share their mean; ${numberText(size)} = ${root}`,
    terms: x.map((rank, i) => ({
      name: state.store.header.source[i],
      text: `(${rank} − ${middle}) × (${y[i]} − ${middle}) / ${numberText(size)}`,
      value: ((rank - middle) * (y[i] - middle)) / size,
    })),
    value,
    numpy: snippet([vector("a", x), vector("b", y)], "np.corrcoef(a, b)[0, 1]", value),
  };
}

/** @type {Record<string, (state: State, key: number) => any>} */
const TOKEN = { alpha, norm: length, influence: delta };

/** @param {State} state @param {any} cursor */
export function explain(state, cursor) {
  if (!state.here) return state.store.trouble ?? "Joining tokens into words…";
  if (cursor.kind === "head") return ofHead(state, cursor);
  if (cursor.kind === "token") return TOKEN[cursor.what](state, cursor.column);
  if (cursor.kind === "rank") return correlation(state, cursor.what);
  if (cursor.column === null) return rowOf(state, cursor.row);
  return cell(state, cursor.row, cursor.column);
}
