// What the instrument knows and what is chosen: the step, the cursor, the what-if knobs, logits as they arrive.
// Views subscribe; nothing here draws.

import { readLink, Teller, wholeNumber } from "../shared/link.js";
import { dot, largestError } from "../shared/maths.js";
import { unpack } from "../shared/transport.js";
import { bars, contributions, directions, sum } from "./direct.js";
import { exps, OWN, ranked, sample, softmax } from "./sampling.js";

const within = (value, limit) => Math.min(Math.max(value, 0), limit - 1);
const PAUSE = 120;
// What the cursor may stand on in each part of the instrument.
const ON = { words: ["prob", "logit", "what-if", "state"], layers: ["lens"], added: ["added"] };

export class Store {
  constructor() {
    this.listeners = new Set();
    this.teller = new Teller();
    this.fetched = new Map();
    this.knobs = { ...OWN };
    this.part = "words";
    this.grouping = "blocks";
    this.trouble = null;
    this.pinned = false;
    this.step = (wholeNumber(readLink().step ?? "") ?? 1) - 1;
  }

  // Another view may choose a step, by the link.
  follow() {
    const step = wholeNumber(readLink().step ?? "");
    if (this.header && step !== null && within(step - 1, this.steps) !== this.step) this.open(step - 1);
  }

  // A new sentence (or model): everything that was fetched for the old one goes.
  take({ header, arrays }) {
    this.header = header;
    this.arrays = arrays;
    this.fetched.clear();
    this.trouble = null;
    this.pinned = false;
    this.step = within(this.step, this.steps);
    this.wordId = null;
    this.lensCell = this.lastCell();
    this.cursor = this.start();
    this.changed("step");
    this.fetchStep();
  }

  changed(what) {
    for (const listener of this.listeners) listener(what);
  }

  token(id) {
    return this.header.tokens[id] ?? `token ${id}`;
  }

  get steps() {
    return this.header.reads.length;
  }

  // Where the cursor stands when a part opens: the first word, the lens's last layer, the bar that pushes most.
  start() {
    const cursor = { on: ON[this.part][0], rank: 0, feature: 0, bar: 0 };
    return { ...cursor, ...this.lensCell, bar: this.part === "added" ? this.largestBar() : 0 };
  }

  lastCell() {
    return { layer: this.header.lens.length - 1, position: this.step };
  }

  // Row `row` of an array, over all axes but the last.
  rowOf(name, row) {
    const { values, shape } = this.arrays[name];
    const width = shape[shape.length - 1];
    return values.subarray(row * width, (row + 1) * width);
  }

  get state() {
    return this.rowOf("states", this.step);
  }

  get chosenId() {
    return this.arrays.chosen.values[this.step];
  }

  // The words drawn as bars, most probable first; the one that the translation takes comes last if it is none of them.
  get candidates() {
    const [ids, logits, probs] = ["ids", "logits", "probs"].map((name) => this.rowOf(name, this.step));
    let mass = 0;
    const found = Array.from(ids, (id, i) => {
      mass += probs[i];
      return { id, logit: logits[i], prob: probs[i], mass, rank: i };
    });
    if (!ids.includes(this.chosenId)) {
      const { chosen_logits, chosen_probs } = this.arrays;
      const own = this.own;
      const rank = own ? own.order.indexOf(this.chosenId) : null;
      found.push({ id: this.chosenId, logit: chosen_logits.values[this.step], prob: chosen_probs.values[this.step], mass: own ? own.massTo(rank) : NaN, rank });
    }
    return found.map((word) => ({ ...word, token: this.token(word.id), taken: word.id === this.chosenId }));
  }

  // The most probable words at a cell of the lens: [{ id, token, prob }].
  lensWords({ layer, position }) {
    const row = layer * this.steps + position;
    const probs = this.rowOf("lens_probs", row);
    return Array.from(this.rowOf("lens_ids", row), (id, i) => ({ id, token: this.token(id), prob: probs[i] }));
  }

  // Numbers by route -------------------------------------------------------------------------------------------

  // All logits of the open step, with what follows from them; null until they are here.
  get own() {
    return this.fetched.get(`${this.step}`) ?? null;
  }

  // All logits of a cell of the lens; null unless they were asked for and are here.
  lensLogits({ layer, position }) {
    return this.fetched.get(`${position}/${layer}`) ?? null;
  }

  // Steps that are only passed by are not asked for.
  fetchSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.fetchStep(), PAUSE);
  }

  fetchStep() {
    this.fetch(`${this.step}`, "logits", { step: this.step });
    if (this.part === "added") this.fetch(`${this.step}/added`, "contributions", { step: this.step });
  }

  fetchLens({ layer, position }) {
    return this.fetch(`${position}/${layer}`, "logits", { step: position, layer });
  }

  async fetch(key, route, asked) {
    if (this.fetched.has(key)) return;
    const header = this.header;
    this.fetched.set(key, null);
    try {
      const url = new URL(`numbers/output/${route}`, document.baseURI);
      for (const [name, value] of Object.entries({ ...header.request, ...asked })) url.searchParams.set(name, value);
      const answer = await fetch(url.href);
      if (!answer.ok) throw new Error(await answer.text());
      const { arrays } = unpack(new Uint8Array(await answer.arrayBuffer()));
      if (this.header !== header) return;
      this.fetched.set(key, route === "logits" ? this.digest(arrays) : arrays);
      this.trouble = null;
    } catch {
      if (this.header !== header) return;
      this.fetched.delete(key);
      this.trouble = "The numbers of this step did not arrive. Choose the step again, or reload the page.";
    }
    this.changed("numbers");
  }

  digest({ logits: { values: logits }, ids: { values: ids }, vectors: { values: vectors } }) {
    const { d_model } = this.header;
    const vectorOf = (id) => {
      const at = ids.indexOf(id);
      return at < 0 ? null : vectors.subarray(at * d_model, (at + 1) * d_model);
    };
    const order = ranked(logits);
    const { values, highest, sum } = exps(logits);
    const massTo = (rank) => order.subarray(0, rank + 1).reduce((mass, id) => mass + values[id] / sum, 0);
    return { logits, order, exps: values, highest, sum, vectorOf, massTo };
  }

  // Who added what ---------------------------------------------------------------------------------------------

  // What each part wrote into the stream at the open step, and the norms it passes; null until they are here.
  get written() {
    return this.fetched.get(`${this.step}/added`) ?? null;
  }

  // E's row of a word, carried back through the norms; null while it is not here.
  carried(id) {
    const row = this.own?.vectorOf(id);
    return row && this.written ? directions(row, this.written.gammas.values, this.written.stds.values) : null;
  }

  // Every part's contribution to a word's logit, computed here; null while the numbers are not here.
  recomputed(id) {
    const carried = this.carried(id);
    return carried && contributions(this.written.terms.values, this.header.parts, carried);
  }

  // { word, values (one a part), bars }: as sent for the word that is taken, computed here for the others.
  get added() {
    const { candidates } = this;
    const taken = candidates.find((word) => word.taken);
    const word = candidates.find(({ id }) => id === this.wordId) ?? taken;
    const of = [this.header, this.step, word.id, this.grouping, this.own, this.written];
    if (this.addedOf?.every((value, i) => value === of[i])) return this.lastAdded;
    const { parts } = this.header;
    const values = word.taken ? this.rowOf("contributions", this.step) : (this.recomputed(word.id) ?? new Float64Array(parts.length).fill(NaN));
    this.addedOf = of;
    this.lastAdded = { word, values, bars: bars(parts, values, this.grouping === "heads") };
    return this.lastAdded;
  }

  // The sum of the bars against the logit.
  sumError() {
    const { values, word } = this.added;
    return largestError([sum(values)], [word.logit]);
  }

  largestBar() {
    const own = this.added.bars.slice(0, -1);
    return own.reduce((best, { value }, i) => (value > own[best].value ? i : best), 0);
  }

  show(part) {
    if (part === this.part) return;
    this.part = part;
    this.pinned = false;
    this.cursor = this.start();
    this.changed("part");
    this.fetchStep();
  }

  group(grouping) {
    const { bars: before, values } = this.added;
    const [member] = [...before[this.cursor.bar].members].sort((a, b) => Math.abs(values[b]) - Math.abs(values[a]));
    this.grouping = grouping;
    const { bars: now } = this.added;
    const at = member === undefined ? now.length - 1 : now.findIndex(({ members }) => members.includes(member));
    this.cursor = { ...this.cursor, on: "added", bar: at };
    this.changed("added");
  }

  chooseWord(id) {
    this.wordId = id;
    this.changed("added");
  }

  // What if ----------------------------------------------------------------------------------------------------

  get whatIf() {
    return Object.keys(OWN).some((name) => this.knobs[name] !== OWN[name]);
  }

  // The choice under the knobs; null while there are no logits, or no knob is turned.
  get sampled() {
    if (!this.whatIf || !this.own) return null;
    if (this.sampledOf !== this.own || this.sampledUnder !== this.knobs) {
      Object.assign(this, { sampledOf: this.own, sampledUnder: this.knobs, lastSampled: sample(this.own.logits, this.own.order, this.knobs) });
    }
    return this.lastSampled;
  }

  turn(knobs) {
    this.knobs = { ...this.knobs, ...knobs };
    if (!this.whatIf && this.cursor.on === "what-if") this.cursor = { ...this.cursor, on: "prob" };
    this.changed("knobs");
  }

  // Largest error of what is computed here against what the model gave: states · E, and softmax of all logits.
  check() {
    const { own, state } = this;
    const [ids, logits, probs] = ["ids", "logits", "probs"].map((name) => this.rowOf(name, this.step));
    const all = softmax(own.logits);
    const products = Array.from(ids, (id) => (own.vectorOf(id) ? dot(state, 0, own.vectorOf(id), 0, state.length) : NaN));
    const sent = this.rowOf("contributions", this.step);
    const added = this.recomputed(this.chosenId);
    const error = Math.max(
      largestError([sum(sent)], [this.arrays.chosen_logits.values[this.step]]),
      added ? largestError(added, sent) : 0,
      largestError(products, logits),
      largestError(Array.from(ids, (id) => own.logits[id]), logits),
      largestError(Array.from(ids, (id) => all[id]), probs),
    );
    return { error, checked: ids.length };
  }

  // Choosing ---------------------------------------------------------------------------------------------------

  open(step) {
    const next = within(step, this.steps);
    if (next === this.step) return;
    this.step = next;
    this.pinned = false;
    this.wordId = null;
    this.lensCell = this.lastCell();
    if (this.part === "words") this.cursor = { ...this.cursor, rank: 0 };
    else this.cursor = this.start();
    this.trouble = null;
    this.changed("step");
    this.fetchSoon();
    this.said();
  }

  bounded(cursor) {
    const { lens, d_model } = this.header;
    const limits = { rank: this.candidates.length, feature: d_model, layer: lens.length, position: this.steps, bar: this.part === "added" ? this.added.bars.length : 1 };
    return Object.fromEntries(Object.entries(cursor).map(([name, value]) => [name, name in limits ? within(value, limits[name]) : value]));
  }

  point(cursor) {
    if (!this.pinned) this.move(cursor);
  }

  move(cursor) {
    const next = this.bounded({ ...this.cursor, ...cursor });
    if (Object.entries(next).every(([name, value]) => this.cursor[name] === value)) return;
    this.cursor = next;
    if (this.pinned && next.on === "lens") this.openCell(next);
    this.changed("cursor");
  }

  pin(cursor) {
    const same = this.pinned && Object.entries(cursor).every(([name, value]) => this.cursor[name] === value);
    this.cursor = this.bounded({ ...this.cursor, ...cursor });
    this.pinned = !same;
    if (this.cursor.on === "lens") this.openCell(this.cursor);
    this.changed("cursor");
  }

  // A cell of the lens that was clicked: its words are listed, and its logits fetched.
  openCell({ layer, position }) {
    this.lensCell = { layer, position };
    this.fetchLens(this.lensCell);
  }

  free() {
    if (!this.pinned) return;
    this.pinned = false;
    this.changed("cursor");
  }

  // The link at once, the server after a pause.
  said() {
    this.teller.say({ place: "output", step: this.step + 1 });
  }
}
