// A board: the stages of a sublayer as panels of token × column, their names as text. Where a panel lies is the
// instrument's layout.

import { el } from "./dom.js";
import { wipe } from "./paint.js";
import { Sheet } from "./sheet.js";

/**
 * @typedef {{ name: string, title: string, formula: string, shape: string, hint: string, x: number, y: number,
 *   room: number, colour?: string | null, ground?: string | null }} Heading
 */
/** @typedef {import("./sheet.js").Layout} Layout */

export class Board extends Sheet {
  /** @param {{ onPoint: (cell: any) => void, onClick: (cell: any) => void, inside?: Node[] }} options told a Cell */
  constructor({ onPoint, onClick, inside = [] }) {
    super("board", onPoint, onClick);
    this.headings = el("div", { class: "stage-names" });
    this.node.append(this.headings, ...inside);
  }

  /** @param {string} name */
  panel(name) {
    return this.layout?.panels.find((panel) => panel.name === name);
  }

  // Nothing but a sentence.
  /** @param {string} why */
  clear(why) {
    this.layout = null;
    for (const canvas of [this.picture, this.overlay]) wipe(canvas);
    this.headings.replaceChildren(el("p", {}, why));
  }

  // All panels; then `more(context)` draws what only this instrument has, and the names are written.
  /**
   * @param {Layout} layout @param {any} theme @param {Heading[]} headings
   * @param {(context: CanvasRenderingContext2D) => void} [more]
   */
  draw(layout, theme, headings, more = () => {}) {
    this.node.style.height = `${layout.height}px`;
    more(this.lay(layout, theme));
    this.headings.replaceChildren(...headings.map((heading) => this.heading(heading)));
    this.node.dataset.cell = String(layout.cell);
  }

  /** @param {Heading} heading */
  heading({ name, title, formula, shape, hint, x, y, room, colour = null, ground = null }) {
    const style = { left: `${x}px`, top: `${y}px`, maxWidth: `${room}px`, background: ground ?? "" };
    return el(
      "div",
      { class: "stage-name", "data-stage": name, "data-y": this.panel(name)?.y, title: hint, style },
      el("b", { style: colour ? { color: colour } : {} }, title),
      el("span", {}, formula),
      el("span", { class: "shape" }, shape),
    );
  }
}
