// What could be said at the open step: the most probable words as bars, and a field for any other. Choosing one makes a branch.

import { el, listen } from "../../../shared/dom.js";
import { numberText, weightText } from "../../../shared/numbers.js";

export const LEAST_SHOWN = 0.00005; // what four decimals would show as 0
const READY = "Keys: ← → step · Space plays · ↑ ↓ Enter choose · Shift + arrows point.";
const KEYS = "← → one step, Home first, End last, Space plays · ↑ ↓ a candidate, Enter goes on from it · Shift + arrows point into the picture, Enter pins, Esc frees · 0 mean of heads, 1–9 head · Page Up and Down layer";
const quoted = (pieces) => pieces.map((piece) => `“${piece}”`).join(" ");

export class Words {
  constructor(store, { onPoint, onChoose }) {
    Object.assign(this, { store, onPoint, onChoose });
    this.title = el("span", {});
    this.head = el("div", { class: "play-word head", "aria-hidden": "true" }, el("span", {}, "rank"), this.title, el("span", {}, "probability"), el("span", {}, "log p (nats)"));
    this.list = el("div", { class: "play-words", role: "listbox", tabindex: "0", "aria-label": "Candidates of this step" });
    this.field = el("input", { class: "play-field", type: "text", maxlength: "120", placeholder: "another word", autocomplete: "off", spellcheck: "false", "aria-label": "Another word or token" });
    this.go = el("button", { class: "small play-go", type: "submit" }, "Go on");
    this.undo = el("button", { class: "small play-undo", type: "button", title: "Take back the newest branch", onclick: () => this.takeBack() }, "Undo branch");
    this.form = el("form", { class: "play-form" }, this.field, this.go, this.undo);
    listen(this.form, {
      submit: (event) => {
        event.preventDefault();
        this.type();
      },
    });
    this.said = el("p", { class: "play-status", role: "status", title: KEYS });
    this.node = el("section", { class: "play-choices", role: "figure" }, this.head, this.list);
    listen(this.list, { pointerover: (event) => this.at(event, (rank) => onPoint({ on: "word", rank })) });
    listen(this.list, { click: (event) => this.at(event, (rank) => this.choose(rank)) });
    this.rows = [];
  }

  at(event, tell) {
    const row = event.target.closest("[data-rank]");
    if (row) tell(Number(row.dataset.rank));
  }

  say(text) {
    this.said.textContent = text;
  }

  // The place in the list of the candidates, not the rank: a forced word may be far down.
  choose(place) {
    const word = this.candidates[place];
    if (!word) return;
    if (word.taken) this.say(`“${word.token}” is what lane ${this.store.openLane + 1} takes here already.`);
    else this.onChoose([word.id], `Step ${this.store.step + 1} takes “${word.token}”, rank ${word.rank + 1}.`);
  }

  async type() {
    const { store } = this;
    const [typed, step, lane] = [this.field.value, store.step, store.lane];
    if (!typed.trim()) return this.say("Type a word or a mark first.");
    const answer = await store.ask("tokenize", { typed, step });
    if (!answer) this.say(READY);
    if (!answer || store.step !== step || store.lane !== lane) return;
    const { ids, pieces } = answer.header;
    const text = ids.length === 1 ? `“${typed.trim()}” is one token: ${quoted(pieces)}.` : `“${typed.trim()}” was split into ${ids.length} tokens: ${quoted(pieces)}.`;
    this.field.value = "";
    this.onChoose(ids, text);
  }

  takeBack() {
    this.store.undo();
    this.say(READY);
  }

  draw(theme) {
    const { store } = this;
    this.candidates = store.candidates();
    const { step } = store;
    const place = `step ${step + 1} of lane ${store.openLane + 1}`;
    this.node.setAttribute("aria-label", `The most probable tokens at ${place}`);
    this.title.textContent = `candidate, step ${step + 1}`;
    while (this.rows.length < this.candidates.length) this.rows.push(this.row(this.rows.length));
    if (this.list.children.length !== this.candidates.length) this.list.replaceChildren(...this.rows.slice(0, this.candidates.length));
    this.candidates.forEach((word, i) => this.fill(this.rows[i], word));
    this.undo.disabled = store.lanes.length < 2;
    if (!this.said.textContent) this.say(READY);
  }

  // The rows share this height; a forced word that is none of the most probable needs one more.
  grow(height) {
    const rows = Math.max(...this.store.lanes.map((lane) => lane.arrays.cand_ids.shape[1] + (lane.arrays.ranks.values.some((rank) => rank >= lane.arrays.cand_ids.shape[1]) ? 1 : 0)));
    this.list.style.setProperty("--rows", rows);
    this.list.style.setProperty("--row", `${Math.min(40, Math.max(19, Math.floor(height / rows)))}px`);
  }

  row(place) {
    const parts = ["rank", "token", "track", "prob", "log-prob"].map((name) => el("span", { class: `play-${name}` }));
    parts[2].append(el("span", { class: "play-fill" }));
    return el("div", { class: "play-word", role: "option", id: `decoding-word-${place}`, "data-rank": place }, ...parts);
  }

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
    row.setAttribute("aria-label", `rank ${rank + 1}: ${token}, probability ${weightText(probability)}${taken ? ", taken" : ""}`);
  }

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
