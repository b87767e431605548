// How what is under the cursor was made, as data for the strip: a cell of embed, a cosine, or a point of the PCA.

import { numberText, percentText } from "../shared/numbers.js";
import { snippet, vector } from "../shared/snippet.js";

// Lines that load the model: what a cosine or a PCA is made of is more than fits on a clipboard.
const loading = ({ header }) => ["from model import load", `glass = load(${pythonText(header.request.model)})`];

// The text as Python writes it: JSON's escapes are Python's, too.
const pythonText = (text) => JSON.stringify(text);

function cell(store) {
  const { cursor, id } = store;
  const { d_model } = store.sizes;
  const row = store.row(id);
  const value = store.embed[cursor.token * d_model + cursor.dim];
  const own = row[cursor.dim];
  const sides = Object.values(store.sides).map(({ said }) => said);
  const embed = `embed = E_row * np.sqrt(np.float32(${d_model}))`;
  return {
    title: `embed[${cursor.token + 1}, ${cursor.dim + 1}]`,
    formula:
      `E[id ${id}, ${cursor.dim + 1}] × √d_model = ${numberText(own)} × √${d_model} = ` +
      `${numberText(own)} × ${numberText(Math.sqrt(d_model))}`,
    note:
      `row ${cursor.token + 1}: “${store.side.tokens[cursor.token]}” · dimension ${cursor.dim + 1} of ${d_model} · ` +
      `entry ${store.side.layers[0].name} · one E serves ${sides.join(", ")} and output`,
    terms: [],
    value,
    numpy: snippet([vector("E_row", row), embed], `embed[${cursor.dim}]`, value),
  };
}

function cosine(store) {
  const { cursor, id } = store;
  const other = store.near(id)[cursor.near];
  const norm = store.norm(id);
  return {
    title: `cos(E[${id}], E[${other.id}])`,
    formula:
      `E[${id}] · E[${other.id}] / (‖E[${id}]‖ ‖E[${other.id}]‖) = ` +
      `${numberText(other.dot)} / (${numberText(norm)} × ${numberText(other.norm)})`,
    note:
      `“${store.side.tokens[cursor.token]}” and “${store.readable(other.id)}”: neighbour ${cursor.near + 1} among ` +
      `all ${store.sizes.vocab} tokens · the snippet loads E`,
    terms: [],
    value: other.cosine,
    asWeight: true,
    numpy: snippet(
      [...loading(store), "E = glass.model.embedding.weight.detach().numpy()", `a, b = E[${id}], E[${other.id}]`],
      "a @ b / (np.linalg.norm(a) * np.linalg.norm(b))",
      other.cosine,
    ),
  };
}

// The same PCA in NumPy: see `principal` in __init__.py.
function pcaLines(store, { name }) {
  const { header, side } = store;
  const lines = [
    ...loading(store),
    `trace = glass.trace(${pythonText(header.text)}, ${JSON.stringify(header.target)})`,
    `x = trace[${pythonText(name)}].value.astype(float)`,
  ];
  if (store.depth === 0) {
    lines.push(
      `near = ${JSON.stringify(side.pca_near)}  # the neighbours that are drawn, too`,
      "E = glass.model.embedding.weight.detach().double().numpy()",
      "x = np.concatenate([x, E[near] * np.sqrt(E.shape[1])])",
    );
  }
  return [
    ...lines,
    "U, S, Vt = np.linalg.svd(x - x.mean(0), full_matrices=False)",
    "signs = np.sign(Vt[np.arange(len(Vt)), np.abs(Vt).argmax(1)])",
  ];
}

function point(store) {
  const { cursor } = store;
  const layer = store.side.layers[store.depth];
  const { x, y, text } = store.points[cursor.point];
  const [first, second] = layer.shares.map(percentText);
  return {
    title: `pc1[${text}]`,
    formula: "(x − mean of all points) · axis 1",
    note:
      `pc2 = ${numberText(y)} · x: this point's ${store.sizes.d_model} numbers in ${layer.name} · ` +
      `axis 1 holds ${first} of the variance, axis 2 ${second} · the snippet loads the model`,
    terms: [],
    value: x,
    numpy: snippet(pcaLines(store, layer), `(U * S * signs)[${cursor.point}, 0]`, x),
  };
}

const MAKERS = { embed: cell, near: cosine, pca: point };

export const explain = (store) => MAKERS[store.cursor.part](store);
