// Keys as tables: what a key does, what it moves, and where; the same rows press keys, make the hint below a picture,
// and are what the tests walk.

/**
 * @typedef {object} Key
 * @property {string} key as KeyboardEvent names it
 * @property {string} says what the hint says of it; rows that say the same are one there
 * @property {(key: string) => void} act
 * @property {string} [moves] the part of the store's `state` that it changes
 * @property {number} [by] by how much
 * @property {string} [on] selector of what must have the focus; anything of the instrument without it
 * @property {boolean} [off] does nothing now
 * @property {boolean} [shift] only with Shift: such rows stand before those of the same key without
 */

const FIELDS = "input, textarea, select";

/**
 * @param {Key[]} table @param {KeyboardEvent} event @param {Element | null} active
 * @returns {boolean} whether the key was meant for it
 */
export function press(table, event, active) {
  if (event.altKey || event.ctrlKey || event.metaKey || active?.matches(FIELDS)) return false;
  const isMeant = (/** @type {Key} */ { key, on, off, shift }) =>
    key === event.key && !off && (!shift || event.shiftKey) && (!on || active?.matches(on));
  const row = table.find(isMeant);
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

// 1–9 choose one of so many; with `none`, 0 chooses none of them.
/**
 * @param {number} count @param {string} moves @param {(at: number | null) => void} choose @param {string} says
 * @returns {Key[]}
 */
export function digits(count, moves, choose, says, none = false) {
  const numbers = Array.from({ length: Math.min(9, count) }, (_, i) => i + 1);
  const rows = numbers.map((n) => ({ key: String(n), moves, says, act: () => choose(n - 1) }));
  return none ? [{ key: "0", moves, says, act: () => choose(null) }, ...rows] : rows;
}

// Enter pins what `on` shows, Escape frees it.
/** @param {{ pin: (change?: any) => void, free: () => void, cursor: any }} store @param {string} on @returns {Key[]} */
export function pinning(store, on) {
  return [
    { key: "Enter", says: "Enter pins", moves: "pinned", on, act: () => store.pin({ ...store.cursor }) },
    { key: "Escape", says: "Esc frees", moves: "pinned", act: () => store.free() },
  ];
}
