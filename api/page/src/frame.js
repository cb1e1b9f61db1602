// What the map, the list and the legend show at one moment: pure functions over a day and its hours.

/**
 * @typedef {import('./api.js').Day} Day
 * @typedef {import('./api.js').Hours} Hours
 * @typedef {import('./state.js').Metric} Metric
 * @typedef {import('./state.js').View} View
 *
 * @typedef {object} Shown A cell as shown.
 * @property {string} id
 * @property {number|null} value In the metric's unit; of the view `hot` the z score.
 * @property {number|null} level 0 to 1, or -1 to 1 where a view has two sides: colour and height.
 * @property {number|null} rank Equal values have equal rank.
 * @property {'hot'|'cold'|'neither'|null} significance
 *
 * @typedef {object} Frame
 * @property {Shown[]} cells The highest first, the unobserved last.
 * @property {Map<string, Shown>} byId
 * @property {number} known Cells that have a value.
 * @property {number} top What a level of 1 stands for.
 */

/** z beyond which colour and height grow no more: p is one in a billion there. */
const MOST_Z = 6;

/**
 * @param {Day} day @param {Hours|null} hours @param {number|null} hour Its place among the hours.
 * @param {Metric} metric @param {View} view
 * @returns {Frame}
 */
export function frame(day, hours, hour, metric, view) {
  const ofHour = view === 'weight' && hour !== null ? hours : null;
  const value = valueOf(ofHour, hour, metric, view);
  /** @type {Shown[]} */
  const cells = day.cells.map((cell) => ({
    id: cell.hex_id,
    value: value(cell),
    level: null,
    rank: null,
    significance: view === 'hot' ? (cell.gi_class ?? null) : null,
  }));
  cells.sort((a, b) => (b.value ?? -Infinity) - (a.value ?? -Infinity) || (a.id < b.id ? -1 : 1));
  const known = cells.findIndex((cell) => cell.value === null);
  const count = known < 0 ? cells.length : known;
  const top = topOf(cells.slice(0, count), ofHour, view);
  for (let at = 0; at < count; at += 1) {
    const cell = cells[at];
    cell.rank = at > 0 && cells[at - 1].value === cell.value ? cells[at - 1].rank : at + 1;
    cell.level = level(cell, top, view);
  }
  return { cells, byId: new Map(cells.map((cell) => [cell.id, cell])), known: count, top };
}

/**
 * Whether a day says anything of a metric or a view.
 * @param {Day} day @param {string} column
 */
export function has(day, column) {
  return day.cells.some((cell) => cell[column] !== null && cell[column] !== undefined);
}

/** @param {View} view @param {Metric} metric The column that a view shows. */
export function column(view, metric) {
  return view === 'hot' ? 'gi_z' : view === 'baseline' ? 'baseline_difference' : metric;
}

/** @param {Day} day @returns {[number, number, number, number]} Where nearly all cells are: west, south, east, north. */
export function bounds(day) {
  const sorted = (/** @type {string} */ name) => day.cells.map((cell) => cell[name]).sort((a, b) => a - b);
  const [lngs, lats] = [sorted('lng'), sorted('lat')];
  const from = (/** @type {number[]} */ list, /** @type {number} */ part) => list[Math.round((list.length - 1) * part)];
  return [from(lngs, 0.01), from(lats, 0.01), from(lngs, 0.99), from(lats, 0.99)];
}

/** @param {Hours|null} hours @param {number|null} hour @param {Metric} metric @param {View} view */
function valueOf(hours, hour, metric, view) {
  if (hours && hour !== null) {
    return (/** @type {import('./api.js').Properties} */ cell) => hours.values.get(cell.hex_id)?.[hour] ?? null;
  }
  const name = column(view, metric);
  return (/** @type {import('./api.js').Properties} */ cell) => cell[name] ?? null;
}

/** @param {Shown[]} cells @param {Hours|null} hours @param {View} view */
function topOf(cells, hours, view) {
  if (view === 'hot') return MOST_Z;
  if (view === 'baseline') return Math.max(0, ...cells.map((cell) => Math.abs(cell.value ?? 0)));
  return hours ? hours.max : (cells[0]?.value ?? 0);
}

/** @param {Shown} cell @param {number} top @param {View} view */
function level(cell, top, view) {
  if (cell.value === null) return null;
  if (top === 0 || (view === 'hot' && cell.significance === 'neither')) return 0;
  return Math.max(-1, Math.min(1, cell.value / top));
}
