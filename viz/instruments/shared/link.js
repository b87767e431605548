// The browser half of viz/scene.py, and the one writer of the link: `page`. Who chooses something says it here; here
// the link is rewritten at once, all others hear of it, and the server is told a moment later. Another place, tab or
// sentence makes an entry of the history, so that Back returns to what was there; a cursor makes none.

/**
 * @typedef {{ name: string, kind: string, choices?: string[] | null, pinned?: boolean }} Parameter
 * a row of a link table: viz/instruments/link.py
 */
/** @typedef {Record<string, any>} Values */
/** @typedef {Record<string, string | number | null>} Texts */

// What Streamlit's own widgets write: another of these is another picture as a whole.
const SENTENCE = ["text", "model", "beam"];
const PAUSE_MS = 300;

export function readLink() {
  return Object.fromEntries(new URLSearchParams(window.location.search));
}

// The number that `text` says, or null: the same texts as in `viz.scene.whole_number`.
/** @param {string | null | undefined} text */
export function wholeNumber(text) {
  return /^-?[0-9]{1,9}$/.test(text ?? "") ? Number(text) : null;
}

/** @param {string | undefined} text */
const finite = (text) => (text?.trim() && Number.isFinite(Number(text)) ? Number(text) : null);

// How a kind of parameter is read from its text (null: it says nothing), and written. Links count from 1, code from 0.
/** @type {Record<string, { read: (text: string, row: Parameter) => any, write: (value: any) => string | number }>} */
const KINDS = {
  count: { read: (text) => (wholeNumber(text) === null ? null : Number(text) - 1), write: (value) => value + 1 },
  choice: { read: (text, { choices }) => (choices?.includes(text) ? text : null), write: String },
  flag: { read: (text) => (["1", "true"].includes(text.toLowerCase()) ? true : null), write: () => 1 },
  number: { read: finite, write: Number },
  text: { read: (text) => text, write: String },
};

// What the link says of the parameters of a table: name → value, null where it says nothing (sensible).
/** @param {Parameter[]} table @param {Record<string, string>} link @returns {Values} */
export function decode(table, link) {
  const read = (/** @type {Parameter} */ row) => (KINDS[row.kind] ?? KINDS.text).read(link[row.name], row);
  return Object.fromEntries(table.map((row) => [row.name, row.name in link ? read(row) : null]));
}

// The same back: name → what the link shall say, null for what is null, undefined or a flag that is down.
/** @param {Parameter[]} table @param {Values} values @returns {Texts} */
export function encode(table, values) {
  const isSaid = (/** @type {any} */ value) => value !== null && value !== undefined && value !== false;
  return Object.fromEntries(
    table.map(({ name, kind }) => [
      name,
      isSaid(values[name]) ? (KINDS[kind] ?? KINDS.text).write(values[name]) : null,
    ]),
  );
}

// Another for each entry of the history.
const entryKey = () => /** @type {any} */ (window).navigation?.currentEntry?.key ?? window.history.length;

/** @param {string | URL} href */
const sentenceOf = (href) => SENTENCE.map((name) => new URL(href).searchParams.get(name)).join("\n");

export class PageLink {
  constructor() {
    /** @type {Set<(by: unknown) => void>} called when the link has changed, with who changed it */
    this.readers = new Set();
    /** @type {(said: Record<string, string>) => void} the map's word to the server: it is always there */
    this.tell = () => {};
    /** @type {Set<string>} parameters that pin a cell of the place that is open: they do not go along to another */
    this.pins = new Set();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    // What the page answers; and whether Back or Forward led there: then the link says what is to be seen of it.
    this.text = "";
    this.returned = false;
    this.href = "";
    /** @type {string | number} the entry of the history that says it */
    this.entry = "";
    this.note();
    // Before Streamlit's own listener, so that its run of the page knows what the link says now.
    window.addEventListener("popstate", () => this.wentBack(), true);
  }

  // `changes`: parameter → value, null removes it; others stay, but for the pins of a place that is left. `by` hears
  // nothing of it. `entry`: Back shall return from it.
  /** @param {Texts} changes @param {{ by?: unknown, entry?: boolean, quiet?: boolean }} [how] */
  write(changes, { by = null, entry = false, quiet = false } = {}) {
    this.settle();
    this.returned = false;
    const url = new URL(window.location.href);
    const isElsewhere = "place" in changes && changes.place !== url.searchParams.get("place");
    for (const [name, value] of Object.entries(isElsewhere ? { ...this.unpinned, ...changes } : changes)) {
      if (value === null) url.searchParams.delete(name);
      else url.searchParams.set(name, String(value));
    }
    if (url.href !== this.href) {
      if (entry) window.history.pushState({}, "", url);
      else window.history.replaceState(window.history.state, "", url);
      this.note();
      this.tellAll(by);
    }
    if (!quiet) this.say();
  }

  // What the rows of a table are for.
  /** @param {Parameter[]} table */
  learn(table) {
    for (const { name, pinned } of table) if (pinned) this.pins.add(name);
  }

  get unpinned() {
    return Object.fromEntries([...this.pins].map((name) => [name, null]));
  }

  // The server hears what the link says when the reader rests.
  say(pause = PAUSE_MS) {
    clearTimeout(this.timer);
    if (pause) this.timer = setTimeout(() => this.tell(readLink()), pause);
    else this.tell(readLink());
  }

  // A sentence that is typed Streamlit writes over the entry of the old one: that one is put back below it. For one
  // that its server chose (a button), it has made an entry.
  settle() {
    const { href } = window.location;
    if (href === this.href) return;
    if (sentenceOf(href) !== sentenceOf(this.href)) {
      this.returned = false;
      if (entryKey() === this.entry) {
        window.history.replaceState({}, "", this.href);
        window.history.pushState({}, "", href);
      }
    }
    this.note();
  }

  // The answer to `text` is here, as it was read: what belongs to another sentence leaves the link.
  /** @param {string} text @param {string[]} ofSentence the parameters that do */
  answered(text, ofSentence) {
    const isOther = this.text && text !== this.text;
    this.text = text;
    if (isOther && !this.returned) this.write(Object.fromEntries(ofSentence.map((name) => [name, null])));
  }

  // Back or Forward: Streamlit runs the page for it, and everybody here follows.
  wentBack() {
    this.returned = sentenceOf(window.location.href) !== sentenceOf(this.href);
    this.note();
    this.tellAll(null);
    this.say(0);
  }

  note() {
    this.href = window.location.href;
    this.entry = entryKey();
  }

  /** @param {unknown} by */
  tellAll(by) {
    for (const reader of this.readers) reader(by);
  }
}

export const page = new PageLink();
