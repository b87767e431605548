// Where each stage of a head lies: pure geometry, tested without a screen.
//
// Wide: two rows. Above, the keys' side, x_kv → k, and v right above z, where its ribbon comes down.
// Below, x_q → q → scores → scaled → (biased) → masked → weights → z → concat → out.
// Narrow: one stage at a time.

/** @typedef {import("./maths.js").Stage & { shape: [number, number] }} Shaped */
/** @typedef {{ width: number, height: number, label: number }} Room `label`: what row labels take at the left */
/** @typedef {import("../shared/sheet.js").Panel & { isFirst: boolean }} Panel `isFirst`: its rows are labelled */
/** @typedef {{ panels: Panel[], width: number, height: number, cell: number }} Layout */

const GAP = 26;
const HEADER = 58;
const MOST_CELL = 30;
const LEAST_CELL = 0.5;
const HEIGHTS = [2, 24];
// A stage's name stands above it: "weights" needs this much and the gap.
const LEAST_SLOT = 56;

// How wide a column of each kind is, relative to a column of the attention matrices.
/** @type {Record<string, number>} */
const UNIT = { key: 1, d_head: 0.42, d_model: 0.2 };

const unitOf = (/** @type {Shaped} */ stage) => UNIT[stage.columns] ?? 1;
const unitsOf = (/** @type {Shaped} */ stage) => stage.shape[1] * unitOf(stage);
const slotOf = (/** @type {Shaped} */ stage, /** @type {number} */ unit) => Math.max(LEAST_SLOT, unitsOf(stage) * unit);
const between = (/** @type {number} */ value, [least, most] = HEIGHTS) => Math.min(most, Math.max(least, value));
const mostRows = (/** @type {Shaped[]} */ stages) => Math.max(...stages.map(({ shape }) => shape[0]));

// How wide a unit is where all slots together fill the room: the narrow ones take their least, others share the rest.
/** @param {Shaped[]} stages @param {number} room */
function unitFor(stages, room) {
  let unit = MOST_CELL;
  for (;;) {
    const wide = stages.filter((stage) => unitsOf(stage) * unit > LEAST_SLOT);
    const shared = room - LEAST_SLOT * (stages.length - wide.length);
    const next = shared / wide.reduce((sum, stage) => sum + unitsOf(stage), 0);
    if (!wide.length || !(next < unit)) return between(unit, [LEAST_CELL, MOST_CELL]);
    unit = next;
  }
}

/** @param {Shaped} stage @param {[number, number]} corner @param {[number, number]} cell width and height */
function place({ name, shape: [rows, columns] }, [x, headerY], [cellWidth, cellHeight]) {
  const size = { rows, columns, cellWidth, cellHeight, width: cellWidth * columns, height: cellHeight * rows };
  return { name, x, y: headerY + HEADER, headerY, ...size };
}

/** @param {Shaped[]} stages @param {Room} room @returns {Layout} */
export function wideLayout(stages, { width, height, label }) {
  const [lower, upper] = ["query", "key"].map((rows) => stages.filter((stage) => stage.rows === rows));
  const unit = unitFor(lower, Math.max(60, width - label - GAP * lower.length));
  const cell = between((height - 2 * HEADER - GAP) / (mostRows(upper) + mostRows(lower)));
  const inRow = (/** @type {Shaped[]} */ row, /** @type {number} */ left, /** @type {number} */ y) => {
    let x = left;
    return row.map((stage) => {
      const panel = { ...place(stage, [x, y], [unit * unitOf(stage), cell]), isFirst: x === label };
      x += slotOf(stage, unit) + GAP;
      return panel;
    });
  };
  const lowerY = HEADER + mostRows(upper) * cell + GAP;
  const below = inRow(lower, label, lowerY);
  // What only answers ends where the scores begin, so that key lines fall into columns; what is mixed stands over what
  // it becomes.
  const answering = inRow(upper.filter(({ role }) => role !== "value"), label, 0);
  const last = answering[answering.length - 1];
  const mixed = below[lower.findIndex(({ role }) => role === "value")] ?? last;
  const values = inRow(upper.filter(({ role }) => role === "value"), Math.max(mixed.x, last.x + last.width + GAP), 0);
  const panels = [...answering, ...values, ...below];
  const right = Math.max(...panels.map((panel) => panel.x + panel.width));
  return { panels, width: Math.max(width, right), height: lowerY + HEADER + mostRows(lower) * cell + 4, cell };
}

/** @param {Shaped} stage @param {Room} room @returns {Layout} */
export function narrowLayout(stage, { width, height, label }) {
  const [rows, columns] = stage.shape;
  const cell = between((height - HEADER) / rows);
  const panel = place(stage, [label, 0], [between((width - label - 4) / columns, [LEAST_CELL, MOST_CELL]), cell]);
  return { panels: [{ ...panel, isFirst: true }], width, height: HEADER + rows * cell + 4, cell };
}
