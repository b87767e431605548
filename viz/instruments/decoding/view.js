// The decoding instrument: tabs over one translation. Each part is a class in a file of its own:
//   constructor(store); node; draw(theme, width); where needed: changed(what), press(event) → true if the key was meant for it,
//   explanation() for the strip, opened() and closed() as its tab comes and goes.

import { el, listen } from "../shared/dom.js";
import { LINK_CHANGED } from "../shared/link.js";
import { mounted } from "../shared/mount.js";
import { Strip } from "../shared/strip.js";
import { Alignment } from "./parts/alignment/part.js";
import { Beam } from "./parts/beam/part.js";
import { Cache } from "./parts/cache/part.js";
import { Forcing } from "./parts/forcing/part.js";
import { Steps } from "./parts/steps/part.js";
import { Samples } from "./parts/samples/part.js";
import { Store } from "./store.js";

const PARTS = {
  steps: ["Step by step", Steps],
  beam: ["Beam tree", Beam],
  samples: ["Samples", Samples],
  forcing: ["Teacher forcing", Forcing],
  alignment: ["Alignment", Alignment],
  cache: ["Cache", Cache],
};

class View {
  constructor(parentElement) {
    const store = new Store(Object.keys(PARTS));
    this.store = store;
    this.parts = Object.fromEntries(Object.entries(PARTS).map(([name, [, Part]]) => [name, new Part(store)]));
    this.tabs = Object.entries(PARTS).map(([name, [title]]) =>
      el("button", { class: "tab", role: "tab", id: `decoding-tab-${name}`, "aria-controls": `decoding-${name}`, "data-part": name, onclick: () => store.show(name) }, title),
    );
    this.panels = Object.fromEntries(
      Object.keys(this.parts).map((name) => [name, el("div", { class: "part", role: "tabpanel", id: `decoding-${name}`, "aria-labelledby": `decoding-tab-${name}` })]),
    );
    this.trouble = el("p", { class: "trouble", role: "alert" });
    this.strip = new Strip(() => this.part.explanation?.() ?? "Point at a number to see how it is made.");
    this.root = el(
      "div",
      { class: "instrument decoding" },
      el("div", { class: "tabs", role: "tablist", "aria-label": "Parts of the decoding" }, ...this.tabs),
      this.trouble,
      ...Object.values(this.panels),
      this.strip.node,
    );
    parentElement.append(this.root);
    listen(this.root, { keydown: (event) => this.press(event) });
    this.observer = new ResizeObserver(() => this.resized());
    this.observer.observe(this.root);
    this.follow = () => store.follow();
    window.addEventListener(LINK_CHANGED, this.follow);
    store.listeners.add((what) => this.changed(what));
  }

  get part() {
    return this.parts[this.store.tab];
  }

  // "cursor" redraws the strip alone; parts draw their own marks before they say it.
  changed(what) {
    if (!this.theme) return;
    if (what === "sentence" || what === "tab") return this.drawAll();
    this.trouble.textContent = this.store.trouble ?? "";
    this.trouble.hidden = !this.store.trouble;
    if (what !== "cursor" && what !== "trouble") {
      if (this.part.changed) this.part.changed(what);
      else this.part.draw(this.theme, this.root.clientWidth);
    }
    this.strip.draw();
  }

  dress(theme) {
    this.theme = theme;
    for (const [role, colour] of Object.entries(theme.roles)) this.root.style.setProperty(`--role-${role}`, colour);
    theme.heads.forEach((colour, i) => this.root.style.setProperty(`--head-${i}`, colour));
  }

  // The open part; what is hidden has no width, and is drawn when it opens.
  drawAll() {
    const { tab } = this.store;
    for (const button of this.tabs) {
      button.setAttribute("aria-selected", String(button.dataset.part === tab));
      button.setAttribute("tabindex", button.dataset.part === tab ? "0" : "-1");
    }
    for (const [name, panel] of Object.entries(this.panels)) {
      panel.hidden = name !== tab;
      if (!panel.hidden && !panel.firstChild) panel.append(this.parts[name].node);
      else if (panel.hidden) panel.replaceChildren();
    }
    if (this.opened !== this.part) {
      this.opened?.closed?.();
      this.opened = this.part;
      this.part.opened?.();
    }
    this.trouble.textContent = this.store.trouble ?? "";
    this.trouble.hidden = !this.store.trouble;
    this.drawnWidth = this.root.clientWidth;
    if (this.drawnWidth > 0) this.part.draw(this.theme, this.drawnWidth);
    this.strip.draw();
  }

  press(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const active = this.root.getRootNode().activeElement;
    if (active?.matches(".decoding > .tabs > .tab") && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
      const names = Object.keys(PARTS);
      const next = (names.indexOf(this.store.tab) + (event.key === "ArrowRight" ? 1 : names.length - 1)) % names.length;
      this.store.show(names[next]);
      this.tabs[next].focus();
    } else if (!this.part.press?.(event, active)) return;
    event.preventDefault();
  }

  leave() {
    this.part.closed?.();
    this.opened = null;
  }

  resized() {
    if (this.theme && this.root.clientWidth !== this.drawnWidth) this.drawAll();
  }
}

export default await mounted(
  View,
  import.meta.url,
  Object.keys(PARTS).map((name) => `./parts/${name}/part.css`),
);
