// Source words above, target words below, ribbons by weight of a head or of a layer's mean; the clearest head; and
// under the picture, or above it, what attention does not say.

import { el, listen, refill } from "../../../shared/dom.js";
import { digits, LAYERS, LEFT_RIGHT, UP_DOWN, walk } from "../../../shared/keys.js";
import { largestError } from "../../../shared/maths.js";
import { within } from "../../../shared/store.js";
import { Part } from "../../part.js";
import { explain, headName } from "./explain.js";
import { AlignHeads } from "./heads.js";
import { linksLine, pictureCaption, rowLine } from "./lines.js";
import { AlignState } from "./state.js";
import { AlignTable } from "./table.js";
import { Ribbons } from "../../shared/ribbons.js";

const BESIDE = 560; // the picture's least width beside the table of heads
const WIDEST = 30; // pixels of a ribbon of weight 1

export class Alignment extends Part {
  /** @param {import("../../store.js").Store} store */
  constructor(store) {
    super(store, el("div", { class: "align-part" }));
    this.numbers = new AlignState(store);
    this.pinned = false;
    this.isAway = false;
    this.pictureWidth = 0;
    this.room = "";
    /** @type {any} the words */
    this.units = null;
    this.weights = new Float64Array();
    /** @type {any} which of them are shown, and of which lane */
    this.shown = this.drawnLane = null;
    this.ribbons = new Ribbons({
      onPoint: (cell) => this.point(this.inUnits(cell)), onClick: (cell) => this.click(this.inUnits(cell)),
    });
    const onPoint = (/** @type {any} */ cursor) => this.point(cursor);
    const onOpen = (/** @type {number} */ step) => this.open(step);
    this.table = new AlignTable(this.numbers, { onPoint, onPin: this.pin.bind(this), onOpen });
    this.controls = el("div", { class: "align-controls" });
    this.title = el("h3", { class: "align-title" });
    const named = { class: "align-picture", tabindex: "0", role: "group", "aria-label": "Alignment" };
    this.picture = el("div", named, this.ribbons.node);
    this.row = el("p", { class: "align-row" });
    this.links = el("p", { class: "align-links" });
    this.caption = el("p", { class: "align-caption" });
    this.heads = new AlignHeads(this.numbers, { onPoint });
    this.left = el("div", { class: "align-left" }, this.title, this.picture);
    this.main = el("div", { class: "align-main" }, this.left, this.heads.node);
    this.waiting = el("p", { class: "align-waiting" }, "…");
    this.ribbonsPart = el("div", { class: "align-ribbons" }, this.main, this.row, this.links, this.caption);
    this.body = el("div", { class: "align-body", hidden: "" }, this.controls, this.ribbonsPart, this.table.node);
    this.node.append(this.waiting, this.body);
    listen(this.node, { pointerleave: () => this.away() });
  }

  // Drawing ----------------------------------------------------------------------------------------------------------

  taken() {
    this.free();
  }

  linked() {
    return this.numbers.linked();
  }

  /** @param {import("../../../shared/link.js").Values} values */
  restore(values) {
    this.numbers.restore(values);
  }

  draw() {
    this.numbers.ask(() => this.arrived());
    if (!this.numbers.here) return; // the old picture stays until the new numbers come
    this.waiting.hidden = true;
    this.body.hidden = false;
    this.drawControls();
    this.heads.draw();
    this.layOut();
    this.drawPicture();
    this.drawStep();
  }

  // How wide the picture is; measured only where the room is another: measuring makes the browser lay out everything.
  layOut() {
    const room = `${this.width} ${this.heads.width}`;
    if (room === this.room) return;
    this.room = room;
    const isBeside = this.width - this.heads.width >= BESIDE;
    this.main.classList.toggle("beside", isBeside);
    this.pictureWidth = isBeside ? this.left.clientWidth : this.width;
  }

  arrived() {
    if (!this.isOpen) return;
    if (this.numbers.owed && this.drawnLane === this.store.lane) this.drawStep();
    else this.draw();
    this.store.changed("cursor");
  }

  /** @param {string} what */
  changed(what) {
    if (what !== "layer" && !this.pinned) this.cursor = null;
    if (what === "lane") this.free();
    if (what === "step" && this.isLive) {
      this.numbers.ask(() => this.arrived());
      this.drawStep();
    } else this.draw();
  }

  closed() {
    this.numbers.stop();
    this.drawCheck();
  }

  /** @param {string} label @param {boolean} pressed @param {() => void} onclick @param {string} name */
  button(label, pressed, onclick, name) {
    return el("button", { class: "small", "aria-pressed": String(pressed), onclick, "data-switch": name }, label);
  }

  /** @param {string} label @param {Node[]} buttons */
  group(label, ...buttons) {
    return el("div", { class: "align-group", role: "group", "aria-label": label }, ...buttons);
  }

  drawControls() {
    const { numbers: state } = this;
    // Two buttons of which one is pressed, by a switch of the state: that which is named after it where it is on.
    const either = (/** @type {string} */ name, /** @type {string[]} */ texts, /** @type {string} */ otherwise) => {
      const isOn = state.on.has(name);
      const turn = (/** @type {boolean} */ on) => () => on !== isOn && this.choose(() => state.turn(name));
      return [this.button(texts[0], !isOn, turn(false), otherwise), this.button(texts[1], isOn, turn(true), name)];
    };
    const join = (/** @type {boolean} */ joins) => () => this.choose(() => state.join(joins));
    const alone = (/** @type {string} */ name, /** @type {string} */ text) =>
      this.button(text, state.on.has(name), () => this.choose(() => state.turn(name)), name);
    const words = this.button("words", state.joins, join(true), "words");
    const tokens = this.button("tokens", !state.joins, join(false), "tokens");
    refill(
      this.controls, "switch",
      this.group("What comes first", ...either("owed", ["ribbons", "not explanation"], "ribbons")),
      this.group("Words or tokens", words, tokens),
      this.group(
        "Which row of attention", el("span", {}, "row that "),
        ...either("reads", ["predicts it", "reads it"], "predicts"),
      ),
      alone("strongest", "strongest only"),
      alone("noend", "without ⟨/s⟩"),
    );
    const first = state.on.has("owed") ? this.table.node : this.ribbonsPart;
    if (this.controls.nextSibling !== first) this.controls.after(first);
  }

  /** @param {() => void} change */
  choose(change) {
    this.free();
    change();
    this.draw();
    this.store.changed("cursor");
  }

  drawPicture() {
    const { store, numbers: state, theme } = this;
    const { units } = state;
    const hides = state.on.has("noend");
    this.units = units;
    this.weights = state.joined(store.layer, store.head, units);
    this.drawnLane = store.lane;
    const visible = (/** @type {boolean[]} */ special) => [...special.keys()].filter((i) => !(hides && special[i]));
    this.shown = { rows: visible(units.specialBelow), columns: visible(units.specialAbove) };
    const width = this.pictureWidth;
    this.title.textContent = `${store.outward.title}, ${headName(store)}`;
    const where = `source ${state.unit}s above, target ${state.unit}s below`;
    this.ribbons.draw({
      name: `${store.outward.title} of ${headName(store)}: ${where}; each ribbon is as wide as the weight.`,
      above: this.shown.columns.map((/** @type {number} */ j) => units.above[j]),
      below: this.shown.rows.map((/** @type {number} */ i) => units.below[i]),
      weights: this.shownWeights(),
      width,
      height: Math.round(Math.min(150, Math.max(100, width / 6))),
      widest: Math.min(WIDEST, (0.7 * width) / Math.max(this.shown.rows.length, this.shown.columns.length)),
      theme,
      colour: store.head === null ? theme.roles.output : theme.heads[store.head % theme.heads.length],
    });
    this.links.replaceChildren(...linksLine(state.crossings(this.weights, units), state.unit));
    this.caption.textContent = pictureCaption(state);
  }

  shownWeights() {
    const { rows, columns } = this.shown;
    const n = this.units.columns.length;
    const only = this.numbers.on.has("strongest");
    return rows.flatMap((/** @type {number} */ i) => {
      const best = this.numbers.strongest(this.weights, i, this.units);
      return columns.map((/** @type {number} */ j) => (only && j !== best ? 0 : this.weights[i * n + j] || 0));
    });
  }

  // What depends on the step or the cursor alone.
  drawStep() {
    this.table.draw(this.theme, this.width);
    this.drawCheck();
    this.mark();
  }

  drawCheck() {
    const what = "the norms of every head and layer at this step from α and the dot products u_h · u_g, u = v W_O";
    const isHere = this.isOpen && this.numbers.owed;
    this.table.badge.draw(isHere ? { error: largestError(...this.numbers.check), what } : null);
  }

  // Whether the picture is of the open lane: the next one's words may still be on their way.
  get isLive() {
    return Boolean(this.numbers.here) && this.drawnLane === this.store.lane;
  }

  // The cursor -------------------------------------------------------------------------------------------------------

  // From places in the picture to words.
  /** @param {import("../../shared/ribbons.js").Cell} cell */
  inUnits({ row, column }) {
    const at = (/** @type {number[]} */ shown, /** @type {number | null} */ i) => (i === null ? null : shown[i]);
    return { kind: "cell", row: at(this.shown.rows, row), column: at(this.shown.columns, column) };
  }

  /** @param {any} cursor */
  point(cursor) {
    if (this.pinned || !this.isLive) return;
    this.cursor = cursor;
    this.isAway = false;
    this.mark();
    this.store.changed("cursor");
  }

  // All ribbons again; the strip keeps the number, for its buttons.
  away() {
    this.isAway = true;
    if (this.isLive) this.mark();
  }

  free() {
    this.pinned = false;
    this.cursor = null;
  }

  // A target word opens its step (again: its next piece); anything else is pinned.
  /** @param {any} cell */
  click(cell) {
    if (!this.isLive) return;
    if (cell.column !== null) return this.pin(cell);
    const pieces = this.units.pieces[cell.row];
    const at = pieces.indexOf(this.store.step);
    if (this.pinned) this.free();
    this.store.open(pieces[at < 0 ? 0 : (at + 1) % pieces.length]);
    this.point(cell);
  }

  // The cell of the step's word and its strongest source word.
  get home() {
    const row = this.numbers.unitOf(this.store.step, this.units);
    return { kind: "cell", row, column: Math.max(0, this.numbers.strongest(this.weights, row, this.units)) };
  }

  // What is explained while nothing is pointed at.
  get rest() {
    return this.numbers.on.has("owed") ? { kind: "rank", what: "influence" } : this.home;
  }

  // The words that the cursor is at, as they are drawn; null: none.
  get marked() {
    const { cursor, units, home } = this;
    if (!cursor || (this.isAway && !this.pinned)) return null;
    if (cursor.kind === "cell") return this.drawnAt(cursor.row, cursor.column);
    if (cursor.kind !== "token") return null;
    const isAt = (/** @type {number[]} */ tokens) => tokens.includes(cursor.column);
    return this.drawnAt(home.row, units.columns.findIndex(isAt));
  }

  /** @param {number | null} row @param {number | null} column */
  drawnAt(row, column) {
    const place = (/** @type {number[]} */ all, /** @type {number | null} */ i) => {
      const at = all.findIndex((each) => each === i);
      return at < 0 ? null : at;
    };
    return { row: place(this.shown.rows, row), column: place(this.shown.columns, column) };
  }

  mark() {
    const { cursor, marked } = this;
    this.ribbons.mark(marked && (marked.row !== null || marked.column !== null) ? marked : null);
    const step = this.drawnAt(this.home.row, null).row;
    for (const word of this.ribbons.words) {
      word.classList.toggle("align-step", step !== null && word.dataset.row === String(step));
    }
    this.picture.classList.toggle("pinned", this.pinned && cursor?.kind === "cell");
    this.table.mark(cursor, this.pinned);
    this.row.replaceChildren(...rowLine(this, cursor?.kind === "cell" ? cursor : this.home));
  }

  explain() {
    if (!this.isLive) return this.store.trouble ?? "Joining tokens into words…";
    const cursor = this.cursor ?? this.rest;
    if (cursor.kind !== "cell" || cursor.row !== null) return explain(this.numbers, cursor);
    const n = this.units.columns.length;
    const rows = [...this.units.rows.keys()];
    const column = rows.map((i) => this.weights[i * n + cursor.column] || 0);
    return explain(this.numbers, { ...cursor, row: column.indexOf(Math.max(...column)) });
  }

  // Keys -------------------------------------------------------------------------------------------------------------

  get keys() {
    if (!this.isLive) return [];
    const { store } = this;
    const { n_heads } = store.header;
    const steps = { moves: "step", says: "Home, End: first, last" };
    const pins = () => this.pin(this.cursor ?? this.rest);
    return [
      ...walk(LEFT_RIGHT, "step", (by) => this.open(store.step + by), { says: "← → step" }),
      { key: "Home", ...steps, act: () => this.open(0) },
      { key: "End", ...steps, act: () => this.open(store.steps - 1) },
      ...walk(UP_DOWN, "column", (by) => this.down(by), { says: "↑ ↓ source" }),
      ...walk(LAYERS, "layer", (by) => store.choose({ layer: store.layer + by }), { says: "Page keys: layer" }),
      ...digits(n_heads, "head", (head) => store.choose({ head }), "digits: head, 0 their mean", true),
      { key: "Enter", moves: "pinned", on: ":not(button)", says: "Enter pins", act: pins },
      { key: "Escape", moves: "pinned", says: "Esc frees", act: () => this.escape() },
    ];
  }

  escape() {
    this.free();
    this.mark();
    this.store.changed("cursor");
  }

  get state() {
    return { ...this.cursor, pinned: this.pinned };
  }

  /** @param {number} step */
  open(step) {
    this.free();
    this.store.open(step);
  }

  // To the next source word (in the table: token) of the row under the cursor.
  /** @param {number} by */
  down(by) {
    this.pinned = false;
    let cursor = this.cursor ?? this.rest;
    if (cursor.kind === "rank") cursor = { kind: "token", what: cursor.what, column: -1 };
    const isToken = cursor.kind === "token";
    const all = isToken ? this.numbers.keys : this.shown.columns;
    const column = all[within(all.indexOf(cursor.column) + by, all.length)];
    this.point(isToken ? { ...cursor, column } : { kind: "cell", row: cursor.row ?? this.home.row, column });
  }
}
