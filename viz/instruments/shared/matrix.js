// One labelled matrix of weights: rows are queries, columns are keys, first token top-left.

import { write } from "./paint.js";
import { Sheet } from "./sheet.js";

const SLANTED = (55 * Math.PI) / 180;
const VERTICAL = Math.PI / 2;
const TYPE = 16;
const LEAST_TYPE = 9;

/**
 * @typedef {object} Spec
 * @property {string} stage what the trace calls the weights
 * @property {any} values @property {readonly string[]} rows labels @property {readonly string[]} columns labels
 * @property {boolean} causal @property {any} theme @property {number} width @property {number} height
 */

export class Matrix extends Sheet {
  /** @param {{ onCursor: (cell: any) => void, onPin: (cell: any) => void }} options told { query, key } */
  constructor({ onCursor, onPin }) {
    /** @param {import("./sheet.js").Cell} cell */
    const named = ({ row, column }) => ({ query: row, key: column });
    super("matrix", (cell) => onCursor(named(cell)), (cell) => onPin(named(cell)));
    this.longest = Infinity;
    /** @type {readonly string[]} */
    this.columnLabels = [];
    // How labels of columns stand: 0 is level.
    this.angle = 0;
    this.columnType = TYPE;
  }

  /** @param {Spec} spec */
  draw({ stage, values, rows, columns, causal, theme, width, height }) {
    this.columnLabels = columns;
    const { x, y, right, cellWidth } = this.measure(rows, columns, { theme, width, height });
    const cellHeight = Math.min(44, Math.max(3, (height - y - 4) / rows.length));
    const wide = Math.max(3, Math.min(cellWidth, 2.4 * cellHeight));
    this.columnType = Math.max(LEAST_TYPE, Math.min(TYPE, this.angle ? wide * 0.95 : TYPE));
    const size = { width: wide * columns.length, height: cellHeight * rows.length };
    const picture = { stage, values, rows: rows.length, columns: columns.length, scale: "weight" };
    const panel = {
      name: stage, x: Math.round(x), y: Math.round(y), ...size, rows: rows.length, columns: columns.length,
      cellWidth: wide, cellHeight, headerY: 0, picture, gap: Math.min(wide, cellHeight) > 8 ? 1 : 0, labels: [...rows],
      // What the causal mask forbids is hatched, so that "not allowed" never looks like "hardly any".
      isHidden: causal ? (/** @type {number} */ query, /** @type {number} */ key) => key > query : undefined,
    };
    const all = { width: Math.ceil(x + size.width + right), height: Math.ceil(y + size.height + 4) };
    Object.assign(this.node.style, { width: `${all.width}px`, height: `${all.height}px` });
    const context = this.lay({ panels: [panel], cell: cellHeight, ...all }, theme);
    if (this.angle && wide < 10) return;
    columns.forEach((_, column) => this.columnLabel(context, panel, column, theme.text, false));
  }

  // What labels need around the cells, and how wide a cell may be. Labels of columns that are too wide lean over the
  // right edge; where they would touch, they stand upright on their sides.
  /**
   * @param {readonly string[]} rows @param {readonly string[]} columns
   * @param {{ theme: any, width: number, height: number }} room
   */
  measure(rows, columns, { theme, width, height }) {
    const { context } = this;
    context.font = `${TYPE}px ${theme.font}`;
    /** @param {readonly string[]} labels */
    const widest = (labels) => Math.max(...labels.map((label) => context.measureText(label).width));
    const length = widest(columns);
    const x = Math.min(widest(rows) + 12, width * 0.45);
    const cell = (/** @type {number} */ right) => (width - x - right) / columns.length;
    this.angle = 0;
    if (length + 8 <= cell(4)) return { x, y: TYPE + 12, right: 4, cellWidth: cell(4) };
    const lean = Math.min(length * Math.cos(SLANTED) + 8, width * 0.2);
    this.angle = cell(lean) * Math.sin(SLANTED) > TYPE + 2 ? SLANTED : VERTICAL;
    const right = this.angle === SLANTED ? lean : 4;
    return { x, y: Math.min(length * Math.sin(this.angle) + TYPE + 6, height * 0.4), right, cellWidth: cell(right) };
  }

  // A column's label above it; the cursor's is bold and stands on cleared ground.
  /**
   * @param {CanvasRenderingContext2D} context @param {import("./sheet.js").Panel} panel @param {number} column
   * @param {string} colour @param {boolean} isHere
   */
  columnLabel(context, panel, column, colour, isHere) {
    const label = this.columnLabels[column];
    context.save();
    context.translate(panel.x + (column + 0.5) * panel.cellWidth, panel.y - 7);
    context.rotate(-this.angle);
    context.font = isHere ? `bold ${TYPE}px ${this.theme.font}` : `${this.columnType}px ${this.theme.font}`;
    context.textAlign = this.angle ? "left" : "center";
    context.textBaseline = "middle";
    const wide = context.measureText(label).width;
    context.fillStyle = this.theme.background;
    if (isHere) context.fillRect(this.angle ? -3 : -wide / 2 - 2, -TYPE / 2 - 2, wide + 6, TYPE + 4);
    context.fillStyle = colour;
    write(context, label, 0, this.angle ? 0 : -4);
    context.restore();
  }

  // Mark the cursor's row, column and cell; null: none.
  /** @param {{ query: number, key: number } | null} cursor @param {boolean} pinned */
  mark(cursor, pinned) {
    if (!this.layout) return;
    const context = this.marking();
    if (!cursor) return;
    const [panel] = this.layout.panels;
    const { query, key } = this.theme.roles;
    this.markRow(context, panel, cursor.query, query);
    this.markColumn(context, panel, cursor.key, key);
    this.markCell(context, panel, cursor.query, cursor.key, pinned ? 5 : 3);
    this.label(context, panel, cursor.query, query, true);
    this.columnLabel(context, panel, cursor.key, key, true);
  }
}
