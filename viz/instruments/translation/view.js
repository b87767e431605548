// The translation as token chips with probabilities; pointing at one shows the alternatives of that step.

import { adopt, el, styleSheet } from "../shared/dom.js";
import { percentText } from "../shared/numbers.js";
import { css, readTheme } from "../shared/theme.js";
import { unpack } from "../shared/transport.js";

const sheet = await styleSheet(new URL("./view.css", import.meta.url));

function bar(theme, probability) {
  const fill = { width: `${100 * probability}%`, background: css(theme, Math.max(0.45, probability)) };
  return el("span", { class: "track" }, el("span", { class: "fill", style: fill }));
}

function alternatives(chip, theme) {
  return el(
    "span",
    { class: "alternatives", role: "tooltip" },
    el("span", { class: "heading" }, "most probable here"),
    ...chip.alternatives.map((other) =>
      el(
        "span",
        { class: other.token === chip.token ? "row taken" : "row" },
        el("span", { class: "token" }, other.token),
        bar(theme, other.probability),
        el("span", { class: "percent" }, percentText(other.probability)),
      ),
    ),
  );
}

function drawChip(chip, theme) {
  return el(
    "span",
    { class: "chip", tabindex: "0", role: "listitem", "aria-label": `${chip.token}, probability ${percentText(chip.probability)}` },
    el("span", { class: "token" }, chip.token),
    bar(theme, chip.probability),
    el("span", { class: "percent" }, percentText(chip.probability)),
    alternatives(chip, theme),
  );
}

export default function translation({ data, parentElement }) {
  adopt(parentElement, sheet);
  const { header } = unpack(data);
  const theme = readTheme(parentElement, header.palette);
  const list = el("div", { class: "chips", role: "list", "aria-label": "Translation, token by token, with probabilities" });
  list.append(...header.chips.map((chip) => drawChip(chip, theme)));
  parentElement.replaceChildren(list);
}
