// The logit lens: what the model would say after each layer, at each position. Layers are rows and positions columns
// where all words fit; in less room positions run down, so that no word is cut.

import { el, listen } from "../shared/dom.js";
import { weightText } from "../shared/numbers.js";
import { marked } from "../shared/paint.js";
import { shareBar } from "../shared/share_bar.js";
import { css, textOn } from "../shared/theme.js";

const TYPE = 16;
const PADDING = 14;

export class Lens {
  constructor(store) {
    this.store = store;
    this.isFlipped = false;
    // The cell whose words are listed, the answer that they are of, and in which colours.
    /** @type {any[]} */
    this.listed = [];
    /** @type {any} a context to measure text with */
    this.ruler = document.createElement("canvas").getContext("2d");
    this.table = el("table", { class: "lens-table", tabindex: "0" });
    this.caption = el("p", { class: "note" });
    this.listTitle = el("h4", { class: "list-title" });
    this.list = el("ol", { class: "lens-list" });
    this.node = el(
      "section",
      { class: "lens", role: "figure" },
      el("h4", { class: "part-title" }, "Logit lens: what would it say after each layer?"),
      this.table,
      this.listTitle,
      this.list,
      this.caption,
    );
    listen(this.table, { pointermove: (event) => this.at(event, (cell) => store.point(cell)) });
    listen(this.table, { click: (event) => this.at(event, (cell) => store.pin(cell)) });
  }

  at(event, tell) {
    const { layer, position } = event.target.closest("[data-layer]")?.dataset ?? {};
    if (layer !== undefined) tell({ on: "lens", layer: Number(layer), position: Number(position) });
  }

  // What runs down and what runs right.
  get axes() {
    return this.isFlipped ? ["position", "layer"] : ["layer", "position"];
  }

  walk(axis, by) {
    const { cursor, lensCell } = this.store;
    const { layer, position } = cursor.on === "lens" ? cursor : lensCell;
    const at = { layer, position };
    this.store.move({ on: "lens", ...at, [axis]: at[axis] + by });
  }

  // Do positions have to run down, for all words to fit?
  measure(theme, width) {
    const { store } = this;
    const { lens, reads } = store.header;
    this.ruler.font = `bold ${TYPE}px ${theme.font}`;
    const wide = (text) => this.ruler.measureText(text).width + PADDING;
    const column = (position) =>
      Math.max(wide(reads[position]), ...lens.map((_, layer) => wide(store.lensWords({ layer, position })[0].token)));
    let total = wide("embedded");
    for (let position = 0; position < store.steps; position++) total += column(position);
    return total > width;
  }

  draw(theme) {
    const { store } = this;
    const { lens, lens_norm, reads } = store.header;
    this.isFlipped = this.measure(theme, this.node.clientWidth);
    const layers = lens.map((entry, layer) => ({ layer, name: layer ? `layer ${layer}` : "embedded", entry }));
    const positions = reads.map((token, position) => ({ position, name: token }));
    const [down, across] = this.isFlipped ? [positions, layers] : [layers, positions];
    const title = ({ entry, position, name }) => entry ?? `step ${position + 1} reads ${name}`;
    const opened = ({ position }) => (position === store.step ? "open" : null);
    const head = (place, scope) => el("th", { scope, class: opened(place), title: title(place) }, place.name);
    const corner = el("td", { class: "corner" });
    const cells = (row) => across.map((column) => this.drawCell({ ...row, ...column }, theme));
    const rows = down.map((row) => el("tr", {}, head(row, "row"), ...cells(row)));
    this.table.replaceChildren(
      el("thead", {}, el("tr", {}, corner, ...across.map((place) => head(place, "col")))),
      el("tbody", {}, ...rows),
    );
    const size = `each of ${lens.length - 1} layers at ${reads.length} positions`;
    this.node.setAttribute("aria-label", `Logit lens: the most probable token after ${size}`);
    this.table.classList.toggle("flipped", this.isFlipped);
    const axes = this.isFlipped ? "Columns are layers, rows positions" : "Rows are layers, columns positions";
    const shade = theme.mode === "dark" ? "lighter" : "darker";
    this.caption.textContent =
      `${axes}, named by what they read; each cell shows the most probable token, the ${shade} the more probable. ` +
      `${lens_norm.said} The last layer says what the model says.`;
    this.drawCursor(theme);
  }

  drawCell({ layer, position }, theme) {
    const [{ token, prob }] = this.store.lensWords({ layer, position });
    const style = { background: css(theme, prob), color: textOn(theme, prob) };
    const at = { "data-layer": layer, "data-position": position };
    const cell = el("td", { ...at, style, title: `${token} ${weightText(prob)}` }, token);
    return marked(cell, "lens", [layer, position, prob]);
  }

  drawCursor(theme) {
    const { cursor, pinned, lensCell } = this.store;
    const before = this.table.querySelectorAll(".here, .listed");
    for (const each of before) each.classList.remove("here", "pinned", "listed");
    const cell = ({ layer, position }) =>
      this.table.querySelector(`[data-layer="${layer}"][data-position="${position}"]`);
    cell(lensCell)?.classList.add("listed");
    if (cursor.on === "lens") cell(cursor)?.classList.add("here", ...(pinned ? ["pinned"] : []));
    const listed = [lensCell.layer, lensCell.position, this.store.header, theme.mode];
    if (listed.some((each, i) => each !== this.listed[i])) this.drawList(theme);
    this.listed = listed;
  }

  // The most probable words of the cell that was clicked.
  drawList(theme) {
    const { store } = this;
    const { layer, position } = store.lensCell;
    const words = store.lensWords(store.lensCell);
    const where = layer ? `After layer ${layer}` : "Before the first layer";
    const reads = store.header.reads[position];
    this.listTitle.textContent = `${where}, step ${position + 1} (reads ${reads}): the ${words.length} most probable`;
    this.list.style.setProperty("--half", String(Math.ceil(words.length / 2)));
    this.list.replaceChildren(
      ...words.map(({ token, prob }) =>
        el(
          "li",
          {},
          el("span", { class: "word", title: token }, token),
          shareBar(prob, theme, { "aria-hidden": "true" }),
          el("span", { class: "prob" }, weightText(prob)),
        ),
      ),
    );
  }
}
