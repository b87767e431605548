// The lanes, one below the other: the translation and its branches, aligned step by step, each with its log P.

import { el, listen } from "../../../shared/dom.js";
import { numberText, shortened } from "../../../shared/numbers.js";

const SUMS = { soFar: "log P so far", total: "log P", perToken: "per token" };
const TOKEN_LENGTH = 16;

// What the lane's three numbers are, in nats.
export function sums(store, lane) {
  const steps = lane.header.reads.length;
  const total = store.logProb(lane);
  return { soFar: store.logProb(lane, Math.min(store.step + 1, steps)), total, perToken: total / steps };
}

export class Lanes {
  // onPoint(cursor): { on: "soFar" | "total" | "perToken", lane } or { on: "said", lane, step }; onOpen(lane, step or nothing); onGreedy()
  constructor(store, { onPoint, onOpen, onGreedy }) {
    Object.assign(this, { store, onPoint, onOpen, onGreedy });
    this.grid = el("div", { class: "play-lanes-grid" });
    // Room for the first branch, so that nothing jumps when it comes.
    this.room = el("div", { class: "play-lane-room" });
    this.node = el("div", { class: "play-lanes", role: "group", "aria-label": "Translations, aligned step by step" }, this.grid, this.room);
    listen(this.node, { pointerover: (event) => this.point(event) });
    this.node.addEventListener("focusin", (event) => this.point(event));
  }

  point(event) {
    const at = event.target.closest("[data-sum], [data-said], .play-lane-head[data-lane]");
    if (!at) return;
    const lane = Number(at.closest("[data-lane]").dataset.lane);
    if (at.dataset.said) this.onPoint({ on: "said", lane, step: Number(at.dataset.said) });
    else this.onPoint({ on: at.dataset.sum ?? "soFar", lane });
  }

  // All of it; a step alone changes no more than `mark` does.
  draw() {
    const { lanes } = this.store;
    this.node.classList.toggle("many", lanes.length > 1);
    const names = Object.values(SUMS).map((text) => el("span", { class: "play-sum" }, text));
    const head = el("div", { class: "play-lane-names", "aria-hidden": "true" }, el("span", { class: "play-lane-number" }, "lane"), ...names);
    const legend = el("div", { class: "play-lane-legend" }, lanes.length > 1 ? "in nats · a bar: here a branch parts · tinted: what you said" : "in nats (natural logarithms)");
    this.heads = lanes.map((lane, i) => this.head(lane, i));
    this.words = lanes.map((lane, i) => this.said(lane, i));
    this.room.hidden = lanes.length > 1;
    this.room.replaceChildren(...this.invitation());
    const columns = Math.max(...lanes.map((lane) => lane.header.predicts.length));
    this.grid.style.gridTemplateColumns = `repeat(${columns + 1}, auto)`;
    this.grid.replaceChildren(el("div", { class: "play-lane-bar" }), head, legend, ...lanes.flatMap((_, i) => [this.heads[i], ...this.words[i]]));
    this.mark();
  }

  // What the empty lane says: how lane 1 was found, and where greedy parts from it.
  invitation() {
    const { beam, greedy } = this.store.header;
    if (!greedy) return ["Lane 1: greedy, each time the most probable token. Click another, or type a word: its translation comes here."];
    const name = `Lane 1: beam search, ${beam} wide. Greedy (each time the most probable token)`;
    if (greedy.parts === null) return [`${name} says the same.`];
    const show = el("button", { class: "small play-greedy", onclick: () => this.onGreedy() }, "Show it below");
    return [`${name} parts at step ${greedy.parts + 1}. `, show];
  }

  head(lane, index) {
    const name = index === 0 ? (this.store.header.beam > 1 ? "the beam's translation" : "the model's translation") : `branch ${index}`;
    const cells = Object.keys(SUMS).map((sum) => el("span", { class: "play-sum", "data-sum": sum }));
    return el(
      "button",
      { class: "play-lane-head", "data-lane": index, title: `lane ${index + 1}, ${name}: ${lane.header.text}`, onclick: () => this.onOpen(index) },
      el("span", { class: "play-lane-number" }, String(index + 1)),
      ...cells,
    );
  }

  said(lane, index) {
    const { store } = this;
    const { predicts } = lane.header;
    const parting = store.parting(index) ?? 0;
    return predicts.map((token, step) => {
      const isForced = index > 0 && step >= parting && step < lane.forced.length;
      const classes = [step < parting ? "shared" : "", index > 0 && step === parting ? "parting" : "", isForced ? "forced" : ""].filter(Boolean);
      const more = classes.includes("parting") ? ", here it parts" : "";
      const node = el(
        "button",
        {
          class: ["play-said", ...classes].join(" "), tabindex: "-1", title: token, "data-lane": index, "data-said": step,
          "aria-label": `lane ${index + 1}, step ${step + 1}: ${token}${more}`, onclick: () => this.onOpen(index, step),
        },
        shortened(token, TOKEN_LENGTH),
      );
      node.style.setProperty("--lane", index);
      node.style.setProperty("--column", step + 2);
      return node;
    });
  }

  mark() {
    const { store } = this;
    store.lanes.forEach((lane, i) => {
      const isOpen = i === store.openLane;
      const head = this.heads[i];
      head.style.setProperty("--lane", i);
      head.setAttribute("aria-pressed", String(isOpen));
      const values = sums(store, lane);
      for (const cell of head.querySelectorAll("[data-sum]")) cell.textContent = numberText(values[cell.dataset.sum]);
      head.setAttribute("aria-label", `lane ${i + 1}: log P so far ${numberText(values.soFar)}, in all ${numberText(values.total)} nats, ${numberText(values.perToken)} per token`);
      this.words[i].forEach((word, step) => {
        word.classList.toggle("later", step > store.step);
        word.classList.toggle("now", isOpen && step === store.step);
        word.classList.toggle("here", !isOpen && step === store.step);
      });
    });
    this.bringIntoView();
  }

  // Within its own box only: the page stays where it is.
  bringIntoView() {
    const word = this.words[this.store.openLane][this.store.step];
    const head = this.heads[0];
    const isBeside = getComputedStyle(head).position === "sticky" ? head.offsetWidth : 0;
    const [left, right] = [word.offsetLeft - isBeside - 8, word.offsetLeft + word.offsetWidth + 40];
    const { node } = this;
    if (left < node.scrollLeft) node.scrollLeft = left;
    else if (right > node.scrollLeft + node.clientWidth) node.scrollLeft = right - node.clientWidth;
    const [top, bottom] = [word.offsetTop - 24, word.offsetTop + word.offsetHeight + 4];
    if (top < node.scrollTop) node.scrollTop = top;
    else if (bottom > node.scrollTop + node.clientHeight) node.scrollTop = bottom - node.clientHeight;
  }
}
