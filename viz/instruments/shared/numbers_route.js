// Numbers by route: asked for once, kept while the sentence (or, for weights, the model) is the same. What comes late
// for another sentence is dropped; what does not come at all leaves one sentence as the store's trouble, and can be
// asked for again.

import { unpack } from "./transport.js";

/** @typedef {import("./transport.js").Message} Message */
/**
 * @typedef {{ keep?: boolean, otherwise?: string, as?: (message: Message) => any }} How
 * `keep`: of the weights alone; `otherwise`: what to say where it does not come; `as`: what is kept of it
 */

const OTHERWISE = "These numbers did not arrive. Try again, or reload the page.";

// A refusal's sentence is for the reader; what else may go wrong is for the console.
class Refused extends Error {}

/** @param {string} href @returns {Promise<Message>} */
async function fetched(href) {
  const answer = await fetch(href);
  if (answer.status === 400) throw new Refused(await answer.text());
  if (!answer.ok) throw new Error(`${answer.status} ${href}`);
  return unpack(new Uint8Array(await answer.arrayBuffer()));
}

export class Numbers {
  // `changed`: called when something has come, or will not come.
  /**
   * @param {string} instrument @param {{ header: any, trouble: string | null, changed: (what: string) => void }} store
   */
  constructor(instrument, store) {
    this.instrument = instrument;
    this.store = store;
    /** @type {Map<string, { answer: any, coming: Promise<any>, keep: boolean, trouble: string | null }>} */
    this.known = new Map();
  }

  /** @param {string} name @param {Record<string, any>} values */
  address(name, values, keep = false) {
    const { model, version, ...answer } = this.store.header.request;
    const url = new URL(`numbers/${this.instrument}/${name}`, document.baseURI);
    const all = { model, version, ...(keep ? {} : answer), ...values };
    for (const [parameter, value] of Object.entries(all)) url.searchParams.set(parameter, String(value));
    return url.href;
  }

  // What has come; null while it has not.
  /** @param {string} name @param {Record<string, any>} values @param {How} how */
  peek(name, values = {}, { keep = false } = {}) {
    return this.known.get(this.address(name, values, keep))?.answer ?? null;
  }

  // Why it did not come; null while it may.
  /** @param {string} name @param {Record<string, any>} values @param {How} how */
  trouble(name, values = {}, { keep = false } = {}) {
    return this.known.get(this.address(name, values, keep))?.trouble ?? null;
  }

  // What has come, and it is on its way if it was not asked for. The store hears "numbers" when it is here.
  /** @param {string} name @param {Record<string, any>} values @param {How} how */
  want(name, values = {}, how = {}) {
    this.ask(name, values, how);
    return this.peek(name, values, how);
  }

  // Resolves to it, or to null: it did not come (then the store's trouble says why), or another sentence did.
  /** @param {string} name @param {Record<string, any>} values @param {How} how @returns {Promise<any>} */
  ask(name, values = {}, how = {}) {
    const href = this.address(name, values, how.keep);
    const known = this.known.get(href);
    if (known) return known.coming;
    const entry = { answer: null, coming: Promise.resolve(null), keep: Boolean(how.keep), trouble: null };
    this.known.set(href, entry);
    entry.coming = this.fetch(href, entry, how);
    return entry.coming;
  }

  /** @param {string} href @param {{ answer: any, keep: boolean, trouble: string | null }} entry @param {How} how */
  async fetch(href, entry, { otherwise = OTHERWISE, as = (message) => message }) {
    const { store } = this;
    const isStale = () => this.known.get(href) !== entry;
    try {
      const message = await fetched(href);
      if (isStale()) return null;
      entry.answer = as(message);
      store.trouble = null;
    } catch (error) {
      if (isStale()) return null;
      if (!(error instanceof Refused)) console.warn(error);
      entry.trouble = store.trouble = error instanceof Refused ? error.message : otherwise;
    }
    store.changed("numbers");
    return entry.answer;
  }

  // What did not come may be asked for anew: when the reader moves, not with every drawing.
  retry() {
    for (const [href, entry] of this.known) if (entry.trouble) this.known.delete(href);
  }

  // Another sentence: only what belongs to the weights stays.
  forget() {
    for (const [href, entry] of this.known) if (!entry.keep || entry.trouble) this.known.delete(href);
  }
}
