// Short ways to the document.

/**
 * The element of that id.
 * @template {HTMLElement} T
 * @param {string} id @param {new () => T} [kind]
 * @returns {T}
 */
export function $(id, kind) {
  const found = document.getElementById(id);
  if (!found || (kind && !(found instanceof kind))) throw new Error(`no ${kind?.name ?? 'element'} #${id}`);
  return /** @type {T} */ (found);
}

/**
 * A new element; `text` is its text, all else attributes.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag @param {Record<string, string>} [attributes] @param {(Node|string)[]} children
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === 'text') made.textContent = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** Says something on the map, for a while or for good. @param {string} text @param {boolean} [stays] */
export function note(text, stays = false) {
  const box = $('note');
  box.textContent = text;
  box.hidden = false;
  if (!stays) setTimeout(() => (box.hidden = true), 8000);
}

let spoken = 0;
/** Tells a screen reader, once things have settled. @param {string} text */
export function speak(text) {
  clearTimeout(spoken);
  spoken = setTimeout(() => ($('spoken').textContent = text), 600);
}
