// The frame around every instrument: title, badge, trouble, board, strip and hint; keys, theme, size, and the link that
// others change. An instrument's view gives
//   body()        its nodes in order, with the frame's own among them: this.title, this.badge.node, this.trouble,
//                 this.strip.node, this.hint
//   draw()        draws all of its own;  drawCursor()  only what follows the cursor
//   titleText, keys (a table: keys.js), explain() for the strip, check() for the badge
//   redraws       where a change needs less than all

import { Badge } from "./badge.js";
import { activeIn, el, listen } from "./dom.js";
import { hint, press } from "./keys.js";
import { page } from "./link.js";
import { Strip } from "./strip.js";

/** @template {import("./store.js").Store} S */
export class View {
  /** @param {HTMLElement | ShadowRoot} parentElement @param {S} store @param {string} name the class of its node */
  constructor(parentElement, store, name) {
    this.store = store;
    /** @type {any} */
    this.theme = null;
    /** @type {any} the message as it came */
    this.data = undefined;
    this.drawnRoom = "";
    this.title = el("h3", { class: "title" });
    this.badge = new Badge();
    this.trouble = el("p", { class: "trouble", role: "alert" });
    this.hint = el("p", { class: "hint" });
    this.strip = new Strip(() => this.explain());
    this.root = el("div", { class: `instrument ${name}` });
    Object.assign(this.root, { view: this });
    parentElement.append(this.root);
    listen(this.root, { keydown: (event) => press(this.keys, event, this.active) });
    this.observer = new ResizeObserver(() => this.resized());
    this.observer.observe(this.root);
    this.follow = (/** @type {unknown} */ by) => store.follow(by);
    page.readers.add(this.follow);
    store.listeners.add((what) => this.changed(what));
  }

  // What the instrument is made of -----------------------------------------------------------------------------------

  // Once it is constructed.
  assemble() {
    this.root.append(...this.body());
  }

  /** @returns {Node[]} */
  body() {
    return [el("div", { class: "heading" }, this.title, this.badge.node), this.trouble, this.strip.node, this.hint];
  }

  get titleText() {
    return this.store.header.title;
  }

  /** @returns {import("./keys.js").Key[]} */
  get keys() {
    return [];
  }

  /** @returns {any} an explanation (strip.js), or a sentence that says why there is none */
  explain() {
    return "";
  }

  /** @returns {{ error: number, what: string } | null} */
  check() {
    return null;
  }

  draw() {}

  drawCursor() {}

  // For a change that needs less than all to be drawn: what → how.
  /** @returns {Record<string, () => void>} */
  get redraws() {
    return { cursor: () => this.drawCursor(), trouble: () => {} };
  }

  // Drawing ----------------------------------------------------------------------------------------------------------

  /** @param {string} what */
  changed(what) {
    if (!this.theme || !this.store.header) return;
    const redraw = this.redraws[what];
    if (!redraw) {
      this.drawAll();
      return;
    }
    this.drawTrouble();
    redraw();
    this.drawStrip();
  }

  /** @param {any} theme */
  dress(theme) {
    this.theme = theme;
    for (const [role, colour] of Object.entries(theme.roles)) this.root.style.setProperty(`--role-${role}`, colour);
    theme.heads.forEach((/** @type {string} */ colour, /** @type {number} */ i) =>
      this.root.style.setProperty(`--head-${i}`, colour),
    );
  }

  drawAll() {
    this.title.textContent = this.titleText;
    this.drawTrouble();
    this.badge.draw(this.check());
    this.hint.textContent = hint(this.keys);
    this.draw();
    this.drawStrip();
    this.drawnRoom = this.room();
  }

  drawTrouble() {
    this.trouble.textContent = this.store.trouble ?? "";
    this.trouble.hidden = !this.store.trouble;
  }

  drawStrip() {
    this.strip.node.classList.toggle("pinned", this.store.pinned);
    this.strip.draw();
  }

  // The element of this view that has the focus.
  get active() {
    return activeIn(this.root);
  }

  // Room -------------------------------------------------------------------------------------------------------------

  // Where this is another, there is another picture.
  room() {
    return `${this.root.clientWidth}×${window.innerHeight}`;
  }

  resized() {
    // Without a width it is leaving the page.
    if (this.theme && this.root.clientWidth && this.room() !== this.drawnRoom) this.drawAll();
  }

  leave() {
    this.observer.disconnect();
    page.readers.delete(this.follow);
  }
}
