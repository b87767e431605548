// The live model with other positions: what it says then. What changes in its attention: compare.js.

import { activeIn, el, focusOn, listen } from "../shared/dom.js";
import { LEFT_RIGHT, pinning, UP_DOWN, walk } from "../shared/keys.js";
import { numberText } from "../shared/numbers.js";
import { Compare } from "./compare.js";
import { ORIGINAL } from "./runs.js";

const SAME = 1e-4;
const COLUMNS = ["Run", "The model read", "It says (log-probability of each token)", "log P"];

// "sentence" for a number that repeats: the same ids, and log-probabilities closer than this.
const isSame = (a, b) => a.ids.join() === b.ids.join() && Math.abs(a.log_prob - b.log_prob) < SAME;

// What a pair of sentences teaches, from four headers of runs: both as they are, then both without positions.
/** @param {any[]} four */
export function lessonOf([onA, onB, offA, offB]) {
  const isOne = isSame(onA.translation, onB.translation);
  const pairSays = isOne ? "the two are already the same to this model" : "the model tells the two apart";
  const logs = [offA, offB].map(({ translation }) => numberText(translation.log_prob));
  const tokens = [offA, offB].map(({ read }) => JSON.stringify([...read].sort()));
  let rest = "Without them it still does: the two sentences are not made of the same tokens.";
  if (isSame(offA.translation, offB.translation)) {
    rest =
      `Without them they are one and the same bag of words: “${offA.translation.text}” for both, ` +
      `log P ${logs[0]} for both.`;
  } else if (tokens[0] === tokens[1]) {
    rest =
      "The same tokens in another order should then be one, and are not: " +
      `log P ${logs.join(" and ")} without positions.`;
  }
  return `With positions ${pairSays}. ${rest}`;
}

export class Experiments {
  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this.store = store;
    this.shift = el("input", {
      type: "number", step: "1", value: "10", class: "number", "aria-label": "Shift by how many positions",
    });
    this.controls = el("div", { class: "controls", role: "group", "aria-label": "Experiments" });
    this.pair = el("div", { class: "controls", role: "group", "aria-label": "Sentences beside" });
    this.body = el("tbody");
    const head = el("thead", {}, el("tr", {}, ...COLUMNS.map((name) => el("th", { scope: "col" }, name))));
    const label = "The original and each experiment";
    const table = el("table", { class: "runs", "aria-label": label }, head, this.body);
    this.lesson = el("p", { class: "lesson", role: "status" });
    this.compare = new Compare(store);
    this.node = el(
      "div",
      { class: "view experiments" },
      this.controls,
      this.pair,
      this.lesson,
      el("div", { class: "table-box" }, table),
      this.compare.node,
    );
    listen(this.shift, { keydown: (event) => event.key === "Enter" && this.shiftBy() });
  }

  get keys() {
    const { store } = this;
    const onMap = { on: ".matrix", says: "on a map arrows move the cursor" };
    const onGrid = { on: ".tv", says: "on the grid of heads arrows choose a head" };
    const open = (name) => (by) => store.openHead({ [name]: store.cursor[name] + by });
    return [
      ...walk(UP_DOWN, "layer", open("layer"), onGrid),
      ...walk(LEFT_RIGHT, "head", open("head"), onGrid),
      ...walk(UP_DOWN, "row", (by) => store.walk("row", by), onMap),
      ...walk(LEFT_RIGHT, "column", (by) => store.walk("column", by), onMap),
      ...pinning(store, ".matrix"),
    ];
  }

  draw(theme, width) {
    Object.assign(this.compare, { theme, width });
    this.drawRuns();
  }

  // Controls ---------------------------------------------------------------------------------------------------

  // `refused`: why the model cannot take it.
  /**
   * @param {string} label @param {() => void} act
   * @param {{ refused?: string | null, isDone?: boolean }} [how]
   */
  button(label, act, { refused = null, isDone = false } = {}) {
    const how = { disabled: refused ? "" : null, title: refused, "aria-pressed": isDone ? "true" : null };
    return el("button", { class: "small", ...how, onclick: act }, label);
  }

  // The experiment of a key.
  performing(label, key, refused) {
    const { runs } = this.store;
    return this.button(label, () => runs.perform(key), { refused, isDone: Boolean(runs.find(key)) });
  }

  shiftBy() {
    const { header, runs } = this.store;
    const most = header.longest_shift;
    const k = Math.min(Math.max(Math.round(Number(this.shift.value) || 0), -most), most);
    this.shift.value = String(k);
    if (k && !header.refused.shift) runs.perform(`shift.${k}`);
  }

  drawControls() {
    const { header, runs } = this.store;
    const { refused, bases, base: own, n_words, longest_shift: most } = header;
    const tooFew = n_words < 2 ? "There are no two words to shuffle." : null;
    const active = activeIn(this.node);
    const focused = active?.textContent;
    Object.assign(this.shift, { min: String(-most), max: String(most), disabled: Boolean(refused.shift) });
    const shift = this.button("Shift by", () => this.shiftBy(), { refused: refused.shift });
    const others = bases.map((base) => this.performing(base.toLocaleString("en"), `base.${base}`, refused.base));
    this.controls.replaceChildren(
      this.performing("Positions off", "off", refused.off),
      this.button("Shuffle the words", () => runs.shuffle("shuffle"), { refused: tooFew }),
      this.button("Off and shuffled", () => runs.shuffle("offshuffle"), { refused: refused.off ?? tooFew }),
      el("span", { class: "together" }, shift, this.shift),
      el("span", { class: "together" }, el("span", {}, `Wavelength base, not ${own.toLocaleString("en")}:`), ...others),
    );
    this.drawPair();
    if (active === this.shift) focusOn(this.shift);
    else if (focused) this.focus(focused);
  }

  focus(label) {
    focusOn([...this.node.querySelectorAll("button")].find((button) => button.textContent === label));
  }

  // The sentences to put beside, and why some experiments are refused.
  drawPair() {
    const { header, runs } = this.store;
    const { pair, refused } = header;
    const pressed = (text) => String(runs.texts.includes(text));
    const texts = pair.map((text) =>
      el("button", { class: "small", "aria-pressed": pressed(text), onclick: () => runs.put(text) }, text),
    );
    const clear = runs.asked.length > 1 ? [this.button("Clear the table", () => runs.clear())] : [];
    this.pair.replaceChildren(...(texts.length ? [el("span", {}, "The same with:"), ...texts] : []), ...clear);
    const reasons = [...new Set([refused.off, refused.shift, refused.base].filter(Boolean))];
    if (reasons.length) this.pair.append(el("span", { class: "note" }, reasons.join(" ")));
  }

  // The table --------------------------------------------------------------------------------------------------

  drawRuns() {
    const { rows } = this.store.runs;
    this.drawControls();
    this.body.replaceChildren(...rows.map((row, n) => this.row(row, rows.slice(0, n))));
    this.drawLesson();
    this.compare.draw();
  }

  row(row, before) {
    const { runs } = this.store;
    const { experiment, text } = row;
    const isChosen = runs.isChosen(row);
    const choose = { "aria-pressed": String(isChosen), onclick: () => runs.choose(experiment, text) };
    const name =
      experiment === ORIGINAL
        ? el("span", {}, experiment.label)
        : el("button", { class: "head-choice", ...choose }, experiment.label);
    const header = runs.run(experiment, text)?.header;
    const cells = header ? this.cells(row, header, before) : [this.waiting(row)];
    const properties = { class: isChosen ? "chosen" : "", "data-run": experiment.key, "data-text": text };
    return el("tr", properties, el("th", { scope: "row" }, name), ...cells);
  }

  waiting({ experiment, text }) {
    const { runs } = this.store;
    const trouble = runs.trouble(experiment, text);
    const said = `${runs.texts.length > 1 ? `${text} ` : ""}${trouble ?? "…"}`;
    return el("td", { colspan: "3", class: trouble ? "trouble" : "", role: trouble ? "alert" : null }, said);
  }

  cells({ text }, { read, translation }, before) {
    const steps = translation.steps.map(([token, log_prob]) => {
      const prob = el("span", { class: "step-prob" }, numberText(log_prob));
      return el("span", { class: "step" }, el("span", { class: "step-token" }, token), prob);
    });
    return [
      el("td", { class: "read" }, ...read.map((token) => el("span", { class: "read-token" }, token))),
      el(
        "td",
        { class: "says", dir: "auto" },
        el("b", {}, translation.text || "(nothing)"),
        translation.finished ? "" : " … (stopped at its limit)",
        el("div", { class: "run-steps" }, ...steps),
      ),
      el("td", { class: "log-prob" }, numberText(translation.log_prob), this.same(text, translation, before)),
    ];
  }

  // Which run above said just that.
  same(text, translation, before) {
    const { runs } = this.store;
    const said = (row) => runs.run(row.experiment, row.text)?.header.translation;
    const twin = before.find((row) => said(row) && isSame(said(row), translation));
    if (!twin) return "";
    const whose = twin.text === text ? "" : ` of “${twin.text}”`;
    return el("div", { class: "same" }, `same as “${twin.experiment.label}”${whose}`);
  }

  // What the pair teaches, once all four runs are there.
  drawLesson() {
    const { header, runs } = this.store;
    const off = runs.find("off");
    const four = [ORIGINAL, off].flatMap((each) => header.pair.map((text) => runs.run(each, text)?.header));
    const isThere = four.length === 4 && four.every(Boolean);
    this.lesson.hidden = !isThere;
    if (isThere) this.lesson.textContent = lessonOf(four);
  }

  drawCompare() {
    this.compare.draw();
  }

  drawCursor() {
    this.compare.drawCursor();
  }
}
