// The key–value cache: a picture that grows with the open step, and what the cache saves.
// Stepping is local; the numbers of a layer and head, the check and the times come by route.

import { Badge } from "../../../shared/badge.js";
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
const capital = (/** @type {string} */ text) => text[0].toUpperCase() + text.slice(1);
const NARROW = 760;

// Room for the rows: on a low screen all else must fit too; where everything is in one column, what the rows need.
const roomFor = (/** @type {number} */ width) => (width < NARROW ? 620 : Math.max(280, window.innerHeight - 418));

export class Cache extends Part {
  /** @param {import("../../store.js").Store} store */
  constructor(store) {
    super(store, el("div", { class: "cache-part" }));
    // The attention whose keys and values are shown, by its name; null: that which looks back.
    /** @type {string | null} */
    this.site = null;
    // The cursor: { zone, row, column } in the rows, or { cost: "step" | "sum" | "rows", … }; pinned: a cell or null.
    /** @type {any} */
    this.pinned = null;
    this.runs = 0;
    /** @type {string | null} what is asked for, and of which lane */
    this.key = null;
    /** @type {string | null} */
    this.laneKey = null;
    /** @type {any} what came */
    this.shown = null;
    /** @type {any} */
    this.times = null;
    /** @type {number | null} */
    this.error = null;
    /** @type {Record<string, any>} */
    this.terms = {};
    this.loading = false;
    this.sites = el("span", { role: "group", "aria-label": "Attention" });
    /** @param {string} label @param {"layer" | "head"} name */
    const select = (label, name) => {
      const onchange = () => store.choose({ [name]: this[name].selectedIndex });
      return el("select", { class: "cache-select", "aria-label": label, onchange });
    };
    this.layer = select("Layer", "layer");
    this.head = select("Head", "head");
    const step = (/** @type {string} */ label, /** @type {number} */ by, /** @type {string} */ sign) =>
      el("button", { class: "small", "aria-label": label, onclick: () => store.open(this.step + by) }, sign);
    this.back = step("One step back", -1, "◀");
    this.on = step("One step on", 1, "▶");
    this.title = el("b", { class: "cache-step" });
    this.badge = new Badge("cache against full pass", LIMIT);
    this.caption = el("p", { class: "cache-caption" });
    this.legend = el("div", { class: "cache-legend" });
    const leave = () => this.point(null);
    const onPoint = (/** @type {any} */ what) => this.point(what);
    this.rows = new Rows({ onPoint, onClick: (cell) => this.click(cell), onLeave: leave });
    this.side = new Side({ onPoint, onOpen: (at) => store.open(at), onAgain: () => this.measure(true) });
    this.left = el("div", { class: "cache-left" }, this.rows.node, this.legend);
    this.body = el("div", { class: "cache-body" }, this.left, this.side.node);
    this.body.hidden = true;
    this.node.append(
      el(
        "div", { class: "cache-controls" },
        el("span", { class: "cache-steps" }, this.back, this.title, this.on), this.sites,
        el("label", {}, "Layer ", this.layer), el("label", {}, "Head ", this.head),
      ),
      el("div", { class: "cache-said" }, this.caption, this.badge.node),
      this.body,
    );
  }

  // Numbers ------------------------------------------------------------------------------------------------------

  get attention() {
    return this.store.attention(this.site);
  }

  get steps() {
    return this.shown.header.reads.length;
  }

  get step() {
    return this.shown ? within(this.store.step, this.steps) : this.store.step;
  }

  /** @returns {string[]} */
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
  /** @param {string | null} lane */
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
  /** @param {string} site */
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
    const cell = pinned ? `${pinned.zone}.${pinned.row + 1}.${pinned.column + 1}` : null;
    return { cache: attention.back ? null : attention.name, cell };
  }

  /** @param {import("../../../shared/link.js").Values} values */
  restore({ cache, cell }) {
    this.site = cache;
    const found = /^([kv])(?:\.([0-9]{1,4})(?:\.([0-9]{1,4}))?)?$/.exec(cell ?? "");
    const at = (/** @type {number} */ i) => Number(found?.[i] ?? 1) - 1;
    this.pinned = found && { zone: found[1], row: at(2), column: at(3) };
  }

  // Another sentence: its numbers are other ones.
  taken() {
    this.cursor = this.pinned = null;
  }

  clamp() {
    const { pinned } = this;
    const features = this.shown.header.sizes.d_head;
    if (!pinned) return;
    const { zone, row, column } = pinned;
    this.pinned = { zone, row: within(row, this.tokens.length), column: within(column, features) };
  }

  // Cursor -------------------------------------------------------------------------------------------------------

  get marked() {
    const cell = this.pinned ?? this.cursor;
    return cell?.zone ? cell : null;
  }

  /** @param {any} cell */
  point(cell) {
    if (this.pinned) return;
    this.cursor = cell;
    this.rows.mark(this.marked, false);
    this.store.changed("cursor");
  }

  /** @param {any} cell */
  pin(cell) {
    this.pinned = cell;
    this.cursor = cell ?? this.cursor;
    this.store.say();
    this.rows.mark(this.marked, Boolean(cell));
    this.store.changed("cursor");
  }

  // A strip's number is pinned (and freed); anything else of a row opens its step, a layer's cell its layer too.
  /** @param {any} cell */
  click(cell) {
    if (cell.zone === "k" || cell.zone === "v") {
      const isSame = ["zone", "row", "column"].every((name) => this.pinned?.[name] === cell[name]);
      return this.pin(isSame ? null : cell);
    }
    if (cell.zone === "layer" && cell.column !== this.store.layer) this.store.choose({ layer: cell.column });
    if (this.attention.back && cell.row >= 0) this.store.open(cell.row);
  }

  get keys() {
    if (!this.shown) return [];
    const { store, step } = this;
    const on = ".cache-rows";
    const steps = { moves: "step", says: "Home, End: first, last" };
    const isFree = !this.pinned && !this.cursor;
    return [
      ...walk(LEFT_RIGHT, "column", (by) => this.walkTo({ by }), { shift: true, on, says: "Shift + ← → number" }),
      ...walk(LEFT_RIGHT, "step", (by) => store.open(step + by), { says: "← → step" }),
      { key: "Home", ...steps, act: () => store.open(0) },
      { key: "End", ...steps, act: () => store.open(this.steps - 1) },
      ...walk(UP_DOWN, "row", (down) => this.walkTo({ down }), { on, says: "↑ ↓ row" }),
      { key: "Enter", moves: "pinned", on, says: "Enter pins", act: () => this.pin(this.pinned ? null : this.place) },
      { key: "Escape", moves: "pinned", off: isFree, says: "Esc frees", act: () => this.escape() },
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
  /** @param {{ down?: number, by?: number }} steps */
  walkTo({ down = 0, by = 0 }) {
    const features = this.shown.header.sizes.d_head;
    const { zone, row, column } = this.place;
    const flat = within((zone === "v" ? features : 0) + column + by, 2 * features);
    const next = within(row + down, this.tokens.length);
    const cell = { zone: flat >= features ? "v" : "k", column: flat % features, row: next };
    if (this.pinned) this.pin(cell);
    else this.point(cell);
  }

  explain() {
    if (!this.shown) return "Fetching the keys and values…";
    const cell = this.pinned ?? this.cursor;
    if (cell?.cost) return this.explainCost(cell);
    if (!cell || cell.row >= this.tokens.length) return stepCost(this.shown.header, "cached", this.step);
    const { attention, step } = this;
    if (cell.zone === "k" || cell.zone === "v") {
      return cellOf(this.shown, this.termsOf(attention.name), attention, cell, step);
    }
    if (cell.row < 0) return `Layer ${cell.column + 1}.`;
    const row = `Row ${cell.row + 1}, “${this.tokens[cell.row]}”`;
    return `${row}, its keys and values in every layer and head: ${when(attention.back, cell.row, step, this.steps)}`;
  }

  /** @param {{ cost: string, step: number, way: string, chart?: string }} what */
  explainCost({ cost, step, way, chart }) {
    const { header } = this.shown;
    if (cost === "rows") return rowsSoFar(step);
    if (cost === "time") return this.times ? timesOf(this.times) : "Measuring the time…";
    if (cost === "sum") return sumCost(header, way, step);
    if (chart === "time" && this.times) return timeOf(this.times, step);
    return stepCost(header, way, within(step, this.steps));
  }

  // Choices ------------------------------------------------------------------------------------------------------

  /** @param {string} site */
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
    const choice = (/** @type {import("../../store.js").Attention} */ { name, label }) => {
      const onclick = () => this.openSite(name);
      return el("button", { class: "small head-choice", "data-choice": name, onclick }, capital(label));
    };
    if (!this.sites.children.length) this.sites.append(...this.store.header.attentions.map(choice));
    this.load();
    this.paint();
  }

  /** @param {string} what */
  changed(what) {
    if (what === "step") return this.paintStep();
    this.load();
    this.paintChoices();
  }

  paintChoices() {
    this.layer.selectedIndex = this.store.layer;
    this.head.selectedIndex = this.store.head ?? 0;
    const open = this.attention.name;
    for (const button of /** @type {any} */ (this.sites.children)) {
      button.setAttribute("aria-pressed", String(button.dataset.choice === open));
    }
  }

  paint() {
    this.paintChoices();
    if (!this.shown || !this.width) return;
    this.body.hidden = false;
    const { header, arrays } = this.shown;
    const { theme, attention, tokens } = this;
    const [k, v] = ["k", "v"].map((letter) => arrays[`${attention.name}_${letter}`].values);
    const limit = Math.max(largest(k), largest(v));
    const head = `layer ${header.layer + 1}, head ${header.head + 1}`;
    this.rows.draw({
      name: `${capital(attention.label)}, ${head}: keys and values of ${tokens.length} tokens`,
      tokens, k, v, limit, theme,
      features: header.sizes.d_head,
      layers: header.sizes.n_layers,
      layer: header.layer,
      colours: { k: theme.roles.key, v: theme.roles.value },
      width: this.left.clientWidth,
      height: roomFor(this.width),
    });
    const background = `linear-gradient(90deg, ${theme.signedStops.join(", ")})`;
    const bar = el("span", { class: "cache-scale", style: { background } });
    this.legend.replaceChildren(
      el("span", {}, el("i", { class: "cache-key new" }), "computed now"),
      el("span", {}, el("i", { class: "cache-key again" }), "from the cache"),
      el("span", {}, numberText(-limit), " ", bar, " ", numberText(limit)),
    );
    this.paintStep();
  }

  paintStep() {
    if (!this.shown || !this.width) return;
    const { step, steps, attention: { back } } = this;
    this.title.textContent = `Step ${step + 1} of ${steps}`;
    this.back.setAttribute("aria-disabled", String(step === 0));
    this.on.setAttribute("aria-disabled", String(step === steps - 1));
    this.caption.textContent = this.captionText();
    // Of an attention that looks back each step makes one row; of another the first step makes all.
    const state = (/** @type {number} */ row) => ((back ? row === step : step === 0) ? "new" : "re-used");
    this.rows.paint(this.tokens.map((_, row) => (back && row > step ? "" : state(row))));
    this.rows.mark(this.marked, Boolean(this.pinned));
    this.paintSide();
  }

  // What the open step computes, and what it uses again.
  captionText() {
    const { header } = this.shown;
    const { step } = this;
    const { n_layers } = header.sizes;
    const rows = (/** @type {number} */ n) => (n === 1 ? "row 1" : `rows 1 to ${n}`);
    const everywhere = n_layers === 1 ? "in the one layer" : `in all ${n_layers} layers`;
    if (this.attention.back) {
      const made = `Step ${step + 1} reads “${header.reads[step]}” and computes row ${step + 1} ${everywhere}`;
      return step === 0 ? `${made}.` : `${made}; ${rows(step)} ${step === 1 ? "is" : "are"} re-used.`;
    }
    const n = header.source.length;
    if (step === 0) return `Step 1 computes ${rows(n)} from the ${header.once.title}'s memory, ${everywhere}.`;
    return `Step 1 computed ${rows(n)}; step ${step + 1} re-uses ${n === 1 ? "it" : "them all"} and computes none.`;
  }

  paintSide() {
    if (!this.shown || !this.width) return;
    const { header } = this.shown;
    const { times, step, theme, width } = this;
    const most = Math.min(0.3 * roomFor(width), (this.side.node.clientWidth - 226) / 2);
    this.side.draw({ header, times, step, size: width < NARROW ? 150 : Math.max(90, most), theme });
  }

  paintBadge() {
    const { error, badge } = this;
    badge.draw(error === null ? null : { error, what: "" });
    if (error === null) return;
    badge.node.title =
      `All ${this.steps} steps were run one by one; the cache that they kept beside k and v of the one full pass, ` +
      `all layers and heads, every attention: largest |a − b| / max(1, |b|), red beyond ${LIMIT}.`;
  }
}
