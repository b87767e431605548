// The translation as token chips with probabilities; pointing at one shows the alternatives of that step. Words are on
// the screen as soon as can be: it waits for nothing that the frame needs.

import { adopt, el, styleSheet } from "../shared/dom.js";
import { percentText } from "../shared/numbers.js";
import { shareBar } from "../shared/share_bar.js";
import { readTheme } from "../shared/theme.js";
import { unpack } from "../shared/transport.js";

const sheet = await styleSheet(new URL("./view.css", import.meta.url));

// A token, its probability as a bar, and as a number.
function shown({ token, probability }, theme) {
  const percent = el("span", { class: "percent" }, percentText(probability));
  return [el("span", { class: "token" }, token), shareBar(probability, theme), percent];
}

function chip(step, theme) {
  const { token, probability, alternatives } = step;
  const row = (other) => el("span", { class: other.token === token ? "row taken" : "row" }, ...shown(other, theme));
  const heading = el("span", { class: "heading" }, "most probable here");
  const others = el("span", { class: "alternatives", role: "tooltip" }, heading, ...alternatives.map(row));
  const label = `${token}, probability ${percentText(probability)}`;
  const about = { class: "chip", tabindex: "0", role: "listitem", "aria-label": label };
  return el("span", about, ...shown(step, theme), others);
}

/** @param {import("../shared/mount.js").Mounting} mounting */
export default function translation({ data, parentElement }) {
  adopt(parentElement, sheet);
  const { header } = unpack(data);
  const theme = readTheme(parentElement, header.palette);
  const about = { role: "list", "aria-label": "Translation, token by token, with probabilities" };
  const chips = header.chips.map((step) => chip(step, theme));
  parentElement.replaceChildren(el("div", { class: "chips", ...about }, ...chips));
}
