// The lanes, one below the other: the translation and its branches, aligned step by step, each with its log P.

import { el, listen } from "../../../shared/dom.js";
import { numberText, shortened } from "../../../shared/numbers.js";

const SUMS = { soFar: "log P so far", total: "log P", perToken: "per token" };
const TOKEN_LENGTH = 16;

/** @typedef {import("../../store.js").Lane} Lane */

// What the lane's three numbers are, in nats.
/** @param {import("../../store.js").Store} store @param {Lane} lane @returns {Record<string, number>} */
export function sums(store, lane) {
  const steps = lane.header.reads.length;
  const total = store.logProb(lane);
  return { soFar: store.logProb(lane, Math.min(store.step + 1, steps)), total, perToken: total / steps };
}

export class Lanes {
  /**
   * @param {import("../../store.js").Store} store
   * @param {object} told
   * @param {(cursor: any) => void} told.onPoint
   * @param {(lane: number, step?: number) => void} told.onOpen
   * @param {() => void} told.onGreedy
   *   cursor: { on: "soFar" | "total" | "perToken", lane } or { on: "said", lane, step }
   */
  constructor(store, { onPoint, onOpen, onGreedy }) {
    this.store = store;
    this.onPoint = onPoint;
    this.onOpen = onOpen;
    this.onGreedy = onGreedy;
    /** @type {any[]} */
    this.heads = [];
    /** @type {any[][]} */
    this.words = [];
    this.grid = el("div", { class: "play-lanes-grid" });
    // Room for the first branch, so that nothing jumps when it comes.
    this.room = el("div", { class: "play-lane-room" });
    const named = { role: "group", "aria-label": "Translations, aligned step by step" };
    this.node = el("div", { class: "play-lanes", ...named }, this.grid, this.room);
    listen(this.node, { pointerover: (/** @type {Event} */ event) => this.point(event) });
    this.node.addEventListener("focusin", (/** @type {Event} */ event) => this.point(event));
  }

  /** @param {any} event */
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
    const number = el("span", { class: "play-lane-number" }, "lane");
    const head = el("div", { class: "play-lane-names", "aria-hidden": "true" }, number, ...names);
    const marks = "in nats · a bar: here a branch parts · tinted: what you said";
    const said = lanes.length > 1 ? marks : "in nats (natural logarithms)";
    const legend = el("div", { class: "play-lane-legend" }, said);
    this.heads = lanes.map((lane, i) => this.head(lane, i));
    this.words = lanes.map((lane, i) => this.said(lane, i));
    this.room.hidden = lanes.length > 1;
    this.room.replaceChildren(...this.invitation());
    const columns = Math.max(...lanes.map((lane) => lane.header.predicts.length));
    this.grid.style.gridTemplateColumns = `repeat(${columns + 1}, auto)`;
    const cells = lanes.flatMap((_, i) => [this.heads[i], ...this.words[i]]);
    this.grid.replaceChildren(el("div", { class: "play-lane-bar" }), head, legend, ...cells);
    this.mark();
  }

  // What the empty lane says: how lane 1 was found, and where greedy parts from it.
  invitation() {
    const { beam, greedy } = this.store.header;
    const own = "Lane 1: greedy, each time the most probable token.";
    if (!greedy) return [`${own} Click another, or type a word: its translation comes here.`];
    const name = `Lane 1: beam search, ${beam} wide. Greedy (each time the most probable token)`;
    if (greedy.parts === null) return [`${name} says the same.`];
    const show = el("button", { class: "small play-greedy", onclick: () => this.onGreedy() }, "Show it below");
    return [`${name} parts at step ${greedy.parts + 1}. `, show];
  }

  /** @param {Lane} lane @param {number} index */
  head(lane, index) {
    const first = this.store.header.beam > 1 ? "the beam's translation" : "the model's translation";
    const title = `lane ${index + 1}, ${index ? `branch ${index}` : first}: ${lane.header.text}`;
    const cells = Object.keys(SUMS).map((sum) => el("span", { class: "play-sum", "data-sum": sum }));
    return el(
      "button",
      { class: "play-lane-head", "data-lane": index, title, onclick: () => this.onOpen(index) },
      el("span", { class: "play-lane-number" }, String(index + 1)),
      ...cells,
    );
  }

  /** @param {Lane} lane @param {number} index */
  said(lane, index) {
    const parting = this.store.parting(index) ?? 0;
    return lane.header.predicts.map((/** @type {string} */ token, /** @type {number} */ step) => {
      const isParting = index > 0 && step === parting;
      const isForced = index > 0 && step >= parting && step < lane.forced.length;
      const kinds = { shared: step < parting, parting: isParting, forced: isForced };
      const classes = Object.entries(kinds).flatMap(([kind, isSo]) => (isSo ? [kind] : []));
      const more = isParting ? ", here it parts" : "";
      const node = el(
        "button",
        {
          class: ["play-said", ...classes].join(" "), tabindex: "-1", title: token,
          "data-lane": index, "data-said": step, onclick: () => this.onOpen(index, step),
          "aria-label": `lane ${index + 1}, step ${step + 1}: ${token}${more}`,
        },
        shortened(token, TOKEN_LENGTH),
      );
      node.style.setProperty("--lane", String(index));
      node.style.setProperty("--column", String(step + 2));
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
      const [soFar, total, perToken] = Object.keys(SUMS).map((name) => numberText(values[name]));
      const label = `lane ${i + 1}: log P so far ${soFar}, in all ${total} nats, ${perToken} per token`;
      head.setAttribute("aria-label", label);
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
