// What every instrument does when Streamlit mounts it or sends it something, written once.

import { adopt, styleSheet } from "./dom.js";
import { LINK_CHANGED } from "./link.js";
import { readTheme } from "./theme.js";
import { unpack } from "./transport.js";
import { onTypeface, typeface } from "./typeface.js";

// A rerun may send the same numbers again: then nothing has changed.
function sameBytes(a, b) {
  return a === b || (a !== undefined && a.length === b.length && a.every((byte, i) => byte === b[i]));
}

// The function that Streamlit calls, for instruments whose `View(parentElement)` has a `store` (`teller`, `take`, `header`),
// an `observer`, `dress(theme)`, `drawAll()` and `follow`, its listener for changes of the link; `leave()` where there is
// more to stop; `static hasTwin` where the server draws beside it, in the page's colours: it is told of a change of theme.
// `more`: style sheets besides view.css.
export async function mounted(View, url, more = []) {
  const paths = ["../shared/instrument.css", "./view.css", ...more];
  const [sheets] = await Promise.all([Promise.all(paths.map((path) => styleSheet(new URL(path, url)))), typeface()]);
  const views = new WeakMap();
  return ({ data, parentElement, setStateValue }) => {
    adopt(parentElement, ...sheets);
    let view = views.get(parentElement);
    if (!view) {
      view = new View(parentElement);
      views.set(parentElement, view);
      onTypeface(() => view.drawAll());
    }
    view.store.teller.tell = (selection) => setStateValue("selection", selection);
    const isNew = !sameBytes(view.data, data);
    const message = isNew ? unpack(data) : null;
    const theme = readTheme(parentElement, (message?.header ?? view.store.header).palette);
    if (isNew) {
      view.data = data;
      view.dress(theme);
      view.store.take(message);
    } else if (theme.mode !== view.theme.mode) {
      view.dress(theme);
      view.drawAll();
      if (View.hasTwin) setStateValue("theme", theme.mode);
    }
    return () => {
      view.observer.disconnect();
      window.removeEventListener(LINK_CHANGED, view.follow);
      view.leave?.();
    };
  };
}
