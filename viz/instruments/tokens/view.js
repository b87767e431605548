// The tokens instrument: words and their merges, the rows of E that the ids stand for, what lies near them, and where
// layers move them. Everything answers in the browser; the server is told the chosen token after a pause.

import { el, listen } from "../shared/dom.js";
import { LINK_CHANGED } from "../shared/link.js";
import { mounted } from "../shared/mount.js";
import { numberText } from "../shared/numbers.js";
import { largest } from "../shared/paint.js";
import { Panel } from "../shared/panel.js";
import { Strip } from "../shared/strip.js";
import { explain } from "./explain.js";
import { Near } from "./near.js";
import { Reading } from "./reading.js";
import { Scatter } from "./scatter.js";
import { SIDES, Store } from "./store.js";
import { Merges, Words } from "./words.js";

const TOLERANCE = 1e-5;

class View {
  constructor(parentElement) {
    this.store = new Store();
    const { store } = this;
    this.sides = el("div", { class: "tabs", role: "tablist", "aria-label": "Side" });
    this.badge = el("span", { class: "check", role: "status" });
    this.reading = new Reading(store);
    this.words = new Words(store);
    this.merges = new Merges(store);
    this.near = new Near(store);
    this.panel = new Panel({
      onCursor: ({ row, column }) => store.hover({ part: "embed", token: row, dim: column }),
      onPin: ({ row, column }) => store.pin({ part: "embed", token: row, dim: column }),
    });
    this.embedCaption = el("p", { class: "note" });
    this.scaleBox = el("span", { class: "scale" });
    this.limits = [el("span"), el("span")];
    this.embed = el(
      "section",
      { class: "embed" },
      el("div", { class: "panel-name" }, el("b", {}, "embed = E[ids] × √d_model"), el("span", { class: "legend" }, this.limits[0], this.scaleBox, this.limits[1])),
      this.embedCaption,
      this.panel.node,
    );
    this.scatter = new Scatter(store);
    this.strip = new Strip(() => explain(store));
    this.root = el(
      "div",
      { class: "instrument tokens" },
      el("div", { class: "heading" }, el("h3", { class: "title" }, "Tokens and embeddings"), this.badge),
      this.sides,
      this.reading.node,
      this.words.node,
      el("div", { class: "upper" }, this.embed, this.near.node),
      el("div", { class: "lower" }, this.merges.node, this.scatter.node),
      this.strip.node,
      el("p", { class: "hint" }, "Keys: ← → token, on the strip of numbers ↑ ↓ token and ← → dimension · Enter pins · Esc frees."),
    );
    parentElement.append(this.root);
    listen(this.root, { keydown: (event) => this.press(event) });
    this.observer = new ResizeObserver(() => this.resized());
    this.observer.observe(this.root);
    this.follow = () => store.follow();
    window.addEventListener(LINK_CHANGED, this.follow);
    store.listeners.add((what) => this.changed(what));
  }

  changed(what) {
    if (!this.theme) return;
    if (what === "cursor") this.drawCursor();
    else if (what === "layer") {
      this.scatter.draw(this.theme);
      this.strip.draw();
    } else this.drawAll();
  }

  dress(theme) {
    this.theme = theme;
    for (const [role, colour] of Object.entries(theme.roles)) this.root.style.setProperty(`--role-${role}`, colour);
  }

  drawAll() {
    this.drawSides();
    this.drawCheck();
    this.reading.draw();
    this.words.draw();
    this.merges.draw();
    this.near.draw();
    this.drawEmbed();
    this.scatter.draw(this.theme);
    this.drawnWidth = this.root.clientWidth;
    this.drawCursor();
  }

  drawSides() {
    const { store } = this;
    const active = this.root.getRootNode().activeElement?.dataset?.side;
    this.sides.replaceChildren(
      ...SIDES.map((name) =>
        el("button", { class: "tab", role: "tab", "aria-selected": String(name === store.sideName), "data-side": name, onclick: () => store.show(name) }, store.header.sides[name].title),
      ),
    );
    if (active) this.sides.querySelector(`[data-side=${active}]`)?.focus({ preventScroll: true });
  }

  drawCheck() {
    const error = this.store.check();
    const isWrong = !(error <= TOLERANCE);
    const size = Number.isFinite(error) ? error.toExponential(0) : "not a number";
    this.badge.className = isWrong ? "check wrong" : "check right";
    this.badge.textContent = `recomputed: max error ${error === 0 ? "0" : size}`;
    this.badge.title = `Your browser recomputed embed of both sides from rows of E × √d_model, and each cosine from its dot product and lengths; the largest |a − b| / max(1, |b|) against what the model computed is ${error}.`;
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
    const stops = theme.signedStops.map((stop, i) => `${stop} ${(100 * i) / (theme.signedStops.length - 1)}%`);
    this.scaleBox.style.background = `linear-gradient(to right, ${stops.join(", ")})`;
    this.limits[0].textContent = numberText(-limit);
    this.limits[1].textContent = numberText(limit);
    this.embedCaption.textContent = `Each id picks its row of E (${vocab} × ${d_model}); times √${d_model} it is ${entry} (${tokens} × ${d_model}). The same token has the same row wherever it stands.`;
  }

  drawCursor() {
    const { store } = this;
    const { token, dim, part } = store.cursor;
    this.words.drawCursor();
    this.merges.drawCursor();
    this.near.drawCursor();
    this.panel.mark({ row: token, column: dim }, store.pinned && part === "embed");
    this.scatter.drawCursor();
    this.strip.node.classList.toggle("pinned", store.pinned);
    this.strip.draw();
  }

  press(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const active = this.root.getRootNode().activeElement;
    if (active?.matches("input, textarea")) return;
    const { store } = this;
    const { cursor } = store;
    const [onPanel, onNear, onPicture] = [".panel", ".near-list", ".panel, .near-list, .scatter"].map((what) => active?.matches(what));
    const steps = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 };
    const isSideways = event.key === "ArrowLeft" || event.key === "ArrowRight";
    if (event.key in steps && active?.matches(".steps-box") && !isSideways) return;
    if (event.key in steps) {
      const step = steps[event.key];
      if (onPanel && isSideways) store.move({ part: "embed", dim: cursor.dim + step });
      else if (onPanel) store.move({ part: "embed", token: cursor.token + step });
      else if (onNear && !isSideways) store.move({ part: "near", near: cursor.part === "near" ? cursor.near + step : 0 });
      else {
        const token = Math.min(Math.max(cursor.token + step, 0), store.sizes.tokens - 1);
        if (onNear) store.move({ token });
        else if (active?.matches(".scatter")) store.move({ part: "pca", token, point: token });
        else {
          store.choose(token);
          if (active?.matches(".piece")) this.words.focus();
        }
      }
    } else if (event.key === "Enter" && onPicture) {
      store.pin(active.matches(".scatter") && cursor.part !== "pca" ? { part: "pca", point: cursor.token } : {});
    } else if (event.key === "Escape") {
      store.free();
    } else return;
    event.preventDefault();
  }

  resized() {
    if (!this.theme || this.root.clientWidth === this.drawnWidth) return;
    this.drawnWidth = this.root.clientWidth;
    this.drawEmbed();
    this.scatter.draw(this.theme);
    this.drawCursor();
  }
}

export default await mounted(View, import.meta.url);
