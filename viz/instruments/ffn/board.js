// The block as panels of token × feature, left to right; means, deviations and counts of active units as numbers.

import { Board } from "../shared/board.js";
import { el } from "../shared/dom.js";
import { numberText } from "../shared/numbers.js";
import { paintBar, write } from "../shared/paint.js";
import { Tabs } from "../shared/tabs.js";
import { channels } from "../shared/theme.js";
import { ACTIVE, NARROW, narrowLayout, PARAMETERS, ROOMY, sequence, wideLayout } from "./layout.js";
import { colourScale, shareText, strongestColumns } from "./maths.js";

const AROUND = 305;
const SILENT_TINT = 0.22;
const NAMES = { mean: "μ", std: "σ" };
const ROLES = { ffn_pre: "key", ffn_hidden: "value", ffn_out: "output", out: "output" };
const FORMULAS = {
  out: "what attention adds", ffn_pre: "x W_1 + b_1", ffn_hidden: "max(0, ffn_pre)", ffn_out: "hidden · W_2 + b_2",
  mean: "mean", std: "√(var + ε)", norm_out: "(x−μ)/σ · γ + β",
};

// Halfway between two of the page's colours, as three bytes.
function mixed(a, b, share) {
  const [from, to] = [channels(a), channels(b)];
  return from.map((value, i) => Math.round(value + share * (to[i] - value)));
}

export class Block {
  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this.store = store;
    this.board = new Board({
      onPoint: (cell) => store.point(this.cursorAt(cell)),
      onClick: (cell) => store.pin(this.cursorAt(cell)),
    });
    this.tabs = new Tabs({
      label: "Stage",
      data: "stage",
      className: "stage-tabs",
      choose: (stage) => store.move({ stage }),
    });
    this.node = el("div", { class: "block" }, this.tabs.node, this.board.node);
    this.isNarrow = false;
    /** @type {any} */
    this.theme = null;
  }

  cursorAt({ panel, row, column }) {
    const name = this.store.columnName(panel.name);
    return { stage: panel.name, ...(panel.isParameter ? {} : { row }), ...(name ? { [name]: column } : {}) };
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
    const { store, board } = this;
    const width = Math.max(280, this.node.clientWidth);
    this.theme = theme;
    this.isNarrow = width < NARROW;
    this.tabs.node.hidden = !this.isNarrow;
    this.node.classList.toggle("roomy", width >= ROOMY);
    if (!store.exact) {
      board.clear(store.trouble ? "" : `Fetching ${store.whole}'s numbers…`);
      return;
    }
    const { stages, tokens } = store.header;
    const label = board.labelWidth(tokens, theme, width * 0.36);
    const room = { width, height: this.height(), label };
    const layout = this.isNarrow
      ? narrowLayout(stages, this.shownName(store.cursor.stage), tokens.length, room)
      : wideLayout(stages, tokens.length, room);
    for (const panel of layout.panels) this.furnish(panel);
    if (this.isNarrow)
      this.tabs.draw(
        Object.fromEntries(this.panelNames.map((name) => [name, this.title(name)])),
        layout.panels[0].name,
      );
    board.draw(layout, theme, this.headings(layout), (context) =>
      layout.panels.forEach((panel) => this.drawMore(context, panel)),
    );
    board.node.setAttribute(
      "aria-label",
      `${store.title}: every stage from the stream that enters to the stream that leaves, token by feature`,
    );
    this.drawCursor();
  }

  height() {
    return Math.min(1000, Math.max(380, window.innerHeight - AROUND));
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
    if (of.length > 1) return "the two added";
    if (of.length) return this.store.stage(of[0]).of.length ? `= ${of[0]}` : "the stream";
    return name === "norm_in" ? "the stream" : name.replace("resid_", "").replaceAll("_", " ");
  }

  // What a panel shows. Where columns are narrower than a pixel, each pixel shows the largest of its cells, so that
  // no active unit is lost.
  furnish(panel) {
    const { theme, store } = this;
    if (panel.labelled) panel.labels = store.header.tokens;
    if (!panel.columns) return;
    const { values, rows, columns } = store.own(panel.name);
    const isHidden = panel.name === "ffn_hidden";
    const scale = isHidden
      ? { scale: "positive", silent: mixed(theme.background, theme.text, SILENT_TINT) }
      : { scale: "signed" };
    Object.assign(panel, colourScale(values));
    const pixels = Math.min(columns, Math.max(1, Math.floor(panel.width * (window.devicePixelRatio || 1))));
    const shown = strongestColumns(values, rows, columns, pixels);
    panel.picture = { stage: panel.name, values: shown, rows, columns: pixels, ...scale, limit: panel.limit };
  }

  // Signs between the panels, and what is written as numbers.
  drawMore(context, panel) {
    const { theme, board } = this;
    Object.assign(context, { fillStyle: theme.text, textAlign: "center", textBaseline: "middle" });
    if (panel.op) {
      context.font = `bold 20px ${theme.font}`;
      write(context, panel.op, panel.x - 14, panel.y + panel.height / 2);
    }
    if (panel.isParameter) {
      context.font = `16px ${theme.font}`;
      context.textAlign = "right";
      write(context, PARAMETERS[panel.name], panel.x - 6, panel.y + panel.height / 2);
    }
    for (let row = 0; row < panel.rows; row++) {
      if (panel.name === "ffn_hidden") this.drawShare(context, panel, row);
      if (row % board.stride === 0) this.drawNumber(context, panel, row, false);
    }
  }

  // A row's mean or deviation; beside ffn_hidden how many of the token's units are on.
  drawNumber(context, panel, row, isHere) {
    const { board, store } = this;
    const how = { isHere, colour: isHere ? this.theme.roles.query : this.theme.text };
    if (!panel.columns) {
      if (isHere) board.wipeRow(context, panel.x, panel, row, panel.width);
      context.textAlign = "right";
      const text = numberText(store.own(panel.name).values[row]);
      board.write(context, text, panel.x + panel.width - 4, panel, row, { ...how, most: panel.width - 6 });
    } else if (panel.name === "ffn_hidden") {
      const [x, width] = [panel.x + panel.width, ACTIVE];
      if (isHere) board.wipeRow(context, x + 3, panel, row, width - 6);
      context.textAlign = "left";
      const active = store.active(row);
      board.write(context, `${active} · ${shareText(active / store.sizes.d_ff)}`, x + 9, panel, row, {
        ...how,
        most: width - 10,
      });
    }
  }

  // A bar of the share of the token's units that are on.
  drawShare(context, panel, row) {
    const { d_ff } = this.store.sizes;
    Object.assign(context, { fillStyle: this.theme.roles.value, globalAlpha: 0.28 });
    const place = { x: panel.x + panel.width + 6, y: panel.y + row * panel.cellHeight + 1 };
    const size = { width: ACTIVE - 10, height: Math.max(1, panel.cellHeight - 2) };
    paintBar(context, { stage: "active", values: [this.store.active(row)], limit: d_ff, ...place, ...size });
    context.globalAlpha = 1;
  }

  headings(layout) {
    const found = layout.panels.filter(({ isParameter }) => !isParameter).map((panel) => this.heading(panel));
    const hidden = layout.panels.find(({ name }) => name === "ffn_hidden");
    if (!hidden) return found;
    const active = {
      name: "active",
      title: "active",
      formula: "units > 0",
      shape: `of ${this.store.sizes.d_ff}`,
      colour: this.theme.roles.value,
    };
    return [...found, { ...active, x: hidden.x + hidden.width + 6, y: hidden.headerY, room: ACTIVE - 6 }];
  }

  heading(panel) {
    const { store, theme } = this;
    const { name } = panel;
    const { rows, columns } = store.own(name);
    const end = panel.columns ? `${name === "ffn_hidden" ? "0…" : "±"}${panel.limit}` : "";
    const scale = panel.largest > panel.limit ? `${end} (${Number(panel.largest.toPrecision(2))})` : end;
    const said = panel.columns ? `, colours ${end}, the largest number is ${numberText(panel.largest)}` : "";
    const isLast = name === store.header.stages[store.header.stages.length - 1].name;
    const role = ROLES[name] ?? (isLast ? "output" : null);
    return {
      name,
      title: this.title(name),
      formula: this.formula(name),
      shape: `${rows}×${columns} ${scale}`.trim(),
      hint: `${store.layerHeader.names[name]}, ${rows} × ${columns}${said}`,
      x: panel.x,
      y: panel.headerY,
      room: Math.max(panel.width + (panel.columns ? 24 : 6), this.isNarrow ? 260 : 0),
      colour: role && theme.roles[role],
    };
  }

  drawCursor() {
    const { store, theme, board } = this;
    if (!board.layout || !store.exact) return;
    if (this.isNarrow && this.shownName(store.cursor.stage) !== board.layout.panels[0].name) {
      this.draw(theme);
      return;
    }
    const context = board.marking();
    for (const panel of board.layout.panels) this.mark(context, panel, store.cursor);
  }

  mark(context, panel, cursor) {
    const { store, board, theme } = this;
    const row = panel.isParameter ? 0 : cursor.row;
    if (panel.labels) board.label(context, panel, row, theme.roles.query, true);
    this.drawNumber(context, panel, row, true);
    if (!panel.isParameter) board.markRow(context, panel, row, theme.roles.query);
    const isHere = panel.name === cursor.stage;
    if (!panel.columns && !isHere) return;
    const pinned = store.pinned && !panel.isParameter ? 4 : 3;
    board.markCell(context, panel, row, cursor[store.columnName(panel.name) ?? ""] ?? 0, isHere ? pinned : 1.5);
  }
}
