// The key–value cache: a picture that grows with the open step, and what the cache saves.
// Stepping is local; the numbers of a layer and head, the check and the times come by route.

import { el } from "../../../shared/dom.js";
import { LEFT_RIGHT, UP_DOWN, walk } from "../../../shared/keys.js";
import { numberText } from "../../../shared/numbers.js";
import { largest } from "../../../shared/paint.js";
import { within } from "../../../shared/store.js";
import { Part } from "../../part.js";
import { Rows } from "./rows.js";
import { Side } from "./side.js";
import { cellOf, rowsSoFar, stepCost, sumCost, timeOf, timesOf, when } from "./words.js";

const LIMIT = 1e-4;
const capital = (text) => text[0].toUpperCase() + text.slice(1);
const NARROW = 760;

// Room for the rows: on a low screen all else must fit too; where everything is in one column, what the rows need.
const roomFor = (width) => (width < NARROW ? 620 : Math.max(280, window.innerHeight - 418));

export class Cache extends Part {
  /** @param {import("../../store.js").Store} store */
  constructor(store) {
    super(store, el("div", { class: "cache-part" }));
    // The attention whose keys and values are shown, by its name; null: that which looks back.
    /** @type {string | null} */
    this.site = null;
    // The cursor: { zone, row, column } in the rows, or { cost: "step" | "sum" | "rows", … }; pinned: such a cell, or null.
    /** @type {any} */
    this.pinned = null;
    this.runs = 0;
    /** @type {any} what is asked for, of which lane; what came */
    this.key = this.laneKey = this.shown = this.times = null;
    /** @type {number | null} */
    this.error = null;
    /** @type {Record<string, any>} */
    this.terms = {};
    this.loading = false;
    this.build();
  }

  build() {
    const { store } = this;
    this.sites = el("span", { role: "group", "aria-label": "Attention" });
    this.layer = el("select", { class: "cache-select", "aria-label": "Layer", onchange: () => store.choose({ layer: this.layer.selectedIndex }) });
    this.head = el("select", { class: "cache-select", "aria-label": "Head", onchange: () => store.choose({ head: this.head.selectedIndex }) });
    this.back = el("button", { class: "small", "aria-label": "One step back", onclick: () => store.open(this.step - 1) }, "◀");
    this.on = el("button", { class: "small", "aria-label": "One step on", onclick: () => store.open(this.step + 1) }, "▶");
    this.title = el("b", { class: "cache-step" });
    this.badge = el("span", { class: "check", hidden: "" });
    this.caption = el("p", { class: "cache-caption" });
    this.legend = el("div", { class: "cache-legend" });
    const leave = () => this.point(null);
    this.rows = new Rows({ onPoint: (cell) => this.point(cell), onClick: (cell) => this.click(cell), onLeave: leave });
    this.side = new Side({ onPoint: (what) => this.point(what), onOpen: (step) => store.open(step), onAgain: () => this.measure(true) });
    this.left = el("div", { class: "cache-left" }, this.rows.node, this.legend);
    this.body = el("div", { class: "cache-body" }, this.left, this.side.node);
    this.body.hidden = true;
    this.node.append(
      el("div", { class: "cache-controls" }, el("span", { class: "cache-steps" }, this.back, this.title, this.on), this.sites, el("label", {}, "Layer ", this.layer), el("label", {}, "Head ", this.head)),
      el("div", { class: "cache-said" }, this.caption, this.badge),
      this.body,
    );
  }

  // Numbers ------------------------------------------------------------------------------------------------------

  get attention() {
    const { backward, header } = this.store;
    return header.attentions.find(({ name }) => name === this.site) ?? backward;
  }

  get steps() {
    return this.shown.header.reads.length;
  }

  get step() {
    return this.shown ? within(this.store.step, this.steps) : this.store.step;
  }

  get tokens() {
    const { reads, source } = this.shown.header;
    return this.attention.back ? reads : source;
  }

  get lane() {
    const { forced } = this.store.lane;
    return forced.length ? { forced: forced.join(".") } : {};
  }

  get asked() {
    return { layer: this.store.layer, head: this.store.head ?? 0, ...this.lane };
  }

  // The old picture stays until the new numbers are here.
  async load() {
    const { store } = this;
    const lane = JSON.stringify([this.lane, store.header.request]);
    const key = JSON.stringify([this.asked, lane]);
    if (key === this.key) return;
    this.key = key;
    this.loading = true;
    const answer = await store.ask("cache", this.asked);
    if (key !== this.key) return;
    this.loading = false;
    if (!answer) {
      this.key = null;
      return;
    }
    this.shown = answer;
    this.terms = {};
    this.clamp();
    this.paint();
    store.changed("cursor");
    if (lane === this.laneKey) return;
    this.laneKey = lane;
    this.error = this.times = null;
    this.paintBadge();
    this.paintSide();
    await this.check(lane);
    await this.measure();
  }

  // The lane decoded again, step by step: is what it kept what the full pass makes?
  async check(lane) {
    const answer = await this.store.ask("cache_check", this.lane);
    if (lane !== this.laneKey || !answer) return;
    this.error = answer.arrays.error.values[0];
    this.paintBadge();
  }

  async measure(again = false) {
    const lane = this.laneKey;
    if (again && this.side.isMeasuring) return;
    if (again) this.runs += 1;
    this.side.measures(true);
    const answer = await this.store.ask("cache_time", { ...this.lane, again: this.runs });
    this.side.measures(false);
    if (lane !== this.laneKey || !answer) return;
    this.times = answer;
    this.paintSide();
  }

  // What the keys and values of the open site are made from; asked for when a cell is pointed at.
  termsOf(site) {
    if (this.terms[site] === undefined && !this.loading) {
      this.terms[site] = null;
      const { terms } = this;
      this.store.ask("cache_terms", { ...this.asked, site }).then((answer) => {
        if (!answer) return void (terms[site] = undefined);
        terms[site] = answer.arrays;
        if (terms === this.terms) this.store.changed("cursor");
      });
    }
    return this.terms[site] ?? null;
  }

  // The link: `cache` is the site, `cell` a pinned number ("k.3.5": row 3, feature 5).
  linked() {
    const { pinned, attention } = this;
    return { cache: attention.back ? null : attention.name, cell: pinned ? `${pinned.zone}.${pinned.row + 1}.${pinned.column + 1}` : null };
  }

  restore({ cache, cell }) {
    this.site = cache;
    const found = /^([kv])(?:\.([0-9]{1,4})(?:\.([0-9]{1,4}))?)?$/.exec(cell ?? "");
    this.pinned = found && { zone: found[1], row: Number(found[2] ?? 1) - 1, column: Number(found[3] ?? 1) - 1 };
  }

  // Another sentence: its numbers are other ones.
  taken() {
    this.cursor = this.pinned = null;
  }

  clamp() {
    const { pinned } = this;
    const features = this.shown.header.sizes.d_head;
    if (pinned) this.pinned = { ...pinned, row: within(pinned.row, this.tokens.length), column: within(pinned.column, features) };
  }

  // Cursor -------------------------------------------------------------------------------------------------------

  get marked() {
    const cell = this.pinned ?? this.cursor;
    return cell?.zone ? cell : null;
  }

  point(cell) {
    if (this.pinned) return;
    this.cursor = cell;
    this.rows.mark(this.marked, false);
    this.store.changed("cursor");
  }

  pin(cell) {
    this.pinned = cell;
    this.cursor = cell ?? this.cursor;
    this.store.say();
    this.rows.mark(this.marked, Boolean(cell));
    this.store.changed("cursor");
  }

  // A strip's number is pinned (and freed); anything else of a row opens its step, a layer's cell its layer too.
  click(cell) {
    if (cell.zone === "k" || cell.zone === "v") {
      const { pinned } = this;
      const same = pinned && pinned.zone === cell.zone && pinned.row === cell.row && pinned.column === cell.column;
      this.pin(same ? null : cell);
      return;
    }
    if (cell.zone === "layer" && cell.column !== this.store.layer) this.store.choose({ layer: cell.column });
    if (this.attention.back && cell.row >= 0) this.store.open(cell.row);
  }

  get keys() {
    if (!this.shown) return [];
    const { store, step } = this;
    const on = ".cache-rows";
    const shifted = { shift: true, on, says: "" };
    return [
      ...walk(LEFT_RIGHT, "column", (by) => this.walkTo({ by }), shifted),
      ...walk(LEFT_RIGHT, "step", (by) => store.open(step + by)),
      { key: "Home", moves: "step", says: "", act: () => store.open(0) },
      { key: "End", moves: "step", says: "", act: () => store.open(this.steps - 1) },
      ...walk(UP_DOWN, "row", (down) => this.walkTo({ down }), { on }),
      { key: "Enter", moves: "pinned", on, says: "", act: () => this.pin(this.pinned ? null : this.place) },
      { key: "Escape", moves: "pinned", off: !this.pinned && !this.cursor, says: "", act: () => this.escape() },
    ];
  }

  get state() {
    return { ...this.marked, pinned: Boolean(this.pinned) };
  }

  escape() {
    if (this.pinned) this.pin(null);
    else this.point(null);
  }

  // Where the arrows stand: at the open step's key, if nowhere.
  get place() {
    if (this.marked?.zone.length === 1) return this.marked;
    return { zone: "k", row: this.attention.back ? this.step : 0, column: 0 };
  }

  // From row to row, and from number to number; from k on to v and back.
  walkTo({ down = 0, by = 0 }) {
    const features = this.shown.header.sizes.d_head;
    const { zone, row, column } = this.place;
    const flat = within((zone === "v" ? features : 0) + column + by, 2 * features);
    const cell = { zone: flat >= features ? "v" : "k", column: flat % features, row: within(row + down, this.tokens.length) };
    if (this.pinned) this.pin(cell);
    else this.point(cell);
  }

  explain() {
    if (!this.shown) return "Fetching the keys and values…";
    const { header } = this.shown;
    const cell = this.pinned ?? this.cursor;
    if (cell?.cost === "rows") return rowsSoFar(cell.step);
    if (cell?.cost === "time") return this.times ? timesOf(this.times) : "Measuring the time…";
    if (cell?.cost === "sum") return sumCost(header, cell.way, cell.step);
    if (cell?.chart === "time" && this.times) return timeOf(this.times, cell.step);
    if (cell?.cost === "step") return stepCost(header, cell.way, within(cell.step, this.steps));
    if (!cell || cell.row >= this.tokens.length) return stepCost(header, "cached", this.step);
    if (cell.zone === "k" || cell.zone === "v") return cellOf(this.shown, this.termsOf(this.attention.name), this.attention, cell, this.step);
    if (cell.row < 0) return `Layer ${cell.column + 1}.`;
    return `Row ${cell.row + 1}, “${this.tokens[cell.row]}”, its keys and values in every layer and head: ${when(this.attention.back, cell.row, this.step, this.steps)}`;
  }

  // Choices ------------------------------------------------------------------------------------------------------

  openSite(site) {
    if (site === this.attention.name) return;
    this.site = site;
    this.cursor = this.pinned = null;
    this.store.say();
    this.paint();
    this.store.changed("cursor");
  }

  // Drawing ------------------------------------------------------------------------------------------------------

  draw() {
    const { n_layers, n_heads } = this.store.header;
    for (const [select, count] of [[this.layer, n_layers], [this.head, n_heads]]) {
      if (select.options.length === count) continue;
      select.replaceChildren(...Array.from({ length: count }, (_, i) => el("option", {}, String(i + 1))));
    }
    const choice = ({ name, label }) =>
      el("button", { class: "small head-choice", "data-choice": name, onclick: () => this.openSite(name) }, capital(label));
    if (!this.sites.children.length) this.sites.append(...this.store.header.attentions.map(choice));
    this.load();
    this.paint();
  }

  changed(what) {
    if (what === "step") return this.paintStep();
    this.load();
    this.paintChoices();
  }

  paintChoices() {
    this.layer.selectedIndex = this.store.layer;
    this.head.selectedIndex = this.store.head ?? 0;
    for (const button of this.sites.children) button.setAttribute("aria-pressed", String(button.dataset.choice === this.attention.name));
  }

  paint() {
    this.paintChoices();
    if (!this.shown || !this.width) return;
    this.body.hidden = false;
    const { header, arrays } = this.shown;
    const { theme, attention } = this;
    const [k, v] = ["k", "v"].map((letter) => arrays[`${attention.name}_${letter}`].values);
    const limit = Math.max(largest(k), largest(v));
    this.rows.draw({
      name: `${capital(attention.label)}, layer ${header.layer + 1}, head ${header.head + 1}: keys and values of ${this.tokens.length} tokens`,
      tokens: this.tokens, k, v, limit, theme,
      features: header.sizes.d_head,
      layers: header.sizes.n_layers,
      layer: header.layer,
      colours: { k: theme.roles.key, v: theme.roles.value },
      width: this.left.clientWidth,
      height: roomFor(this.width),
    });
    const bar = el("span", { class: "cache-scale", style: { background: `linear-gradient(90deg, ${theme.signedStops.join(", ")})` } });
    this.legend.replaceChildren(
      el("span", {}, el("i", { class: "cache-key new" }), "computed now"),
      el("span", {}, el("i", { class: "cache-key again" }), "from the cache"),
      el("span", {}, numberText(-limit), " ", bar, " ", numberText(limit)),
    );
    this.paintStep();
  }

  paintStep() {
    if (!this.shown || !this.width) return;
    const { header } = this.shown;
    const { step, steps, attention: { back } } = this;
    this.title.textContent = `Step ${step + 1} of ${steps}`;
    this.back.setAttribute("aria-disabled", String(step === 0));
    this.on.setAttribute("aria-disabled", String(step === steps - 1));
    const rows = (from, to) => (from === to ? `row ${from}` : `rows ${from} to ${to}`);
    const everywhere = `in all ${header.sizes.n_layers} layers`.replace("all 1 layers", "the one layer");
    const read = `“${header.reads[step]}”`;
    const own = step === 0 ? `Step 1 reads ${read} and computes row 1 ${everywhere}.` : `Step ${step + 1} reads ${read} and computes row ${step + 1} ${everywhere}; ${rows(1, step)} ${step === 1 ? "is" : "are"} re-used.`;
    const all = rows(1, header.source.length);
    const cross = step === 0 ? `Step 1 computes ${all} from the ${header.once.title}'s memory, ${everywhere}.` : `Step 1 computed ${all}; step ${step + 1} re-uses them all and computes none.`.replace("re-uses them all", header.source.length === 1 ? "re-uses it" : "re-uses them all");
    this.caption.textContent = back ? own : cross;
    const state = (row) => (back ? (row === step ? "new" : row < step ? "re-used" : "") : step === 0 ? "new" : "re-used");
    this.rows.paint(this.tokens.map((_, row) => state(row)));
    this.rows.mark(this.marked, Boolean(this.pinned));
    this.paintSide();
  }

  paintSide() {
    if (!this.shown || !this.width) return;
    const size = this.width < NARROW ? 150 : Math.max(90, Math.min(0.3 * roomFor(this.width), (this.side.node.clientWidth - 226) / 2));
    this.side.draw({ header: this.shown.header, times: this.times, step: this.step, size, theme: this.theme });
  }

  paintBadge() {
    const { error, badge } = this;
    badge.hidden = error === null;
    if (error === null) return;
    const right = error <= LIMIT;
    badge.className = `check ${right ? "right" : "wrong"}`;
    badge.textContent = `cache against full pass: max error ${Number.isNaN(error) ? "not a number" : error.toExponential(0)}`;
    badge.title = `The incremental decoder was run over all ${this.steps} steps; its cache beside k and v of the one full pass, all layers and heads, both attentions: largest |a − b| / max(1, |b|), red beyond ${LIMIT}.`;
  }
}
