// The tree from left to right, one column a step: boxes, edges, marks. Built once a tree; pointing only changes classes.

import { el, listen } from "../../../shared/dom.js";
import { numberText } from "../../../shared/numbers.js";
import { marked } from "../../../shared/paint.js";
import { svg } from "../../shared/ribbons.js";
import { ROOT } from "./tree.js";

const TYPE = 16;
const SMALL = 14;
const TOP = 20;
const LEFT = 34;
const NARROWEST = 88;
const WIDEST = 150;
const EDGE = 14;
// Heights of boxes in pixels: with the score below the token, and in one line with it (wide beams).
const ROOMY = { tall: { kept: 39, gap: 5, lines: [17, 33] }, flat: { kept: 24, gap: 4 }, pruned: { height: 20, gap: 4 } };
// On a low screen closer together, so that what is below the tree is seen with it.
const CLOSE = { tall: { kept: 34, gap: 4, lines: [15, 29] }, flat: { kept: 21, gap: 3 }, pruned: { height: 19, gap: 3 } };
const sizes = () => (window.innerHeight < 800 ? CLOSE : ROOMY);

export class Picture {
  constructor({ onPoint, onPick }) {
    this.measure = document.createElement("canvas").getContext("2d");
    this.node = el("div", { class: "beam-tree", role: "figure", tabindex: "0" });
    const at = (event) => event.target.closest?.("[data-node]")?.dataset.node;
    listen(this.node, {
      pointermove: (event) => {
        // A pointer at rest, under which the tree was scrolled, points at nothing.
        const hasMoved = event.movementX !== 0 || event.movementY !== 0;
        if (hasMoved && at(event) !== undefined) onPoint(Number(at(event)));
      },
    });
    listen(this.node, { click: (event) => at(event) !== undefined && onPick(Number(at(event))) });
    this.marked = [];
  }

  clear() {
    this.node.replaceChildren();
    this.node.removeAttribute("aria-label");
    this.marked = [];
    this.places = new Map();
  }

  // `most`: how many of the pruned candidates a column shows; greedy's and the pinned one are always there.
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
      return column.filter((node) => node.kept || dropped.indexOf(node) < most || tree.greedy.has(node.id) || node.id === pinned);
    });
    this.place();
    const total = { width: LEFT + this.columnWidth * tree.steps, height: this.height };
    const edges = [...this.places.values()].filter(({ node }) => node);
    const order = ({ node }) => tree.winning.has(node.id) * 2 + node.kept;
    edges.sort((a, b) => order(a) - order(b));
    const picture = svg("svg", { class: "beam-svg", ...total, viewBox: `0 0 ${total.width} ${total.height}`, "font-size": TYPE });
    picture.append(...edges.map((place) => this.edge(place)), ...this.greedyEdges(), ...tree.columns.map((_, step) => this.heading(step)), this.root(), ...edges.map((place) => this.box(place)));
    const { alpha } = tree.header;
    this.node.setAttribute("aria-label", `Beam search tree: width ${tree.header.width}, α ${alpha}, ${tree.steps} steps, ${tree.nodes.length} candidates`);
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
        const height = node.kept ? kept : this.pruned.height;
        const y = node.kept ? high : low;
        this.places.set(node.id, { node, x, y, width: this.boxWidth - 4, height, middle: y + height / 2 });
        if (node.kept) high += kept + gap;
        else low += height + this.pruned.gap;
      }
      this.height = Math.max(this.height, low);
    });
    this.places.set(ROOT, { node: null, x: 2, y: TOP, width: LEFT - 6, height: kept, middle: TOP + kept / 2 });
  }

  curve({ node, x, middle }) {
    const from = this.places.get(node.parent);
    const [x0, half] = [from.x + from.width, (x + from.x + from.width) / 2];
    return `M ${x0} ${from.middle} C ${half} ${from.middle}, ${half} ${middle}, ${x} ${middle}`;
  }

  edge(place) {
    const { node } = place;
    const kind = this.tree.winning.has(node.id) ? "winning" : node.kept ? "kept" : "pruned";
    return svg("path", { class: `beam-edge ${kind}`, d: this.curve(place) });
  }

  greedyEdges() {
    return [...this.tree.greedy].map((id) => svg("path", { class: "beam-edge greedy", d: this.curve(this.places.get(id)) }));
  }

  heading(step) {
    return svg("text", { class: "beam-step", x: LEFT + step * this.columnWidth + EDGE + (this.boxWidth - 4) / 2, y: 13, "text-anchor": "middle", "font-size": SMALL }, step === 0 ? "step 1" : String(step + 1));
  }

  root() {
    const { x, middle } = this.places.get(ROOT);
    return svg("text", { class: "beam-root", x, y: middle + 5, "font-size": TYPE }, "⟨s⟩");
  }

  box({ node, x, y, width, height }) {
    const { tree } = this;
    const status = tree.status(node);
    const names = ["beam-node", status === "left" ? "finished left" : status, node.finished ? "end" : "", tree.winning.has(node.id) ? "winning" : "", tree.greedy.has(node.id) ? "greedy" : ""];
    const group = svg("g", { class: names.filter(Boolean).join(" "), "data-node": node.id, "data-step": node.step + 1 });
    const round = node.finished ? 11 : 3;
    if (tree.greedy.has(node.id)) group.append(svg("rect", { class: "beam-outline", x: x - 3, y: y - 3, width: width + 6, height: height + 6, rx: round + 2 }));
    group.append(svg("rect", { class: "beam-box", x, y, width, height, rx: round }));
    if (node.kept && node.finished) group.append(svg("rect", { class: "beam-inner", x: x + 3, y: y + 3, width: width - 6, height: height - 6, rx: round - 3 }));
    const { lines } = this.size;
    const isTall = node.kept && lines !== undefined;
    const size = node.kept ? TYPE : SMALL;
    const score = numberText(node.score);
    const label = tree.mark(node) ? `${tree.mark(node)} ${node.text}` : node.text;
    const middle = x + width / 2;
    const both = `${label} ${score}`;
    const words = !isTall && this.fitted(both, width - 8, size) === both ? both : this.fitted(label, width - 8, size);
    group.append(svg("text", { class: "beam-token", x: middle, y: isTall ? y + lines[0] : y + height / 2 + size * 0.36, "font-size": size, "text-anchor": "middle" }, words));
    if (isTall) group.append(svg("text", { class: "beam-score", x: middle, y: y + lines[1], "font-size": SMALL, "text-anchor": "middle" }, score));
    group.append(svg("title", {}, `${tree.sentence(node)}\n${tree.why(node)}`));
    return marked(group, "score", [node.id, node.step, node.score]);
  }

  // Whether a hypothesis at the end of this tree is wider than this.
  isLonger(tree, width) {
    this.measure.font = `${TYPE}px ${this.theme.font}`;
    return tree.last.some((id) => this.measure.measureText(tree.sentence(tree.nodes[id])).width > width);
  }

  // As much of the text as fits, with … where something is left out.
  fitted(text, room, size) {
    this.measure.font = `${size}px ${this.theme.font}`;
    if (this.measure.measureText(text).width <= room) return text;
    const characters = [...text];
    while (characters.length > 1 && this.measure.measureText(`${characters.join("")}…`).width > room) characters.pop();
    return `${characters.join("")}…`;
  }

  group(id) {
    return this.node.querySelector(`[data-node="${id}"]`);
  }

  // Mark a node and the way to it.
  mark(node, isPinned) {
    for (const group of this.marked) group.classList.remove("here", "pinned", "way");
    this.marked = this.tree.path(node).map(({ id }) => this.group(id)).filter(Boolean);
    for (const group of this.marked) group.classList.add("way");
    this.group(node.id)?.classList.add("here", ...(isPinned ? ["pinned"] : []));
  }

  // Scrolls the tree's own box, never the page.
  reveal(node) {
    const place = this.places.get(node.id);
    if (!place) return;
    const { scrollLeft, clientWidth } = this.node;
    if (place.x - EDGE < scrollLeft) this.node.scrollLeft = place.x - EDGE - 4;
    else if (place.x + place.width + 8 > scrollLeft + clientWidth) this.node.scrollLeft = place.x + place.width + 8 - clientWidth;
  }
}
