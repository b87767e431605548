// Elements without markup strings: what a user typed only ever becomes text.

// Handlers by the event's name. What a handler gives back is dropped: `false` from an on… property would prevent the
// event's default (a field that takes no keys), and an arrow such as `(event) => isEnter(event) && act()` gives just
// that. Only preventDefault() prevents. One handler a name, so that drawing again replaces it.
/** @param {any} node @param {Record<string, (event: any) => void>} handlers */
export function listen(node, handlers) {
  for (const [name, handle] of Object.entries(handlers)) {
    node[`on${name}`] = (event) => {
      handle(event);
    };
  }
}

/**
 * @template {keyof HTMLElementTagNameMap} K @param {K} tag @param {Record<string, any>} properties
 * @param {...(Node | string | null | undefined)} children @returns {HTMLElementTagNameMap[K]}
 */
export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "class") node.className = value;
    else if (name === "style") Object.assign(node.style, value);
    else if (name.startsWith("on")) listen(node, { [name.slice(2)]: value });
    else if (value !== null && value !== undefined) node.setAttribute(name, value);
  }
  for (const child of children) if (child !== null && child !== undefined) node.append(child);
  return node;
}

// The same in SVG.
/** @param {string} tag @param {Record<string, any>} properties @param {(Node | string)[]} children @returns {any} */
export function svg(tag, properties = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(properties)) if (value !== null) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// The element that has the focus, seen from where a node stands.
/** @param {Node} node @returns {any} */
export const activeIn = (node) => /** @type {ShadowRoot | Document} */ (node.getRootNode()).activeElement;

// The page stays where it is.
/** @param {any} node */
export const focusOn = (node) => node?.focus({ preventScroll: true });

// Other children in place of those that are there; the focus stays on what has the same data-`name`, however deep.
/** @param {HTMLElement} node @param {string} name @param {(Node | string)[]} children */
export function refill(node, name, ...children) {
  const active = activeIn(node);
  const value = node.contains(active) ? active?.closest(`[data-${name}]`)?.getAttribute(`data-${name}`) : null;
  node.replaceChildren(...children);
  if (value) focusOn(node.querySelector(`[data-${name}="${CSS.escape(value)}"]`));
}

/** @type {Map<string, Promise<CSSStyleSheet>>} */
const asked = new Map();

/** @param {string} url */
async function fetched(url) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(await (await fetch(url)).text());
  return sheet;
}

// The style sheet of an address, fetched once: all instruments share it.
/** @param {string | URL} url @returns {Promise<CSSStyleSheet>} */
export function styleSheet(url) {
  const address = String(url);
  const sheet = asked.get(address) ?? fetched(address);
  asked.set(address, sheet);
  return sheet;
}

/** @param {any} parentElement @param {...CSSStyleSheet} sheets */
export function adopt(parentElement, ...sheets) {
  const root = parentElement.getRootNode();
  const missing = sheets.filter((sheet) => !root.adoptedStyleSheets.includes(sheet));
  if (missing.length) root.adoptedStyleSheets = [...root.adoptedStyleSheets, ...missing];
}
