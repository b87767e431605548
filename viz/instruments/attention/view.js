// All heads of one attention site as a grid, one of them large, and the row under the cursor as bars.
// Choosing a site, layer, head or cell draws at once; the server hears of it after a pause, for the Plotly twin.

import { adopt, el, styleSheet } from "../shared/dom.js";
import { readLink, wholeNumber, writeLink } from "../shared/link.js";
import { Matrix, paintPixels } from "../shared/matrix.js";
import { weightText } from "../shared/numbers.js";
import { css, readTheme } from "../shared/theme.js";
import { unpack } from "../shared/transport.js";

const sheet = await styleSheet(new URL("./view.css", import.meta.url));
const views = new WeakMap();
const TELL_AFTER = 300;
const BAR_HEIGHT = 22;
const AROUND_BARS = 190;

class View {
  constructor(parentElement) {
    this.parentElement = parentElement;
    this.matrix = new Matrix({ onCursor: (cell) => this.hover(cell), onPin: (cell) => this.pin(cell) });
    this.tabs = el("div", { class: "tabs", role: "tablist", "aria-label": "Attention site" });
    this.grid = el("div", { class: "grid", role: "group", "aria-label": "All heads: layers down, heads across" });
    this.title = el("h3", { class: "title" });
    this.caption = el("p", { class: "caption" });
    this.legend = el("div", { class: "legend", "aria-hidden": "true" });
    this.readout = el("p", { class: "readout", role: "status", "aria-live": "polite" });
    this.bars = el("div", { class: "bars" });
    this.hint = el("p", { class: "hint" }, "Arrow keys move, 1–9 choose a head, Page Up/Down a layer, Enter pins, Esc frees.");
    this.heads = el("section", { class: "heads" }, this.tabs, this.grid);
    this.stage = el("section", { class: "stage" }, this.title, this.caption, this.legend, this.matrix.node);
    this.side = el("section", { class: "side" }, this.readout, this.bars, this.hint);
    this.root = el("div", { class: "attention" }, this.heads, this.stage, this.side);
    parentElement.append(this.root);
    this.root.onkeydown = (event) => this.press(event);
    this.cursor = null;
    this.observer = new ResizeObserver(() => this.resized());
    this.observer.observe(this.root);
    this.observer.observe(document.querySelector("[data-testid=stMainBlockContainer]") ?? document.body);
    this.select(readLink());
  }

  // What a link says, as far as it makes sense before the data is known.
  select(link) {
    const number = (name, otherwise) => {
      const value = wholeNumber(link[name]);
      return value === null ? otherwise : value - 1;
    };
    const cell = { query: number("query", null), key: number("key", null) };
    this.chosen = { place: link.place, layer: number("layer", null), head: number("head", 0) };
    this.pinned = cell.query !== null && cell.key !== null ? cell : null;
  }

  show(message, theme, tell) {
    const isNew = this.message !== message.header || this.themeMode !== theme.mode;
    Object.assign(this, { message: message.header, arrays: message.arrays, theme, themeMode: theme.mode, tell });
    if (isNew) {
      this.clamp();
      this.drawAll();
    }
  }

  get site() {
    return this.message.places[this.chosen.place];
  }

  get weights() {
    const { values, shape } = this.arrays[this.chosen.place];
    const [, n_heads, rows, columns] = shape;
    const offset = (this.chosen.layer * n_heads + this.chosen.head) * rows * columns;
    return { values, offset, rows, columns, n_layers: shape[0], n_heads };
  }

  clamp() {
    const places = Object.keys(this.message.places);
    if (!places.includes(this.chosen.place)) this.chosen.place = places[places.length - 1];
    const [n_layers, n_heads, rows, columns] = this.arrays[this.chosen.place].shape;
    const within = (value, limit) => Math.min(Math.max(value, 0), limit - 1);
    if (this.chosen.layer === null) this.chosen.layer = Math.floor(n_layers / 2);
    this.chosen.layer = within(this.chosen.layer, n_layers);
    this.chosen.head = within(this.chosen.head, n_heads);
    const fits = (cell) => cell && { query: within(cell.query, rows), key: within(cell.key, columns) };
    this.pinned = fits(this.pinned);
    this.cursor = this.pinned ?? fits(this.cursor) ?? this.heaviest(Math.floor(rows / 2));
  }

  // Where the cursor rests at first: a row in the middle, at its largest weight.
  heaviest(query) {
    const { values, offset, columns } = this.weights;
    const start = offset + query * columns;
    const row = values.subarray(start, start + columns);
    return { query, key: row.indexOf(Math.max(...row)) };
  }

  drawAll() {
    this.drawTabs();
    this.drawGrid();
    this.drawStage();
  }

  drawTabs() {
    const focused = this.root.getRootNode().activeElement?.dataset.place;
    this.tabs.replaceChildren(
      ...Object.entries(this.message.places).map(([place, { title }]) =>
        el(
          "button",
          {
            role: "tab",
            class: "tab",
            "aria-selected": String(place === this.chosen.place),
            "data-place": place,
            onclick: () => this.choose({ place }),
          },
          title,
        ),
      ),
    );
    this.tabs.querySelector(`[data-place="${focused}"]`)?.focus({ preventScroll: true });
  }

  drawGrid() {
    const { values, rows, columns, n_layers, n_heads } = this.weights;
    const cells = [el("span", { class: "corner" })];
    for (let head = 0; head < n_heads; head++) cells.push(el("span", { class: "head-name" }, `head ${head + 1}`));
    for (let layer = 0; layer < n_layers; layer++) {
      cells.push(el("span", { class: "layer-name" }, `layer ${layer + 1}`));
      for (let head = 0; head < n_heads; head++) {
        const canvas = el("canvas", {});
        paintPixels(canvas, values, (layer * n_heads + head) * rows * columns, rows, columns, this.theme);
        const isChosen = layer === this.chosen.layer && head === this.chosen.head;
        cells.push(
          el(
            "button",
            {
              class: "thumb",
              "data-layer": layer + 1,
              "data-head": head + 1,
              "aria-label": `layer ${layer + 1}, head ${head + 1}`,
              "aria-pressed": String(isChosen),
              onclick: () => this.choose({ layer, head }),
            },
            canvas,
          ),
        );
      }
    }
    this.grid.style.gridTemplateColumns = `auto repeat(${n_heads}, minmax(0, 1fr))`;
    this.grid.replaceChildren(...cells);
  }

  markChosen() {
    for (const thumb of this.grid.querySelectorAll(".thumb")) {
      const { layer, head } = thumb.dataset;
      const isChosen = Number(layer) === this.chosen.layer + 1 && Number(head) === this.chosen.head + 1;
      thumb.setAttribute("aria-pressed", String(isChosen));
    }
  }

  drawStage() {
    const { site, weights, theme } = this;
    const name = `${site.title}, layer ${this.chosen.layer + 1}, head ${this.chosen.head + 1}`;
    this.title.textContent = name;
    this.caption.replaceChildren(
      el("strong", { style: { color: theme.roles.query } }, "Rows ask"),
      ", ",
      el("strong", { style: { color: theme.roles.key } }, "columns answer"),
      `. ${site.caption}`,
    );
    this.drawLegend();
    const sides = { src: "source", tgt: "target" };
    this.matrix.node.setAttribute(
      "aria-label",
      `${name}: weights of ${weights.rows} ${sides[site.sides.query]} tokens over ${weights.columns} ${sides[site.sides.key]} tokens`,
    );
    this.drawnRoom = this.room();
    this.matrix.draw({
      ...weights,
      rows: site.queries,
      columns: site.keys,
      causal: site.causal,
      theme,
      width: this.stage.clientWidth,
      height: this.stageHeight(),
    });
    this.showCursor();
  }

  // What is left of the first screen below the headings, so that the whole matrix is seen at once.
  stageHeight() {
    const scrolled = document.querySelector("[data-testid=stMain]")?.scrollTop ?? 0;
    const above = this.matrix.node.getBoundingClientRect().top + scrolled;
    return Math.min(860, Math.max(300, window.innerHeight - above - 12));
  }

  room() {
    return `${this.stage.clientWidth}×${Math.round(this.stageHeight())}`;
  }

  drawLegend() {
    const bar = el("span", { class: "scale", style: { background: `linear-gradient(to right, ${this.theme.stops.join(", ")})` } });
    const parts = ["weight 0", bar, "1"];
    if (this.site.causal) parts.push(el("span", { class: "hatch" }), "masked: not yet written");
    this.legend.replaceChildren(...parts);
  }

  hover(cell) {
    if (this.pinned) return;
    if (this.cursor && cell.query === this.cursor.query && cell.key === this.cursor.key) return;
    this.cursor = cell;
    this.showCursor();
  }

  pin(cell) {
    const same = this.pinned && this.pinned.query === cell.query && this.pinned.key === cell.key;
    this.pinned = same ? null : cell;
    this.cursor = cell;
    this.showCursor();
    this.said();
  }

  free() {
    this.pinned = null;
    this.showCursor();
    this.said();
  }

  showCursor() {
    const { site, weights, cursor } = this;
    this.matrix.mark(cursor, Boolean(this.pinned));
    const start = weights.offset + cursor.query * weights.columns;
    const row = Array.from(weights.values.subarray(start, start + weights.columns));
    const masked = site.causal && cursor.key > cursor.query;
    this.readout.replaceChildren(
      el("span", { class: "number" }, weightText(row[cursor.key])),
      masked ? el("span", { class: "note" }, " masked") : "",
      el("br"),
      "query ",
      el("b", { class: "query" }, site.queries[cursor.query]),
      ` (row ${cursor.query + 1})`,
      el("br"),
      "key ",
      el("b", { class: "key" }, site.keys[cursor.key]),
      ` (column ${cursor.key + 1})`,
      this.pinned ? el("span", { class: "note" }, " · pinned") : "",
    );
    this.drawBars(row);
  }

  // The cursor's row: where this query looks. In token order while all fit, else the heaviest and the rest.
  drawBars(row) {
    const { site, cursor } = this;
    const visible = site.causal ? cursor.query + 1 : row.length;
    const most = Math.max(8, Math.floor((this.stage.clientHeight - AROUND_BARS) / BAR_HEIGHT));
    let shown = [...Array(visible).keys()];
    let rest = 0;
    if (visible > most) {
      shown.sort((a, b) => row[b] - row[a]);
      rest = shown.slice(most - 1).reduce((sum, j) => sum + row[j], 0);
      shown = shown.slice(0, most - 1).sort((a, b) => a - b);
    }
    const line = (label, weight, here) =>
      el(
        "div",
        { class: here ? "bar here" : "bar" },
        el("span", { class: "label" }, label),
        el("span", { class: "track" }, el("span", { class: "fill", style: { width: `${100 * weight}%`, background: css(this.theme, Math.max(0.45, weight)) } })),
        el("span", { class: "value" }, weightText(weight)),
      );
    const lines = shown.map((j) => line(site.keys[j], row[j], j === cursor.key));
    if (visible > most) lines.push(line(`${visible - most + 1} others`, rest, false));
    const sum = row.reduce((total, weight) => total + weight, 0);
    this.bars.replaceChildren(...lines, el("div", { class: "sum" }, "row sum ", el("span", { class: "value" }, weightText(sum))));
  }

  choose(change) {
    Object.assign(this.chosen, change);
    const placeChanged = "place" in change;
    if (placeChanged) this.pinned = null;
    this.clamp();
    if (placeChanged) this.drawAll();
    else {
      this.markChosen();
      this.drawStage();
    }
    this.said();
  }

  // The link at once, the server after a pause.
  said() {
    const { place, layer, head } = this.chosen;
    const link = {
      place,
      layer: layer + 1,
      head: head + 1,
      query: this.pinned ? this.pinned.query + 1 : null,
      key: this.pinned ? this.pinned.key + 1 : null,
    };
    writeLink(link);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.tell(link), TELL_AFTER);
  }

  press(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const { rows, columns, n_layers, n_heads } = this.weights;
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const onMatrix = this.root.getRootNode().activeElement === this.matrix.node;
    if (event.key in moves && onMatrix) {
      const [down, right] = moves[event.key];
      const { query, key } = this.cursor;
      this.cursor = {
        query: Math.min(Math.max(query + down, 0), rows - 1),
        key: Math.min(Math.max(key + right, 0), columns - 1),
      };
      if (this.pinned) {
        this.pinned = this.cursor;
        this.said();
      }
      this.showCursor();
    } else if (event.key >= "1" && event.key <= "9" && Number(event.key) <= n_heads) {
      this.choose({ head: Number(event.key) - 1 });
    } else if (event.key === "PageDown") {
      this.choose({ layer: Math.min(this.chosen.layer + 1, n_layers - 1) });
    } else if (event.key === "PageUp") {
      this.choose({ layer: Math.max(this.chosen.layer - 1, 0) });
    } else if (event.key === "Enter" && onMatrix) {
      this.pin(this.cursor);
    } else if (event.key === "Escape") {
      this.free();
    } else return;
    event.preventDefault();
  }

  // The page may still be growing above this view, or the window change: then the room for the matrix changes.
  resized() {
    if (this.message && this.room() !== this.drawnRoom) this.drawStage();
  }
}

export default function attention({ data, parentElement, setStateValue }) {
  adopt(parentElement, sheet);
  let view = views.get(parentElement);
  if (!view) {
    view = new View(parentElement);
    views.set(parentElement, view);
  }
  if (view.data !== data) {
    view.data = data;
    view.unpacked = unpack(data);
  }
  const theme = readTheme(parentElement, view.unpacked.header.palette);
  view.show(view.unpacked, theme, (link) => setStateValue("selection", link));
  return () => view.observer.disconnect();
}
