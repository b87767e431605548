// A probability as a bar in its track: as long as it, and the stronger the more, though never too faint to be seen.

import { el } from "./dom.js";
import { css } from "./theme.js";

const LEAST_SHADE = 0.45;

// `more`: other bars in the same track.
/** @param {number} share 0…1 @param {any} theme @param {Record<string, any>} [properties] @param {...Node} more */
export function shareBar(share, theme, properties = {}, ...more) {
  const style = { width: `${100 * share}%`, background: css(theme, Math.max(LEAST_SHADE, share)) };
  return el("span", { class: "track", ...properties }, el("span", { class: "fill", style }), ...more);
}
