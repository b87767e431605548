// The same weights as lines: tokens that ask on the left, tokens that answer on the right, width and opacity = weight.

import { el, listen } from "../shared/dom.js";
import { heaviest } from "../shared/maths.js";
import { percentText, shortened, weightText } from "../shared/numbers.js";
import { marked } from "../shared/paint.js";

const SVG = "http://www.w3.org/2000/svg";
const LONGEST_LABEL = 20;

function svg(tag, properties, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(properties)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

export class Lines {
  constructor(store) {
    this.store = store;
    this.shown = null;
    this.share = 0.8;
    this.only = null;
    this.buttons = el("div", { class: "line-heads", role: "group", "aria-label": "Heads drawn" });
    this.slider = el("input", { type: "range", min: "5", max: "100", step: "5", value: "80", "aria-label": "Share of the mass drawn" });
    this.sliderText = el("span", {});
    listen(this.slider, {
      input: () => {
        this.share = Number(this.slider.value) / 100;
        this.drawLines();
      },
    });
    this.figure = el("div", { class: "lines-figure", role: "figure" });
    this.node = el(
      "div",
      { class: "lines" },
      el("div", { class: "line-controls" }, this.buttons, el("label", { class: "slider" }, "heaviest lines until ", this.slider, this.sliderText)),
      this.figure,
    );
  }

  draw(theme) {
    this.theme = theme;
    if (!this.store.exact) {
      this.figure.replaceChildren(el("p", {}, this.store.trouble ?? "Fetching this layer's numbers…"));
      return;
    }
    if (this.headKey !== this.store.chosen.head) {
      this.headKey = this.store.chosen.head;
      if (!this.shown?.has(this.headKey) || this.shown.size === 1) this.shown = new Set([this.headKey]);
    }
    this.drawButtons();
    this.drawLines();
  }

  colour(head) {
    return this.theme.heads[head % this.theme.heads.length];
  }

  drawButtons() {
    const { n_heads } = this.store.sizes;
    const buttons = Array.from({ length: n_heads }, (_, head) => {
      const on = this.shown.has(head);
      const toggle = () => {
        if (on && this.shown.size > 1) this.shown.delete(head);
        else this.shown.add(head);
        this.drawButtons();
        this.drawLines();
      };
      return el(
        "button",
        { class: "head-toggle", "aria-pressed": String(on), onclick: toggle, style: { borderColor: this.colour(head) } },
        el("span", { class: "swatch", style: { background: on ? this.colour(head) : "transparent", borderColor: this.colour(head) } }),
        `head ${head + 1}`,
      );
    });
    this.buttons.replaceChildren(...buttons);
  }

  weightsOf(head) {
    const { store } = this;
    return (head === store.chosen.head ? store.stage("weights") : store.own("weights", head)).values;
  }

  drawLines() {
    const { store, theme } = this;
    const { queries, keys } = store.sizes;
    const { site } = store;
    const width = Math.max(280, this.figure.clientWidth || this.node.clientWidth);
    const row = Math.min(34, Math.max(17, (window.innerHeight * 0.62) / Math.max(queries, keys)));
    const left = Math.min(230, width * 0.36);
    const right = width - Math.min(180, width * 0.3);
    const height = Math.max(queries, keys) * row + 40;
    const y = (i) => 36 + (i + 0.5) * row;
    this.sliderText.textContent = ` ${percentText(this.share)} of the mass`;
    const picture = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}` });
    const size = Math.min(16, row - 1);
    const heading = (x, anchor, colour, text) => svg("text", { x, y: 18, "text-anchor": anchor, fill: colour, "font-size": 16, "font-weight": 700 }, text);
    picture.append(heading(left - 8, "end", theme.roles.query, "asks"), heading(right + 8, "start", theme.roles.key, "answers"));
    this.strokes = [];
    for (const head of [...this.shown].sort()) {
      const weights = this.weightsOf(head);
      for (const cell of heaviest(weights, this.share).reverse()) {
        const [i, j, weight] = [Math.floor(cell / keys), cell % keys, weights[cell]];
        const middle = (left + right) / 2;
        const line = svg("path", {
          d: `M ${left} ${y(i)} C ${middle} ${y(i)}, ${middle} ${y(j)}, ${right} ${y(j)}`,
          fill: "none",
          stroke: this.colour(head),
          "stroke-width": (0.75 + 7 * weight).toFixed(2),
          "stroke-opacity": Math.max(0.12, weight).toFixed(3),
          "data-query": i,
          "data-key": j,
          "data-head": head,
        });
        line.append(svg("title", {}, `head ${head + 1}: ${site.queries[i]} asks ${site.keys[j]}: ${weightText(weight)}`));
        this.strokes.push(marked(line, "weights", [head, i, j, weight]));
        picture.append(line);
      }
    }
    const label = (text, i, side) => {
      const isQuery = side === "query";
      const node = svg("text", {
        x: isQuery ? left - 8 : right + 8,
        y: y(i),
        "text-anchor": isQuery ? "end" : "start",
        "dominant-baseline": "middle",
        fill: theme.text,
        "font-size": size,
        class: "line-token",
      });
      node.append(shortened(text, LONGEST_LABEL), svg("title", {}, text));
      const cursor = isQuery ? { query: i } : { key: i };
      listen(node, {
        pointerenter: () => {
          this.keepOnly(side, i);
          store.point({ stage: "weights", ...cursor });
        },
      });
      listen(node, { pointerleave: () => this.keepOnly(null) });
      return node;
    };
    site.queries.forEach((text, i) => picture.append(label(text, i, "query")));
    site.keys.forEach((text, j) => picture.append(label(text, j, "key")));
    this.figure.setAttribute("aria-label", `Lines of ${site.title}, layer ${store.chosen.layer + 1}: who asks on the left, who answers on the right`);
    this.figure.replaceChildren(picture);
  }

  keepOnly(side, index = 0) {
    for (const line of this.strokes ?? []) {
      const shown = side === null || Number(line.dataset[side]) === index;
      line.style.display = shown ? "" : "none";
    }
  }

  drawCursor() {}
}
