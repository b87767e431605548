// A row of tabs, one of which is open. Drawn again, they keep the focus.

import { el, focusOn, refill } from "./dom.js";

export class Tabs {
  // `data`: the name of the attribute that says which tab one is, as in data-view="inside". `isRoving`: only the open
  // one is a stop of the Tab key, for the instrument's keys walk the others.
  /**
   * @typedef {{ label: string, data: string, choose: (name: string) => void,
   *   className?: string, isRoving?: boolean }} Row
   * @param {Row} options
   */
  constructor({ label, data, choose, className = "tabs", isRoving = true }) {
    this.data = data;
    this.choose = choose;
    this.isRoving = isRoving;
    this.node = el("div", { class: className, role: "tablist", "aria-label": label });
  }

  /** @param {Record<string, string>} titles name → what it says, in order @param {string} open */
  draw(titles, open) {
    const tabs = Object.entries(titles).map(([name, title]) => this.tab(name, title, name === open));
    refill(this.node, this.data, ...tabs);
  }

  /** @param {string} name @param {string} title @param {boolean} isOpen */
  tab(name, title, isOpen) {
    const about = { class: "tab", role: "tab", [`data-${this.data}`]: name, "aria-selected": String(isOpen) };
    const tabindex = isOpen || !this.isRoving ? "0" : "-1";
    return el("button", { ...about, tabindex, onclick: () => this.choose(name) }, title);
  }

  /** @param {string} name */
  focus(name) {
    focusOn([...this.node.children].find((each) => each.getAttribute(`data-${this.data}`) === name));
  }
}
