// What could be said at the open step: the most probable words as bars, and a field for any other. To choose one
// makes a branch.

import { el, listen } from "../../../shared/dom.js";
import { numberText, weightText } from "../../../shared/numbers.js";

export const LEAST_SHOWN = 0.00005; // what four decimals would show as 0

/** @param {string[]} pieces */
const quoted = (pieces) => pieces.map((piece) => `“${piece}”`).join(" ");

export class Words {
  /**
   * @param {import("../../store.js").Store} store
   * @param {object} told
   * @param {(cursor: any) => void} told.onPoint
   * @param {(ids: number[], said: string) => void} told.onChoose
   * @param {() => string} told.hint what is said while there is nothing else to say
   */
  constructor(store, { onPoint, onChoose, hint }) {
    this.store = store;
    this.onChoose = onChoose;
    this.hint = hint;
    /** @type {import("../../store.js").Word[]} */
    this.candidates = [];
    /** @type {any[]} */
    this.rows = [];
    this.title = el("span", {});
    const heads = [el("span", {}, "rank"), this.title, el("span", {}, "probability"), el("span", {}, "log p (nats)")];
    this.head = el("div", { class: "play-word head", "aria-hidden": "true" }, ...heads);
    const list = { class: "play-words", role: "listbox", tabindex: "0", "aria-label": "Candidates of this step" };
    this.list = el("div", list);
    this.field = el("input", {
      class: "play-field", type: "text", maxlength: "120", placeholder: "another word", autocomplete: "off",
      spellcheck: "false", "aria-label": "Another word or token",
    });
    this.go = el("button", { class: "small play-go", type: "submit" }, "Go on");
    const undo = { class: "small play-undo", type: "button", title: "Take back the newest branch" };
    this.undo = el("button", { ...undo, onclick: () => this.takeBack() }, "Undo branch");
    this.form = el("form", { class: "play-form" }, this.field, this.go, this.undo);
    listen(this.form, {
      submit: (/** @type {Event} */ event) => {
        event.preventDefault();
        this.type();
      },
    });
    this.said = el("p", { class: "play-status", role: "status" });
    this.node = el("section", { class: "play-choices", role: "figure" }, this.head, this.list);
    listen(this.list, {
      pointerover: (/** @type {Event} */ event) => this.at(event, (rank) => onPoint({ on: "word", rank })),
      click: (/** @type {Event} */ event) => this.at(event, (rank) => this.choose(rank)),
    });
  }

  /** @param {any} event @param {(rank: number) => void} tell */
  at(event, tell) {
    const row = event.target.closest("[data-rank]");
    if (row) tell(Number(row.dataset.rank));
  }

  // What the keys do stands in one line, all of it on hover.
  /** @param {string} text */
  say(text) {
    Object.assign(this.said, { textContent: text, title: text });
    this.said.classList.toggle("keys", text === this.hint());
  }

  // The place in the list of the candidates, not the rank: a forced word may be far down.
  /** @param {number} place */
  choose(place) {
    const word = this.candidates[place];
    if (!word) return;
    if (word.taken) this.say(`“${word.token}” is what lane ${this.store.openLane + 1} takes here already.`);
    else this.onChoose([word.id], `Step ${this.store.step + 1} takes “${word.token}”, rank ${word.rank + 1}.`);
  }

  async type() {
    const { step, lane } = this.store;
    const typed = this.field.value;
    if (!typed.trim()) return this.say("Type a word or a mark first.");
    const answer = await this.store.ask("tokenize", { typed, step });
    if (!answer) this.say(this.hint());
    if (!answer || this.store.step !== step || this.store.lane !== lane) return;
    const { ids, pieces } = answer.header;
    this.field.value = "";
    const split = ids.length === 1 ? "is one token" : `was split into ${ids.length} tokens`;
    this.onChoose(ids, `“${typed.trim()}” ${split}: ${quoted(pieces)}.`);
  }

  takeBack() {
    this.store.undo();
    this.say(this.hint());
  }

  draw() {
    const { store } = this;
    this.candidates = store.candidates();
    const { length } = this.candidates;
    const place = `step ${store.step + 1} of lane ${store.openLane + 1}`;
    this.node.setAttribute("aria-label", `The most probable tokens at ${place}`);
    this.title.textContent = `candidate, step ${store.step + 1}`;
    while (this.rows.length < length) this.rows.push(this.row(this.rows.length));
    if (this.list.children.length !== length) this.list.replaceChildren(...this.rows.slice(0, length));
    this.candidates.forEach((word, i) => this.fill(this.rows[i], word));
    this.undo.disabled = store.lanes.length < 2;
    if (!this.said.textContent) this.say(this.hint());
  }

  // The rows share this height; a forced word that is none of the most probable needs one more.
  /** @param {number} height */
  grow(height) {
    const needed = this.store.lanes.map(({ arrays: { cand_ids, ranks } }) => {
      const most = cand_ids.shape[1];
      return most + Number(ranks.values.some((/** @type {number} */ rank) => rank >= most));
    });
    const rows = Math.max(...needed);
    this.list.style.setProperty("--rows", String(rows));
    this.list.style.setProperty("--row", `${Math.min(40, Math.max(19, Math.floor(height / rows)))}px`);
  }

  /** @param {number} place */
  row(place) {
    const parts = ["rank", "token", "track", "prob", "log-prob"].map((name) => el("span", { class: `play-${name}` }));
    parts[2].append(el("span", { class: "play-fill" }));
    const named = { role: "option", id: `decoding-word-${place}`, "data-rank": place };
    return el("div", { class: "play-word", ...named }, ...parts);
  }

  /** @param {any} row @param {import("../../store.js").Word} word */
  fill(row, { id, token, rank, logProb, taken }) {
    const [where, name, track, prob, log] = row.children;
    const probability = Math.exp(logProb);
    where.textContent = String(rank + 1);
    name.textContent = taken ? `▸${token}` : token;
    name.title = token;
    track.firstChild.style.width = `${100 * probability}%`;
    prob.textContent = probability < LEAST_SHOWN ? probability.toExponential(0) : weightText(probability);
    log.textContent = numberText(logProb);
    row.classList.toggle("taken", taken);
    row.dataset.id = id;
    const label = `rank ${rank + 1}: ${token}, probability ${weightText(probability)}${taken ? ", taken" : ""}`;
    row.setAttribute("aria-label", label);
  }

  /** @param {any} cursor */
  point(cursor) {
    const place = cursor?.on === "word" ? cursor.rank : -1;
    this.rows.forEach((row, i) => {
      row.classList.toggle("here", i === place);
      row.setAttribute("aria-selected", String(i === place));
    });
    if (this.rows[place]) this.list.setAttribute("aria-activedescendant", this.rows[place].id);
    else this.list.removeAttribute("aria-activedescendant");
  }
}
