// Keys as tables: what a key does, what it moves, and where; the same rows press keys, make the hint below a picture, and are what
// the tests walk.

/**
 * @typedef {object} Key
 * @property {string} key as KeyboardEvent names it
 * @property {string} says what the hint says of it; rows that say the same are one there
 * @property {(key: string) => void} act
 * @property {string} [moves] the part of the store's `state` that it changes
 * @property {number} [by] by how much
 * @property {string} [on] selector of what must have the focus; anything of the instrument without it
 * @property {boolean} [off] does nothing now
 */

const FIELDS = "input, textarea, select";

/** @param {Key[]} table @param {KeyboardEvent} event @param {Element | null} active @returns {boolean} whether the key was meant for it */
export function press(table, event, active) {
  if (event.altKey || event.ctrlKey || event.metaKey || active?.matches(FIELDS)) return false;
  const row = table.find(({ key, on, off }) => key === event.key && !off && (!on || active?.matches(on)));
  if (!row) return false;
  row.act(event.key);
  event.preventDefault();
  return true;
}

// "Keys: arrows move · Enter pins · Esc frees."
/** @param {Key[]} table */
export function hint(table) {
  const said = [...new Set(table.filter(({ off, says }) => !off && says).map(({ says }) => says))];
  return said.length ? `Keys: ${said.join(" · ")}.` : "";
}

// Two keys that walk one count back and on.
/**
 * @param {[string, string]} keys @param {string} moves @param {(by: number) => void} step @param {Partial<Key>} [more]
 * @returns {Key[]}
 */
export function walk([back, on], moves, step, more = {}) {
  const rows = [{ key: back, by: -1 }, { key: on, by: 1 }];
  return rows.map(({ key, by }) => ({ key, moves, by, says: "arrows move", act: () => step(by), ...more }));
}

export const UP_DOWN = /** @type {[string, string]} */ (["ArrowUp", "ArrowDown"]);
export const LEFT_RIGHT = /** @type {[string, string]} */ (["ArrowLeft", "ArrowRight"]);
export const LAYERS = /** @type {[string, string]} */ (["PageUp", "PageDown"]);
export const STAGES = /** @type {[string, string]} */ ([",", "."]);

// Enter pins what `on` shows, Escape frees it.
/** @param {{ pin: (change?: any) => void, free: () => void, cursor: any }} store @param {string} on @returns {Key[]} */
export function pinning(store, on) {
  return [
    { key: "Enter", says: "Enter pins", moves: "pinned", on, act: () => store.pin({ ...store.cursor }) },
    { key: "Escape", says: "Esc frees", moves: "pinned", act: () => store.free() },
  ];
}
