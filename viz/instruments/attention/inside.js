// Inside one head: each stage a matrix, queries entering from the left, keys from above, values passing under to z.

import { Board } from "../shared/board.js";
import { el } from "../shared/dom.js";
import { numberText, weightText } from "../shared/numbers.js";
import { largest } from "../shared/paint.js";
import { cellOf } from "../shared/part.js";
import { Tabs } from "../shared/tabs.js";
import { Flow } from "./flow.js";
import { narrowLayout, wideLayout } from "./layout.js";
import { formulaOf, titleOf } from "./words.js";

const NARROW = 760;
const AROUND = 236;
const HEIGHTS = [400, 900];
const LEAST_NAME = 78;
const LEAST_CHAIN = 230;

export class Inside {
  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this.store = store;
    /** @type {any} */
    this.theme = null;
    this.chain = el("div", { class: "chain" });
    this.board = new Board({
      onPoint: (cell) => store.point(this.cursorAt(cell)),
      onClick: (cell) => store.pin(this.cursorAt(cell)),
      inside: [this.chain],
    });
    const choose = (/** @type {string} */ stage) => store.open(stage);
    this.tabs = new Tabs({ label: "Stage", data: "stage", className: "stage-tabs", choose, isRoving: false });
    this.node = el("div", { class: "inside" }, this.tabs.node, this.board.node);
    this.flow = new Flow(store, this.board);
    this.isNarrow = false;
  }

  /** @param {import("../shared/sheet.js").Cell} cell */
  cursorAt({ panel, row, column }) {
    const { store } = this;
    return { stage: panel.name, [store.rowName(panel.name)]: row, [store.columnName(panel.name)]: column };
  }

  /** @param {any} theme */
  draw(theme) {
    const { store, board } = this;
    this.theme = theme;
    const width = Math.max(280, this.node.clientWidth);
    this.isNarrow = width < NARROW;
    this.tabs.node.hidden = !this.isNarrow;
    if (!store.exact) {
      // What was drawn belongs to another layer.
      this.chain.hidden = true;
      board.clear(store.trouble ? "" : "Fetching this layer's numbers…");
      return;
    }
    const stages = store.site.stages.map((stage) => this.shaped(stage));
    const label = board.labelWidth([...this.labels("query"), ...this.labels("key")], theme, width * 0.3);
    const room = { width, height: this.height(), label };
    const open = store.row(store.cursor.stage);
    const layout = this.isNarrow ? narrowLayout(this.shaped(open), room) : wideLayout(stages, room);
    if (this.isNarrow) this.tabs.draw(this.tabTitles(stages), open.name);
    for (const panel of layout.panels) this.furnish(panel);
    board.draw(layout, theme, layout.panels.map((panel) => this.heading(panel)), (context) => this.drawMore(context));
    board.node.setAttribute("aria-label", `Inside ${store.title}: every stage from x to out`);
    this.drawCursor();
  }

  /** @param {import("./maths.js").Stage} stage @returns {import("./layout.js").Shaped} */
  shaped(stage) {
    const { rows, columns } = this.store.own(stage.name);
    return { ...stage, shape: [rows, columns] };
  }

  // What answers comes first, as it stands above on a wide screen.
  /** @param {import("./maths.js").Stage[]} stages */
  tabTitles(stages) {
    const order = ["key", "query"].flatMap((rows) => stages.filter((stage) => stage.rows === rows));
    return Object.fromEntries(order.map(({ name }) => [name, titleOf(name)]));
  }

  // Rows that predict are labelled by what they read; the prediction is in the strip below.
  /** @param {string} rows */
  labels(rows) {
    const { site } = this.store;
    return rows === "key" ? site.keys : site.queries.map((label) => label.split(" → ")[0] || label);
  }

  // The board and the strip below it fill one screen.
  height() {
    return Math.min(HEIGHTS[1], Math.max(HEIGHTS[0], window.innerHeight - AROUND));
  }

  // What a panel shows. What the knobs changed and W_O has not been fetched for is hatched: point at it, and it is.
  /** @param {import("./layout.js").Panel} panel */
  furnish(panel) {
    const { store, theme } = this;
    const { name } = panel;
    const part = store.part(name);
    if (panel.isFirst) panel.labels = this.labels(store.rowName(name));
    const [scale, limit] = name === "weights" ? ["weight", 1] : ["signed", part && largest(part.values)];
    if (part) panel.picture = { stage: name, ...part, scale, limit };
    if (!part) panel.isHidden = () => true;
    else if (name === "masked") panel.isHidden = (row, column) => cellOf(part, row, column) === -Infinity;
    if (!part || store.isChanged(name)) panel.frame = theme.roles.output;
  }

  /** @param {CanvasRenderingContext2D} context */
  drawMore(context) {
    const joined = this.board.panel("concat");
    if (joined) this.flow.headBorders(context, joined);
    if (!this.isNarrow) this.flow.draw(context);
  }

  /** @param {import("./layout.js").Panel} panel @returns {import("../shared/board.js").Heading} */
  heading(panel) {
    const { store, theme } = this;
    const { name, rows, columns, picture } = panel;
    const { site } = store;
    const stage = store.row(name);
    const room = Math.max(panel.width + 20, this.isNarrow ? 250 : LEAST_NAME);
    const end = name === "weights" ? "0…1" : picture && `±${numberText(picture.limit)}`;
    return {
      name,
      title: room < 110 && name.startsWith("x_") ? "x" : titleOf(name),
      formula: site.given[name]?.formula ?? formulaOf(stage, store),
      shape: `${rows}×${columns}`,
      hint: `${titleOf(name)}, ${rows} × ${columns}, colours ${end ?? "not computed yet: point here"}`,
      x: panel.x,
      y: panel.headerY,
      room,
      colour: stage.role && theme.roles[stage.role],
      ground: stage.rows === "key" && site.tint ? theme.roles[site.tint] : null,
    };
  }

  drawCursor() {
    const { store, theme, board } = this;
    if (!board.layout || !store.exact) return;
    const { cursor } = store;
    if (this.isNarrow && !this.board.panel(cursor.stage)) {
      this.draw(theme);
      return;
    }
    const context = board.marking();
    if (!this.isNarrow) this.flow.mark(context, cursor);
    for (const panel of board.layout.panels) this.mark(context, panel, cursor);
    this.drawChain();
  }

  /**
   * @param {CanvasRenderingContext2D} context @param {import("../shared/sheet.js").Panel} panel
   * @param {import("../shared/store.js").Cursor} cursor
   */
  mark(context, panel, cursor) {
    const { store, board, theme } = this;
    const { name } = panel;
    const { columns } = store.row(name);
    const axis = store.rowName(name);
    const row = cursor[axis];
    if (panel.labels) board.label(context, panel, row, theme.roles[axis], true);
    board.markRow(context, panel, row, theme.roles[axis]);
    const column = this.columnOf(name, cursor);
    if (columns === "key") board.markColumn(context, panel, column, theme.roles.key);
    const isHere = name === cursor.stage;
    const strong = store.pinned ? 5 : 4;
    if (isHere || columns === "key") board.markCell(context, panel, row, column, isHere ? strong : 2);
  }

  // Where the heads stand side by side, the column of this head's z.
  /** @param {string} name @param {import("../shared/store.js").Cursor} cursor */
  columnOf(name, cursor) {
    const { head, sizes } = this.store;
    if (name === "concat" && cursor.stage === "z") return head * sizes.d_head + cursor.feature;
    return cursor[this.store.columnName(name)];
  }

  // One cell's way from score to weight, in the free space between k and v.
  drawChain() {
    const { store } = this;
    const { site, cursor } = store;
    const { left, width } = this.isNarrow ? { left: 0, width: 0 } : this.flow.between;
    this.chain.hidden = width < LEAST_CHAIN;
    if (this.chain.hidden) return;
    Object.assign(this.chain.style, { left: `${left}px`, width: `${width}px` });
    const steps = site.stages.filter(({ columns, of }) => columns === "key" && of.length).map(({ name }) => {
      const value = cellOf(store.part(name) ?? store.own(name), cursor.query, cursor.key);
      return el("li", {}, `${titleOf(name)} `, el("b", {}, name === "weights" ? weightText(value) : numberText(value)));
    });
    const query = el("b", { class: "query" }, site.queries[cursor.query]);
    const key = el("b", { class: "key" }, site.keys[cursor.key]);
    this.chain.replaceChildren(el("p", {}, query, " asks ", key), el("ol", {}, ...steps));
  }
}
