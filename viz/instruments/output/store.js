// What is chosen: step, tab, cursor, what-if knobs, the word and the grouping of its bars; all of it is in the link.

import { within } from "../shared/store.js";
import { Known } from "./known.js";
import { OWN } from "./sampling.js";

const PAUSE_MS = 120;
// What the cursor may stand on in each tab, and what says where there: the link's names, the cursor's.
const ON = { words: ["prob", "logit", "what-if", "state"], layers: ["lens"], added: ["added"] };
const WORD = { rank: "rank" };
const AXES = {
  prob: WORD, logit: WORD, "what-if": WORD, state: { feature: "feature" },
  lens: { lens_layer: "layer", lens_position: "position" }, added: { bar: "bar" },
};
const KNOBS = { output_temperature: "temperature", output_top_k: "topK", output_top_p: "topP" };
const OTHERWISE = "The numbers of this step did not arrive. Choose the step again, or reload the page.";

export class Store extends Known {
  constructor() {
    super();
    this.tab = "words";
    // The cell of the lens whose words are listed.
    this.lensCell = { layer: 0, position: 0 };
    this.logits = { as: (/** @type {any} */ message) => this.digest(message.arrays), otherwise: OTHERWISE };
    this.parts = { as: (/** @type {any} */ message) => message.arrays, otherwise: OTHERWISE };
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }

  // The link ---------------------------------------------------------------------------------------------------

  linked() {
    const { cursor, knobs } = this;
    const axes = Object.entries(AXES[cursor.on]).map(([name, own]) => [name, cursor[own]]);
    const turned = Object.entries(KNOBS).map(([name, own]) => [name, knobs[own] === OWN[own] ? null : knobs[own]]);
    return {
      step: this.step, word: this.wordId,
      output_tab: this.tab === "words" ? null : this.tab, bars: this.grouping === "blocks" ? null : this.grouping,
      ...Object.fromEntries(turned), ...(this.pinned ? { on: cursor.on, ...Object.fromEntries(axes) } : {}),
    };
  }

  restore(said) {
    this.step = within(said.step ?? 0, this.steps);
    this.tab = said.output_tab ?? Object.keys(ON).find((tab) => ON[tab].includes(said.on)) ?? "words";
    this.grouping = said.bars ?? "blocks";
    this.wordId = said.word;
    const turned = Object.entries(KNOBS).map(([name, own]) => [own, said[name] ?? OWN[own]]);
    this.knobs = { ...OWN, ...Object.fromEntries(turned) };
    this.lensCell = this.lastCell();
    this.pinned = ON[this.tab].includes(said.on) && (said.on !== "what-if" || this.whatIf);
    this.cursor = this.start();
    if (!this.pinned) return;
    const axes = Object.entries(AXES[said.on]).filter(([name]) => said[name] !== null);
    this.cursor = { ...this.cursor, on: said.on, ...Object.fromEntries(axes.map(([name, own]) => [own, said[name]])) };
  }

  // Another sentence: what is pinned stays, as near as there is.
  taken(isElsewhere) {
    this.step = within(this.step, this.steps);
    if (!isElsewhere && !this.pinned) {
      this.lensCell = this.lastCell();
      this.cursor = this.start();
    }
  }

  get limits() {
    const { lens, d_model } = this.header;
    const n = this.tab === "added" ? this.added.bars.length : 1;
    return { rank: this.candidates.length, feature: d_model, layer: lens.length, position: this.steps, bar: n };
  }

  get state() {
    const { step, tab, grouping, wordId } = this;
    return { ...super.state, ...this.knobs, step, tab, grouping, wordId };
  }

  // Where the cursor stands when a tab opens: the first word, the lens's last layer, the bar that pushes most.
  start() {
    const bar = this.tab === "added" ? this.largestBar() : 0;
    return { on: ON[this.tab][0], rank: 0, feature: 0, ...this.lensCell, bar };
  }

  lastCell() {
    return { layer: this.header.lens.length - 1, position: this.step };
  }

  // Numbers by route ---------------------------------------------------------------------------------------------

  fetch() {
    clearTimeout(this.timer);
    const { step } = this;
    this.numbers.want("logits", { step }, this.logits);
    if (this.tab === "added") this.numbers.want("contributions", { step }, this.parts);
  }

  // Steps that are only passed by are not asked for.
  fetchSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.fetch(), PAUSE_MS);
  }

  // A cell of the lens that was clicked: its words are listed, and its logits fetched.
  openCell() {
    const { layer, position } = this.cursor;
    this.lensCell = { layer, position };
    this.numbers.want("logits", { step: position, layer }, this.logits);
  }

  changed(what) {
    if (["cursor", "data"].includes(what) && this.pinned && this.cursor.on === "lens") this.openCell();
    super.changed(what);
  }

  // Choosing ---------------------------------------------------------------------------------------------------

  show(tab) {
    if (tab === this.tab) return;
    this.tab = tab;
    this.pinned = false;
    this.cursor = this.start();
    this.changed("tab");
    this.fetch();
    this.say({ entry: true });
  }

  open(step) {
    const next = within(step, this.steps);
    if (next === this.step) return;
    this.step = next;
    this.pinned = false;
    this.wordId = null;
    this.lensCell = this.lastCell();
    this.cursor = this.tab === "words" ? { ...this.cursor, rank: 0 } : this.start();
    this.trouble = null;
    this.numbers.retry();
    this.changed("step");
    this.fetchSoon();
    this.say();
  }

  // One bar a block, or a head; the cursor stays with what it is on.
  group(grouping) {
    const { bars: before, values } = this.added;
    const [member] = [...before[this.cursor.bar].members].sort((a, b) => Math.abs(values[b]) - Math.abs(values[a]));
    this.grouping = grouping;
    const { bars: now } = this.added;
    const bar = member === undefined ? now.length - 1 : now.findIndex(({ members }) => members.includes(member));
    this.cursor = { ...this.cursor, on: "added", bar };
    this.changed("added");
    this.say();
  }

  chooseWord(id) {
    this.wordId = id === this.chosenId ? null : id;
    this.changed("added");
    this.say();
  }

  // The link hears of it when the knob rests.
  turn(knobs) {
    this.knobs = { ...this.knobs, ...knobs };
    if (!this.whatIf && this.cursor.on === "what-if") this.cursor = { ...this.cursor, on: "prob" };
    this.changed("knobs");
  }
}
