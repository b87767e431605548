// The decoding steps as a list: what each reads and predicts; one is open.

import { el } from "../shared/dom.js";

export class Steps {
  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this.store = store;
    const about = { role: "listbox", "aria-label": "Decoding steps", "aria-orientation": "horizontal", tabindex: "0" };
    this.list = el("div", { class: "steps", ...about });
    const said = ["reads", "→ predicts"].map((words) => el("span", {}, words));
    const legend = el("div", { class: "steps-legend", "aria-hidden": "true" }, ...said);
    this.node = el("div", { class: "steps-line" }, legend, this.list);
  }

  draw() {
    const { reads, predicts } = this.store.header;
    this.list.replaceChildren(...reads.map((token, step) => this.step(step, token, predicts[step])));
    this.showOpen();
  }

  step(step, reads, predicts) {
    const isOpen = step === this.store.step;
    const label = `step ${step + 1}: reads ${reads}, predicts ${predicts}`;
    const about = { role: "option", "aria-selected": String(isOpen), "aria-label": label, tabindex: "-1" };
    const words = [el("span", { class: "reads" }, reads), el("span", { class: "predicts" }, predicts)];
    return el("button", { class: "step", "data-step": step + 1, ...about, onclick: () => this.open(step) }, ...words);
  }

  open(step) {
    this.store.open(step);
    this.list.focus({ preventScroll: true });
  }

  // Within its own list, which scrolls down where there are many: the page stays where it is.
  showOpen() {
    const { list } = this;
    /** @type {any} */
    const open = list.children[this.store.step];
    const above = open.offsetTop - list.offsetTop;
    const below = above + open.offsetHeight;
    if (above < list.scrollTop) list.scrollTop = above;
    else if (below > list.scrollTop + list.clientHeight) list.scrollTop = below - list.clientHeight;
  }
}
