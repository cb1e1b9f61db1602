// The page's walk: address → state → day and hours from the API → frame → map, list, legend.
import * as api from './api.js';
import { at, scale } from './colour.js';
import { controls } from './controls.js';
import { $, element, note, speak } from './dom.js';
import { showDetails } from './details.js';
import { column, frame } from './frame.js';
import { library } from './library.js';
import { createList } from './list.js';
import { createMap, resolutionAt } from './map.js';
import { dayButtons, dayList, legend, offers, time, warnings } from './panels.js';
import { createSearch } from './search.js';
import { read, write } from './state.js';
import { askedLanguage, dayName, hourName, number, quantity, say, translate } from './text.js';

/**
 * @typedef {import('./api.js').Day} Day
 * @typedef {import('./api.js').Hours} Hours
 * @typedef {import('./frame.js').Frame} Frame
 */

const ADDRESS_PAUSE_MS = 150;

translate();
const dark = matchMedia('(prefers-color-scheme: dark)');
const state = read(location.search);
/** @type {api.DayEntry[]} */
let days = [];
/** @type {Day|null} */
let day = null;
/** @type {Hours|null} */
let hours = null;
/** Whether the day's hours are still to come. */
let waiting = true;
/** @type {Frame|null} */
let shown = null;
/** @type {Map<string, api.Station[]>} Stations by cell of the shown resolution. */
let stationsOf = new Map();
/** @type {api.Station[]} */
let stations = [];
/** @type {import('./map.js').CityMap|null} */
let map = null;
/** Whether the map can be drawn on. */
let ready = false;
let fitted = state.camera !== null;
/** Of the hexagons to show; without a map, those of 75 m. */
let resolution = state.camera ? resolutionAt(state.camera.zoom) : 10;
/** Resolutions that this lake was found not to have. */
const missing = new Set();
let turn = 0;
let written = 0;
/** What can wait waits for the first hexagons, or for the news that there will be no map. */
let settle = () => {};
/** @type {Promise<void>} */
const settled = new Promise((resolve) => {
  settle = resolve;
});

const list = createList({ onChoose: (id) => choose(id, true), onHover: (id) => map?.hover(id), nameOf, tint });
const search = createSearch($('station', HTMLInputElement), $('stations'), goToStation);

/** For tests and the curious: what the page knows at this moment. */
Object.defineProperty(window, 'hotspots', {
  value: {
    get state() { return state; }, get day() { return day; }, get hours() { return hours; }, get frame() { return shown; },
    get map() { return map?.map ?? null; }, api, firstHexagonsMs: /** @type {number|null} */ (null),
  },
});

controls(state, {
  metric(metric) {
    state.metric = metric;
    load();
  },
  view(view) {
    state.view = view;
    show();
  },
  day: go,
  step,
  system: goToSystem,
  hour: toHour,
  onward: () => toHour(hours ? ((hourAt() ?? -1) + 1) % hours.names.length : null),
  tilt() {
    state.flat = !state.flat;
    display();
  },
  opacity(percent) {
    state.opacity = percent;
    display();
  },
  zoom: (by) => map?.zoom(by),
  city: () => day && map?.fit(bounds(day), true),
  leave: () => state.cell && choose(null, false),
});
dark.addEventListener('change', () => {
  show();
  loadBase();
});
time(moment());
start();

async function start() {
  // All at once: the day, the library, the list of days.
  const box = $('map');
  if (!state.camera && box.clientWidth < 700) resolution = 9;
  const first = load();
  listDays();
  const loaded = await library().catch(() => null);
  if (!loaded) {
    note(say('noLibrary'));
    settle();
    return;
  }
  // To set up WebGL keeps the page busy for longer than the day takes to come.
  loaded.prewarm();
  await first;
  try {
    map = createMap(loaded, box, day && /** @type {Day} */ (day).shapes, look(), state.camera, {
      onHover: tip,
      onChoose: (id) => choose(id, false),
      onMove: moved,
      onNoBase: withoutBase,
    }, { 'AttributionControl.ToggleAttribution': say('data', { name: '' }) });
  } catch {
    note(say('noMap'));
    settle();
    return;
  }
  map.map.getCanvas().setAttribute('aria-label', say('mapLabel'));
  await map.ready;
  ready = true;
  render();
  map.whenDrawn(() => {
    Object.assign(/** @type {any} */ (window).hotspots, { firstHexagonsMs: performance.now() });
    settle();
    loadBase();
  });
}

async function listDays() {
  try {
    const names = (await api.systems()) ?? [];
    let answer;
    try {
      answer = await api.days(state.system);
    } catch (error) {
      // Several systems and none of them the usual one.
      if (!(error instanceof api.ApiError) || error.status !== 400 || state.system || !names.length) throw error;
      state.system = names[0].id;
      load();
      answer = await api.days(state.system);
    }
    days = answer.days;
    if (names.length > 1) {
      const select = $('system', HTMLSelectElement);
      select.replaceChildren(...names.map(({ id, name }) => new Option(name, id)));
      select.value = answer.system;
      $('system-field').hidden = false;
    }
  } catch (error) {
    failed(error);
    return;
  }
  dayList(moment());
  dayButtons(moment());
}

/** Fetches what the state asks for and shows it, unless something else was asked for since. */
async function load() {
  const mine = (turn += 1);
  document.body.classList.add('busy');
  try {
    const wanted = missing.has(resolution) ? 10 : resolution;
    const fetched = await fetchDay(wanted);
    if (mine !== turn) return;
    day = fetched;
    // A link to this page shows the same day tomorrow.
    state.day = day.date;
    state.system ??= day.system;
    const ofDay = state.hour ? await api.hours(day.system, day.date, day.resolution, state.metric) : null;
    if (mine !== turn) return;
    hours = ofDay;
    waiting = !state.hour;
    byCell();
    show();
    rest(mine).catch(failed);
  } catch (error) {
    const isUndecided = error instanceof api.ApiError && error.status === 400 && !state.system;
    if (mine === turn && !isUndecided) failed(error);
  } finally {
    if (mine === turn) document.body.classList.remove('busy');
  }
}

/** Fetches what the day's first picture does without. @param {number} mine The turn it belongs to. */
async function rest(mine) {
  await settled;
  if (mine !== turn || !day) return;
  if (!state.hour) {
    const fetched = await api.hours(day.system, day.date, day.resolution, state.metric);
    if (mine !== turn) return;
    hours = fetched;
    waiting = false;
    time(moment());
    details();
  }
  const fetched = await api.stations(day.system, day.date);
  if (mine !== turn) return;
  stations = fetched;
  byCell();
  search.over(stations);
  list.refresh();
  details();
}

/** @param {number} wanted @returns {Promise<Day>} */
async function fetchDay(wanted) {
  try {
    return await api.day(state.system, state.day, wanted);
  } catch (error) {
    if (!(error instanceof api.ApiError) || error.status !== 404) throw error;
    if (wanted !== 10) {
      missing.add(wanted);
      return fetchDay(10);
    }
    if (state.day === 'latest') throw error;
    note(say('noDay', { day: dayName(state.day) }));
    state.day = 'latest';
    state.cell = null;
    return fetchDay(10);
  }
}

/** Shows the day as the state says, everywhere. */
function show() {
  if (!day) return;
  const at = hourAt();
  shown = frame(day, hours, at, state.metric, state.view);
  if (state.cell && !shown.byId.has(state.cell)) state.cell = null;
  render();
  list.show(shown, column(state.view, state.metric), state.cell);
  legend(moment());
  time(moment());
  details();
  warnings(moment());
  offers(moment());
  dayButtons(moment());
  address();
  speak(say('shown', {
    metric: say(state.view === 'weight' ? state.metric : state.view), day: dayName(day.date),
    hour: state.hour ? hourName(state.hour) : say('wholeDay'), n: number(shown.known),
    value: quantity(shown.cells[0]?.value ?? null, column(state.view, state.metric)),
  }));
}

function render() {
  if (!map || !ready || !day || !shown) return;
  if (!fitted) {
    fitted = true;
    map.fit(bounds(day));
  }
  map.shapes(day.shapes);
  map.show(shown);
  map.restyle(look());
  map.choose(state.cell);
}

function look() {
  return { scale: scale(state.view, dark.matches), dark: dark.matches, flat: state.flat, opacity: state.opacity };
}

/** @param {number} level */
function tint(level) {
  return at(scale(state.view, dark.matches), level);
}

/** @returns {import('./panels.js').Moment} */
function moment() {
  return { state, days, day, hours, hour: hourAt(), waiting, shown, dark: dark.matches };
}

/** The place of the shown hour among the day's. */
function hourAt() {
  const place = state.hour && hours ? hours.names.indexOf(state.hour) : -1;
  if (place < 0 && hours) state.hour = null;
  return place < 0 ? null : place;
}

/** @param {string} id The stations of a cell, or the cell's own name. */
function nameOf(id) {
  const inside = stationsOf.get(id);
  if (!inside?.length) return say('hexagon', { id });
  return inside.length > 2 ? `${inside[0].name} +${inside.length - 1}` : inside.map(({ name }) => name).join(', ');
}

function byCell() {
  stationsOf = new Map();
  if (!day) return;
  for (const station of stations) {
    const cell = station.cells[day.resolution];
    if (!cell) continue;
    const inside = stationsOf.get(cell);
    if (inside) inside.push(station);
    else stationsOf.set(cell, [station]);
  }
  for (const inside of stationsOf.values()) inside.sort((a, b) => (b.bikes ?? 0) - (a.bikes ?? 0));
}

/** @param {string|null} id @param {boolean} fly */
function choose(id, fly) {
  state.cell = id;
  map?.choose(id);
  list.choose(id, !fly);
  details();
  const cell = id ? day?.byId.get(id) : null;
  if (fly && cell) map?.flyTo(cell.lng, cell.lat);
  address();
}

/** @param {api.Station} station */
function goToStation(station) {
  const cell = day ? station.cells[day.resolution] : null;
  if (station.lng !== null && station.lat !== null) map?.flyTo(station.lng, station.lat);
  if (cell) choose(cell, false);
}

function details() {
  if (!day || !shown) return;
  const cell = state.cell ? day.byId.get(state.cell) : null;
  const found = state.cell ? shown.byId.get(state.cell) : null;
  showDetails($('details'), cell && found ? {
    cell, shown: found, known: shown.known, metric: state.metric, view: state.view, hours, hour: hourAt(),
    stations: stationsOf.get(cell.hex_id) ?? [], name: nameOf(cell.hex_id), onClose() {
      choose(null, false);
      map?.map.getCanvas().focus({ preventScroll: true });
    },
  } : null);
}

/** Writes the address once things have settled: browsers allow only so many changes of it. */
function address() {
  clearTimeout(written);
  written = setTimeout(() => {
    history.replaceState(history.state, '', `${location.pathname}${write(state, askedLanguage)}`);
  }, ADDRESS_PAUSE_MS);
}

/** @param {import('./state.js').Camera} camera @param {number} finer */
function moved(camera, finer) {
  state.camera = camera;
  address();
  const wanted = missing.has(finer) ? 10 : finer;
  if (!day || wanted === day.resolution) {
    resolution = finer;
    return;
  }
  resolution = finer;
  // The chosen cell becomes the one of the other size that holds its first station.
  const inside = state.cell ? stationsOf.get(state.cell) : null;
  state.cell = inside?.[0]?.cells[wanted] ?? null;
  load();
}

/** @param {string|null} id @param {number} x @param {number} y */
function tip(id, x, y) {
  const box = $('tip');
  const cell = id ? shown?.byId.get(id) : null;
  list.hover(id);
  box.hidden = !cell;
  if (!cell || !id) return;
  const place = cell.rank === null ? say('noValue') : say('rank', { rank: number(cell.rank), n: number(shown?.known ?? 0) });
  box.replaceChildren(
    element('b', { text: nameOf(id) }),
    `${quantity(cell.value, column(state.view, state.metric))} · ${place}`,
  );
  box.style.left = `${x}px`;
  box.style.top = `${y}px`;
}

/** @param {string} date */
function go(date) {
  state.day = date;
  $('note').hidden = true;
  return load();
}

/** @param {number} by */
function step(by) {
  const from = state.day === 'latest' ? days.length - 1 : days.findIndex(({ date }) => date === state.day);
  const to = days[from + by];
  if (to) go(to.date);
}

/** @param {string} system */
async function goToSystem(system) {
  Object.assign(state, { system, day: 'latest', cell: null, camera: null });
  missing.clear();
  fitted = false;
  await Promise.all([load(), listDays()]);
}

/** @param {number|null} at */
function toHour(at) {
  state.hour = at === null || !hours ? null : hours.names[at];
  show();
}

function display() {
  map?.restyle(look());
  address();
}

function loadBase() {
  const { mapStyle, mapStyleDark } = document.documentElement.dataset;
  const url = (dark.matches && mapStyleDark) || mapStyle;
  if (url) map?.base(url);
  else ownGround();
}

function withoutBase() {
  note(say('noBase'), true);
  ownGround();
}

/** Draws the city's ground from its coarse hexagons. */
async function ownGround() {
  if (!day || !map) return;
  let ground = day.shapes;
  try {
    ground = (await api.day(day.system, day.date, missing.has(8) ? 10 : 8)).shapes;
  } catch {
    // The day's own cells, then.
  }
  map.city(ground);
}

/** @param {unknown} error */
function failed(error) {
  if (!(error instanceof api.ApiError)) throw error;
  const box = $('warning');
  box.hidden = false;
  if (error.status === 404) {
    box.textContent = say('noDays');
    return;
  }
  const again = element('button', { type: 'button', text: say('retry') });
  again.addEventListener('click', () => {
    box.hidden = true;
    Promise.all([listDays(), load()]);
  });
  box.replaceChildren(`${say('failed', { detail: error.message })} `, again);
}

/** @param {Day} of @returns {[number, number, number, number]} Where nearly all cells are. */
function bounds(of) {
  const sorted = (/** @type {string} */ name) => of.cells.map((cell) => cell[name]).sort((a, b) => a - b);
  const [lngs, lats] = [sorted('lng'), sorted('lat')];
  const from = (/** @type {number[]} */ list, /** @type {number} */ part) => list[Math.round((list.length - 1) * part)];
  return [from(lngs, 0.01), from(lats, 0.01), from(lngs, 0.99), from(lats, 0.99)];
}
