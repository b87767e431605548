// The strip below every view: the exact arithmetic of the cell under the cursor, with its numbers.
//
// `explain()` gives it as data: { title, formula, terms: [{ name, text, value, here }], value, note, numpy, and where
// needed sumName, total, asWeight, waiting, whatIf }; or a sentence that says why there is none yet.

import { el, listen } from "./dom.js";
import { numberText, weightText } from "./numbers.js";

// On a low screen the picture needs the room.
const few = () => (window.innerHeight < 800 ? 3 : 6);

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    // Without a secure context there is no clipboard: show the text, selected, to copy by hand.
    const area = el("textarea", { class: "snippet", readonly: "", rows: "4", "aria-label": "NumPy snippet" });
    area.value = text;
    button.after(area);
    area.select();
    button.textContent = "Select all and copy";
  }
}

export class Strip {
  constructor(explain) {
    this.explain = explain;
    this.unfolded = false;
    this.formula = el("div", { class: "formula", role: "status", "aria-live": "polite" });
    this.terms = el("div", { class: "terms" });
    this.note = el("div", { class: "note" });
    this.fold = el("button", { class: "small", onclick: () => this.toggle() });
    this.copy = el("button", { class: "small copy" }, "Copy as NumPy");
    listen(this.copy, { click: () => copy(this.explanation.numpy, this.copy) });
    this.buttons = el("div", { class: "strip-buttons" }, this.fold, this.copy);
    this.node = el(
      "div",
      { class: "strip" },
      el("div", { class: "strip-text" }, this.formula, this.terms, this.note),
      this.buttons,
    );
  }

  toggle() {
    this.unfolded = !this.unfolded;
    this.draw();
  }

  draw() {
    const said = this.explain();
    const explanation = typeof said === "string" ? null : said;
    this.explanation = explanation;
    this.copy.hidden = !explanation?.numpy;
    this.copy.textContent = "Copy as NumPy";
    for (const area of this.buttons.querySelectorAll("textarea")) area.remove();
    if (!explanation) {
      this.formula.replaceChildren(said);
      this.terms.replaceChildren();
      this.note.replaceChildren();
      this.fold.hidden = true;
      return;
    }
    const { value, waiting, asWeight, whatIf: changed = false } = explanation;
    const text = asWeight ? weightText : numberText;
    const shown = waiting && Number.isNaN(value) ? "…" : text(value);
    this.node.classList.toggle("what-if", changed);
    this.formula.replaceChildren(
      el("b", {}, explanation.title),
      " = ",
      explanation.formula,
      " = ",
      el("b", { class: "result" }, shown),
      changed ? el("span", { class: "badge what-if" }, "what if") : "",
    );
    this.drawTerms(explanation);
    this.note.replaceChildren(explanation.note ?? "");
  }

  drawTerms({ terms, sumName, total }) {
    this.fold.hidden = terms.length <= few();
    if (!terms.length) {
      this.terms.replaceChildren();
      return;
    }
    this.fold.textContent = this.unfolded ? "Fewer terms" : `All ${terms.length} terms`;
    this.fold.setAttribute("aria-expanded", String(this.unfolded));
    const order = [...terms.keys()].sort((a, b) => Math.abs(terms[b].value) - Math.abs(terms[a].value));
    const largest = order[0];
    const chosen = new Set(this.unfolded ? order : order.slice(0, few()));
    terms.forEach((term, i) => term.here && chosen.add(i));
    const shown = [...chosen].sort((a, b) => a - b);
    const rest = terms.reduce((sum, term, i) => (chosen.has(i) ? sum : sum + term.value), 0);
    const chips = shown.map((i) =>
      el(
        "span",
        { class: `term${i === largest ? " largest" : ""}${terms[i].here ? " here" : ""}`, title: terms[i].name },
        el("span", { class: "term-name" }, terms[i].name),
        ` ${terms[i].text} = `,
        el("b", {}, numberText(terms[i].value)),
      ),
    );
    const hidden = terms.length - shown.length;
    if (hidden) chips.push(el("span", { class: "term rest" }, `${hidden} more: `, el("b", {}, numberText(rest))));
    const sum = total ?? terms.reduce((all, term) => all + term.value, 0);
    chips.push(el("span", { class: "term sum-term" }, `${sumName ?? "sum"} = `, el("b", {}, numberText(sum))));
    this.terms.replaceChildren(...chips);
  }
}
