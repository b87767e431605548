// The map: figure 1 of the paper with this sentence's numbers. Click a block and its instrument opens beside it.

import { el } from "../shared/dom.js";
import { LEFT_RIGHT, UP_DOWN } from "../shared/keys.js";
import { mounted } from "../shared/mount.js";
import { paintThumbnail } from "../shared/paint.js";
import { View } from "../shared/view.js";
import { Lines } from "./lines.js";
import { plan } from "./plan.js";
import { Store } from "./store.js";

const FOLDS_BELOW = 700;
const WIDTH = 260;

class ModelMap extends View {
  static speaks = true;

  /** @param {HTMLElement | ShadowRoot} parentElement */
  constructor(parentElement) {
    super(parentElement, new Store(), "map");
    /** @type {any} what plan.js laid out */
    this.plan = null;
    this.unfolded = false;
    this.crumb = el("button", { class: "crumb", onclick: () => this.fold() });
    this.lines = new Lines();
    this.boxes = el("div", { class: "boxes" });
    this.layers = el("div", { class: "layers", role: "group", "aria-label": "Layer" });
    this.board = el("div", { class: "plan", role: "group" }, this.lines.node, this.layers, this.boxes);
    this.said = el("p", { class: "said", role: "status" });
    this.total = el("p", { class: "total" });
    this.root.setAttribute("role", "navigation");
    this.root.setAttribute("aria-label", "Map of the model");
  }

  body() {
    return [this.crumb, this.board, this.said, this.total];
  }

  get titleText() {
    return "";
  }

  // Arrow keys walk over the doors: up and down a column, left and right between the columns.
  get keys() {
    const row = (key, walk, by) => ({ key, says: "arrows move", on: "[data-place]", act: () => this.walk(walk, by) });
    const rows = (keys, walk, steps) => keys.map((key, i) => row(key, walk, steps[i]));
    return [...rows(UP_DOWN, "along", [1, -1]), ...rows(LEFT_RIGHT, "across", [-1, 1])];
  }

  get redraws() {
    return { chosen: () => this.chosen() };
  }

  chosen() {
    this.unfolded = false;
    this.draw();
  }

  fold() {
    this.unfolded = !this.unfolded;
    this.draw();
  }

  room() {
    return `${super.room()}×${window.innerWidth}`;
  }

  draw() {
    const { header } = this.store;
    const folds = window.innerWidth < FOLDS_BELOW;
    const isHidden = folds && !this.unfolded;
    this.plan = plan(header.stacks, header.boxes, WIDTH);
    this.crumb.hidden = !folds;
    this.crumb.setAttribute("aria-expanded", String(this.unfolded));
    this.crumb.textContent = `Map › ${this.path(this.openBox).join(" › ")}`;
    for (const part of [this.board, this.said, this.total]) part.hidden = isHidden;
    if (isHidden) return;
    Object.assign(this.board.style, { width: `${WIDTH}px`, height: `${this.plan.height}px` });
    this.board.setAttribute("aria-label", `The Transformer: ${header.arrangement}`);
    this.lines.draw(this.plan, header.norm === "post", this.theme);
    this.drawBoxes();
    this.drawLayers();
    this.say(this.openBox);
    this.total.textContent = header.total;
  }

  // The block that is open: of two with one place, the one on the open side, or the one that is no norm.
  get openBox() {
    const { place, side } = this.store;
    const boxes = this.plan.boxes.filter((box) => box.place === place);
    return boxes.find((box) => (box.layered ? box.kind !== "norm" : box.side === side)) ?? boxes[0];
  }

  isDoor(box) {
    return this.store.header.places.includes(box.place);
  }

  // The names on the way to a block; a place that is nowhere on the map has its own.
  path(box) {
    const names = box?.path ?? [this.store.place];
    return names.map((name) => name.replace("{layer}", String(this.store.layer + 1)));
  }

  sentence(box) {
    const title = this.path(box).join(", ");
    return `${title[0].toUpperCase()}${title.slice(1)}: ${box.said}`;
  }

  say(box) {
    this.said.textContent = box ? this.sentence(box) : "";
  }

  // What has the focus keeps it, where `attribute` says the same of what stands there now.
  refill(node, children, attribute) {
    const focused = node.contains(this.active) ? this.active?.getAttribute(attribute) : null;
    node.replaceChildren(...children);
    if (focused) this.focus(node, attribute, focused);
  }

  focus(node, attribute, value) {
    node.querySelector(`[${attribute}="${value}"]`)?.focus({ preventScroll: true });
  }

  drawBoxes() {
    this.refill(this.boxes, this.plan.boxes.map((box) => this.drawBox(box)), "data-block");
  }

  drawBox(box) {
    const canvas = el("canvas", { "aria-hidden": "true" });
    this.paint(canvas, box);
    const style = { left: `${box.x}px`, top: `${box.y}px`, width: `${box.width}px`, height: `${box.height}px` };
    const isDoor = this.isDoor(box);
    const properties = {
      class: "box", "data-kind": box.kind, "data-block": box.block, style, onfocus: () => this.say(box),
      onpointerenter: () => this.say(box), onpointerleave: () => this.say(this.openBox),
      ...(isDoor ? this.door(box) : {}),
    };
    return el(isDoor ? "button" : "div", properties, canvas, el("span", {}, box.label));
  }

  door(box) {
    const current = box === this.openBox ? "true" : null;
    const about = { "data-place": box.place, "aria-current": current, "aria-label": this.sentence(box) };
    return { ...about, onclick: () => this.store.open(box.place, box.side) };
  }

  // Signed numbers are sent as shares of the largest of them.
  paint(canvas, { scope, scale }) {
    const stage = scope.replace("{layer}", String(this.store.layer));
    const { values: bytes, shape } = this.store.arrays[stage];
    const values = Float32Array.from(bytes, scale === "weight" ? (byte) => byte / 255 : (byte) => byte / 127.5 - 1);
    paintThumbnail(canvas, { stage, values, rows: shape[0], columns: shape[1], scale, limit: 1 }, this.theme);
  }

  drawLayers() {
    const { store } = this;
    const { x, width, bottom } = this.plan.layers;
    Object.assign(this.layers.style, { left: `${x}px`, width: `${width}px`, bottom: `${bottom}px` });
    const button = (_, layer) => {
      const about = { "aria-label": `layer ${layer + 1}`, "aria-pressed": String(layer === store.layer) };
      const properties = { class: "head-choice", "data-layer": layer + 1, ...about };
      return el("button", { ...properties, onclick: () => store.choose(layer) }, String(layer + 1));
    };
    this.refill(this.layers, [el("span", {}, "layer"), ...Array.from({ length: store.layers }, button)], "data-layer");
  }

  // From the door that has the focus to the next of its column, or to the nearest of the column beside it.
  walk(way, by) {
    const doors = this.plan.columns.map(({ boxes }) => boxes.filter((box) => this.isDoor(box)));
    const block = this.active?.getAttribute("data-block");
    const column = doors.findIndex((boxes) => boxes.some((box) => box.block === block));
    const at = doors[column].findIndex((box) => box.block === block);
    const { y } = doors[column][at];
    const nearest = [...(doors[column + by] ?? [])].sort((a, b) => Math.abs(a.y - y) - Math.abs(b.y - y))[0];
    const next = way === "along" ? doors[column][at + by] : nearest;
    if (next) this.focus(this.boxes, "data-block", next.block);
  }
}

export default await mounted(ModelMap, import.meta.url);
