// The map: figure 1 of the paper with this sentence's numbers. Click a block and its instrument opens beside it.

import { adopt, el, listen, styleSheet } from "../shared/dom.js";
import { LINK_CHANGED, page, readLink, wholeNumber } from "../shared/link.js";
import { paintThumbnail } from "../shared/paint.js";
import { readTheme } from "../shared/theme.js";
import { unpack } from "../shared/transport.js";
import { plan } from "./plan.js";

const sheets = await Promise.all(["../shared/instrument.css", "./view.css"].map((path) => styleSheet(new URL(path, import.meta.url))));
const views = new WeakMap();
const FOLDS_BELOW = 700;
const WIDTH = 260;
const SVG = "http://www.w3.org/2000/svg";
const NAMES = {
  self_attn: { encoder: "self-attention", decoder: "masked self-attention" },
  cross_attn: { decoder: "cross-attention" },
  ffn: { encoder: "feed-forward", decoder: "feed-forward" },
};
const SHORT = { self_attn: "self-attn", cross_attn: "cross-attn", ffn: "feed-fwd" };
const SENTENCES = {
  embed: "Tokens become rows of the embedding matrix, times √d_model.",
  pos: "Position vectors are added.",
  self_attn: { encoder: "Source tokens ask each other.", decoder: "Target tokens ask themselves and those before them." },
  cross_attn: { decoder: "Target tokens ask the encoder's output." },
  ffn: "Each token alone, through d_ff hidden units.",
  norm: {
    post: "The stream plus what the block adds, then LayerNorm.",
    pre: "LayerNorm of the stream, which the block reads; what the block adds joins the stream.",
  },
  final_norm: {
    encoder: "LayerNorm of the stream that leaves the last layer; what the decoder's cross-attention reads.",
    decoder: "LayerNorm of the stream that leaves the last layer; what the output reads.",
  },
  output: "Each state becomes a probability for every token.",
  decoding: "Token by token: each one that is taken is the decoder's next input.",
};
const count = (number) => number.toLocaleString("en");

class View {
  constructor(parentElement) {
    this.chosen = { place: null, layer: null };
    this.crumb = el("button", { class: "crumb", "aria-expanded": "false", onclick: () => this.fold() });
    this.lines = document.createElementNS(SVG, "svg");
    this.boxes = el("div", { class: "boxes" });
    this.layers = el("div", { class: "layers", role: "group", "aria-label": "Layer" });
    this.board = el("div", { class: "plan", role: "group", "aria-label": "The Transformer: encoder left, decoder right" }, this.lines, this.layers, this.boxes);
    this.said = el("p", { class: "said", role: "status" });
    this.total = el("p", { class: "total" });
    this.root = el("nav", { class: "instrument map", "aria-label": "Map of the model" }, this.crumb, this.board, this.said, this.total);
    parentElement.append(this.root);
    listen(this.root, { keydown: (event) => this.press(event) });
    this.follow = () => this.read();
    window.addEventListener(LINK_CHANGED, this.follow);
    window.addEventListener("resize", (this.resize = () => this.header && this.draw()));
  }

  take(message) {
    this.header = message.header;
    this.arrays = message.arrays;
    this.read();
  }

  // The link is the truth about what is open; whoever changed it.
  read() {
    if (!this.header) return;
    const { place, layer, side } = readLink();
    const { n_layers, places, instead } = this.header;
    const asked = wholeNumber(layer ?? "");
    const chosen = {
      place: places.includes(place) ? place : (instead[place] ?? "decoder.cross_attn"),
      layer: Math.min(Math.max((asked ?? Math.floor(n_layers / 2) + 1) - 1, 0), n_layers - 1),
      side: side === "target" ? "target" : null,
    };
    if (this.drawn && Object.entries(chosen).every(([name, value]) => this.chosen[name] === value)) return;
    this.chosen = chosen;
    if (this.theme) this.draw();
  }

  choose(change) {
    Object.assign(this.chosen, change);
    const { place, layer, side } = this.chosen;
    const isElsewhere = place !== readLink().place;
    const freed = { query: null, key: null, feature: null, stage: null, ...(isElsewhere ? { panel: null } : {}) };
    page.write({ place, layer: layer + 1, side, ...freed }, { entry: isElsewhere, quiet: true });
    page.say(0);
    this.unfolded = false;
    this.draw();
  }

  fold() {
    this.unfolded = !this.unfolded;
    this.draw();
  }

  get folds() {
    return window.innerWidth < FOLDS_BELOW;
  }

  draw() {
    this.drawn = true;
    const { header, theme } = this;
    for (const [role, colour] of Object.entries(theme.roles)) this.root.style.setProperty(`--role-${role}`, colour);
    this.crumb.hidden = !this.folds;
    this.crumb.setAttribute("aria-expanded", String(Boolean(this.unfolded)));
    this.crumb.textContent = `Map › ${this.trail()}`;
    const hidden = this.folds && !this.unfolded;
    for (const part of [this.board, this.said, this.total]) part.hidden = hidden;
    if (hidden) return;
    this.plan = plan({ post: header.post, positions: header.positions }, WIDTH);
    Object.assign(this.board.style, { width: `${WIDTH}px`, height: `${this.plan.height}px` });
    this.drawLines();
    this.drawBoxes();
    this.drawLayers();
    this.say(this.box(this.chosen.place));
    const { parameters, multiply_adds } = header.totals;
    this.total.textContent = `All of it: ${count(parameters)} parameters, ${count(multiply_adds)} multiply–adds for this sentence.`;
  }

  trail() {
    const [stack, site] = this.chosen.place.split(".");
    if (!site) return stack;
    if (site === "final_norm") return `${stack} › final norm`;
    const name = NAMES[site.replace("_norm", "")][stack];
    return `${stack} › layer ${this.chosen.layer + 1} › ${name}${site.endsWith("_norm") ? ` › ${this.header.post ? "Add & Norm" : "Norm & Add"}` : ""}`;
  }

  // The block that is open: of two with one place, the one on the open side, or the one that is no norm.
  box(place) {
    const stack = this.chosen.side === "target" ? "decoder" : "encoder";
    const boxes = this.plan.boxes.filter((box) => box.place === place);
    return boxes.find((box) => (box.perLayer ? box.kind === "block" : box.stack === stack)) ?? boxes[0];
  }

  name(box) {
    if (box.kind === "tokens") return box.stack === "encoder" ? "source" : "target";
    if (box.kind === "plus") return "+ positions";
    if (box.kind === "norm") return this.header.post ? "Add & Norm" : "Norm";
    if (box.kind === "output" || box.kind === "decoding") return box.kind;
    return box.block === "decoder.self_attn" ? "masked" : SHORT[box.block.split(".")[1]];
  }

  // Thumbnail's entry for the open layer.
  entry(box) {
    if (!box.perLayer) return box.block;
    const [stack, site] = box.block.split(".");
    return `${stack}.${this.chosen.layer}.${site}`;
  }

  drawBoxes() {
    const focused = this.boxes.getRootNode().activeElement?.dataset.block;
    const nodes = this.plan.boxes.map((box) => {
      const isOpen = box === this.box(this.chosen.place);
      const canvas = el("canvas", { "aria-hidden": "true" });
      this.paint(canvas, box);
      const isDoor = this.header.places.includes(box.place);
      const properties = {
        class: `box ${box.kind}`,
        "data-block": box.block,
        style: { left: `${box.x}px`, top: `${box.y}px`, width: `${box.width}px`, height: `${box.height}px` },
        onpointerenter: () => this.say(box),
        onpointerleave: () => this.say(this.box(this.chosen.place)),
        onfocus: () => this.say(box),
      };
      if (!isDoor) return el("div", properties, canvas, el("span", {}, this.name(box)));
      Object.assign(properties, {
        "data-place": box.place,
        "aria-current": isOpen ? "true" : null,
        "aria-label": `${this.sentence(box)}`,
        onclick: () => this.choose({ place: box.place, side: ["tokens", "plus"].includes(box.kind) && box.stack === "decoder" ? "target" : null }),
      });
      return el("button", properties, canvas, el("span", {}, this.name(box)));
    });
    this.boxes.replaceChildren(...nodes);
    if (focused) nodes.find((node) => node.dataset.block === focused)?.focus({ preventScroll: true });
  }

  paint(canvas, box) {
    const stage = this.entry(box);
    const array = this.arrays[stage];
    if (!array) {
      canvas.hidden = true;
      return;
    }
    const [rows, columns] = array.shape;
    const isShare = box.kind === "output" || box.kind === "decoding" || box.block.endsWith("_attn");
    // Signed ones are sent as shares of the largest of them.
    const value = isShare ? (byte) => byte / 255 : (byte) => byte / 127.5 - 1;
    const values = Float32Array.from(array.values, value);
    paintThumbnail(canvas, { stage, values, rows, columns, scale: isShare ? "weight" : "signed", limit: 1 }, this.theme);
  }

  drawLayers() {
    const { n_layers } = this.header;
    const { height, up, frames: { encoder: frame } } = this.plan;
    const focused = this.layers.getRootNode().activeElement?.dataset.layer;
    Object.assign(this.layers.style, { left: `${frame.x}px`, width: `${frame.width}px`, bottom: `${height - up + 12}px` });
    const buttons = Array.from({ length: n_layers }, (_, layer) =>
      el("button", { class: "head-choice", "data-layer": layer + 1, "aria-label": `layer ${layer + 1}`, "aria-pressed": String(layer === this.chosen.layer), onclick: () => this.choose({ layer }) }, String(layer + 1)),
    );
    this.layers.replaceChildren(el("span", {}, "layer"), ...buttons);
    if (focused) this.layers.querySelector(`[data-layer="${focused}"]`)?.focus({ preventScroll: true });
  }

  line(points, properties) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", points.map(([x, y], i) => `${i ? "L" : "M"}${x} ${y}`).join(""));
    for (const [name, value] of Object.entries({ fill: "none", stroke: this.theme.faint, "stroke-width": 2, ...properties })) path.setAttribute(name, value);
    this.lines.append(path);
  }

  // Residual paths around each block, the way up, the encoder's output across, and the stack of layers behind.
  drawLines() {
    const { boxes, frames, height, up } = this.plan;
    this.lines.replaceChildren();
    Object.entries({ width: WIDTH, height, "aria-hidden": "true" }).forEach(([name, value]) => this.lines.setAttribute(name, value));
    for (const frame of Object.values(frames)) {
      for (let i = Math.min(3, this.header.n_layers - 1); i >= 0; i--) {
        const box = document.createElementNS(SVG, "rect");
        const place = { x: frame.x + 3 * i, y: frame.y - 3 * i, width: frame.width, height: frame.height, rx: 6 };
        for (const [name, value] of Object.entries({ ...place, fill: this.theme.background, stroke: this.theme.faint, "stroke-width": 1.5 })) box.setAttribute(name, value);
        this.lines.append(box);
      }
    }
    for (const stack of ["encoder", "decoder"]) {
      const own = boxes.filter((box) => box.stack === stack).sort((a, b) => b.y - a.y);
      const middle = own[0].x + own[0].width / 2;
      own.slice(1).forEach((box, i) => this.line([[middle, own[i].y], [middle, box.y + box.height]], {}));
      const outside = stack === "encoder" ? own[0].x - 5 : own[0].x + own[0].width + 5;
      const edge = stack === "encoder" ? own[0].x : own[0].x + own[0].width;
      for (const box of own.filter(({ kind, of }) => kind === "norm" && of)) {
        const around = own.find(({ block }) => block === box.of);
        const [from, to] = this.header.post ? [around.y + around.height + 5, box.y + box.height / 2] : [box.y + box.height + 5, around.y - 4];
        this.line([[middle, from], [outside, from], [outside, to], [edge, to]], { "stroke-width": 1.5 });
      }
    }
    const top = boxes.filter((box) => box.stack === "encoder").sort((a, b) => a.y - b.y)[0];
    const cross = boxes.find((box) => box.block === "decoder.cross_attn");
    const x = top.x + top.width / 2;
    const y = cross.y + cross.height / 2;
    this.line([[x, top.y], [x, up], [WIDTH / 2, up], [WIDTH / 2, y], [cross.x, y]], { stroke: this.theme.roles.key, "stroke-width": 3 });
    this.line([[cross.x - 7, y - 5], [cross.x, y], [cross.x - 7, y + 5]], { stroke: this.theme.roles.key, "stroke-width": 3 });
  }

  title(box) {
    if (box.kind === "tokens") return `${box.stack === "encoder" ? "source" : "target"} tokens`;
    if (!box.perLayer) return box.kind === "norm" ? `${box.stack}, final norm` : this.name(box).replace("+ ", "");
    const [stack, part] = (box.of ?? box.block).split(".");
    return `${stack}, layer ${this.chosen.layer + 1}, ${NAMES[part][stack]}${box.of ? `, ${this.name(box)}` : ""}`;
  }

  // What a block is, in a sentence, with its shape, weight and work.
  sentence(box) {
    const { header } = this;
    if (box.kind === "decoding") return `Decoding: ${SENTENCES.decoding} ${header.shapes.decoding} probabilities, one row a step; no parameters of its own.`;
    const [stack, part] = box.kind === "output" ? [null, "output"] : box.block.split(".");
    const kind = part.endsWith("_norm") ? "norm" : part;
    const what = kind === "norm" && box.of ? SENTENCES.norm[header.post ? "post" : "pre"] : (SENTENCES[part][stack] ?? SENTENCES[part]);
    const title = this.title(box);
    const block = { embed: "tokens", pos: "positions" }[part] ?? box.block;
    const shape = header.shapes[kind === "norm" ? `${stack}.norm` : box.block];
    const weighs = header.parameters[block] ?? 0;
    const works = header.multiply_adds[block] ?? 0;
    const shared = part === "output" ? " (it reads the tokens' embedding matrix)" : part === "embed" ? " (one matrix for source, target and output)" : "";
    return `${title[0].toUpperCase()}${title.slice(1)}: ${what} ${shape} numbers; ${count(weighs)} parameters${shared}, ${kind === "norm" ? "no matrix product" : `${count(works)} multiply–adds`}.`;
  }

  say(box) {
    this.said.textContent = box ? this.sentence(box) : "";
  }

  // Arrow keys walk over the doors: up and down a column, left and right between the columns.
  press(event) {
    const active = this.root.getRootNode().activeElement;
    if (!active?.dataset.place || !event.key.startsWith("Arrow") || event.altKey || event.ctrlKey || event.metaKey) return;
    const doors = this.plan.boxes.filter((box) => this.header.places.includes(box.place));
    const here = doors.find((box) => box.block === active.dataset.block);
    const own = doors.filter((box) => box.stack === here.stack).sort((a, b) => b.y - a.y);
    const other = doors.filter((box) => box.stack !== here.stack);
    const at = own.indexOf(here);
    const nearest = () => other.sort((a, b) => Math.abs(a.y - here.y) - Math.abs(b.y - here.y))[0];
    const next = { ArrowUp: () => own[at + 1], ArrowDown: () => own[at - 1], ArrowLeft: () => (here.stack === "decoder" ? nearest() : null), ArrowRight: () => (here.stack === "encoder" ? nearest() : null) }[event.key]();
    event.preventDefault();
    if (next) this.boxes.querySelector(`[data-block="${next.block}"]`).focus({ preventScroll: true });
  }
}

export default function map({ data, parentElement, setStateValue }) {
  adopt(parentElement, ...sheets);
  let view = views.get(parentElement);
  if (!view) {
    view = new View(parentElement);
    views.set(parentElement, view);
  }
  page.tell = (selection) => setStateValue("selection", selection);
  const message = view.data === data ? null : unpack(data);
  const theme = readTheme(parentElement, (message?.header ?? view.header).palette);
  const isOther = theme.mode !== view.theme?.mode;
  view.theme = theme;
  view.data = data;
  if (message) {
    page.settle();
    view.drawn = false;
    view.take(message);
  } else if (isOther) {
    view.draw();
  }
  return () => {
    window.removeEventListener(LINK_CHANGED, view.follow);
    window.removeEventListener("resize", view.resize);
  };
}
