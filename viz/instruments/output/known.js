// What is known of the open step: what was sent, logits as they arrive, and what follows from them (store.js chooses).

import { dot, largestError } from "../shared/maths.js";
import { Store as Common } from "../shared/store.js";
import { bars, contributions, directions, sum } from "./direct.js";
import { exps, OWN, ranked, sample, softmax } from "./sampling.js";

export class Known extends Common {
  constructor() {
    super("output");
    this.step = 0;
    this.knobs = { ...OWN };
    this.grouping = "blocks";
    /** @type {number | null} whose logit is taken apart; null: of the word that the translation takes */
    this.wordId = null;
    // What is worked out from others and kept while they are the same: name → { of, value }.
    this.kept = {};
  }

  // What was sent ------------------------------------------------------------------------------------------------

  token(id) {
    return this.header.tokens[id] ?? `token ${id}`;
  }

  get steps() {
    return this.header.reads.length;
  }

  // Row `row` of an array, over all axes but the last.
  rowOf(name, row) {
    const { values, shape } = this.arrays[name];
    const width = shape[shape.length - 1];
    return values.subarray(row * width, (row + 1) * width);
  }

  get lastState() {
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
      const { own } = this;
      const rank = own ? own.order.indexOf(this.chosenId) : null;
      const [logit, prob] = [chosen_logits, chosen_probs].map(({ values }) => values[this.step]);
      found.push({ id: this.chosenId, logit, prob, mass: own ? own.massTo(rank) : NaN, rank });
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
    return this.numbers.peek("logits", { step: this.step });
  }

  // All logits of a cell of the lens; null unless they were asked for and are here.
  lensLogits({ layer, position }) {
    return this.numbers.peek("logits", { step: position, layer });
  }

  // What each part wrote into the stream at the open step, and the norms it passes; null until they are here.
  get written() {
    return this.numbers.peek("contributions", { step: this.step });
  }

  digest({ logits: { values: logits }, ids: { values: ids }, vectors: { values: vectors } }) {
    const { d_model } = this.header;
    const vectorOf = (id) => {
      const at = ids.indexOf(id);
      return at < 0 ? null : vectors.subarray(at * d_model, (at + 1) * d_model);
    };
    const order = ranked(logits);
    const { values, highest, sum: all } = exps(logits);
    const massTo = (rank) => order.subarray(0, rank + 1).reduce((mass, id) => mass + values[id] / all, 0);
    return { logits, order, exps: values, highest, sum: all, vectorOf, massTo };
  }

  // `value()`, made anew only where something of `of` is another.
  once(name, of, value) {
    const before = this.kept[name];
    if (!before?.of.every((each, i) => each === of[i])) this.kept[name] = { of, value: value() };
    return this.kept[name].value;
  }

  // Who added what ---------------------------------------------------------------------------------------------

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
    const { header, grouping } = this;
    /** @type {any[]} */
    const candidates = this.candidates;
    const word = candidates.find(({ id }) => id === this.wordId) ?? candidates.find(({ taken }) => taken);
    return this.once("added", [header, this.step, word.id, grouping, this.own, this.written], () => {
      const none = () => new Float64Array(header.parts.length).fill(NaN);
      const values = word.taken ? this.rowOf("contributions", this.step) : (this.recomputed(word.id) ?? none());
      const heads = () => header.parts.map((part, p) => ({ ...part, members: [p] }));
      return { word, values, bars: bars(grouping === "heads" ? heads() : header.blocks, values) };
    });
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

  // What if ----------------------------------------------------------------------------------------------------

  get whatIf() {
    return Object.keys(OWN).some((name) => this.knobs[name] !== OWN[name]);
  }

  // The choice under the knobs; null while there are no logits, or no knob is turned.
  get sampled() {
    const { own, knobs } = this;
    if (!this.whatIf || !own) return null;
    return this.once("sampled", [own, knobs], () => sample(own.logits, own.order, knobs));
  }

  // Largest error of what is computed here against what the model gave: states · E, and softmax of all logits.
  check() {
    const { own, lastState, header } = this;
    if (!own) return null;
    const [ids, logits, probs] = ["ids", "logits", "probs"].map((name) => this.rowOf(name, this.step));
    const all = softmax(own.logits);
    const product = (vector) => (vector ? dot(lastState, 0, vector, 0, lastState.length) : NaN);
    const sent = this.rowOf("contributions", this.step);
    const added = this.recomputed(this.chosenId);
    const error = Math.max(
      largestError([sum(sent)], [this.arrays.chosen_logits.values[this.step]]),
      added ? largestError(added, sent) : 0,
      largestError(Array.from(ids, (id) => product(own.vectorOf(id))), logits),
      largestError(Array.from(ids, (id) => own.logits[id]), logits),
      largestError(Array.from(ids, (id) => all[id]), probs),
    );
    const parts = `${header.parts.length} direct contributions to the logit of the word that is taken`;
    const logitsSaid = `the ${ids.length} logits from the last state and the words' vectors`;
    const probsSaid = `their probabilities as the softmax of all ${header.vocab} logits`;
    const each = added ? ", each recomputed from what its block wrote" : "";
    return { error, what: `${logitsSaid}, and ${probsSaid}, and added up the ${parts}${each}` };
  }
}
