// Where each block of figure 1 stands: pure geometry. A stack is a column, the first one left; data flows upwards.

/**
 * @typedef {object} Part a block as viz/instruments/map/__init__.py describes it
 * @property {string} block @property {string} kind @property {string} stack @property {boolean} layered
 * @property {string | null} beside the block that a norm stands beside
 * @property {string | null} reads the stack whose output comes in from the side
 */
/** @typedef {{ x: number, y: number, width: number, height: number }} Rectangle */
/**
 * @typedef {object} Column
 * @property {any[]} boxes parts with their rectangles, from below @property {number} n_layers
 * @property {Rectangle} frame around what each layer has @property {number} up how high what leaves it rises
 * @property {number} outside where residual paths run @property {number} edge the boxes' side towards them
 */

const GAP = 9;
// Between the last layer and the norm behind the stack, where the frame of the layers ends.
const ABOVE_FRAME = 18;
const GUTTER = 22;
const MARGIN = 8;
// Room for the choice of a layer, where no column is low enough to leave it.
const LAYERS = 62;
const HEIGHTS = { embed: 34, positions: 22, attention: 40, ffn: 40, norm: 22, unembed: 40, answer: 34 };

// How far a part stands above the one before it: a norm close to what it is beside.
function gapBelow(part, before) {
  const isPair = before && (part.beside === before.block || before.beside === part.block);
  if (isPair) return GAP / 2;
  return part.kind === "norm" && !part.layered ? ABOVE_FRAME : GAP;
}

function column(stack, parts, { x, width, height, isFirst }) {
  let y = height;
  const boxes = parts.map((part, i) => {
    y -= HEIGHTS[part.kind] + gapBelow(part, parts[i - 1]);
    return { ...part, x, y, width, height: HEIGHTS[part.kind] };
  });
  const layer = boxes.filter((box) => box.layered);
  const top = Math.min(...layer.map((box) => box.y));
  const bottom = Math.max(...layer.map((box) => box.y + box.height));
  const frame = { x: x - 7, y: top - 6, width: width + 14, height: bottom - top + 12 };
  const edge = isFirst ? x : x + width;
  return { ...stack, boxes, frame, up: Math.min(y - GAP, frame.y - 12), edge, outside: isFirst ? edge - 5 : edge + 5 };
}

// The columns, and where the choice of a layer stands: above the lowest of them.
/** @param {{ name: string, n_layers: number }[]} stacks @param {Part[]} parts in their order @param {number} width */
export function plan(stacks, parts, width) {
  const wide = (width - 2 * MARGIN - GUTTER * (stacks.length - 1)) / stacks.length;
  const own = stacks.map(({ name }) => parts.filter(({ stack }) => stack === name));
  const tall = (list) => list.reduce((sum, part, i) => sum + HEIGHTS[part.kind] + gapBelow(part, list[i - 1]), 0);
  const height = Math.max(...own.map(tall)) + 4;
  /** @type {Column[]} */
  const columns = stacks.map((stack, i) =>
    column(stack, own[i], { x: MARGIN + i * (wide + GUTTER), width: wide, height, isFirst: i === 0 }),
  );
  const low = columns.reduce((found, each) => (each.up > found.up ? each : found));
  const tops = columns.flatMap(({ boxes, frame }) => [...boxes, frame]).map(({ y }) => y);
  const top = Math.min(...tops, low.up + MARGIN - LAYERS) - MARGIN;
  for (const each of columns) {
    each.up -= top;
    for (const rectangle of [...each.boxes, each.frame]) rectangle.y -= top;
  }
  const layers = { x: low.frame.x, width: low.frame.width, bottom: height - top - low.up + 12 };
  return { columns, boxes: columns.flatMap(({ boxes }) => boxes), layers, width, height: height - top, gutter: GUTTER };
}
