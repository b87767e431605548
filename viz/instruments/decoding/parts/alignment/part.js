// Source words above, target words below, ribbons by weight of a head or of a layer's mean; the clearest head; and under the
// picture, or above it, what attention does not say.

import { el, listen } from "../../../shared/dom.js";
import { digits, LAYERS, LEFT_RIGHT, UP_DOWN, walk } from "../../../shared/keys.js";
import { largestError } from "../../../shared/maths.js";
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
    this.isAway = false;
    this.pictureWidth = 0;
    this.room = "";
    /** @type {any} the words, their weights, which of them are shown, and of which lane */
    this.units = this.weights = this.shown = this.drawnLane = null;
    this.ribbons = new Ribbons({ onPoint: (cell) => this.point(this.inUnits(cell)), onClick: (cell) => this.click(this.inUnits(cell)) });
    this.table = new AlignTable(this.numbers, { onPoint: (cursor) => this.point(cursor), onPin: (cursor) => this.pin(cursor), onOpen: (step) => this.move(step) });
    this.controls = el("div", { class: "align-controls" });
    this.title = el("h3", { class: "align-title" });
    this.picture = el("div", { class: "align-picture", tabindex: "0", role: "group", "aria-label": "Alignment" }, this.ribbons.node);
    this.row = el("p", { class: "align-row" });
    this.links = el("p", { class: "align-links" });
    this.caption = el("p", { class: "align-caption" });
    this.heads = new AlignHeads(this.numbers, { onPoint: (cursor) => this.point(cursor) });
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

  // How wide the picture is; measured only where the room is another, because measuring makes the browser lay out everything.
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

  button(label, pressed, onclick, name) {
    return el("button", { class: "small", "aria-pressed": String(pressed), onclick, "data-switch": name }, label);
  }

  group(label, ...buttons) {
    return el("div", { class: "align-group", role: "group", "aria-label": label }, ...buttons);
  }

  drawControls() {
    const { numbers: state } = this;
    const focused = this.node.getRootNode().activeElement?.dataset?.switch;
    const join = (joins) => () => this.choose(() => state.join(joins));
    const turn = (name) => () => this.choose(() => state.turn(name));
    const isOwedFirst = state.on.has("owed");
    this.controls.replaceChildren(
      this.group(
        "What comes first",
        this.button("ribbons", !isOwedFirst, () => isOwedFirst && turn("owed")(), "ribbons"),
        this.button("not explanation", isOwedFirst, () => isOwedFirst || turn("owed")(), "owed"),
      ),
      this.group("Words or tokens", this.button("words", state.joins, join(true), "words"), this.button("tokens", !state.joins, join(false), "tokens")),
      this.group(
        "Which row of attention",
        el("span", {}, "row that "),
        this.button("predicts it", !state.on.has("reads"), () => state.on.has("reads") && turn("reads")(), "predicts"),
        this.button("reads it", state.on.has("reads"), () => state.on.has("reads") || turn("reads")(), "reads"),
      ),
      this.button("strongest only", state.on.has("strongest"), turn("strongest"), "strongest"),
      this.button("without ⟨/s⟩", state.on.has("noend"), turn("noend"), "noend"),
    );
    if (focused) this.controls.querySelector(`[data-switch=${focused}]`)?.focus({ preventScroll: true });
    const first = isOwedFirst ? this.table.node : this.ribbonsPart;
    if (this.controls.nextSibling !== first) this.controls.after(first);
  }

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
    const visible = (special) => special.map((_, i) => i).filter((i) => !(hides && special[i]));
    this.shown = { rows: visible(units.specialBelow), columns: visible(units.specialAbove) };
    const width = this.pictureWidth;
    this.title.textContent = `${store.outward.title}, ${headName(store)}`;
    this.ribbons.draw({
      name: `${store.outward.title} of ${headName(store)}: source ${state.unit}s above, target ${state.unit}s below; each ribbon is as wide as the weight.`,
      above: this.shown.columns.map((j) => units.above[j]),
      below: this.shown.rows.map((i) => units.below[i]),
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
    return rows.flatMap((i) => {
      const best = this.numbers.strongest(this.weights, i, this.units);
      return columns.map((j) => (only && j !== best ? 0 : this.weights[i * n + j] || 0));
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
  inUnits({ row, column }) {
    const at = (shown, i) => (i === null ? null : shown[i]);
    return { kind: "cell", row: at(this.shown.rows, row), column: at(this.shown.columns, column) };
  }

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

  pin(cursor) {
    const isSame = this.pinned && JSON.stringify(cursor) === JSON.stringify(this.cursor);
    this.pinned = !isSame;
    this.cursor = cursor;
    this.mark();
    this.store.changed("cursor");
  }

  free() {
    this.pinned = false;
    this.cursor = null;
  }

  // A target word opens its step (again: its next piece); anything else is pinned.
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

  mark() {
    const { cursor, units, shown } = this;
    const at = (all, i) => (i === null || all.indexOf(i) < 0 ? null : all.indexOf(i));
    const marks = cursor && (this.pinned || !this.isAway);
    let cell = null;
    if (marks && cursor.kind === "cell") cell = { row: at(shown.rows, cursor.row), column: at(shown.columns, cursor.column) };
    if (marks && cursor.kind === "token") {
      const column = units.columns.findIndex((tokens) => tokens.includes(cursor.column));
      cell = { row: at(shown.rows, this.home.row), column: at(shown.columns, column) };
    }
    this.ribbons.mark(cell && (cell.row !== null || cell.column !== null) ? cell : null);
    const step = at(shown.rows, this.home.row);
    for (const word of this.ribbons.words) word.classList.toggle("align-step", step !== null && word.dataset.row === String(step));
    this.picture.classList.toggle("pinned", this.pinned && cursor?.kind === "cell");
    this.table.mark(cursor, this.pinned);
    this.row.replaceChildren(...rowLine(this, cursor?.kind === "cell" ? cursor : this.home));
  }

  explain() {
    if (!this.isLive) return this.store.trouble ?? "Joining tokens into words…";
    const cursor = this.cursor ?? this.rest;
    if (cursor.kind !== "cell" || cursor.row !== null) return explain(this.numbers, cursor);
    const n = this.units.columns.length;
    const column = this.units.rows.map((_, i) => this.weights[i * n + cursor.column] || 0);
    return explain(this.numbers, { ...cursor, row: column.indexOf(Math.max(...column)) });
  }

  // Keys -------------------------------------------------------------------------------------------------------------

  get keys() {
    if (!this.isLive) return [];
    const { store } = this;
    const { n_heads } = store.header;
    return [
      ...walk(LEFT_RIGHT, "step", (by) => this.move(store.step + by)),
      { key: "Home", moves: "step", says: "", act: () => this.move(0) },
      { key: "End", moves: "step", says: "", act: () => this.move(store.steps - 1) },
      ...walk(UP_DOWN, "column", (by) => this.down(by)),
      ...walk(LAYERS, "layer", (by) => store.choose({ layer: store.layer + by })),
      ...digits(n_heads, "head", (head) => store.choose({ head }), "", true),
      { key: "Enter", moves: "pinned", on: ":not(button)", says: "", act: () => this.pin(this.cursor ?? this.rest) },
      { key: "Escape", moves: "pinned", says: "", act: () => this.escape() },
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

  move(step) {
    this.free();
    this.store.open(step);
  }

  // To the next source word (in the table: token) of the row under the cursor.
  down(by) {
    this.pinned = false;
    let cursor = this.cursor ?? this.rest;
    if (cursor.kind === "rank") cursor = { kind: "token", what: cursor.what, column: -1 };
    const all = cursor.kind === "token" ? this.store.header.source.map((_, i) => i) : this.shown.columns;
    const at = all.indexOf(cursor.column);
    const next = all[Math.min(Math.max(at + by, 0), all.length - 1)];
    this.point(cursor.kind === "token" ? { ...cursor, column: next } : { kind: "cell", row: cursor.row ?? this.home.row, column: next });
  }
}
