// The tree from left to right, one column a step: boxes, edges, marks. Built once a tree; to point changes classes.

import { el, listen, svg } from "../../../shared/dom.js";
import { numberText } from "../../../shared/numbers.js";
import { marked } from "../../../shared/paint.js";
import { ROOT } from "./tree.js";

const TYPE = 16;
const SMALL = 14;
const TOP = 20;
const LEFT = 34;
const NARROWEST = 88;
const WIDEST = 150;
const EDGE = 14;
// Heights of boxes in pixels: with the score below the token, and in one line with it (wide beams).
/** @typedef {{ kept: number, gap: number, lines?: number[] }} Size */
/** @type {Record<string, Size>} */
const ROOMY = { tall: { kept: 39, gap: 5, lines: [17, 33] }, flat: { kept: 24, gap: 4 }, pruned: { kept: 20, gap: 4 } };
// On a low screen closer together, so that what is below the tree is seen with it.
/** @type {Record<string, Size>} */
const CLOSE = { tall: { kept: 34, gap: 4, lines: [15, 29] }, flat: { kept: 21, gap: 3 }, pruned: { kept: 19, gap: 3 } };
const sizes = () => (window.innerHeight < 800 ? CLOSE : ROOMY);

/** @typedef {import("./tree.js").Tree} Tree @typedef {import("./tree.js").Node} Node */
/** @typedef {{ node: Node | null, x: number, y: number, width: number, height: number, middle: number }} Place */

export class Picture {
  /** @param {{ onPoint: (id: number) => void, onPick: (id: number) => void }} told */
  constructor({ onPoint, onPick }) {
    this.measure = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));
    /** @type {any} */
    this.tree = null;
    /** @type {any} */
    this.theme = null;
    this.size = this.pruned = ROOMY.tall;
    this.columnWidth = this.boxWidth = this.height = 0;
    /** @type {Node[][]} */
    this.columns = [];
    /** @type {Map<number, Place>} */
    this.places = new Map();
    this.node = el("div", { class: "beam-tree", role: "figure", tabindex: "0" });
    const at = (/** @type {any} */ event, /** @type {(id: number) => void} */ tell) => {
      const id = event.target.closest?.("[data-node]")?.dataset.node;
      if (id !== undefined) tell(Number(id));
    };
    listen(this.node, {
      // A pointer at rest, under which the tree was scrolled, points at nothing.
      pointermove: (/** @type {PointerEvent} */ event) => (event.movementX || event.movementY) && at(event, onPoint),
      click: (/** @type {MouseEvent} */ event) => at(event, onPick),
    });
    /** @type {Element[]} */
    this.marked = [];
  }

  clear() {
    this.node.replaceChildren();
    this.node.removeAttribute("aria-label");
    this.marked = [];
    this.places = new Map();
  }

  // `most`: how many of the pruned candidates a column shows; greedy's and the pinned one are always there.
  /** @param {Tree} tree @param {{ most: number, pinned: number | null, width: number, theme: any }} how */
  draw(tree, { most, pinned, width, theme }) {
    this.tree = tree;
    this.theme = theme;
    this.marked = [];
    const { tall, flat, pruned } = sizes();
    this.size = tree.header.width > 4 ? flat : tall;
    this.pruned = pruned;
    this.columnWidth = Math.min(WIDEST, Math.max(NARROWEST, (width - LEFT - 4) / tree.steps));
    this.boxWidth = this.columnWidth - EDGE;
    this.columns = tree.columns.map((column) => {
      const dropped = column.filter(({ kept }) => !kept);
      const isAsked = (/** @type {Node} */ { id }) => tree.greedy.has(id) || id === pinned;
      return column.filter((node) => node.kept || dropped.indexOf(node) < most || isAsked(node));
    });
    this.place();
    const total = { width: LEFT + this.columnWidth * tree.steps, height: this.height };
    const order = (/** @type {Node} */ node) => Number(tree.winning.has(node.id)) * 2 + Number(node.kept);
    const nodes = this.columns.flat().sort((a, b) => order(a) - order(b));
    const viewBox = `0 0 ${total.width} ${total.height}`;
    const picture = svg("svg", { class: "beam-svg", ...total, viewBox, "font-size": TYPE });
    picture.append(
      ...nodes.map((node) => this.edge(node)), ...this.greedyEdges(),
      ...tree.columns.map((_, step) => this.heading(step)), this.root(), ...nodes.map((node) => this.box(node)),
    );
    const { alpha, width: wide } = tree.header;
    const counted = `${tree.steps} steps, ${tree.nodes.length} candidates`;
    this.node.setAttribute("aria-label", `Beam search tree: width ${wide}, α ${alpha}, ${counted}`);
    this.node.replaceChildren(picture);
  }

  // Where each box is: the kept ones from the top, the pruned ones below the lowest row that a kept one may take.
  place() {
    const { kept, gap } = this.size;
    const most = Math.max(1, ...this.columns.map((column) => column.filter((node) => node.kept).length));
    const below = TOP + most * (kept + gap) + 2;
    this.height = below;
    this.places = new Map();
    this.columns.forEach((column, step) => {
      const x = LEFT + step * this.columnWidth + EDGE;
      let [high, low] = [TOP, below];
      for (const node of column) {
        const height = (node.kept ? this.size : this.pruned).kept;
        const y = node.kept ? high : low;
        this.places.set(node.id, { node, x, y, width: this.boxWidth - 4, height, middle: y + height / 2 });
        if (node.kept) high += kept + gap;
        else low += height + this.pruned.gap;
      }
      this.height = Math.max(this.height, low);
    });
    this.places.set(ROOT, { node: null, x: 2, y: TOP, width: LEFT - 6, height: kept, middle: TOP + kept / 2 });
  }

  /** @param {number} id */
  placeOf(id) {
    return /** @type {Place} */ (this.places.get(id));
  }

  /** @param {Node} node */
  curve({ id, parent }) {
    const [{ x, middle }, from] = [this.placeOf(id), this.placeOf(parent)];
    const [x0, half] = [from.x + from.width, (x + from.x + from.width) / 2];
    return `M ${x0} ${from.middle} C ${half} ${from.middle}, ${half} ${middle}, ${x} ${middle}`;
  }

  /** @param {Node} node */
  edge(node) {
    const kind = node.kept ? "kept" : "pruned";
    const d = this.curve(node);
    return svg("path", { class: `beam-edge ${this.tree.winning.has(node.id) ? "winning" : kind}`, d });
  }

  greedyEdges() {
    const { greedy, nodes } = this.tree;
    return Array.from(greedy, (id) => svg("path", { class: "beam-edge greedy", d: this.curve(nodes[id]) }));
  }

  /** @param {number} step */
  heading(step) {
    const x = LEFT + step * this.columnWidth + EDGE + (this.boxWidth - 4) / 2;
    const at = { x, y: 13, "text-anchor": "middle", "font-size": SMALL };
    return svg("text", { class: "beam-step", ...at }, step === 0 ? "step 1" : String(step + 1));
  }

  root() {
    const { x, middle } = this.placeOf(ROOT);
    return svg("text", { class: "beam-root", x, y: middle + 5, "font-size": TYPE }, "⟨s⟩");
  }

  /** @param {Node} node */
  box(node) {
    const { tree } = this;
    const { x, y, width, height } = this.placeOf(node.id);
    const status = tree.status(node);
    const [isWinning, isGreedy] = [tree.winning, tree.greedy].map((ids) => ids.has(node.id));
    const kinds = { left: status === "left", end: node.finished, winning: isWinning, greedy: isGreedy };
    const names = Object.entries(kinds).flatMap(([name, isSo]) => (isSo ? [name] : []));
    const kind = status === "left" ? "finished" : status;
    const classes = ["beam-node", kind, ...names].join(" ");
    const group = svg("g", { class: classes, "data-node": node.id, "data-step": node.step + 1 });
    const rect = (/** @type {string} */ name, /** @type {number} */ by, /** @type {number} */ round) => {
      const size = { width: width + 2 * by, height: height + 2 * by };
      group.append(svg("rect", { class: `beam-${name}`, x: x - by, y: y - by, ...size, rx: round }));
    };
    const round = node.finished ? 11 : 3;
    if (isGreedy) rect("outline", 3, round + 2);
    rect("box", 0, round);
    if (node.kept && node.finished) rect("inner", -3, round - 3);
    group.append(...this.texts(node), svg("title", {}, `${tree.sentence(node)}\n${tree.why(node)}`));
    return marked(group, "score", [node.id, node.step, node.score]);
  }

  // The token, and its score: below it where the box is tall, behind it where that fits.
  /** @param {Node} node */
  texts(node) {
    const { x, y, width, height } = this.placeOf(node.id);
    const size = node.kept ? TYPE : SMALL;
    const score = numberText(node.score);
    const mark = this.tree.mark(node);
    const label = mark ? `${mark} ${node.text}` : node.text;
    /** @param {string} name @param {number} at @param {number} type @param {string} said */
    const text = (name, at, type, said) =>
      svg("text", { class: `beam-${name}`, x: x + width / 2, y: at, "font-size": type, "text-anchor": "middle" }, said);
    const lines = node.kept ? this.size.lines : undefined;
    const short = this.fitted(label, width - 8, size);
    if (lines) return [text("token", y + lines[0], size, short), text("score", y + lines[1], SMALL, score)];
    const both = `${label} ${score}`;
    const fits = this.fitted(both, width - 8, size) === both;
    return [text("token", y + height / 2 + size * 0.36, size, fits ? both : short)];
  }

  // Whether a hypothesis at the end of this tree is wider than this.
  /** @param {Tree} tree @param {number} width */
  isLonger(tree, width) {
    this.measure.font = `${TYPE}px ${this.theme.font}`;
    const wide = (/** @type {string} */ text) => this.measure.measureText(text).width;
    return tree.last.some((id) => wide(tree.sentence(tree.nodes[id])) > width);
  }

  // As much of the text as fits, with … where something is left out.
  /** @param {string} text @param {number} room @param {number} size */
  fitted(text, room, size) {
    this.measure.font = `${size}px ${this.theme.font}`;
    if (this.measure.measureText(text).width <= room) return text;
    const characters = [...text];
    while (characters.length > 1 && this.measure.measureText(`${characters.join("")}…`).width > room) characters.pop();
    return `${characters.join("")}…`;
  }

  /** @param {number} id @returns {Element | null} */
  group(id) {
    return this.node.querySelector(`[data-node="${id}"]`);
  }

  // Mark a node and the way to it.
  /** @param {Node} node @param {boolean} isPinned */
  mark(node, isPinned) {
    for (const group of this.marked) group.classList.remove("here", "pinned", "way");
    const way = this.tree.path(node).map((/** @type {Node} */ { id }) => this.group(id));
    this.marked = way.filter(Boolean);
    for (const group of this.marked) group.classList.add("way");
    this.group(node.id)?.classList.add("here", ...(isPinned ? ["pinned"] : []));
  }

  // Scrolls the tree's own box, never the page.
  /** @param {Node} node */
  reveal(node) {
    const place = this.places.get(node.id);
    if (!place) return;
    const { scrollLeft, clientWidth } = this.node;
    const right = place.x + place.width + 8;
    if (place.x - EDGE < scrollLeft) this.node.scrollLeft = place.x - EDGE - 4;
    else if (right > scrollLeft + clientWidth) this.node.scrollLeft = right - clientWidth;
  }
}
