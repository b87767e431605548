// How what is under the cursor was made, as data for the strip.

import { exactText, numberText, weightText } from "../shared/numbers.js";
import { snippet } from "../shared/snippet.js";
import { wavelengthText } from "./heat.js";
import { frequency, rotation } from "./maths.js";

const python = (text) => JSON.stringify(text);
const power = ({ base, d_model }, pair) => `${base}^(${2 * pair}/${d_model})`;

const tableLines = ({ base, d_model }) => [
  `w = ${base} ** (-2 * np.arange(${Math.ceil(d_model / 2)}) / ${d_model})`,
  `PE = lambda p: np.stack([np.sin(p * w), np.cos(p * w)], -1).ravel()[:${d_model}]`,
];

const listed = (name, values) => `${name} = np.array([${Array.from(values, exactText).join(", ")}])`;

function heat(store) {
  const { header, cursor } = store;
  const { p, dim } = cursor;
  const value = store.at(p, dim);
  const where = `position ${p} (row ${p + 1}), dimension ${dim + 1} of ${header.d_model}`;
  if (!store.isWaves) {
    const note = `${where} · parameter table[${p}, ${dim}], found in training`;
    return { title: `PE(${p})[${dim + 1}]`, formula: "a learned number", note, terms: [], value };
  }
  const name = dim % 2 ? "cos" : "sin";
  const own = Math.floor(dim / 2);
  const w = frequency(own, header.d_model, header.base);
  const angles = [`p / ${power(header, own)}`, `${p} / ${numberText(1 / w)}`, numberText(p * w)];
  return {
    title: `PE(${p})[${dim + 1}]`,
    formula: angles.map((angle) => `${name}(${angle})`).join(" = "),
    note: `${where}: the ${dim % 2 ? "cosine" : "sine"} of pair i = ${own} · wavelength ${wavelengthText(store, dim)}`,
    terms: [],
    value,
    numpy: snippet([], `np.${name}(${p} / ${header.base} ** (2 * ${own} / ${header.d_model}))`, value),
  };
}

function similarity(store) {
  const { header, cursor } = store;
  const { p, q } = cursor;
  const { d_model } = header;
  const value = store.similarity[p * store.sizes.rows + q];
  const terms = Array.from({ length: Math.ceil(d_model / 2) }, (_, i) => {
    const dims = [2 * i, 2 * i + 1].filter((dim) => dim < d_model);
    const text = dims.map((dim) => `${numberText(store.at(p, dim))}·${numberText(store.at(q, dim))}`).join(" + ");
    return { name: `i=${i}`, text, value: dims.reduce((sum, dim) => sum + store.at(p, dim) * store.at(q, dim), 0) };
  });
  const isCosine = store.isWaves && d_model % 2 === 0;
  const cosines = `Σ over pairs i of sin·sin + cos·cos = Σ cos(${Math.abs(q - p)} / ${header.base}^(2i/${d_model}))`;
  const row = (at) => store.pe.subarray(at * d_model, (at + 1) * d_model);
  return {
    title: `PE(${p}) · PE(${q})`,
    formula: isCosine ? cosines : "Σ over dimensions of the products",
    note: `distance |q − p| = ${Math.abs(q - p)}`,
    terms,
    value,
    numpy: store.isWaves
      ? snippet(tableLines(header), `PE(${p}) @ PE(${q})`, value)
      : snippet([listed("a", row(p)), listed("b", row(q))], "a @ b", value),
  };
}

function turn(store) {
  const { header, cursor, pair, k } = store;
  const { p, dim } = cursor;
  // The row of R: 0 gives the sine, 1 the cosine.
  const row = dim % 2;
  const [a, b] = rotation(k, pair, header.d_model, header.base)[row];
  const [sine, cosine] = [store.at(p, 2 * pair), store.at(p, 2 * pair + 1)];
  const value = a * sine + b * cosine;
  const inTable = p + k < store.sizes.rows && numberText(store.at(p + k, 2 * pair + row));
  const own = inTable ? ` · the table's own PE(${p + k})[${2 * pair + 1 + row}] = ${inTable}` : "";
  const [ofSine, ofCosine] = row ? ["−sin kω", "cos kω"] : ["cos kω", "sin kω"];
  const [w, angles] = [`${header.base} ** (-2 * ${pair} / ${header.d_model})`, `np.sin(${p} * w), np.cos(${p} * w)`];
  return {
    title: `PE(${p} + ${k})[${2 * pair + 1 + row}]`,
    formula:
      `${ofSine} · sin pω + ${ofCosine} · cos pω = ` +
      `${numberText(a)} · ${numberText(sine)} + ${numberText(b)} · ${numberText(cosine)}`,
    note: `pair i = ${pair}, ω = ${numberText(frequency(pair, header.d_model, header.base))}${own}`,
    terms: [],
    value,
    numpy: snippet(
      [`w = ${w}`, `R = np.array([[np.cos(${k} * w), np.sin(${k} * w)], [-np.sin(${k} * w), np.cos(${k} * w)]])`],
      `(R @ np.array([${angles}]))[${row}]`,
      value,
    ),
  };
}

function sum(store) {
  const { header, cursor } = store;
  const { p, dim } = cursor;
  const at = p * header.d_model + dim;
  const [a, b, value] = [store.embed()[at], store.at(p, dim), store.input()[at]];
  return {
    title: `input[${p + 1}, ${dim + 1}]`,
    formula: `embedding + position = ${numberText(a)} + ${numberText(b)}`,
    note:
      `row ${p + 1}: “${store.side.tokens[p]}” at position ${p} · dimension ${dim + 1} of ${header.d_model} · ` +
      `entry ${store.side.stack}.embedded`,
    terms: [],
    value,
    numpy: snippet([], `np.float32(${exactText(a)}) + np.float32(${exactText(b)})`, value),
  };
}

function experimentText({ positions, offset, base, order }) {
  const said = [`positions=${python(positions)}`, `offset=${offset}`, `base=${base}`];
  if (order) said.push(`order=(${order.join(", ")})`);
  return `Experiment(${said.join(", ")})`;
}

const ASK =
  "Run an experiment: the model runs again, with the same parameters and other positions. Its words and its " +
  "attention maps then stand beside the original's.";

// The lines that put an experiment's map back in the order typed.
function backLines(runs, { queries, keys }) {
  const { places } = runs.compared.run.header;
  const [rows, columns] = [queries, keys].map((side) => runs.isMoved(side));
  if (!rows && !columns) return [];
  const straight = rows ? "b[back]" : "b[:, back]";
  const moved = rows && columns ? "b[np.ix_(back, back)]" : straight;
  return [`back = np.argsort(${JSON.stringify(places[rows ? queries : keys])})  # the order typed`, `b = ${moved}`];
}

function difference({ header, cursor, runs }) {
  if (!runs.chosen) return ASK;
  if (!runs.compared) return "The model is running.";
  const { layer, head, row, column } = cursor;
  const site = header.sites[runs.site];
  const maps = runs.maps(layer, head);
  const { rows, columns } = runs.tokens;
  const { request, experiment, target } = runs.compared.run.header;
  const cell = row * maps.columns + column;
  const [a, b] = [maps.a, maps.b].map((map) => weightText(map[cell]));
  const [model, text] = [python(request.model), python(request.text.trim())];
  const entry = python(`${site.name.replace("{layer}", String(layer))}.weights`);
  return {
    title: `distance, layer ${layer + 1}, head ${head + 1}`,
    formula: `mean over ${maps.rows} rows of ½ Σ |original − experiment|`,
    note:
      `under the cursor: “${rows[row]}” looks at “${columns[column]}”: ${a} in the original, ${b} in the experiment; ` +
      `its row's ½ Σ |…| = ${numberText(maps.byRow[row])}`,
    terms: maps.byRow.map((value, i) => ({
      name: rows[i], text: `${numberText(value)} / ${maps.rows}`, value: value / maps.rows, here: i === row,
    })),
    value: maps.distance,
    asWeight: true,
    numpy: snippet(
      [
        "from model import load",
        "from model.experiments import Experiment, run",
        `glass, text, target = load(${model}), ${text}, ${JSON.stringify(target)}`,
        `a = glass.trace(text, target)[${entry}].value[${head}]`,
        `_, trace = run(glass, text, ${experimentText(experiment)}, target)`,
        `b = trace[${entry}].value[${head}]`,
        ...backLines(runs, site),
      ],
      "(np.abs(a - b).sum(-1) / 2).mean()",
      maps.distance,
    ),
  };
}

const MAKERS = { heat, similarity, rotation: turn, sum, experiments: difference };

export const explain = (store) => MAKERS[store.tab](store);
