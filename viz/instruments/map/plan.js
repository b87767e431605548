// Where each block of figure 1 stands: pure geometry. The encoder's column is left, the decoder's right; data flows upwards.

const GAP = 9;
// Between the last layer and the norm behind the stack, where the frame of the layers ends.
const ABOVE_FRAME = 18;
const HEIGHTS = { tokens: 34, plus: 22, block: 40, norm: 22, output: 40, decoding: 34 };

// What stands in a column, from below. `block` names what it is (trace name without layer), `place` where a click leads.
export function column(stack, { post, positions }) {
  const sites = stack === "encoder" ? ["self_attn"] : ["self_attn", "cross_attn"];
  const parts = [{ kind: "tokens", block: `${stack}.embed`, place: "tokens" }];
  if (positions !== "none" && positions !== "rotary" && positions !== "alibi") parts.push({ kind: "plus", block: `${stack}.pos`, place: "positions" });
  for (const site of [...sites, "ffn"]) {
    const own = { kind: "block", block: `${stack}.${site}`, place: `${stack}.${site}`, perLayer: true };
    const norm = { kind: "norm", block: `${stack}.${site}_norm`, place: site === "ffn" ? `${stack}.ffn` : `${stack}.${site}_norm`, perLayer: true, of: `${stack}.${site}` };
    const [first, second] = post ? [own, norm] : [norm, own];
    parts.push(first, { ...second, gap: GAP / 2 });
  }
  if (!post) parts.push({ kind: "norm", block: `${stack}.final_norm`, place: `${stack}.final_norm`, gap: ABOVE_FRAME });
  if (stack === "decoder") parts.push({ kind: "output", block: "output", place: "output" }, { kind: "decoding", block: "decoding", place: "decoding" });
  return parts;
}

// { boxes: [{ ...part, stack, x, y, width, height }], width, height, frames: { encoder, decoder }, up }
// `up` is how high the encoder's output rises before it crosses: above all that the encoder has.
export function plan(options, width) {
  const gutter = 22;
  const wide = (width - gutter) / 2 - 8;
  const columns = { encoder: column("encoder", options), decoder: column("decoder", options) };
  const tall = (parts) => parts.reduce((sum, part) => sum + HEIGHTS[part.kind] + (part.gap ?? GAP), 0);
  const height = Math.max(...Object.values(columns).map(tall)) + 4;
  const boxes = [];
  const frames = {};
  for (const [stack, parts] of Object.entries(columns)) {
    const x = stack === "encoder" ? 8 : width - wide - 8;
    let y = height;
    for (const part of parts) {
      y -= HEIGHTS[part.kind] + (part.gap ?? GAP);
      boxes.push({ ...part, stack, x, y, width: wide, height: HEIGHTS[part.kind] });
    }
    const layer = boxes.filter((box) => box.stack === stack && box.perLayer);
    const top = Math.min(...layer.map((box) => box.y));
    const bottom = Math.max(...layer.map((box) => box.y + box.height));
    frames[stack] = { x: x - 7, y: top - 6, width: wide + 14, height: bottom - top + 12 };
  }
  const top = Math.min(...boxes.map((box) => box.y), ...Object.values(frames).map((frame) => frame.y)) - 8;
  for (const part of [...boxes, ...Object.values(frames)]) part.y -= top;
  const highest = Math.min(...boxes.filter(({ stack }) => stack === "encoder").map((box) => box.y));
  return { boxes, frames, width, height: height - top, up: Math.min(highest - GAP, frames.encoder.y - 12) };
}
