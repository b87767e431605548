// Step by step: the translation grows token by token; what each step reads, looks at, could say and says; and what if it said another word.

import { el, listen } from "../../../shared/dom.js";
import { Lanes } from "./lanes.js";
import { check, explain } from "./explain.js";
import { StepPicture } from "./picture.js";
import { Transport } from "./transport.js";
import { Words } from "./words.js";

const TOLERANCE = 1e-5;
// Heights in pixels: transport, lanes and strip; then what is beside the ribbons in their column, and beside the bars in theirs.
const AROUND = 216;
const BESIDE_RIBBONS = 84;
const BESIDE_BARS = 54;
const LANE = 31;
const NARROW = 700;
const HIGH_WHEN_NARROW = 290;

export class Steps {
  constructor(store) {
    this.store = store;
    this.cursor = null;
    this.pinned = false;
    const onPoint = (cursor) => this.point(cursor);
    this.transport = new Transport(store);
    this.badge = el("span", { class: "check", role: "status" });
    this.lanes = new Lanes(store, { onPoint, onOpen: (lane, step) => this.openLane(lane, step), onGreedy: () => this.goGreedy() });
    this.picture = new StepPicture({ onPoint, onClick: (cursor) => this.pin(cursor) });
    this.words = new Words(store, { onPoint, onChoose: (ids, text) => this.choose(ids, text) });
    this.layers = el("div", { class: "head-buttons", role: "group", "aria-label": "Layer" });
    this.heads = el("div", { class: "head-buttons", role: "group", "aria-label": "Head" });
    const caption = el("p", { class: "note play-caption" }, "Blue: read last. Purple: taken. Weights sum to 1 (ribbons drawn from 0.02).");
    this.looks = el("section", { class: "play-looks" }, el("div", { class: "play-choose" }, el("div", {}, "Layer", this.layers), el("div", {}, "Head", this.heads)), this.picture.node, caption);
    this.node = el(
      "div",
      { class: "play-part", tabindex: "-1" },
      el("div", { class: "play-top" }, this.transport.node, this.badge),
      this.lanes.node,
      el("div", { class: "play-main" }, this.looks, this.words.node, this.words.form, this.words.said),
    );
    listen(this.node, { keyup: (event) => event.key === " " && event.target.matches("button") && event.preventDefault() });
  }

  // Drawing ------------------------------------------------------------------------------------------------------

  draw(theme) {
    this.theme = theme;
    if (this.header !== this.store.header) {
      this.transport.stop();
      this.header = this.store.header;
      this.free(false);
      this.words.say("");
    }
    this.drawChoices();
    this.drawLanes();
    this.measure();
    this.drawStep();
  }

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
    const error = check(this.store.lanes);
    const isRight = error <= TOLERANCE;
    this.badge.className = `check ${isRight ? "right" : "wrong"}`;
    this.badge.textContent = `recomputed: max error ${error === 0 ? "0" : Number.isFinite(error) ? error.toExponential(0) : "not a number"}`;
    this.badge.title = `Your browser recomputed from the numbers it was sent: each lane's log P (the sum of its steps against what the model summed while it translated), the sums of all rows of attention (1), and that probabilities are not above 1. The largest |a − b| / max(1, |b|) is ${error}.`;
  }

  drawChoices() {
    const { store } = this;
    const button = (text, label, pressed, onclick) => el("button", { class: "head-choice", "aria-pressed": String(pressed), "aria-label": label, onclick }, text);
    const focused = this.node.getRootNode().activeElement?.getAttribute("aria-label");
    const { n_layers, n_heads } = store.header;
    this.layers.replaceChildren(...Array.from({ length: n_layers }, (_, layer) => button(String(layer + 1), `layer ${layer + 1}`, layer === store.layer, () => store.choose({ layer }))));
    this.heads.replaceChildren(
      button("mean", "mean of heads", store.head === null, () => store.choose({ head: null })),
      ...Array.from({ length: n_heads }, (_, head) => button(String(head + 1), `head ${head + 1}`, head === store.head, () => store.choose({ head }))),
    );
    const again = [...this.layers.children, ...this.heads.children].find((node) => node.getAttribute("aria-label") === focused);
    again?.focus({ preventScroll: true });
  }

  drawStep() {
    const { store, theme } = this;
    const { step, lane, head, layer } = store;
    const { reads, predicts } = lane.header;
    const room = Math.floor(this.looks.clientWidth);
    if (room <= 0) return;
    const heads = head === null ? "mean of heads" : `head ${head + 1}`;
    this.picture.draw({
      src: store.header.src, reads, predicts, step, room, theme, cross: store.weightsRow("cross", step), own: store.weightsRow("own", step),
      name: `Step ${step + 1} reads ${reads[step]} and takes ${predicts[step]}: its attention, layer ${layer + 1}, ${heads}`,
      height: this.height, colour: head === null ? theme.roles.query : theme.heads[head % theme.heads.length],
    });
    this.words.draw(theme);
    this.transport.draw();
    this.drawMarks();
  }

  // The picture and the bars take the height that is left on the screen.
  measure() {
    const scrolled = document.querySelector("[data-testid=stMain]")?.scrollTop ?? 0;
    const more = Math.min(Math.max(this.store.lanes.length - 2, 0), 2);
    const room = window.innerHeight - this.node.getBoundingClientRect().top - scrolled - AROUND - LANE * more;
    this.height = this.node.clientWidth < NARROW ? HIGH_WHEN_NARROW : Math.min(440, Math.max(140, room - BESIDE_RIBBONS));
    this.words.grow(room - BESIDE_BARS);
  }

  drawMarks() {
    this.picture.point(this.cursor, this.pinned);
    this.words.point(this.cursor);
    this.node.classList.toggle("play-pinned", this.pinned);
  }

  // The cursor ---------------------------------------------------------------------------------------------------

  explanation() {
    return explain(this.store, this.cursor);
  }

  point(cursor, isKey = false) {
    if (this.pinned && !isKey) return;
    this.cursor = cursor;
    if (isKey) this.pinned = false;
    this.drawMarks();
    this.store.changed("cursor");
  }

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

  openLane(lane, step) {
    const { store } = this;
    this.transport.stop();
    if (step !== undefined && lane !== store.openLane) store.step = step;
    store.openOf(lane);
    if (step !== undefined) store.open(step);
  }

  async choose(ids, text) {
    const { store } = this;
    this.transport.stop();
    this.free();
    this.words.say("…");
    const worked = await store.branch(store.step, ids);
    this.words.say(worked ? text : "");
    this.words.draw(this.theme);
  }

  // The most probable token where greedy parts from the beam's translation, and on from there: a branch like any other.
  goGreedy() {
    const { ids, parts } = this.store.header.greedy;
    this.store.open(parts);
    return this.choose([ids[parts]], `Step ${parts + 1} takes the most probable token, and so do all that follow: greedy.`);
  }

  // Where the arrows stand among the candidates: at the word that is taken, if nowhere.
  get place() {
    const { cursor, words } = this;
    return cursor?.on === "word" ? Math.min(cursor.rank, words.candidates.length - 1) : words.candidates.findIndex(({ taken }) => taken);
  }

  moveInPicture(key) {
    const on = key === "ArrowUp" ? "cross" : key === "ArrowDown" ? "own" : this.cursor?.on === "own" ? "own" : "cross";
    const last = on === "cross" ? this.store.header.src.length - 1 : this.store.step;
    const by = { ArrowLeft: -1, ArrowRight: 1 }[key] ?? 0;
    const from = this.cursor?.on === on ? this.cursor.column + by : on === "own" ? last : 0;
    this.point({ on, column: Math.min(Math.max(from, 0), last) }, true);
  }

  press(event, active) {
    const { store, transport, words } = this;
    const { key } = event;
    if (active?.matches(".tab, input[type=text]")) return false;
    const arrow = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"].includes(key);
    if (arrow && event.shiftKey) this.moveInPicture(key);
    else if (key === "ArrowLeft") transport.by(-1);
    else if (key === "ArrowRight") transport.by(1);
    else if (key === "Home") transport.to(0);
    else if (key === "End") transport.to(store.steps - 1);
    else if (key === " ") transport.toggle();
    else if (key === "ArrowUp" || key === "ArrowDown") {
      const next = this.place + (key === "ArrowDown" ? 1 : -1);
      words.list.focus({ preventScroll: true });
      this.point({ on: "word", rank: Math.min(Math.max(next, 0), words.candidates.length - 1) }, true);
    } else if (key === "Enter" && !active?.matches("button")) {
      if (this.cursor?.on === "word") words.choose(this.place);
      else if (this.cursor) this.pin(this.cursor);
    } else if (key === "Escape") this.free();
    else if (key === "PageDown" || key === "PageUp") store.choose({ layer: store.layer + (key === "PageDown" ? 1 : -1) });
    else if (/^[0-9]$/.test(key) && Number(key) <= store.header.n_heads) store.choose({ head: key === "0" ? null : Number(key) - 1 });
    else return false;
    return true;
  }

  closed() {
    this.transport.stop();
  }
}
