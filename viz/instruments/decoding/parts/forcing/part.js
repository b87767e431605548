// Teacher forcing above free running: a reference scored step by step, and what the model says by itself.

import { el, listen } from "../../../shared/dom.js";
import { LEFT_RIGHT, UP_DOWN, walk } from "../../../shared/keys.js";
import { sum } from "../../../shared/maths.js";
import { numberText } from "../../../shared/numbers.js";
import { within } from "../../../shared/store.js";
import { Part } from "../../part.js";
import { explanation, lanesOf, passesText } from "./explain.js";
import { bands, VIEWS } from "./lanes.js";

const LONGEST_TYPED = 2000;

export class Forcing extends Part {
  /** @param {import("../../store.js").Store} store */
  constructor(store) {
    super(store, el("div", { class: "forcing-part" }));
    /** @type {string | null} */
    this.typed = null;
    // Whether the box shall show the reference that comes.
    this.reset = true;
    /** @type {any} what was asked last */
    this.asked = null;
    /** @type {any} what came */
    this.answer = null;
    /** @type {any} the header of its sentence */
    this.of = null;
    /** @type {any} */
    this.lanes = null;
    this.view = "loss";
    this.cursor = { what: "loss", step: 0 };
    this.input = el("input", {
      type: "text", class: "forcing-input", "aria-label": "Reference translation", maxlength: LONGEST_TYPED,
      spellcheck: "false", autocomplete: "off",
    });
    // Letters typed here are no keys of the lanes, nor of Streamlit.
    listen(this.input, {
      keydown: (/** @type {KeyboardEvent} */ event) => {
        event.stopPropagation();
        if (event.key === "Enter") this.use(this.input.value);
      },
    });
    this.origin = el("span", { class: "forcing-origin" });
    this.back = el("button", { class: "small", onclick: () => this.use(null) }, "First reference");
    this.views = Object.entries({ loss: "Loss", passes: "One pass = step by step" }).map(([name, title]) =>
      el("button", { class: "head-choice", "data-view": name, onclick: () => this.show(name) }, title),
    );
    this.totals = el("p", { class: "forcing-totals" });
    const label = "Reference and the model's own words, step by step";
    this.lanesNode = el("div", { class: "forcing-lanes", role: "figure", tabindex: "0", "aria-label": label });
    this.caption = el("p", { class: "forcing-caption note", role: "status", "aria-live": "polite" });
    this.node.append(
      el(
        "div",
        { class: "forcing-form" },
        el("label", { class: "forcing-label-of-input" }, el("b", {}, "Reference"), this.input),
        el("button", { class: "small forcing-use", onclick: () => this.use(this.input.value) }, "Score it"),
        this.back,
        this.origin,
        el("span", { class: "forcing-views", role: "group", "aria-label": "What each step shows" }, ...this.views),
      ),
      this.totals,
      this.lanesNode,
      this.caption,
    );
    listen(this.node, {
      pointermove: (/** @type {Event} */ event) => this.at(event, (cursor) => this.point(cursor)),
      click: (/** @type {Event} */ event) => this.at(event, (cursor) => this.pin(cursor)),
    });
  }

  // A reference belongs to its sentence; a new sentence has its own.
  taken() {
    this.typed = null;
    this.reset = true;
  }

  linked() {
    return { reference: this.typed };
  }

  /** @param {import("../../../shared/link.js").Values} values */
  restore({ reference }) {
    this.typed = reference?.slice(0, LONGEST_TYPED) ?? null;
    this.reset = true;
  }

  // A reference that was typed; null: the sentence's first one.
  /** @param {string | null} text */
  use(text) {
    this.typed = text;
    this.reset = true;
    this.fetch();
  }

  // Only the newest question is answered; what cannot be scored leaves the last picture, and `trouble` says why and
  // whose it is.
  async fetch() {
    const { typed } = this;
    const asked = typed === null ? {} : { reference: typed };
    this.asked = asked;
    const answer = await this.store.ask("forcing", asked);
    if (this.asked !== asked) return;
    if (!answer) return this.refused(typed);
    if (answer !== this.answer) this.take(answer);
    else if (this.reset) this.input.value = answer.header.reference;
    if (this.reset) this.store.say();
    this.reset = false;
  }

  /** @param {string | null} typed */
  async refused(typed) {
    const { header, trouble } = this.store;
    if (typed === null || !trouble) return;
    const answer = this.of === header ? this.answer : await this.store.ask("forcing");
    if (!answer || this.store.header !== header) return;
    if (answer !== this.answer) this.take(answer);
    this.typed = answer.header.origin === "typed" ? answer.header.reference : null;
    this.input.value = typed;
    this.store.setTrouble(`${trouble} Shown below: “${answer.header.reference}”.`);
  }

  /** @param {{ header: any, arrays: Record<string, any> }} answer */
  take(answer) {
    this.answer = answer;
    this.of = this.store.header;
    this.lanes = lanesOf(answer);
    this.pinned = false;
    this.cursor = { ...this.cursor, step: within(this.cursor.step, this.lanes.steps) };
    this.input.value = answer.header.reference;
    this.drawLanes();
    this.store.changed("cursor");
  }

  draw() {
    if (this.answer && this.of === this.store.header) this.drawLanes();
    this.fetch();
  }

  changed() {}

  /** @param {string} view */
  show(view) {
    this.view = view;
    const isThere = VIEWS[view].some(([what]) => what === this.cursor.what);
    if (!isThere) this.cursor = { ...this.cursor, what: view === "loss" ? "loss" : "one" };
    this.pinned = false;
    if (this.lanes) this.drawLanes();
    this.store.changed("cursor");
  }

  drawLanes() {
    const { origin, said } = this.answer.header;
    for (const button of this.views) button.setAttribute("aria-pressed", String(button.dataset.view === this.view));
    this.origin.textContent = said;
    this.back.hidden = origin !== "typed";
    this.drawTotals();
    this.lanesNode.replaceChildren(...bands(this.lanes, this.view, this.width));
    this.caption.textContent = this.view === "loss" ? this.partedText() : passesText(this.lanes.reference);
    this.mark();
  }

  drawTotals() {
    const { reference, own } = this.lanes;
    const all = sum(reference.losses);
    const mean = all / reference.losses.length;
    /** @param {string} what @param {string} name @param {number} value @param {string} unit */
    const number = (what, name, value, unit) => {
      const onfocus = () => this.point({ ...this.cursor, what });
      const text = el("b", {}, numberText(value));
      return el("button", { class: "forcing-total", "data-what": what, onfocus }, `${name} `, text, unit);
    };
    this.totals.replaceChildren(
      number("mean", "loss per token", mean, " nats"),
      number("perplexity", "perplexity", Math.exp(mean), ""),
      number("sum", "log P(reference)", -all, " nats"),
      number("own", "log P(its own words)", sum(own.logs), " nats"),
    );
  }

  partedText() {
    const { reference, own, parts } = this.lanes;
    const fed = "Above, each step reads the reference; below, the model's own words, the most probable one each time.";
    const cut = own.finished ? "" : ` The model's own words were stopped after ${own.ids.length} tokens.`;
    if (parts === null) return `${fed} The lanes never part: the model says exactly the reference.${cut}`;
    const [said, instead] = [reference, own].map(({ tokens }) => tokens[parts]).map((token) =>
      token === undefined ? "nothing more" : `“${token}”`,
    );
    const here = `They part at step ${parts + 1}: the reference says ${said}, the model ${instead}`;
    return `${fed} ${here}; from there the lanes read different words.${cut}`;
  }

  // Cursor -------------------------------------------------------------------------------------------------------

  /** @param {any} event @param {(cursor: any) => void} then */
  at({ target }, then) {
    const cell = target.closest("[data-what]");
    if (!cell || !this.lanes) return;
    const { what, step } = cell.dataset;
    then({ what, step: step === undefined ? this.cursor.step : Number(step) });
  }

  mark() {
    for (const cell of /** @type {any} */ (this.node.querySelectorAll("[data-what], .forcing-head"))) {
      const { what, step } = cell.dataset;
      const isStep = step !== undefined && Number(step) === this.cursor.step;
      const isHere = what === this.cursor.what && (step === undefined || isStep);
      cell.classList.toggle("step-here", isStep);
      cell.classList.toggle("here", isHere);
      cell.classList.toggle("pinned", isHere && this.pinned);
    }
  }

  get keys() {
    if (!this.lanes) return [];
    const on = ".forcing-lanes";
    const rows = VIEWS[this.view].map(([what]) => what);
    const { step } = this.cursor;
    const row = Math.max(0, rows.indexOf(this.cursor.what));
    const to = (/** @type {number} */ at) => this.move({ what: rows[row], step: within(at, this.lanes.steps) });
    const down = (/** @type {number} */ by) => this.move({ what: rows[within(row + by, rows.length)], step });
    const ends = { moves: "at", on, says: "Home, End: first, last" };
    return [
      ...walk(LEFT_RIGHT, "at", (by) => to(step + by), { on, says: "← → step" }),
      ...walk(UP_DOWN, "what", down, { on, says: "↑ ↓ number" }),
      { key: "Home", ...ends, act: () => to(0) },
      { key: "End", ...ends, act: () => to(this.lanes.steps - 1) },
      ...this.pinning(on),
    ];
  }

  get state() {
    return { at: this.cursor.step, what: this.cursor.what, pinned: this.pinned };
  }

  explain() {
    return this.lanes ? explanation(this.lanes, this.cursor, this.store.header.vocab) : "…";
  }

  closed() {
    this.store.trouble = null;
  }
}
