// What every instrument does when Streamlit mounts it or sends it something, written once.

import { adopt, styleSheet } from "./dom.js";
import { page } from "./link.js";
import { readTheme } from "./theme.js";
import { unpack } from "./transport.js";
import { onTypeface, typeface } from "./typeface.js";

/**
 * @typedef {(name: string, value: any) => void} Tell
 * @typedef {{ data: any, parentElement: HTMLElement | ShadowRoot, setStateValue: Tell }} Mounting
 */

// A rerun may send the same numbers again: then nothing has changed.
/** @param {Uint8Array | undefined} a @param {Uint8Array | undefined} b */
function sameBytes(a, b) {
  return (
    a === b || (a !== undefined && b !== undefined && a.length === b.length && a.every((byte, i) => byte === b[i]))
  );
}

// The function that Streamlit calls, for views (view.js) and what looks like them to it. `static speaks`: through
// this one the page's choices reach the server; `static hasTwin`: the server draws beside it, in the page's colours,
// and is told of a change of theme. `more`: style sheets besides view.css.
/** @param {any} View @param {string} url @param {string[]} more */
export async function mounted(View, url, more = []) {
  const paths = ["../shared/instrument.css", "./view.css", ...more];
  const [sheets] = await Promise.all([Promise.all(paths.map((path) => styleSheet(new URL(path, url)))), typeface()]);
  const views = new WeakMap();
  return (/** @type {Mounting} */ { data, parentElement, setStateValue }) => {
    adopt(parentElement, ...sheets);
    let view = views.get(parentElement);
    if (!view) {
      view = new View(parentElement);
      view.assemble();
      views.set(parentElement, view);
      onTypeface(() => view.drawAll());
    }
    if (View.speaks) page.tell = (said) => setStateValue("selection", said);
    const isNew = !sameBytes(view.data, data);
    const message = isNew ? unpack(data) : null;
    const theme = readTheme(parentElement, (message?.header ?? view.store.header).palette);
    if (message) {
      page.settle();
      view.data = data;
      view.dress(theme);
      view.store.take(message);
    } else if (theme.mode !== view.theme.mode) {
      view.dress(theme);
      view.drawAll();
      if (View.hasTwin) setStateValue("theme", theme.mode);
    }
    return () => view.leave();
  };
}
