// The chosen hexagon: its numbers, its stations, its day.
import { curve } from './curve.js';
import { element } from './dom.js';
import { column } from './frame.js';
import { number, percent, quantity, say } from './text.js';

/**
 * @typedef {object} Chosen
 * @property {import('./api.js').Properties} cell
 * @property {import('./frame.js').Shown} shown
 * @property {number} known Cells that have a rank.
 * @property {import('./state.js').Metric} metric
 * @property {import('./state.js').View} view
 * @property {import('./api.js').Hours|null} hours
 * @property {number|null} hour
 * @property {import('./api.js').Station[]} stations
 * @property {string} name
 * @property {() => void} onClose
 */

/** @param {HTMLElement} box @param {Chosen|null} chosen */
export function showDetails(box, chosen) {
  box.hidden = chosen === null;
  if (!chosen) {
    box.replaceChildren();
    return;
  }
  const { cell, shown, known, metric, view, hours, hour, stations, name } = chosen;
  const hadFocus = box.contains(document.activeElement);
  const close = element('button', { type: 'button', class: 'icon', 'aria-label': say('close'), text: '×' });
  close.addEventListener('click', chosen.onClose);
  const place = shown.rank === null ? say('noValue') : say('rank', { rank: number(shown.rank), n: number(known) });
  const heading = element('header', {},
    element('div', {}, element('h2', { id: 'details-title', text: name }), element('p', { text: place })), close);
  const shownColumn = column(view, metric);
  const big = element('p', {}, element('span', { class: 'big', text: quantity(shown.value, shownColumn) }),
    ` ${say(view === 'weight' ? metric : view === 'hot' ? 'z' : 'difference')}`);
  const parts = [heading, big];
  if (cell.gi_class && view === 'hot') {
    const word = cell.gi_class === 'hot' ? 'hotWord' : cell.gi_class === 'cold' ? 'coldWord' : 'neitherWord';
    parts.push(element('p', {}, element('span', { class: 'tag', text: say(word) })));
  }
  const drawn = hours ? curve(hours, cell.hex_id, metric, hour) : null;
  if (drawn) parts.push(drawn);
  if (stations.length) {
    const items = stations.map((station) => element('li', {},
      element('span', { text: station.name }), element('span', { text: quantity(station.bikes, 'bikes') })));
    parts.push(element('div', {}, element('h2', {}, say('stations'), ' ', element('small', { text: say('wholeDay') })), element('ul', {}, ...items)));
  }
  parts.push(element('div', {}, element('h2', { text: say('wholeDay') }), numbers(cell, shown, hour === null)));
  box.replaceChildren(...parts);
  if (hadFocus) close.focus();
}

/**
 * @param {import('./api.js').Properties} cell @param {import('./frame.js').Shown} shown
 * @param {boolean} ofDay Whether what is shown is of the whole day.
 */
function numbers(cell, shown, ofDay) {
  /** @type {[string, string][]} */
  const rows = [];
  const row = (/** @type {import('./text.js').Word} */ word, /** @type {any} */ value, /** @type {(value: number) => string} */ form) => {
    if (typeof value === 'number') rows.push([say(word), form(value)]);
  };
  const ratio = (/** @type {number} */ value) => quantity(value, 'occupancy');
  const one = (/** @type {number} */ value) => number(value, 1);
  row('weightRow', ofDay && shown.level !== null && shown.level >= 0 && !shown.significance ? shown.level : null, (value) => number(value, 3));
  row('bikes', cell.bikes, one);
  row('ebikes', cell.ebikes, one);
  row('mechanical', cell.mechanical, one);
  row('docks', cell.docks, one);
  row('capacity', cell.capacity, (value) => number(value));
  row('occupancy', cell.occupancy, ratio);
  row('empty_share', cell.empty_share, ratio);
  row('full_share', cell.full_share, ratio);
  row('share', cell.share, ratio);
  row('usual', cell.baseline_bikes, one);
  row('z', cell.gi_z, (value) => quantity(value, 'gi_z'));
  row('p', cell.gi_p_adjusted, (value) => (value < 0.001 ? `< ${number(0.001, 3)}` : number(value, 3)));
  row('coverage', cell.coverage, percent);
  return element('dl', {}, ...rows.flatMap(([term, text]) => [element('dt', { text: term }), element('dd', { text })]));
}
