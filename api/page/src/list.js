// The ranked list: the map's content as text.
import { $, element } from './dom.js';
import { quantity, say } from './text.js';

const STEP = 30;

/**
 * @param {object} heard
 * @param {(id: string) => void} heard.onChoose
 * @param {(id: string|null) => void} heard.onHover
 * @param {(id: string) => string} heard.nameOf
 * @param {(level: number) => string} heard.tint
 */
export function createList({ onChoose, onHover, nameOf, tint }) {
  const box = $('list');
  const more = $('more');
  let length = STEP;
  /** @type {import('./frame.js').Frame|null} */
  let frame = null;
  let column = 'bikes';
  /** @type {string|null} */
  let chosen = null;

  box.addEventListener('click', (event) => {
    const id = idOf(event);
    if (id) onChoose(id);
  });
  box.addEventListener('pointerover', (event) => onHover(idOf(event)));
  box.addEventListener('pointerleave', () => onHover(null));
  box.addEventListener('focusin', (event) => onHover(idOf(event)));
  box.addEventListener('focusout', () => onHover(null));
  more.addEventListener('click', () => {
    const next = length;
    length += STEP;
    draw();
    box.children[next]?.querySelector('button')?.focus();
  });

  function draw() {
    if (!frame) return;
    const { cells, known } = frame;
    const rows = cells.slice(0, Math.min(length, known));
    const beyond = chosen && !rows.some(({ id }) => id === chosen) ? frame.byId.get(chosen) : null;
    if (beyond) rows.push(beyond);
    // Rows are used again: what has the focus keeps it while the hours play.
    while (box.childElementCount > rows.length) box.lastElementChild?.remove();
    while (box.childElementCount < rows.length) {
      const bar = element('span', { class: 'bar', 'aria-hidden': 'true' }, element('i'));
      const parts = ['place', 'name', 'value'].map((name) => element('span', { class: name }));
      box.append(element('li', {}, element('button', { type: 'button' }, ...parts, bar)));
    }
    rows.forEach((cell, at) => {
      const button = /** @type {HTMLButtonElement} */ (box.children[at].firstElementChild);
      button.dataset.id = cell.id;
      const [place, name, value] = button.children;
      place.textContent = cell.rank === null ? '–' : String(cell.rank);
      name.textContent = nameOf(cell.id);
      value.textContent = quantity(cell.value, column);
      const fill = /** @type {HTMLElement} */ (button.children[3].firstElementChild);
      fill.style.width = `${Math.abs(cell.level ?? 0) * 100}%`;
      fill.style.background = tint(cell.level ?? 0);
      if (cell.id === chosen) button.setAttribute('aria-current', 'true');
      else button.removeAttribute('aria-current');
    });
    more.hidden = length >= known;
    more.textContent = say('more');
  }

  return {
    /** @param {import('./frame.js').Frame} next @param {string} of @param {string|null} cell */
    show(next, of, cell) {
      frame = next;
      column = of;
      chosen = cell;
      draw();
    },
    refresh: draw,
    /** @param {string|null} id @param {boolean} scroll */
    choose(id, scroll) {
      chosen = id;
      draw();
      if (id && scroll && matchMedia('(min-width: 761px)').matches) row(id)?.scrollIntoView({ block: 'nearest' });
    },
    /** @param {string|null} id */
    hover(id) {
      box.querySelector('.hover')?.classList.remove('hover');
      if (id) row(id)?.classList.add('hover');
    },
  };

  /** @param {string} id */
  function row(id) {
    return box.querySelector(`[data-id="${CSS.escape(id)}"]`);
  }

  /** @param {Event} event */
  function idOf(event) {
    const button = event.target instanceof Element ? event.target.closest('button') : null;
    return button?.dataset.id ?? null;
  }
}
