// Step by step: the translation grows token by token; what each step reads, looks at, could say and says; and what if
// it said another word.

import { Badge } from "../../../shared/badge.js";
import { el, focusOn, listen, refill } from "../../../shared/dom.js";
import { digits, hint, LAYERS, LEFT_RIGHT, UP_DOWN, walk } from "../../../shared/keys.js";
import { within } from "../../../shared/store.js";
import { Part } from "../../part.js";
import { check, explain } from "./explain.js";
import { Lanes } from "./lanes.js";
import { StepPicture } from "./picture.js";
import { Transport } from "./transport.js";
import { Words } from "./words.js";

// Heights in pixels: transport, lanes and strip; then what is beside the ribbons in their column, the bars in theirs.
const AROUND = 216;
const BESIDE_RIBBONS = 84;
const BESIDE_BARS = 54;
const LANE = 31;
const NARROW = 700;
const HIGH_WHEN_NARROW = 290;

export class Steps extends Part {
  /** @param {import("../../store.js").Store} store */
  constructor(store) {
    super(store, el("div", { class: "play-part", tabindex: "-1" }));
    this.height = HIGH_WHEN_NARROW;
    const onPoint = (/** @type {any} */ cursor) => this.point(cursor);
    this.transport = new Transport(store);
    this.badge = new Badge();
    const [onOpen, onGreedy] = [this.openLane.bind(this), () => this.goGreedy()];
    this.lanes = new Lanes(store, { onPoint, onOpen, onGreedy });
    this.picture = new StepPicture({ onPoint, onClick: (cursor) => this.pin(cursor) });
    this.words = new Words(store, { onPoint, onChoose: this.choose.bind(this), hint: () => hint(this.keys) });
    this.layers = el("div", { class: "head-buttons", role: "group", "aria-label": "Layer" });
    this.heads = el("div", { class: "head-buttons", role: "group", "aria-label": "Head" });
    const legend = "Blue: read last. Purple: taken. Weights sum to 1 (ribbons drawn from 0.02).";
    const caption = el("p", { class: "note play-caption" }, legend);
    const choices = [el("div", {}, "Layer", this.layers), el("div", {}, "Head", this.heads)];
    const choose = el("div", { class: "play-choose" }, ...choices);
    this.looks = el("section", { class: "play-looks" }, choose, this.picture.node, caption);
    this.node.append(
      el("div", { class: "play-top" }, this.transport.node, this.badge.node),
      this.lanes.node,
      el("div", { class: "play-main" }, this.looks, this.words.node, this.words.form, this.words.said),
    );
    listen(this.node, {
      keyup: (/** @type {any} */ event) => {
        if (event.key === " " && event.target.matches("button")) event.preventDefault();
      },
    });
  }

  // Drawing ------------------------------------------------------------------------------------------------------

  taken() {
    this.transport.stop();
    this.free(false);
    this.words.say("");
  }

  draw() {
    this.drawChoices();
    this.drawLanes();
    this.measure();
    this.drawStep();
  }

  /** @param {string} what */
  changed(what) {
    if (what === "lane") {
      this.drawLanes();
      this.measure();
    }
    if (what === "layer") this.drawChoices();
    if (what === "step") this.lanes.mark();
    this.drawStep();
  }

  drawLanes() {
    this.lanes.draw();
    const what =
      "from the numbers it was sent: each lane's log P (the sum of its steps against what the model summed while it " +
      "translated), the sums of all rows of attention (1), and that probabilities are not above 1";
    this.badge.draw({ error: check(this.store), what });
  }

  drawChoices() {
    const { store } = this;
    const { n_layers, n_heads } = store.header;
    /** @param {string} text @param {string} label @param {boolean} pressed @param {any} change */
    const button = (text, label, pressed, change) => {
      const said = { "aria-pressed": String(pressed), "aria-label": label, "data-choice": label };
      return el("button", { class: "head-choice", ...said, onclick: () => store.choose(change) }, text);
    };
    const numbered = (/** @type {number} */ count, /** @type {"layer" | "head"} */ name) =>
      Array.from({ length: count }, (_, i) =>
        button(String(i + 1), `${name} ${i + 1}`, i === store[name], { [name]: i }),
      );
    const mean = button("mean", "mean of heads", store.head === null, { head: null });
    refill(this.layers, "choice", ...numbered(n_layers, "layer"));
    refill(this.heads, "choice", mean, ...numbered(n_heads, "head"));
  }

  drawStep() {
    const { store, theme } = this;
    const { step, lane, head, layer } = store;
    const { reads, predicts } = lane.header;
    const room = Math.floor(this.looks.clientWidth);
    if (room <= 0) return;
    const heads = `layer ${layer + 1}, ${head === null ? "mean of heads" : `head ${head + 1}`}`;
    const looking = (/** @type {{ name: string }} */ { name }) => ({ name, row: store.weightsRow(name, step) });
    this.picture.drawStep({
      source: store.header.source, reads, predicts, step, room, theme,
      outward: looking(store.outward), backward: looking(store.backward),
      name: `Step ${step + 1} reads ${reads[step]} and takes ${predicts[step]}: its attention, ${heads}`,
      height: this.height, colour: head === null ? theme.roles.query : theme.heads[head % theme.heads.length],
    });
    this.words.draw();
    this.transport.draw();
    this.drawMarks();
  }

  // The picture and the bars take the height that is left on the screen.
  measure() {
    const scrolled = document.querySelector("[data-testid=stMain]")?.scrollTop ?? 0;
    const more = Math.min(Math.max(this.store.lanes.length - 2, 0), 2);
    const room = window.innerHeight - this.node.getBoundingClientRect().top - scrolled - AROUND - LANE * more;
    const high = Math.min(440, Math.max(140, room - BESIDE_RIBBONS));
    this.height = this.node.clientWidth < NARROW ? HIGH_WHEN_NARROW : high;
    this.words.grow(room - BESIDE_BARS);
  }

  drawMarks() {
    this.picture.point(this.cursor, this.pinned);
    this.words.point(this.cursor);
    this.node.classList.toggle("play-pinned", this.pinned);
  }

  // The cursor ---------------------------------------------------------------------------------------------------

  explain() {
    return explain(this.store, this.cursor);
  }

  /** @param {any} cursor */
  point(cursor, isKey = false) {
    if (this.pinned && !isKey) return;
    this.cursor = cursor;
    if (isKey) this.pinned = false;
    this.drawMarks();
    this.store.changed("cursor");
  }

  /** @param {any} cursor */
  pin(cursor) {
    this.pinned = false;
    this.point(cursor);
    this.pinned = true;
    this.drawMarks();
  }

  free(tell = true) {
    this.cursor = null;
    this.pinned = false;
    if (!tell) return;
    this.drawMarks();
    this.store.changed("cursor");
  }

  // Choices ------------------------------------------------------------------------------------------------------

  /** @param {number} lane @param {number} [step] */
  openLane(lane, step) {
    const { store } = this;
    this.transport.stop();
    if (lane !== store.openLane) store.openOf(lane, step);
    else if (step !== undefined) store.open(step);
  }

  /** @param {number[]} ids @param {string} text */
  async choose(ids, text) {
    const { store } = this;
    this.transport.stop();
    this.free();
    this.words.say("…");
    const worked = await store.branch(store.step, ids);
    this.words.say(worked ? text : "");
    this.words.draw();
  }

  // The most probable token where greedy parts from the beam's translation, and on from there: a branch like any other.
  goGreedy() {
    const { ids, parts } = this.store.header.greedy;
    this.store.open(parts);
    const said = `Step ${parts + 1} takes the most probable token, and so do all that follow: greedy.`;
    return this.choose([ids[parts]], said);
  }

  // Where the arrows stand among the candidates: at the word that is taken, if nowhere.
  get place() {
    const { cursor, words: { candidates } } = this;
    if (cursor?.on === "word") return Math.min(cursor.rank, candidates.length - 1);
    return candidates.findIndex(({ taken }) => taken);
  }

  // ↑ to the source's ribbons, ↓ to those of what was read, ← → along them.
  /** @param {string} on @param {number} by */
  lookAt(on, by) {
    const isBack = on === this.store.backward.name;
    const last = isBack ? this.store.step : this.store.header.source.length - 1;
    const first = isBack ? last : 0;
    const from = this.cursor?.on === on ? this.cursor.column + by : first;
    this.point({ on, column: within(from, last + 1) }, true);
  }

  // To another word among the candidates.
  /** @param {number} by */
  chooseWord(by) {
    const { words } = this;
    const rank = within(this.place + by, words.candidates.length);
    focusOn(words.list);
    this.point({ on: "word", rank }, true);
  }

  enter() {
    if (this.cursor?.on === "word") this.words.choose(this.place);
    else if (this.cursor) this.pin(this.cursor);
  }

  get keys() {
    const { store, transport } = this;
    const [outward, backward] = [store.outward.name, store.backward.name];
    const ribbon = this.cursor?.on === backward ? backward : outward;
    const shifted = { shift: true, says: "" };
    const steps = { moves: "step", says: "Home, End: first, last" };
    return [
      { key: "ArrowUp", moves: "on", ...shifted, act: () => this.lookAt(outward, 0) },
      { key: "ArrowDown", moves: "on", ...shifted, act: () => this.lookAt(backward, 0) },
      ...walk(LEFT_RIGHT, "column", (by) => this.lookAt(ribbon, by), shifted),
      ...walk(LEFT_RIGHT, "step", (by) => transport.by(by), { says: "← → step (Shift + arrows point)" }),
      ...walk(UP_DOWN, "rank", (by) => this.chooseWord(by), { says: "↑ ↓ Enter choose" }),
      { key: "Home", ...steps, act: () => transport.to(0) },
      { key: "End", ...steps, act: () => transport.to(store.steps - 1) },
      { key: " ", moves: "playing", says: "Space plays", act: () => transport.toggle() },
      { key: "Enter", moves: "pinned", on: ":not(button)", says: "Enter pins", act: () => this.enter() },
      { key: "Escape", moves: "pinned", says: "Esc frees", act: () => this.free() },
      ...walk(LAYERS, "layer", (by) => store.choose({ layer: store.layer + by }), { says: "Page keys: layer" }),
      ...digits(store.header.n_heads, "head", (head) => store.choose({ head }), "digits: head, 0 their mean", true),
    ];
  }

  get state() {
    const { cursor, pinned, transport } = this;
    return { ...cursor, pinned, playing: transport.isPlaying };
  }

  closed() {
    this.transport.stop();
  }
}
