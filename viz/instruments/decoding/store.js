// What all parts of the instrument share: the lanes (the translation and its branches), the open step, layer and head, the open tab.
// Parts subscribe; nothing here draws.

import { readLink, Teller, wholeNumber, writeLink } from "../shared/link.js";
import { unpack } from "../shared/transport.js";

export const within = (value, limit) => Math.min(Math.max(value, 0), limit - 1);
export const MOST_BRANCHES = 6;
const READABLE = /^[0-9]+(\.[0-9]+)*(_[0-9]+(\.[0-9]+)*)*$/;

export class Store {
  constructor(parts) {
    this.parts = parts;
    this.listeners = new Set();
    this.teller = new Teller();
    this.fetched = new Map();
    this.lanes = [];
    this.trouble = null;
    this.layer = null;
    this.head = null; // null: the mean of the layer's heads
    this.tab = parts[0];
    this.step = 0;
    this.openLane = 0;
  }

  // A new sentence (or model, or beam): everything that was fetched for the old one goes.
  take({ header, arrays }) {
    const isFirst = !this.header;
    this.header = header;
    this.fetched.clear();
    this.trouble = null;
    this.lanes = [{ header, arrays, forced: [] }];
    this.openLane = 0;
    this.layer = within(this.layer ?? Math.floor(header.n_layers / 2), header.n_layers);
    if (this.head !== null) this.head = within(this.head, header.n_heads);
    if (isFirst) this.restore();
    else this.say({ forced: null, branch: null });
    this.step = within(this.step, this.steps);
    this.changed("sentence");
  }

  changed(what) {
    for (const listener of this.listeners) listener(what);
  }

  // The link -----------------------------------------------------------------------------------------------------

  say(link) {
    this.teller.say({ place: "decoding", ...link });
  }

  number(link, name, otherwise) {
    return wholeNumber(link[name] ?? "") ?? otherwise;
  }

  restore() {
    const link = readLink();
    if (this.parts.includes(link.tab)) this.tab = link.tab;
    this.layer = within(this.number(link, "layer", this.layer + 1) - 1, this.header.n_layers);
    const head = this.number(link, "head", 0);
    this.head = link.head === undefined || head < 1 ? null : within(head - 1, this.header.n_heads);
    this.step = Math.max(0, this.number(link, "step", 1) - 1);
    if (READABLE.test(link.forced ?? "")) this.restoreLanes(link.forced.split("_"), this.number(link, "branch", 1) - 1);
  }

  // Another view may choose a step or a layer, by the link.
  follow() {
    if (!this.header) return;
    const link = readLink();
    if (link.place !== "decoding") return;
    const layer = within(this.number(link, "layer", this.layer + 1) - 1, this.header.n_layers);
    if (layer !== this.layer) {
      this.layer = layer;
      this.changed("layer");
    }
    const step = within(this.number(link, "step", this.step + 1) - 1, this.steps);
    if (step !== this.step) this.open(step);
  }

  // Steps, layers, tabs ------------------------------------------------------------------------------------------

  get lane() {
    return this.lanes[this.openLane];
  }

  get steps() {
    return this.lane.header.reads.length;
  }

  token(id, lane = this.lane) {
    return lane.header.tokens[id] ?? this.header.tokens[id] ?? `token ${id}`;
  }

  // `isPlaying`: the link says the step, but the server hears nothing until it stops.
  open(step, isPlaying = false) {
    const next = within(step, this.steps);
    if (next === this.step) return;
    this.step = next;
    if (isPlaying) writeLink({ place: "decoding", step: next + 1 });
    else this.say({ step: next + 1 });
    this.changed("step");
  }

  choose({ layer = this.layer, head = this.head }) {
    this.layer = within(layer, this.header.n_layers);
    this.head = head === null ? null : within(head, this.header.n_heads);
    this.say({ layer: this.layer + 1, head: this.head === null ? null : this.head + 1 });
    this.changed("layer");
  }

  show(tab) {
    if (tab === this.tab) return;
    this.tab = tab;
    this.say({ tab });
    this.changed("tab");
  }

  // Row `row` (query) of the weights `name` ("cross" or "own") of a lane: of the chosen head, or the mean over the layer's heads.
  weightsRow(name, row, lane = this.lane, layer = this.layer, head = this.head) {
    const { values, shape } = lane.arrays[name];
    const [, heads, rows, keys] = shape;
    const at = (h) => ((layer * heads + h) * rows + row) * keys;
    if (head !== null) return values.subarray(at(head), at(head) + keys);
    const mean = new Float32Array(keys);
    for (let key = 0; key < keys; key++) {
      let sum = 0;
      for (let h = 0; h < heads; h++) sum += values[at(h) + key];
      mean[key] = sum / heads;
    }
    return mean;
  }

  // The candidates of a step: [{ id, token, logProb, rank, taken }], most probable first; the token taken comes last if it is none of them.
  candidates(step = this.step, lane = this.lane) {
    const { cand_ids, cand_log_probs, ids, log_probs, ranks } = lane.arrays;
    const most = cand_ids.shape[1];
    const found = Array.from(cand_ids.values.subarray(step * most, (step + 1) * most), (id, rank) => ({ id, rank, logProb: cand_log_probs.values[step * most + rank] }));
    const taken = ids.values[step];
    if (!found.some(({ id }) => id === taken)) found.push({ id: taken, rank: ranks.values[step], logProb: log_probs.values[step] });
    return found.map((word) => ({ ...word, token: this.token(word.id, lane), taken: word.id === taken }));
  }

  // log P of a lane's first `steps` tokens (all without it), in nats.
  logProb(lane = this.lane, steps = lane.header.reads.length) {
    return lane.arrays.log_probs.values.subarray(0, steps).reduce((sum, value) => sum + value, 0);
  }

  // Branches -----------------------------------------------------------------------------------------------------

  // Open another lane; the step stays, within its length.
  openOf(lane) {
    if (lane === this.openLane || !this.lanes[lane]) return;
    this.openLane = lane;
    this.step = within(this.step, this.steps);
    this.tellLanes();
    this.changed("lane");
  }

  tellLanes() {
    const forced = this.lanes.slice(1).map((lane) => lane.forced.join(".")).join("_");
    this.say({ forced: forced || null, branch: forced ? this.openLane + 1 : null, step: this.step + 1 });
  }

  // The first step at which a lane says something else than every lane above it; of the first lane: null.
  parting(index) {
    const { values } = this.lanes[index].arrays.ids;
    const shared = this.lanes.slice(0, index).map((lane) => {
      const apart = values.findIndex((id, i) => lane.arrays.ids.values[i] !== id);
      return apart < 0 ? values.length : apart;
    });
    return index === 0 ? null : Math.min(Math.max(...shared), values.length - 1);
  }

  // The open lane up to `step`, then the ids `instead`, then what the model says. Resolves to false where that did not work.
  async branch(step, instead) {
    const begins = (lane, ids) => ids.every((id, i) => lane.arrays.ids.values[i] === id);
    const forced = [...this.lane.arrays.ids.values.subarray(0, step), ...instead];
    if (begins(this.lane, forced)) return true;
    const isGreedy = (lane) => lane !== this.lanes[0] || this.header.beam === 1;
    const same = this.lanes.findIndex((lane) => isGreedy(lane) && lane.forced.length <= forced.length && begins(lane, forced));
    if (same >= 0) {
      this.step = step;
      this.openOf(same);
      return true;
    }
    const lane = await this.lanePart(forced);
    if (!lane) return false;
    const place = this.join(lane);
    if (place === null) {
      this.setTrouble(`${MOST_BRANCHES} branches are the most that fit here: undo one first.`);
      return false;
    }
    this.openLane = place;
    this.step = within(step, this.steps);
    this.tellLanes();
    this.changed("lane");
    return true;
  }

  // Where a lane stands: as the last, or at the lane that says the same, which came meanwhile or began otherwise; null: no room.
  join(lane) {
    const ids = lane.arrays.ids.values;
    const isEqual = ({ values }) => values.length === ids.length && values.every((id, i) => id === ids[i]);
    const same = this.lanes.findIndex((each) => isEqual(each.arrays.ids));
    if (same >= 0) return same;
    return this.lanes.length > MOST_BRANCHES ? null : this.lanes.push(lane) - 1;
  }

  // Take back the newest branch.
  undo() {
    if (this.lanes.length < 2) return;
    this.setTrouble(null);
    this.lanes.pop();
    this.openLane = Math.min(this.openLane, this.lanes.length - 1);
    this.step = within(this.step, this.steps);
    this.tellLanes();
    this.changed("lane");
  }

  async lanePart(forced) {
    const answer = await this.fetch("branch", { forced: forced.join(".") });
    return answer && { ...answer, forced: answer.header.forced };
  }

  async restoreLanes(texts, open) {
    const { header, step } = this;
    const found = [];
    let told = null;
    for (const text of texts.slice(0, MOST_BRANCHES)) {
      const lane = await this.lanePart(text.split(".").map(Number));
      if (this.header !== header) return;
      if (lane) found.push(lane);
      else told ??= this.trouble;
    }
    const places = [0, ...found.map((lane) => this.join(lane))];
    if (new Set(places).size < places.length) told ??= "Those that say the same are one.";
    this.openLane = places[within(open, places.length)] ?? 0;
    this.step = within(Math.max(step, this.step), this.steps);
    if (this.lanes.length <= texts.length) this.tellLanes();
    this.changed("lane");
    if (texts.length > MOST_BRANCHES) told ??= `${MOST_BRANCHES} branches are the most that fit here.`;
    if (told) this.setTrouble(`The link's branches did not all open. ${told}`);
  }

  // Numbers by route ---------------------------------------------------------------------------------------------

  // { header, arrays } of a part, asked for once; null where it did not come (then `trouble` says why in a sentence).
  async fetch(part, asked = {}) {
    const { header } = this;
    const url = new URL(`numbers/decoding/${part}`, document.baseURI);
    for (const [name, value] of Object.entries({ ...header.request, ...asked })) url.searchParams.set(name, value);
    if (!this.fetched.has(url.href)) this.fetched.set(url.href, this.ask(url.href));
    const answer = await this.fetched.get(url.href);
    if (this.header !== header) return null;
    if (!answer.trouble) {
      this.setTrouble(null);
      return answer;
    }
    this.fetched.delete(url.href);
    this.setTrouble(answer.trouble);
    return null;
  }

  // What makes no sense is refused: status 400 and a sentence.
  async ask(href) {
    try {
      const answer = await fetch(href);
      if (answer.status === 400) return { trouble: await answer.text() };
      if (!answer.ok) throw new Error(answer.statusText);
      return unpack(new Uint8Array(await answer.arrayBuffer()));
    } catch {
      return { trouble: "These numbers did not arrive. Try again, or reload the page." };
    }
  }

  setTrouble(trouble) {
    if (trouble === this.trouble) return;
    this.trouble = trouble;
    this.changed("trouble");
  }
}
