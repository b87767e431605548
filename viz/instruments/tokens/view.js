// The tokens instrument: words and their merges, the rows of E that the ids stand for, what lies near them, and where
// layers move them. Everything answers in the browser; the server is told the chosen token after a pause.

import { el } from "../shared/dom.js";
import { LEFT_RIGHT, pinning, UP_DOWN, walk } from "../shared/keys.js";
import { Legend } from "../shared/legend.js";
import { mounted } from "../shared/mount.js";
import { largest } from "../shared/paint.js";
import { Panel } from "../shared/panel.js";
import { SideTabs } from "../shared/sided.js";
import { View } from "../shared/view.js";
import { explain } from "./explain.js";
import { Near } from "./near.js";
import { Reading } from "./reading.js";
import { Scatter } from "./scatter.js";
import { Store } from "./store.js";
import { Merges, Words } from "./words.js";

const HINT = "← → token, on the strip of numbers ↑ ↓ token and ← → dimension";

/** @extends {View<Store>} */
class Tokens extends View {
  /** @param {ShadowRoot} parentElement */
  constructor(parentElement) {
    super(parentElement, new Store(), "tokens");
    const { store } = this;
    this.sides = new SideTabs(store);
    this.reading = new Reading(store);
    this.words = new Words(store);
    this.merges = new Merges(store);
    this.near = new Near(store);
    this.panel = new Panel({
      onCursor: ({ row, column }) => store.point({ part: "embed", token: row, dim: column }),
      onPin: ({ row, column }) => store.pin({ part: "embed", token: row, dim: column }),
    });
    this.embedCaption = el("p", { class: "note" });
    this.legend = new Legend();
    const name = el("div", { class: "panel-name" }, el("b", {}, "embed = E[ids] × √d_model"), this.legend.node);
    this.embed = el("section", { class: "embed" }, name, this.embedCaption, this.panel.node);
    this.scatter = new Scatter(store);
  }

  body() {
    return [
      el("div", { class: "heading" }, this.title, this.badge.node),
      this.sides.node,
      this.reading.node,
      this.words.node,
      el("div", { class: "upper" }, this.embed, this.near.node),
      el("div", { class: "lower" }, this.merges.node, this.scatter.node),
      this.strip.node,
      this.hint,
    ];
  }

  get titleText() {
    return "Tokens and embeddings";
  }

  get keys() {
    const { store } = this;
    const { cursor } = store;
    const by = (name, part = {}) => (step) => store.go({ ...part, [name]: cursor[name] + step });
    const embed = { part: "embed" };
    const pinPoint = () => store.pin(cursor.part === "pca" ? { ...cursor } : { part: "pca", point: cursor.token });
    const nearer = (step) => store.go({ part: "near", near: cursor.part === "near" ? cursor.near + step : 0 });
    const toPoint = (step) => this.toPoint(step);
    return [
      ...walk(LEFT_RIGHT, "dim", by("dim", embed), { on: ".panel", says: "" }),
      ...walk(UP_DOWN, "token", by("token", embed), { on: ".panel", says: "" }),
      ...walk(UP_DOWN, "near", nearer, { on: ".near-list", says: "" }),
      ...walk(LEFT_RIGHT, "token", by("token"), { on: ".near-list", says: "" }),
      ...[LEFT_RIGHT, UP_DOWN].flatMap((keys) => walk(keys, "token", toPoint, { on: ".scatter", says: "" })),
      // Up and down scroll the merges.
      ...walk(LEFT_RIGHT, "token", (step) => this.toToken(step), { on: "button, .steps-box", says: HINT }),
      ...walk(UP_DOWN, "token", (step) => this.toToken(step), { on: "button", says: "" }),
      { key: "Enter", says: "", moves: "pinned", on: ".scatter", act: pinPoint },
      ...pinning(store, ".panel, .near-list"),
    ];
  }

  toPoint(step) {
    const { token } = this.store.bounded({ token: this.store.cursor.token + step });
    this.store.go({ part: "pca", token, point: token });
  }

  toToken(step) {
    const isPiece = this.active?.matches(".piece");
    this.store.choose(this.store.cursor.token + step);
    if (isPiece) this.words.focus();
  }

  get redraws() {
    return { ...super.redraws, depth: () => this.scatter.draw(this.theme) };
  }

  explain() {
    return explain(this.store);
  }

  check() {
    return this.store.check();
  }

  draw() {
    this.sides.show();
    this.reading.draw();
    this.words.draw();
    this.merges.draw();
    this.near.draw();
    this.drawEmbed();
    this.scatter.draw(this.theme);
    this.drawCursor();
  }

  drawEmbed() {
    const { store, theme } = this;
    const { tokens, d_model, vocab } = store.sizes;
    const limit = largest(store.embed);
    const entry = store.side.layers[0].name;
    this.panel.draw({
      stage: entry,
      name: `${entry}: one row a token, one column a dimension (${tokens} × ${d_model})`,
      values: store.embed,
      rows: tokens,
      columns: d_model,
      labels: store.side.tokens,
      scale: "signed",
      limit,
      width: this.embed.clientWidth,
      rowHeight: tokens <= 16 ? 22 : 18,
      theme,
      colour: theme.roles.query,
    });
    this.legend.draw(theme, limit);
    this.embedCaption.textContent =
      `Each id picks its row of E (${vocab} × ${d_model}); times √${d_model} it is ${entry} (${tokens} × ` +
      `${d_model}). The same token has the same row wherever it stands.`;
  }

  drawCursor() {
    const { store } = this;
    const { token, dim, part } = store.cursor;
    this.words.drawCursor();
    this.merges.drawCursor();
    this.near.drawCursor();
    this.panel.mark({ row: token, column: dim }, store.pinned && part === "embed");
    this.scatter.drawCursor();
  }
}

export default await mounted(Tokens, import.meta.url);
