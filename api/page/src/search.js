// Finding a station by its name or number: a combobox as the ARIA Authoring Practices describe it.
import { element, speak } from './dom.js';
import { say } from './text.js';

const MOST = 8;

/**
 * @param {HTMLInputElement} input @param {HTMLElement} box
 * @param {(station: import('./api.js').Station) => void} onChoose
 */
export function createSearch(input, box, onChoose) {
  /** @type {{station: import('./api.js').Station, text: string}[]} */
  let all = [];
  /** @type {import('./api.js').Station[]} */
  let found = [];
  let active = -1;

  input.addEventListener('input', look);
  input.addEventListener('focus', look);
  input.addEventListener('blur', () => setTimeout(close, 120));
  input.addEventListener('keydown', (event) => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      if (!found.length) return;
      const by = event.key === 'ArrowDown' ? 1 : -1;
      active = (active + by + found.length) % found.length;
      mark();
      event.preventDefault();
    } else if (event.key === 'Enter' && found.length) {
      choose(Math.max(active, 0));
      event.preventDefault();
    } else if (event.key === 'Escape' && !box.hidden) {
      close();
      event.stopPropagation();
    }
  });
  box.addEventListener('pointerdown', (event) => {
    const item = event.target instanceof Element ? event.target.closest('li') : null;
    event.preventDefault();
    if (item) choose([...box.children].indexOf(item));
  });

  function look() {
    const words = plain(input.value).split(/\s+/).filter(Boolean);
    if (!words.length) {
      close();
      return;
    }
    const hits = all.filter(({ text }) => words.every((word) => text.includes(word)));
    found = hits.slice(0, MOST).map(({ station }) => station);
    active = -1;
    box.replaceChildren(...found.map((station, at) => {
      const text = station.code ? `${station.name} · ${station.code}` : station.name;
      return element('li', { role: 'option', id: `station-${at}`, 'aria-selected': 'false', text });
    }));
    box.hidden = found.length === 0;
    input.setAttribute('aria-expanded', String(!box.hidden));
    input.removeAttribute('aria-activedescendant');
    speak(found.length ? say('found', { n: hits.length }) : say('noneFound'));
  }

  function mark() {
    [...box.children].forEach((item, at) => item.setAttribute('aria-selected', String(at === active)));
    input.setAttribute('aria-activedescendant', `station-${active}`);
    box.children[active]?.scrollIntoView({ block: 'nearest' });
  }

  /** @param {number} at */
  function choose(at) {
    const station = found[at];
    if (!station) return;
    input.value = station.name;
    close();
    onChoose(station);
  }

  function close() {
    found = [];
    active = -1;
    box.hidden = true;
    input.setAttribute('aria-expanded', 'false');
    input.removeAttribute('aria-activedescendant');
  }

  return {
    /** @param {import('./api.js').Station[]} stations */
    over(stations) {
      all = stations.map((station) => ({ station, text: plain(`${station.name} ${station.code ?? ''} ${station.id}`) }));
      input.disabled = all.length === 0;
    },
  };
}

/** Without accents and capitals. @param {string} text */
const plain = (text) => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
