// What all parts of the instrument share: the lanes (the translation and its branches), the open step, layer,
// head, tab. A part keeps what is its own, and says and reads its share of the link. Nothing here draws.

import { sum } from "../shared/maths.js";
import { Store as FrameStore, within } from "../shared/store.js";

export const MOST_BRANCHES = 6;
const READABLE = /^[0-9]+(\.[0-9]+)*(_[0-9]+(\.[0-9]+)*)*$/;

/**
 * @typedef {{ header: any, arrays: Record<string, any>, forced: number[] }} Lane
 *   a translation: see lanes.py; `forced`: the ids it was made to begin with
 */
/** @typedef {{ id: number, token: string, rank: number, logProb: number, taken: boolean }} Word */
/** @typedef {{ name: string, title: string, label: string, back: boolean }} Attention `back`: to what was read */

export class Store extends FrameStore {
  /** @param {string[]} tabs the parts' names */
  constructor(tabs) {
    super("decoding");
    this.tabs = tabs;
    /** @type {string | null} */
    this.trouble = null;
    /** @type {Record<string, import("./part.js").Part>} */
    this.parts = {};
    /** @type {Lane[]} */
    this.lanes = [];
    this.tab = tabs[0];
    this.layer = 0;
    /** @type {number | null} null: the mean of the layer's heads */
    this.head = null;
    this.step = 0;
    this.openLane = 0;
  }

  // A new sentence (or model, or beam).
  /** @param {boolean} isFirst */
  taken(isFirst) {
    const { header, arrays } = this;
    this.lanes = [{ header, arrays, forced: [] }];
    this.openLane = 0;
    if (isFirst) this.layer = Math.floor(header.n_layers / 2);
    for (const part of Object.values(this.parts)) part.taken(isFirst);
    this.clamp();
    if (!isFirst) this.say();
  }

  clamp() {
    this.layer = within(this.layer, this.header.n_layers);
    if (this.head !== null) this.head = within(this.head, this.header.n_heads);
    this.step = within(this.step, this.steps);
  }

  // The link -----------------------------------------------------------------------------------------------------

  linked() {
    const { tab, step, layer, head, forced } = this;
    const parts = Object.values(this.parts).map((part) => part.linked());
    return Object.assign({ tab, step, layer, head, forced, branch: forced ? this.openLane : null }, ...parts);
  }

  /** @param {import("../shared/link.js").Values} values */
  restore(values) {
    const { tab, layer, head, step, forced, branch } = values;
    this.tab = tab ?? this.tabs[0];
    this.layer = layer ?? this.layer;
    this.head = head;
    this.step = Math.max(0, step ?? 0);
    for (const part of Object.values(this.parts)) part.restore(values);
    if (forced === this.forced) this.openLane = within(branch ?? 0, this.lanes.length);
    else if (!forced) this.keepFirst();
    else if (READABLE.test(forced)) this.restoreLanes(forced.split("_"), branch ?? 0);
  }

  keepFirst() {
    this.lanes.length = 1;
    this.openLane = 0;
  }

  // The branches as the link says them: "12.7_33.5.9"; null where there is none.
  get forced() {
    return this.lanes.slice(1).map((lane) => lane.forced.join(".")).join("_") || null;
  }

  // Steps, layers, tabs ------------------------------------------------------------------------------------------

  get lane() {
    return this.lanes[this.openLane];
  }

  get steps() {
    return this.lane.header.reads.length;
  }

  /** @param {number} id */
  token(id, lane = this.lane) {
    return lane.header.tokens[id] ?? this.header.tokens[id] ?? `token ${id}`;
  }

  // While it plays, the link says the step, but the server hears nothing until it stops.
  /** @param {number} step */
  open(step, isPlaying = false) {
    const next = within(step, this.steps);
    if (next === this.step) return;
    this.step = next;
    this.say({ quiet: isPlaying });
    this.changed("step");
  }

  /** @param {{ layer?: number, head?: number | null }} change head null: the mean */
  choose({ layer = this.layer, head = this.head }) {
    Object.assign(this, { layer, head });
    this.clamp();
    this.say();
    this.changed("layer");
  }

  /** @param {string} tab */
  show(tab) {
    if (tab === this.tab) return;
    this.tab = tab;
    this.say({ entry: true });
    this.changed("tab");
  }

  // A step's attention to the sentence; its attention back to what was read.
  /** @returns {Attention} */
  get outward() {
    return this.header.attentions.find((/** @type {Attention} */ { back }) => !back);
  }

  /** @returns {Attention} */
  get backward() {
    return this.header.attentions.find((/** @type {Attention} */ { back }) => back);
  }

  /** @param {string | null} name @returns {Attention} that which looks back, where there is none of this name */
  attention(name) {
    return this.header.attentions.find((/** @type {Attention} */ each) => each.name === name) ?? this.backward;
  }

  // Row `row` (query) of an attention's weights in a lane: of the chosen head, or the mean over the layer's heads.
  /** @param {string} name @param {number} row */
  weightsRow(name, row, lane = this.lane, layer = this.layer, head = this.head) {
    const { values, shape } = lane.arrays[name];
    const [, heads, rows, keys] = shape;
    const at = (/** @type {number} */ h) => ((layer * heads + h) * rows + row) * keys;
    if (head !== null) return values.subarray(at(head), at(head) + keys);
    const mean = new Float32Array(keys);
    for (let key = 0; key < keys; key++) {
      let sum = 0;
      for (let h = 0; h < heads; h++) sum += values[at(h) + key];
      mean[key] = sum / heads;
    }
    return mean;
  }

  // The candidates of a step, most probable first; the token taken comes last if it is none of them.
  /** @returns {Word[]} */
  candidates(step = this.step, lane = this.lane) {
    const { cand_ids, cand_log_probs, ids, log_probs, ranks } = lane.arrays;
    const most = cand_ids.shape[1];
    const taken = ids.values[step];
    const word = (/** @type {number} */ id, /** @type {number} */ rank, /** @type {number} */ logProb) =>
      ({ id, rank, logProb, token: this.token(id, lane), taken: id === taken });
    const found = Array.from({ length: most }, (_, rank) =>
      word(cand_ids.values[step * most + rank], rank, cand_log_probs.values[step * most + rank]),
    );
    const isThere = found.some(({ id }) => id === taken);
    return isThere ? found : [...found, word(taken, ranks.values[step], log_probs.values[step])];
  }

  // What a step takes.
  said(step = this.step, lane = this.lane) {
    return /** @type {Word} */ (this.candidates(step, lane).find(({ taken }) => taken));
  }

  // log P of a lane's first `steps` tokens (all without it), in nats.
  logProb(lane = this.lane, steps = lane.header.reads.length) {
    return sum(lane.arrays.log_probs.values.subarray(0, steps));
  }

  // Branches -----------------------------------------------------------------------------------------------------

  // Open another lane; the step stays, within its length.
  /** @param {number} lane */
  openOf(lane, step = this.step) {
    if (!this.lanes[lane]) return;
    this.openLane = lane;
    this.step = within(step, this.steps);
    this.say();
    this.changed("lane");
  }

  // The first step at which a lane says something else than every lane above it; of the first lane: null.
  /** @param {number} index */
  parting(index) {
    const { values } = this.lanes[index].arrays.ids;
    const shared = this.lanes.slice(0, index).map((lane) => {
      const isApart = (/** @type {number} */ id, /** @type {number} */ i) => lane.arrays.ids.values[i] !== id;
      const apart = values.findIndex(isApart);
      return apart < 0 ? values.length : apart;
    });
    return index === 0 ? null : Math.min(Math.max(...shared), values.length - 1);
  }

  // The open lane up to `step`, then the ids `instead`, then what the model says. Resolves to whether that worked.
  /** @param {number} step @param {number[]} instead */
  async branch(step, instead) {
    const begins = (/** @type {Lane} */ { arrays: { ids } }, /** @type {number[]} */ forced) =>
      forced.every((id, i) => ids.values[i] === id);
    const forced = [...this.lane.arrays.ids.values.subarray(0, step), ...instead];
    if (begins(this.lane, forced)) return true;
    const isGreedy = (/** @type {Lane} */ lane) => lane !== this.lanes[0] || this.header.beam === 1;
    const isSame = (/** @type {Lane} */ lane) => lane.forced.length <= forced.length && begins(lane, forced);
    const same = this.lanes.findIndex((lane) => isGreedy(lane) && isSame(lane));
    if (same >= 0) {
      this.openOf(same, step);
      return true;
    }
    const lane = await this.laneOf(forced);
    if (!lane) return false;
    const place = this.join(lane);
    if (place === null) this.setTrouble(`${MOST_BRANCHES} branches are the most that fit here: undo one first.`);
    else this.openOf(place, step);
    return place !== null;
  }

  // Where a lane stands: as the last, or at the one that says the same; null: there is no room.
  /** @param {Lane} lane */
  join(lane) {
    const ids = lane.arrays.ids.values;
    const same = this.lanes.findIndex((each) => each.arrays.ids.values.join() === ids.join());
    if (same >= 0) return same;
    return this.lanes.length > MOST_BRANCHES ? null : this.lanes.push(lane) - 1;
  }

  // Take back the newest branch.
  undo() {
    if (this.lanes.length < 2) return;
    this.setTrouble(null);
    this.lanes.pop();
    this.openOf(Math.min(this.openLane, this.lanes.length - 1));
  }

  /** @param {number[]} forced @returns {Promise<Lane | null>} */
  async laneOf(forced) {
    const answer = await this.ask("branch", { forced: forced.join(".") });
    return answer && { ...answer, forced: answer.header.forced };
  }

  /** @param {string[]} texts @param {number} open */
  async restoreLanes(texts, open) {
    const { header, step } = this;
    this.keepFirst();
    const found = [];
    /** @type {string | null} */
    let told = null;
    for (const text of texts.slice(0, MOST_BRANCHES)) {
      const lane = await this.laneOf(text.split(".").map(Number));
      if (this.header !== header) return;
      if (lane) found.push(lane);
      else told ??= this.trouble;
    }
    const places = [0, ...found.map((lane) => this.join(lane))];
    if (new Set(places).size < places.length) told ??= "Those that say the same are one.";
    this.openLane = places[within(open, places.length)] ?? 0;
    this.step = within(Math.max(step, this.step), this.steps);
    if (this.lanes.length <= texts.length) this.say();
    this.changed("lane");
    if (texts.length > MOST_BRANCHES) told ??= `${MOST_BRANCHES} branches are the most that fit here.`;
    if (told) this.setTrouble(`The link's branches did not all open. ${told}`);
  }

  // Numbers by route ---------------------------------------------------------------------------------------------

  // { header, arrays }; null where it did not come: then `trouble` says why.
  /** @param {string} name @param {Record<string, any>} values */
  async ask(name, values = {}) {
    this.numbers.retry();
    const answer = await this.numbers.ask(name, values);
    if (answer) this.setTrouble(null);
    return answer;
  }

  /** @returns {Record<string, any>} */
  get state() {
    const { tab, step, layer, head } = this;
    return { tab, step, layer, head, lane: this.openLane, ...this.parts[tab].state };
  }
}
