// The block as panels of token × feature, left to right; means, deviations and counts of active units as numbers.

import { el, listen } from "../shared/dom.js";
import { numberText, shortened } from "../shared/numbers.js";
import { fresh, paint, paintBar, wipe, write } from "../shared/paint.js";
import { cellAt, NARROW, narrowLayout, PARAMETERS, ROOMY, sequence, wideLayout } from "./layout.js";
import { colourScale, shareText, strongestColumns } from "./maths.js";

const TYPE = { small: 14, usual: 16 };
const LONGEST_LABEL = 13;
const AROUND = 305;
const SILENT_TINT = 0.22;
const NAMES = { mean: "μ", std: "σ" };
const ROLES = { ffn_pre: "key", ffn_hidden: "value", ffn_out: "output", out: "output" };
const FORMULAS = {
  out: "what attention adds",
  ffn_pre: "x W_1 + b_1", ffn_hidden: "max(0, ffn_pre)", ffn_out: "hidden · W_2 + b_2", mean: "mean", std: "√(var + ε)",
  norm_out: "(x−μ)/σ · γ + β",
};

// Halfway between two of the page's colours, as three bytes.
function mixed(a, b, share) {
  const channels = (colour) => (colour.startsWith("#") ? [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16)) : colour.match(/[\d.]+/g).slice(0, 3).map(Number));
  const [from, to] = [channels(a), channels(b)];
  return from.map((value, i) => Math.round(value + share * (to[i] - value)));
}

export class Board {
  constructor(store) {
    this.store = store;
    this.picture = el("canvas", { "aria-hidden": "true" });
    this.overlay = el("canvas", { class: "over", "aria-hidden": "true" });
    this.headers = el("div", { class: "stage-names" });
    this.board = el("div", { class: "board", role: "figure", tabindex: "0" }, this.picture, this.overlay, this.headers);
    this.tabs = el("div", { class: "stage-tabs", role: "tablist", "aria-label": "Stage" });
    this.node = el("div", { class: "block" }, this.tabs, this.board);
    listen(this.board, { pointermove: (event) => this.pointed(event, (cursor) => store.point(cursor)) });
    listen(this.board, { click: (event) => this.pointed(event, (cursor) => store.pin(cursor)) });
  }

  pointed(event, act) {
    if (!this.layout || !this.store.exact) return;
    const box = this.board.getBoundingClientRect();
    const cell = cellAt(this.layout, event.clientX - box.left, event.clientY - box.top);
    if (!cell) return;
    const name = this.store.columnName(cell.panel.name);
    const row = cell.panel.isParameter ? {} : { row: cell.row };
    act({ stage: cell.panel.name, ...row, ...(name ? { [name]: cell.column } : {}) });
  }

  get panelNames() {
    return [...new Set(sequence(this.store.header.stages).map(({ name }) => name))];
  }

  // In the order of the keys , and . : γ and β follow norm_out, below whose cells they stand.
  get stageNames() {
    return this.panelNames.flatMap((name) => (name === "norm_out" ? [name, ...Object.keys(PARAMETERS)] : [name]));
  }

  // The panel in which a stage is shown.
  shownName(name) {
    if (name in PARAMETERS) return "norm_out";
    return this.panelNames.includes(name) ? name : this.store.header.thumbnail;
  }

  draw(theme) {
    this.theme = theme;
    const { store } = this;
    const width = Math.max(280, this.node.clientWidth);
    this.narrow = width < NARROW;
    this.tabs.hidden = !this.narrow;
    this.node.classList.toggle("roomy", width >= ROOMY);
    if (!store.exact) {
      this.layout = null;
      for (const canvas of [this.picture, this.overlay]) wipe(canvas);
      this.headers.replaceChildren(el("p", {}, store.trouble ? "" : `Fetching ${store.whole}'s numbers…`));
      return;
    }
    const { stages, tokens } = store.header;
    const room = { width, height: this.height(), label: this.labelWidth(width) };
    this.layout = this.narrow
      ? narrowLayout(stages, this.shownName(store.cursor.stage), tokens.length, room)
      : wideLayout(stages, tokens.length, room);
    this.drawTabs();
    this.board.style.height = `${this.layout.height}px`;
    for (const canvas of [this.picture, this.overlay]) fresh(canvas, this.layout.width, this.layout.height);
    const context = this.picture.getContext("2d");
    for (const panel of this.layout.panels) this.drawPanel(context, panel);
    this.drawHeaders();
    this.board.setAttribute("aria-label", `${store.title}: every stage from the stream that enters to the stream that leaves, token by feature`);
    this.board.dataset.cell = this.layout.cell;
    this.drawCursor();
  }

  labelWidth(width) {
    const context = this.picture.getContext("2d");
    context.font = `bold ${TYPE.usual}px ${this.theme.font}`;
    const widest = Math.max(...this.store.header.tokens.map((token) => context.measureText(shortened(token, LONGEST_LABEL)).width));
    return Math.ceil(Math.min(widest + 12, width * 0.36));
  }

  height() {
    return Math.min(1000, Math.max(380, window.innerHeight - AROUND));
  }

  drawTabs() {
    if (!this.narrow) return;
    const focused = this.tabs.getRootNode().activeElement?.dataset.stage;
    const shown = this.layout.panels[0].name;
    this.tabs.replaceChildren(
      ...this.panelNames.map((name) =>
        el("button", { role: "tab", class: "tab", "data-stage": name, "aria-selected": String(name === shown), onclick: () => this.store.move({ stage: name }) }, this.title(name)),
      ),
    );
    if (focused) this.tabs.querySelector(`[data-stage="${focused}"]`)?.focus({ preventScroll: true });
  }

  // The entry that comes in from outside is the stream; what the strip calls it is its full name.
  title(name) {
    if (name === this.store.stream && name !== "norm_in") return "stream";
    return name.startsWith("resid_after") ? "new stream" : (NAMES[name] ?? name);
  }

  formula(name) {
    const { of } = this.store.stage(name);
    if (FORMULAS[name]) return FORMULAS[name];
    if (name === "resid_in") return name;
    if (name === "norm_in" && !of.length) return "the stream";
    if (!of.length) return name.replace("resid_", "").replaceAll("_", " ");
    return of.length > 1 ? "the two added" : this.store.stage(of[0]).of.length ? `= ${of[0]}` : "the stream";
  }

  drawPanel(context, panel) {
    const { values, rows, columns } = this.store.own(panel.name);
    if (panel.op) {
      context.font = `bold 20px ${this.theme.font}`;
      Object.assign(context, { fillStyle: this.theme.text, textAlign: "center", textBaseline: "middle" });
      write(context, panel.op, panel.x - 14, panel.y + panel.height / 2);
    }
    if (panel.labelled) this.drawLabels(context, panel);
    if (panel.isParameter) this.drawSymbol(context, panel);
    if (!panel.columns) this.drawNumbers(context, panel, values);
    else this.drawCells(context, panel, values, rows, columns);
    if (panel.name === "ffn_hidden") this.drawActive(context, panel);
    context.strokeStyle = this.theme.faint;
    context.lineWidth = 1;
    context.strokeRect(panel.x - 0.5, panel.y - 0.5, panel.width + 1, panel.height + 1);
  }

  // Where columns are narrower than a pixel, each pixel shows the largest of its cells, so that no active unit is lost.
  drawCells(context, panel, values, rows, columns) {
    const { theme } = this;
    const scale =
      panel.name === "ffn_hidden" ? { scale: "positive", silent: mixed(theme.background, theme.text, SILENT_TINT) } : { scale: "signed" };
    Object.assign(panel, colourScale(values));
    const pixels = Math.min(columns, Math.max(1, Math.floor(panel.width * (window.devicePixelRatio || 1))));
    const shown = { stage: panel.name, values: strongestColumns(values, rows, columns, pixels), rows, columns: pixels };
    const { limit, x, y, width, height } = panel;
    paint(context, { ...shown, ...scale, limit, x, y, width, height }, theme);
  }

  get type() {
    return this.layout.cell > TYPE.usual + 1 ? TYPE.usual : TYPE.small;
  }

  // Of crowded rows every k-th is written, so that no text is smaller than 14 px.
  get stride() {
    return Math.ceil(this.type / this.layout.cell);
  }

  drawSymbol(context, panel) {
    context.font = `${TYPE.usual}px ${this.theme.font}`;
    Object.assign(context, { fillStyle: this.theme.text, textAlign: "right", textBaseline: "middle" });
    write(context, PARAMETERS[panel.name], panel.x - 6, panel.y + panel.height / 2);
  }

  write(context, text, x, panel, row, here, most) {
    const y = panel.y + (row + 0.5) * panel.cellHeight;
    context.font = `${here ? "bold " : ""}${this.type}px ${this.theme.font}`;
    context.textBaseline = "middle";
    context.fillStyle = here ? this.theme.roles.query : this.theme.text;
    write(context, text, x, y, most);
  }

  drawLabels(context, panel) {
    context.textAlign = "right";
    this.store.header.tokens.forEach((token, i) => {
      if (i % this.stride === 0) this.write(context, shortened(token, LONGEST_LABEL), panel.x - 7, panel, i, false, panel.x - 8);
    });
  }

  drawNumbers(context, panel, values) {
    context.textAlign = "right";
    values.forEach((value, i) => {
      if (i % this.stride === 0) this.write(context, numberText(value), panel.x + panel.width - 4, panel, i, false, panel.width - 6);
    });
  }

  activeText(row) {
    const active = this.store.active(row);
    return `${active} · ${shareText(active / this.store.sizes.d_ff)}`;
  }

  // Beside ffn_hidden, for each token: a bar of the share of its units that are on, with count and share.
  drawActive(context, panel) {
    const { tokens, d_ff } = this.store.sizes;
    const x = panel.x + panel.width + 6;
    const width = this.layout.active - 10;
    for (let i = 0; i < tokens; i++) {
      context.fillStyle = this.theme.roles.value;
      context.globalAlpha = 0.28;
      const place = { x, y: panel.y + i * panel.cellHeight + 1, width, height: Math.max(1, panel.cellHeight - 2) };
      paintBar(context, { stage: "active", values: [this.store.active(i)], limit: d_ff, ...place });
      context.globalAlpha = 1;
      context.textAlign = "left";
      if (i % this.stride === 0) this.write(context, this.activeText(i), x + 3, panel, i, false, width);
    }
  }

  drawHeaders() {
    const { store, theme } = this;
    const nodes = this.layout.panels.filter(({ isParameter }) => !isParameter).map((panel) => {
      const { name } = panel;
      const { rows, columns } = store.own(name);
      const end = panel.columns ? `${name === "ffn_hidden" ? "0…" : "±"}${panel.limit}` : "";
      const scale = panel.largest > panel.limit ? `${end} (${Number(panel.largest.toPrecision(2))})` : end;
      const said = panel.columns ? `, colours ${end}, the largest number is ${numberText(panel.largest)}` : "";
      const room = Math.max(panel.width + (panel.columns ? 24 : 6), this.narrow ? 260 : 0);
      const role = ROLES[name] ?? (name === store.header.stages[store.header.stages.length - 1].name ? "output" : null);
      return el(
        "div",
        { class: "stage-name", "data-stage": name, "data-y": panel.y, title: `${store.layerHeader.names[name]}, ${rows} × ${columns}${said}`, style: { left: `${panel.x}px`, top: `${panel.headerY}px`, maxWidth: `${room}px` } },
        el("b", { style: role ? { color: theme.roles[role] } : {} }, this.title(name)),
        el("span", {}, this.formula(name)),
        el("span", { class: "shape" }, panel.columns ? `${rows}×${columns} ${scale}` : `${rows}×${columns}`),
      );
    });
    const hidden = this.layout.panels.find(({ name }) => name === "ffn_hidden");
    if (hidden) nodes.push(this.activeHeader(hidden));
    this.headers.replaceChildren(...nodes);
  }

  activeHeader({ x, width, headerY }) {
    return el(
      "div",
      { class: "stage-name", "data-stage": "active", style: { left: `${x + width + 6}px`, top: `${headerY}px`, maxWidth: `${this.layout.active - 6}px` } },
      el("b", { style: { color: this.theme.roles.value } }, "active"),
      el("span", {}, "units > 0"),
      el("span", { class: "shape" }, `of ${this.store.sizes.d_ff}`),
    );
  }

  drawCursor() {
    const { store, theme, layout } = this;
    if (!layout || !store.exact) return;
    const shown = this.shownName(store.cursor.stage);
    if (this.narrow && shown !== layout.panels[0].name) {
      this.draw(theme);
      return;
    }
    const context = this.overlay.getContext("2d");
    wipe(this.overlay);
    for (const panel of layout.panels) this.markPanel(context, panel, store.cursor);
  }

  clear(context, x, y, width, height) {
    context.fillStyle = this.theme.background;
    context.fillRect(x, y, width, height);
  }

  markPanel(context, panel, cursor) {
    const { theme, store } = this;
    const row = panel.isParameter ? 0 : cursor.row;
    const y = panel.y + row * panel.cellHeight;
    const middle = y + panel.cellHeight / 2;
    const text = Math.max(this.type + 2, panel.cellHeight) / 2;
    if (panel.labelled) {
      this.clear(context, 0, middle - text, panel.x - 3, 2 * text);
      context.textAlign = "right";
      this.write(context, shortened(store.header.tokens[row], LONGEST_LABEL), panel.x - 7, panel, row, true, panel.x - 8);
    }
    if (!panel.columns) {
      this.clear(context, panel.x, middle - text, panel.width, 2 * text);
      context.textAlign = "right";
      this.write(context, numberText(store.own(panel.name).values[row]), panel.x + panel.width - 4, panel, row, true, panel.width - 6);
    }
    if (panel.name === "ffn_hidden") {
      const [x, width] = [panel.x + panel.width + 3, this.layout.active - 6];
      this.clear(context, x, middle - text, width, 2 * text);
      context.textAlign = "left";
      this.write(context, this.activeText(row), x + 6, panel, row, true, width);
    }
    context.lineWidth = 2;
    context.strokeStyle = theme.roles.query;
    if (!panel.isParameter) context.strokeRect(panel.x - 1, y, panel.width + 2, panel.cellHeight);
    const column = cursor[store.columnName(panel.name)] ?? 0;
    const isHere = panel.name === cursor.stage;
    if (!panel.columns && !isHere) return;
    const width = panel.columns ? Math.max(3, panel.cellWidth) : panel.cellWidth;
    const x = panel.x + column * panel.cellWidth - (width - panel.cellWidth) / 2;
    context.lineWidth = isHere ? (store.pinned && !panel.isParameter ? 4 : 3) : 1.5;
    context.strokeStyle = theme.text;
    context.strokeRect(x - 1, y - 1, width + 2, panel.cellHeight + 2);
  }

  // Arrow keys: within the stage; , and . walk between stages.
  move(down, right) {
    const { cursor } = this.store;
    const name = this.store.columnName(cursor.stage);
    const row = cursor.stage in PARAMETERS ? {} : { row: cursor.row + down };
    this.store.move({ ...row, ...(name ? { [name]: cursor[name] + right } : {}) });
  }

  otherStage(by) {
    const names = this.stageNames;
    const at = names.indexOf(this.store.cursor.stage);
    this.store.move({ stage: names[Math.min(Math.max(at + by, 0), names.length - 1)] });
  }
}
