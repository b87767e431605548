// Values → pixels, in one place, and a record of them made with the pixels: what a canvas shows is what it says it
// painted.
//
// canvas.painted: its pictures in the order of painting, each { stage, values (row by row), rows, columns, scale,
// limit, x, y, width, height } in CSS pixels (a thumbnail: in cells), with the `row` of it where it is painted row by
// row, the `silent` colour and the `hidden` cells, which are hatched. canvas.written: its texts, each { text, x, y,
// align }.

import { shade, shadeSigned } from "./theme.js";

// Which table of the theme, and where in it a value's colour stands. −∞ lies on no scale: it has the colour of 0, and
// is hatched.
const SCALES = {
  // 0…1
  weight: (theme) => ({ table: theme.ramp, at: shade }),
  // 0…limit
  positive: (theme, limit) => ({ table: theme.ramp, at: (value) => shade(value / limit) }),
  // −limit…limit
  signed: (theme, limit) => ({
    table: theme.signed,
    at: (value) => shadeSigned(value === -Infinity ? 0 : value, limit),
  }),
};

// The largest absolute finite value, at least a little above 0: the end of a diverging scale.
export function largest(values) {
  let limit = 0;
  for (const value of values) if (Number.isFinite(value)) limit = Math.max(limit, Math.abs(value));
  return limit || 1;
}

// The colour of each value as [red, green, blue]; `silent`: the colour of what is not above 0, where the picture has
// one.
function colours({ scale, limit = 1, silent = null }, theme) {
  const { table, at } = SCALES[scale](theme, limit);
  return (value) => {
    const from = at(value);
    return silent && !(value > 0) ? silent : table.subarray(from, from + 3);
  };
}

// One pixel a value.
function pixels(picture, theme) {
  const { values, rows, columns } = picture;
  const colour = colours(picture, theme);
  const image = new ImageData(columns, rows);
  for (let i = 0; i < rows * columns; i++) {
    image.data.set(colour(values[i]), 4 * i);
    image.data[4 * i + 3] = 255;
  }
  return image;
}

/** @param {HTMLCanvasElement} canvas */
const drawing = (canvas) => /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));

// The picture with its pixels, to be stamped onto a canvas as a whole or row by row.
export function prepared(picture, theme, source = document.createElement("canvas")) {
  Object.assign(source, { width: picture.columns, height: picture.rows });
  drawing(source).putImageData(pixels(picture, theme), 0, 0);
  return { picture, source };
}

// For who paints in a way of its own: what was painted, and where.
/** @param {any} canvas @param {any} picture @param {any} place @param {number | null} row */
export function record(
  canvas,
  { stage, values, rows, columns, scale, limit = 1, silent = null },
  { x, y, width, height },
  row = null,
) {
  const painted = { stage, values, rows, columns, scale, limit, silent, x, y, width, height, row, hidden: [] };
  canvas.painted.push(painted);
  return painted;
}

// All rows of what was prepared, or one, stretched to the place { x, y, width, height }.
/**
 * @param {any} context @param {{ picture: any, source: any }} prepared @param {any} place @param {number | null} row
 */
export function stamp(context, { picture, source }, place, row = null) {
  const { values, rows, columns } = picture;
  const [first, n] = row === null ? [0, rows] : [row, 1];
  const { x, y, width, height } = place;
  context.imageSmoothingEnabled = false;
  context.drawImage(source, 0, first, columns, n, x, y, width, height);
  const shown = values.subarray(first * columns, (first + n) * columns);
  return record(context.canvas, { ...picture, values: shown, rows: n }, place, row);
}

/** @type {HTMLCanvasElement | null} */
let scratch = null;

// picture: { stage, values, rows, columns, scale, limit, silent, x, y, width, height }
export function paint(context, picture, theme) {
  scratch ??= document.createElement("canvas");
  return stamp(context, prepared(picture, theme, scratch ?? undefined), picture);
}

// The same as single cells, with a gap between them.
export function paintTiles(context, picture, theme, gap) {
  const { values, rows, columns, x, y, width, height } = picture;
  const colour = colours(picture, theme);
  const [wide, high] = [width / columns, height / rows];
  for (let i = 0; i < rows * columns; i++) {
    context.fillStyle = `rgb(${colour(values[i]).join(", ")})`;
    context.fillRect(x + (i % columns) * wide, y + Math.floor(i / columns) * high, wide - gap, high - gap);
  }
  return record(context.canvas, picture, picture);
}

// One value as a bar: `width` is the length of the limit.
export function paintBar(context, picture) {
  const { values, limit, x, y, width, height } = picture;
  context.fillRect(x, y, (width * values[0]) / limit, height);
  return record(context.canvas, { ...picture, rows: 1, columns: 1, scale: "length" }, picture);
}

// Hatches the cells of a picture that `isHidden(row, column)`, lines `apart` pixels from each other.
export function hatch(context, picture, isHidden, theme, apart) {
  const { rows, columns, x, y, width, height } = picture;
  const cells = Array.from({ length: rows * columns }, (_, i) => i);
  picture.hidden = cells.filter((i) => isHidden(Math.floor(i / columns), i % columns));
  const hidden = new Set(picture.hidden);
  const [wide, high] = [width / columns, height / rows];
  context.save();
  context.beginPath();
  // Neighbours in a row are one rectangle, so that no seam shows.
  for (const first of picture.hidden.filter((i) => i % columns === 0 || !hidden.has(i - 1))) {
    let n = 1;
    while ((first + n) % columns && hidden.has(first + n)) n += 1;
    context.rect(x + (first % columns) * wide, y + Math.floor(first / columns) * high, n * wide, high);
  }
  context.clip();
  context.fillStyle = theme.panel;
  context.fillRect(x, y, width, height);
  context.strokeStyle = theme.faint;
  context.lineWidth = 1;
  context.beginPath();
  for (let at = 0; at < width + height; at += apart) {
    context.moveTo(x + at, y);
    context.lineTo(x + at - height, y + height);
  }
  context.stroke();
  context.restore();
}

// Diagonal lines of a colour, to fill shapes of any kind with.
/** @param {CanvasRenderingContext2D} context @param {string} colour */
export function hatching(context, colour) {
  const ratio = window.devicePixelRatio || 1;
  const tile = document.createElement("canvas");
  const size = Math.round(5 * ratio);
  Object.assign(tile, { width: size, height: size });
  const lines = /** @type {CanvasRenderingContext2D} */ (tile.getContext("2d"));
  lines.strokeStyle = colour;
  lines.lineWidth = 1.1 * ratio;
  for (const shift of [-size, 0, size]) {
    lines.beginPath();
    lines.moveTo(shift - 1, size + 1);
    lines.lineTo(shift + size + 1, -1);
    lines.stroke();
  }
  const pattern = /** @type {CanvasPattern} */ (context.createPattern(tile, "repeat"));
  pattern.setTransform(new DOMMatrix().scale(1 / ratio));
  return pattern;
}

// A canvas that is the picture: one pixel a value.
export function paintThumbnail(canvas, picture, theme) {
  prepared(picture, theme, canvas);
  Object.assign(canvas, { painted: [], written: [] });
  record(canvas, picture, { x: 0, y: 0, width: picture.columns, height: picture.rows });
}

// An empty canvas of that many CSS pixels; its context draws in CSS pixels.
export function fresh(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  Object.assign(canvas, {
    width: Math.round(width * ratio),
    height: Math.round(height * ratio),
    painted: [],
    written: [],
  });
  Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
  const context = drawing(canvas);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}

// The canvas as it is, but empty.
export function wipe(canvas) {
  const context = drawing(canvas);
  context.save();
  context.resetTransform();
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.restore();
  Object.assign(canvas, { painted: [], written: [] });
}

// A mark of a picture in SVG, which says itself what it shows.
export function marked(node, stage, values) {
  node.painted = [{ stage, values: Array.from(values) }];
  return node;
}

// Text at a point; squeezed where it is wider than `most`.
export function write(context, text, x, y, most) {
  context.fillText(text, x, y, most);
  const ratio = window.devicePixelRatio || 1;
  const at = context.getTransform().transformPoint({ x, y });
  context.canvas.written.push({ text, x: at.x / ratio, y: at.y / ratio, align: context.textAlign });
}
