// A row of tabs, one of which is open. Drawn again, they keep the focus.

import { activeIn, el, focusOn } from "./dom.js";

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
    const focused = this.focused();
    this.node.replaceChildren(
      ...Object.entries(titles).map(([name, title]) =>
        el(
          "button",
          {
            class: "tab", role: "tab", [`data-${this.data}`]: name, "aria-selected": String(name === open),
            tabindex: name === open || !this.isRoving ? "0" : "-1", onclick: () => this.choose(name),
          },
          title,
        ),
      ),
    );
    if (focused) this.focus(focused);
  }

  focused() {
    const active = activeIn(this.node);
    return this.node.contains(active) ? active?.getAttribute(`data-${this.data}`) : null;
  }

  /** @param {string} name */
  focus(name) {
    focusOn([...this.node.children].find((each) => each.getAttribute(`data-${this.data}`) === name));
  }
}
