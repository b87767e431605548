// Where each panel lies: pure geometry. Two rows from the stream to what leaves the block; narrow: one panel at a time.

const HEADERS = { usual: 54, roomy: 62 };
export const ROOMY = 1300;
export const NARROW = 760;
const GAP = 28;
const BETWEEN = 10;
const NUMBERS = 80;
export const ACTIVE = 96;
const MOST_CELL = 16;
const LEAST_CELL = 0.4;
const LEAST_ROW = 14;
const MOST_ROW = { usual: 24, high: 26, highAlone: 40 };
const HIGH = 600;
const FEW_ROWS = 20;
const ONE_ROW = { panels: 5, unit: 0.75 };
export const PARAMETERS = { gamma: "γ", beta: "β" };
const STRIP = { height: 14, gap: 4 };
const FOOT = 5 + 2 * STRIP.height + STRIP.gap;

const isSum = (stages, of, columns) =>
  columns !== "one" &&
  of.length === 2 &&
  of.every((part) => stages.find(({ name }) => name === part).columns === columns);

// The two parts of a sum stand side by side, with + between them.
function joinParts(items, [first, second], columns) {
  const at = items.findIndex(({ name }) => name === second);
  items[at].op = "+";
  if (items[at - 1]?.name === first) return;
  const part = items.find(({ name }) => name === first) ?? { name: first, columns };
  items.splice(at, 0, { ...part, op: "", joined: true });
}

// Panels in order of computation: { name, op } with op the sign before it. A sum's first part stands again beside its
// second; a norm_in that is the incoming stream itself stands in its stead.
export function sequence(stages) {
  const items = [];
  for (const { name, of, columns, shape } of stages) {
    const op = of.length && columns !== "one" ? "→" : "";
    const item = { name, op, columns: columns === "one" ? 0 : shape[1] };
    const last = items[items.length - 1];
    if (isSum(stages, of, columns)) {
      joinParts(items, of, shape[1]);
      item.op = "=";
    } else if (of.length === 1 && name === stages[stages.length - 1].name) {
      item.op = "=";
    } else if (name === "norm_in" && items.length === 1 && last.name === of[0]) {
      items.pop();
      item.op = "";
    }
    items.push(item);
  }
  return items;
}

const fixedWidth = ({ name, columns }) =>
  GAP + (name === "ffn_hidden" ? ACTIVE : 0) + (columns ? 0 : NUMBERS - GAP + 8);

// Two rows, cut where the wider of the two is narrowest; never inside a sum, never before a mean or std.
export function twoRows(items) {
  const units = (row) => row.reduce((sum, item) => sum + item.columns, 0);
  /** @type {{ at: number, widest: number } | null} */
  let best = null;
  for (let at = 1; at < items.length; at++) {
    const { op, columns } = items[at];
    if (op === "+" || op === "=" || !columns) continue;
    const widest = Math.max(units(items.slice(0, at)), units(items.slice(at)));
    if (!best || widest <= best.widest) best = { at, widest };
  }
  return best ? [items.slice(0, best.at), items.slice(best.at)] : [items];
}

export function rowHeight(rows, bands, header, available) {
  const fitting = (available - bands * header - (bands - 1) * BETWEEN - FOOT) / (bands * rows);
  const least = rows <= FEW_ROWS ? LEAST_ROW : 5;
  const high = bands > 1 ? MOST_ROW.high : MOST_ROW.highAlone;
  return Math.floor(Math.min(available > HIGH ? high : MOST_ROW.usual, Math.max(least, fitting)));
}

// γ and β, one number a feature, stand below the cells of norm_out.
function parameterPanels({ x, y, height, width, columns, cellWidth }) {
  return Object.keys(PARAMETERS).map((name, n) => ({
    name,
    op: "",
    columns,
    x,
    y: y + height + 5 + n * (STRIP.height + STRIP.gap),
    rows: 1,
    width,
    height: STRIP.height,
    cellWidth,
    cellHeight: STRIP.height,
    isParameter: true,
  }));
}

// Few and wide enough panels stand in one row.
export function wideLayout(stages, rows, { width, height, label }) {
  const roomOf = (band) =>
    (width - label - 6 - band.reduce((sum, item) => sum + fixedWidth(item), 0) + GAP) /
    Math.max(
      1,
      band.reduce((sum, item) => sum + item.columns, 0),
    );
  const header = width >= ROOMY ? HEADERS.roomy : HEADERS.usual;
  const items = sequence(stages);
  const isOne = items.filter(({ columns }) => columns).length <= ONE_ROW.panels && roomOf(items) >= ONE_ROW.unit;
  const bands = isOne ? [items] : twoRows(items);
  const cell = rowHeight(rows, bands.length, header, height);
  const unit = Math.min(MOST_CELL, Math.max(LEAST_CELL, Math.min(...bands.map(roomOf))));
  const panels = [];
  let headerY = 0;
  for (const band of bands) {
    let x = label;
    const foot = band.some(({ name }) => name === "norm_out") ? FOOT : 0;
    band.forEach((item, at) => {
      const panel = {
        ...item,
        op: at ? item.op : "",
        x,
        y: headerY + header,
        headerY,
        rows,
        labelled: at === 0,
        cellHeight: cell,
      };
      panel.width = item.columns ? item.columns * unit : NUMBERS;
      panel.cellWidth = item.columns ? unit : NUMBERS;
      panel.height = rows * cell;
      panels.push(panel, ...(item.name === "norm_out" ? parameterPanels(panel) : []));
      x += panel.width + (band[at + 1]?.columns === 0 || (!item.columns && band[at + 1]?.columns === 0) ? 8 : GAP);
      if (item.name === "ffn_hidden") x += ACTIVE;
    });
    headerY += header + rows * cell + foot + BETWEEN;
  }
  return { panels, width, height: headerY - BETWEEN + 4, cell };
}

export function narrowLayout(stages, name, rows, { width, height, label }) {
  const { columns, shape } = stages.find((stage) => stage.name === name);
  const cell = rowHeight(rows, 1, HEADERS.usual, height);
  const active = name === "ffn_hidden" ? ACTIVE : 0;
  const room = width - label - active - 6;
  const isNumbers = columns === "one";
  const cellWidth = isNumbers ? NUMBERS : Math.min(MOST_CELL, Math.max(LEAST_CELL, room / shape[1]));
  const place = {
    x: label,
    headerY: 0,
    y: HEADERS.usual,
    width: isNumbers ? NUMBERS : cellWidth * shape[1],
    height: rows * cell,
  };
  const panel = {
    name,
    op: "",
    columns: isNumbers ? 0 : shape[1],
    rows,
    labelled: true,
    cellWidth,
    cellHeight: cell,
    ...place,
  };
  const below = name === "norm_out" ? parameterPanels(panel) : [];
  return {
    panels: [panel, ...below],
    width,
    height: HEADERS.usual + rows * cell + (below.length ? FOOT : 0) + 4,
    cell,
  };
}
