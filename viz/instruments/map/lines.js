// The lines of figure 1: residual paths around each block, the way up, a stack's output across, the layers as a pile.

const SVG = "http://www.w3.org/2000/svg";
const MOST_BEHIND = 3;

function mark(name, properties) {
  const node = document.createElementNS(SVG, name);
  for (const [property, value] of Object.entries(properties)) node.setAttribute(property, String(value));
  return node;
}

export class Lines {
  constructor() {
    this.node = mark("svg", { "aria-hidden": "true" });
    /** @type {any} */
    this.theme = null;
  }

  draw(plan, isPost, theme) {
    this.theme = theme;
    for (const name of ["width", "height"]) this.node.setAttribute(name, String(plan[name]));
    const { columns } = plan;
    const way = (each) => [...this.upwards(each), ...this.around(each, isPost)];
    const crossing = plan.boxes.filter(({ reads }) => reads).flatMap((box) => this.across(box, columns, plan.gutter));
    this.node.replaceChildren(...columns.flatMap((each) => this.behind(each)), ...columns.flatMap(way), ...crossing);
  }

  line(points, properties = {}) {
    const d = points.map(([x, y], i) => `${i ? "L" : "M"}${x} ${y}`).join("");
    return mark("path", { d, fill: "none", stroke: this.theme.faint, "stroke-width": 2, ...properties });
  }

  behind({ frame, n_layers }) {
    const depths = Array.from({ length: Math.min(MOST_BEHIND + 1, n_layers) }, (_, i) => i).reverse();
    const { background: fill, faint: stroke } = this.theme;
    const own = { ...frame, rx: 6, fill, stroke, "stroke-width": 1.5 };
    return depths.map((i) => mark("rect", { ...own, x: frame.x + 3 * i, y: frame.y - 3 * i }));
  }

  upwards({ boxes }) {
    const middle = boxes[0].x + boxes[0].width / 2;
    return boxes.slice(1).map((box, i) => this.line([[middle, boxes[i].y], [middle, box.y + box.height]]));
  }

  // Where the norm comes last, the path ends in it; where first, behind the block.
  around({ boxes, edge, outside }, isPost) {
    const middle = boxes[0].x + boxes[0].width / 2;
    return boxes.filter(({ beside }) => beside).map((norm) => {
      const block = boxes.find((box) => box.block === norm.beside);
      const [below, into] = isPost ? [block, norm.y + norm.height / 2] : [norm, block.y - 4];
      const [from, to] = [below.y + below.height + 5, into];
      return this.line([[middle, from], [outside, from], [outside, to], [edge, to]], { "stroke-width": 1.5 });
    });
  }

  // What leaves a stack, into a block of the stack at its right.
  across(box, columns, gutter) {
    const { boxes, up } = columns.find(({ name }) => name === box.reads);
    const top = boxes[boxes.length - 1];
    const [x, y, between] = [top.x + top.width / 2, box.y + box.height / 2, box.x - gutter / 2];
    const strong = { stroke: this.theme.roles.key, "stroke-width": 3 };
    return [
      this.line([[x, top.y], [x, up], [between, up], [between, y], [box.x, y]], strong),
      this.line([[box.x - 7, y - 5], [box.x, y], [box.x - 7, y + 5]], strong),
    ];
  }
}
