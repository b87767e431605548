// Lines over whole numbers, as SVG, with axes; nothing here knows what they mean.

import { el, listen, svg } from "../shared/dom.js";
import { marked } from "../shared/paint.js";

const LEFT = 54;
const tick = (text, at) => svg("text", { class: "tick", "font-size": 14, ...at }, text);

// Steps of 1, 2, 5, 10… so that labels, `room` apart at least, do not touch. Infinity where there is no room for any.
export function niceStep(unit, room) {
  if (!(unit > 0)) return Infinity;
  for (let step = 1; ; step *= 10) for (const times of [1, 2, 5]) if (step * times * unit >= room) return step * times;
}

export class Plot {
  // onCursor, onPin: called with the nearest whole x.
  constructor({ onCursor, onPin }) {
    this.node = el("div", { class: "plot", role: "figure", tabindex: "0" });
    /** @type {any} */
    this.spec = null;
    // Pixels from one whole x to the next.
    this.unit = 1;
    listen(this.node, { pointermove: (event) => this.at(event, onCursor) });
    listen(this.node, { click: (event) => this.at(event, onPin) });
  }

  // spec: { name, width, height, xMax, yMin, yMax, yTicks: [[y, text]], xName, lines: [{ points, colour, width }],
  //         dots: [{ x, y, colour }], here }
  draw(spec) {
    this.spec = spec;
    const { name, width, height, xMax, yMin, yMax, yTicks, xName, lines, dots, here } = spec;
    this.node.setAttribute("aria-label", name);
    const [top, bottom] = [8, height - 24];
    this.unit = (width - LEFT - 12) / Math.max(1, xMax);
    const X = (x) => LEFT + x * this.unit;
    const Y = (y) => bottom - ((y - yMin) / (yMax - yMin)) * (bottom - top);
    const parts = [];
    for (const [y, text] of yTicks) {
      parts.push(svg("line", { class: "grid", x1: LEFT, x2: X(xMax), y1: Y(y), y2: Y(y) }));
      parts.push(tick(text, { x: LEFT - 6, y: Y(y) + 5, "text-anchor": "end" }));
    }
    const step = niceStep(this.unit, 34);
    for (let x = 0; x <= xMax; x += step) {
      parts.push(tick(String(x), { x: X(x), y: bottom + 17, "text-anchor": "middle" }));
    }
    parts.push(svg("line", { class: "here", x1: X(here), x2: X(here), y1: top - 4, y2: bottom + 3 }));
    for (const line of lines) {
      const d = line.points.map(([x, y], n) => `${n ? "L" : "M"}${X(x).toFixed(1)} ${Y(y).toFixed(1)}`).join("");
      const path = svg("path", { class: "wave", d, stroke: line.colour, "stroke-width": line.width });
      parts.push(marked(path, name, line.points.flat()));
    }
    for (const { x, y, colour } of dots) {
      parts.push(marked(svg("circle", { cx: X(x), cy: Y(y), r: 4.5, fill: colour }), name, [x, y]));
    }
    const picture = svg("svg", { "aria-hidden": "true", width, height, viewBox: `0 0 ${width} ${height}` }, ...parts);
    this.node.replaceChildren(picture);
    this.node.title = xName;
  }

  at(event, tell) {
    if (!this.spec) return;
    const x = Math.round((event.clientX - this.node.getBoundingClientRect().left - LEFT) / this.unit);
    if (x >= 0 && x <= this.spec.xMax) tell(x);
  }
}
