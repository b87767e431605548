// The browser half of viz/scene.py: reads the link, and rewrites it in place when the reader chooses something here.

export const LINK_CHANGED = "glassbox-link";

export function readLink() {
  return Object.fromEntries(new URLSearchParams(window.location.search));
}

// The number that `text` says, or null: the same texts as in `viz.scene.whole_number`.
export function wholeNumber(text) {
  return /^-?[0-9]{1,9}$/.test(text) ? Number(text) : null;
}

// `values`: parameter → value; null removes it. Other parameters stay as they are.
export function writeLink(values) {
  const url = new URL(window.location.href);
  for (const [name, value] of Object.entries(values)) {
    if (value === null) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  if (url.href === window.location.href) return;
  window.history.replaceState(window.history.state, "", url);
  window.dispatchEvent(new Event(LINK_CHANGED));
}

// Tells the reader's choice: to the link at once, to the server (`tell`) after a pause, and then all that the link says:
// other instruments' choices stay. `at` says whose word is newest.
export class Teller {
  constructor(pause = 300) {
    this.pause = pause;
    this.tell = () => {};
  }

  say(link, more = {}) {
    writeLink(link);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.tell({ ...readLink(), ...more, at: Date.now() }), this.pause);
  }
}
