// Where each stage of the pipeline lies: pure geometry, tested without a screen.
//
// Wide: two rows. Above, the keys' side, x_kv → k, and v right above z, where its ribbon comes down.
// Below, x_q → q → scores → scaled → (biased) → masked → weights → z → concat → out.
// Narrow: one stage at a time.

const GAP = 26;
const HEADER = 58;
const MOST_CELL = 30;
const LEAST_CELL = 0.5;
// A stage's name stands above it: "weights" needs this much and the gap.
const LEAST_SLOT = 56;

// How wide a column of each kind is, relative to a column of the attention matrices.
const UNIT = { key: 1, d_head: 0.42, d_model: 0.2 };

const unitOf = (stage) => UNIT[stage.columns] ?? 1;

const unitsOf = (stage) => stage.shape[1] * unitOf(stage);
const slotOf = (stage, unit) => Math.max(LEAST_SLOT, unitsOf(stage) * unit);

// How wide a unit is where all slots together fill the room: the narrow ones take their least, the others share the
// rest.
function unitFor(stages, room) {
  let unit = MOST_CELL;
  for (;;) {
    const wide = stages.filter((stage) => unitsOf(stage) * unit > LEAST_SLOT);
    const shared = room - LEAST_SLOT * (stages.length - wide.length);
    const next = shared / wide.reduce((sum, stage) => sum + unitsOf(stage), 0);
    if (!wide.length || !(next < unit)) return Math.min(MOST_CELL, Math.max(LEAST_CELL, unit));
    unit = next;
  }
}

export function cellHeight(rows, available) {
  return Math.min(24, Math.max(2, (available - HEADER) / Math.max(1, rows)));
}

function place(stage, x, y, cellWidth, height) {
  return {
    name: stage.name,
    x,
    y: y + HEADER,
    headerY: y,
    cellWidth,
    cellHeight: height,
    rows: stage.shape[0],
    columns: stage.shape[1],
    width: cellWidth * stage.shape[1],
    height: height * stage.shape[0],
  };
}

// stages: [{ name, shape: [rows, columns], columns: "key" | "d_head" | "d_model", band: "keys" | "queries" }]
// Returns { panels: by name, width, height, bands }.
export function wideLayout(stages, { width, height, label }) {
  const lower = stages.filter((stage) => stage.band === "queries");
  const upper = stages.filter((stage) => stage.band === "keys");
  const unit = unitFor(lower, Math.max(60, width - label - GAP * lower.length));
  const upperRows = Math.max(...upper.map((stage) => stage.shape[0]));
  const lowerRows = Math.max(...lower.map((stage) => stage.shape[0]));
  const cell = Math.min(24, Math.max(2, (height - 2 * HEADER - GAP) / (upperRows + lowerRows)));
  const panels = {};
  let x = label;
  const lowerY = HEADER + upperRows * cell + GAP;
  for (const stage of lower) {
    panels[stage.name] = place(stage, x, lowerY, unit * unitOf(stage), cell);
    x += slotOf(stage, unit) + GAP;
  }
  // Above: x_kv and k end where the scores begin, so that key lines fall into columns; v stands over z.
  const kStage = upper.find((stage) => stage.name === "k_rot") ?? upper.find((stage) => stage.name === "k");
  x = label;
  for (const stage of upper.filter(({ name }) => name !== "v")) {
    panels[stage.name] = place(stage, x, 0, unit * unitOf(stage), cell);
    x += slotOf(stage, unit) + GAP;
  }
  const v = upper.find((stage) => stage.name === "v");
  if (v)
    panels.v = place(
      v,
      Math.max(panels.z.x, panels[kStage.name].x + panels[kStage.name].width + GAP),
      0,
      unit * unitOf(v),
      cell,
    );
  const right = Math.max(...Object.values(panels).map((panel) => panel.x + panel.width));
  return { panels, width: Math.max(width, right), height: lowerY + HEADER + lowerRows * cell + 4, cell };
}

export function narrowLayout(stage, { width, height, label }) {
  const [rows, columns] = stage.shape;
  const cell = Math.min(24, Math.max(2, (height - HEADER) / rows));
  const unit = Math.min(MOST_CELL, Math.max(LEAST_CELL, (width - label - 4) / columns));
  const panel = place(stage, label, 0, unit, cell);
  return { panels: { [stage.name]: panel }, width, height: HEADER + rows * cell + 4, cell };
}

// The cell of a layout under a point: { stage, row, column } or null.
export function cellAt(layout, x, y) {
  for (const [stage, panel] of Object.entries(layout.panels)) {
    const column = Math.floor((x - panel.x) / panel.cellWidth);
    const row = Math.floor((y - panel.y) / panel.cellHeight);
    const inside = x >= panel.x && x < panel.x + panel.width && y >= panel.y && y < panel.y + panel.height;
    if (inside) return { stage, row, column };
  }
  return null;
}
