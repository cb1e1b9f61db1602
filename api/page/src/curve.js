// A cell's hours against the city's, as a small drawing with its content in words.
import { hourName, quantity, say } from './text.js';

const WIDTH = 288;
const HEIGHT = 92;
const FLOOR = 78;
/** Room for the highest value in words. */
const CEILING = 16;

/**
 * @param {import('./api.js').Hours} hours @param {string} id @param {import('./state.js').Metric} metric
 * @param {number|null} now The hour that is shown.
 * @returns {HTMLElement|null}
 */
export function curve(hours, id, metric, now) {
  const mine = hours.values.get(id);
  if (!mine) return null;
  const top = Math.max(...[...mine, ...hours.mean].map((value) => value ?? 0)) || 1;
  const x = (/** @type {number} */ at) => ((at + 0.5) / mine.length) * WIDTH;
  const y = (/** @type {number} */ value) => FLOOR - (value / top) * (FLOOR - CEILING);
  let highest = 0;
  mine.forEach((value, at) => {
    if ((value ?? -1) > (mine[highest] ?? -1)) highest = at;
  });
  const figure = document.createElement('figure');
  const words = say('curve', {
    metric: say(metric), hour: hourName(hours.names[highest]), value: quantity(mine[highest], metric),
  });
  const ticks = [0, 6, 12, 18, 24].map((hour) => {
    const place = hour === 24 ? WIDTH : (hours.names.indexOf(String(hour).padStart(2, '0')) / mine.length) * WIDTH;
    const anchor = hour === 0 ? 'start' : hour === 24 ? 'end' : 'middle';
    return `<text x="${place}" y="${HEIGHT}" text-anchor="${anchor}">${hour}</text>`;
  });
  const marker = now === null ? '' : `<line class="axis" x1="${x(now)}" x2="${x(now)}" y1="0" y2="${FLOOR}"/>`;
  const peak = `<circle cx="${x(highest)}" cy="${y(mine[highest] ?? 0)}" r="3"/>
    <text x="${Math.min(WIDTH - 22, Math.max(22, x(highest)))}" y="${y(mine[highest] ?? 0) - 6}" text-anchor="middle">${quantity(mine[highest], metric)}</text>`;
  figure.innerHTML = `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img">
    <line class="axis" x1="0" x2="${WIDTH}" y1="${FLOOR}" y2="${FLOOR}"/>${marker}
    <path class="theirs" d="${path(hours.mean, x, y)}"/><path class="mine" d="${path(mine, x, y)}"/>${peak}${ticks.join('')}</svg>`;
  figure.querySelector('svg')?.setAttribute('aria-label', words);
  const caption = document.createElement('figcaption');
  for (const [kind, text] of [['key', say('thisCell')], ['key theirs', say('average')]]) {
    const item = document.createElement('span');
    const key = document.createElement('i');
    key.className = kind;
    item.append(key, text);
    caption.append(item);
  }
  figure.append(caption);
  return figure;
}

/**
 * A line that is broken where nothing was observed.
 * @param {(number|null)[]} values @param {(at: number) => number} x @param {(value: number) => number} y
 */
function path(values, x, y) {
  return values
    .map((value, at) => {
      if (value === null) return '';
      const move = at === 0 || values[at - 1] === null ? 'M' : 'L';
      return `${move}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
    })
    .join('');
}
