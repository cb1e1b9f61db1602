// The page's walk: address → state → day and hours from the API → frame → map, list, legend.
import * as api from './api.js';
import { at, gradient, scale } from './colour.js';
import { $, element, note, speak } from './dom.js';
import { showDetails } from './details.js';
import { column, frame, has } from './frame.js';
import { library } from './library.js';
import { createList } from './list.js';
import { calm, createMap, resolutionAt } from './map.js';
import { createSearch } from './search.js';
import { METRICS, VIEWS, read, write } from './state.js';
import { askedLanguage, dayName, hourName, number, percent, quantity, say, translate } from './text.js';

/**
 * @typedef {import('./api.js').Day} Day
 * @typedef {import('./api.js').Hours} Hours
 * @typedef {import('./frame.js').Frame} Frame
 */

/** A day observed for less than this deserves a warning. */
const THIN = 0.9;
const PLAY_STEP_MS = 650;
const ADDRESS_PAUSE_MS = 150;
const EDGE_M = /** @type {Record<number, number>} */ ({ 8: 530, 9: 200, 10: 75 });

translate();
const dark = matchMedia('(prefers-color-scheme: dark)');
const state = read(location.search);
/** @type {api.DayEntry[]} */
let days = [];
/** @type {Day|null} */
let day = null;
/** @type {Hours|null} */
let hours = null;
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
let playing = 0;
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

controls();
start();

async function start() {
  // All at once: the day, the library, the list of days.
  const box = $('map');
  if (!state.camera && box.clientWidth < 700) resolution = 9;
  load();
  listDays();
  const loaded = await library().catch(() => null);
  if (!loaded) {
    note(say('noLibrary'));
    settle();
    return;
  }
  try {
    map = createMap(loaded, box, look(), state.camera, {
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
  /** @type {Map<string, api.DayEntry[]>} */
  const months = new Map();
  for (const entry of days) {
    const month = entry.date.slice(0, 7);
    months.set(month, [...(months.get(month) ?? []), entry]);
  }
  const groups = [...months].reverse().map(([month, entries]) => {
    const group = document.createElement('optgroup');
    group.label = dayName(`${month}-01`, 'month');
    group.append(...entries.toReversed().map((entry) => {
      const notes = [entry.coverage === null ? '' : percent(entry.coverage), entry.provisional ? '…' : ''];
      return new Option([dayName(entry.date, 'short'), ...notes.filter(Boolean)].join(' · '), entry.date);
    }));
    return group;
  });
  $('day', HTMLSelectElement).replaceChildren(...groups);
  dayButtons();
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
    const metric = state.metric;
    hours = state.hour ? await api.hours(day.system, day.date, day.resolution, metric) : null;
    if (mine !== turn) return;
    show();
    await settled;
    if (mine !== turn) return;
    if (!state.hour) {
      hours = await api.hours(day.system, day.date, day.resolution, metric);
      if (mine !== turn) return;
      time();
      details();
    }
    stations = await api.stations(day.system, day.date);
    if (mine !== turn) return;
    byCell();
    search.over(stations);
    list.refresh();
    details();
  } catch (error) {
    const isUndecided = error instanceof api.ApiError && error.status === 400 && !state.system;
    if (mine === turn && !isUndecided) failed(error);
  } finally {
    if (mine === turn) document.body.classList.remove('busy');
  }
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
  legend();
  time();
  details();
  warnings();
  offers();
  dayButtons();
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
    stations: stationsOf.get(cell.hex_id) ?? [], name: nameOf(cell.hex_id), onClose: () => choose(null, false),
  } : null);
}

function legend() {
  if (!shown || !day) return;
  const { view, metric } = state;
  const name = column(view, metric);
  $('legend-name').textContent = say(view === 'weight' ? metric : view);
  const unit = view === 'hot' ? 'zUnit' : view === 'baseline' ? 'bikesUnit'
    : metric === 'occupancy' ? 'ratio' : metric.endsWith('_share') ? 'timeShare' : metric === 'docks' ? 'meanDocks' : 'meanBikes';
  $('legend-unit').textContent = say(unit);
  $('ramp').style.background = gradient(scale(view, dark.matches));
  const { top } = shown;
  const ticks = view === 'weight' ? [0, 0.25, 0.5, 0.75, 1] : [-1, -0.5, 0, 0.5, 1];
  $('ticks').replaceChildren(...ticks.map((tick) => element('span', { text: quantity(tick * top, name) })));
  $('meaning').textContent = say(
    view === 'hot' ? 'legendHot' : view === 'baseline' ? 'legendBaseline' : state.hour ? 'legendHour' : 'legendWeight',
  );
  $('legend-size').textContent = say('resolution', { m: EDGE_M[day.resolution] ?? '' });
}

function time() {
  const card = $('time');
  const slider = $('hour', HTMLInputElement);
  card.classList.toggle('none', !hours);
  $('all-day').setAttribute('aria-pressed', String(!state.hour));
  const where = day ? dayName(day.date, card.clientWidth < 450 ? 'short' : 'long') : '';
  if (!hours) {
    $('time-now').textContent = day ? `${where} · ${say('wholeDay')}` : say('loading');
    $('pulse').replaceChildren();
    return;
  }
  const at = hourAt();
  slider.max = String(hours.names.length - 1);
  slider.disabled = $('play', HTMLButtonElement).disabled = state.view !== 'weight';
  if (at !== null) slider.value = String(at);
  const name = at === null ? say('wholeDay') : hourName(hours.names[at]);
  slider.setAttribute('aria-valuetext', name);
  slider.classList.toggle('idle', at === null);
  $('time-now').textContent = `${where} · ${name}`;
  const pulse = $('pulse');
  if (pulse.childElementCount !== hours.mean.length) {
    pulse.replaceChildren(...hours.mean.map(() => document.createElement('i')));
  }
  const known = hours.mean.filter((value) => value !== null);
  const high = Math.max(0, ...known);
  hours.mean.forEach((value, place) => {
    const bar = /** @type {HTMLElement} */ (pulse.children[place]);
    bar.style.height = value === null ? '0' : `${high > 0 ? (value / high) * 100 : 0}%`;
    bar.classList.toggle('now', place === at);
  });
}

function warnings() {
  if (!day) return;
  const texts = [];
  const { coverage, provisional } = day.header;
  if (typeof coverage === 'number' && coverage < THIN) texts.push(say('thin', { p: percent(coverage) }));
  if (provisional) texts.push(say('provisional'));
  $('warning').hidden = texts.length === 0;
  $('warning').textContent = texts.join(' ');
}

/** What can be chosen, downloaded and called for this day. */
function offers() {
  if (!day) return;
  const { metric, view } = state;
  const known = day;
  for (const option of $('metric', HTMLSelectElement).options) {
    option.disabled = !has(known, option.value);
    const name = say(/** @type {any} */ (option.value));
    option.text = option.disabled ? say('unavailable', { name }) : name;
  }
  $('metric', HTMLSelectElement).value = metric;
  $('metric', HTMLSelectElement).disabled = view !== 'weight';
  for (const radio of document.querySelectorAll('#views input')) {
    if (!(radio instanceof HTMLInputElement)) continue;
    radio.checked = radio.value === view;
    const needs = radio.value === 'weight' ? null : column(/** @type {any} */ (radio.value), metric);
    radio.disabled = needs !== null && !has(known, needs);
  }
  const hour = state.hour && view === 'weight' ? Number(state.hour.slice(0, 2)) : null;
  const asked = {
    system: day.system, resolution: day.resolution === 10 ? null : day.resolution,
    metric: metric === 'bikes' || view !== 'weight' ? null : metric, hour,
    baseline: view === 'baseline' ? 'true' : null,
  };
  const path = `/hotspots/${day.date}`;
  for (const format of ['geojson', 'csv']) {
    const link = $(format, HTMLAnchorElement);
    link.href = api.address(path, { ...asked, format });
    link.download = ['hotspots', day.system, day.date, hour === null ? null : `${state.hour}h`].filter(Boolean).join('-') + `.${format}`;
  }
  $('call', HTMLInputElement).value = new URL(api.address(path, asked), location.href).href;
  const thanks = day.header.attribution;
  const credit = typeof thanks === 'string' ? thanks : (thanks?.attribution_organization_name ?? thanks?.operator ?? thanks?.name);
  $('credit').textContent = credit ? say('data', { name: credit }) : '';
  const count = `${say('cells', { n: number(shown?.known ?? 0) })}`;
  $('ranking-about').textContent = count;
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
  // The chosen cell is one of another size: look at the one that holds the same place.
  state.cell = null;
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

function controls() {
  const metric = $('metric', HTMLSelectElement);
  metric.replaceChildren(...METRICS.map((name) => new Option(say(name), name)));
  metric.addEventListener('change', () => {
    state.metric = /** @type {any} */ (metric.value);
    load();
  });
  $('views').replaceChildren(...VIEWS.map((name) => {
    const radio = element('input', { type: 'radio', name: 'view', value: name });
    radio.addEventListener('change', () => {
      state.view = name;
      pause();
      show();
    });
    return element('label', {}, radio, element('span', { text: say(name) }));
  }));
  $('day').addEventListener('change', () => go($('day', HTMLSelectElement).value));
  $('previous').addEventListener('click', () => step(-1));
  $('next').addEventListener('click', () => step(1));
  $('latest').addEventListener('click', () => go('latest'));
  $('system').addEventListener('change', async () => {
    Object.assign(state, { system: $('system', HTMLSelectElement).value, day: 'latest', cell: null, camera: null });
    missing.clear();
    await Promise.all([load(), listDays()]);
    if (day) map?.fit(bounds(day), true);
  });
  const slider = $('hour', HTMLInputElement);
  slider.addEventListener('input', () => {
    pause();
    toHour(Number(slider.value));
  });
  $('all-day').addEventListener('click', () => {
    pause();
    state.hour = null;
    show();
  });
  $('play').addEventListener('click', () => (playing ? pause() : play()));
  $('raised').addEventListener('click', () => {
    state.flat = !state.flat;
    display();
  });
  const opacity = $('opacity', HTMLInputElement);
  opacity.addEventListener('input', () => {
    state.opacity = Number(opacity.value);
    display();
  });
  $('in').addEventListener('click', () => map?.map.zoomIn({ animate: !calm() }));
  $('out').addEventListener('click', () => map?.map.zoomOut({ animate: !calm() }));
  $('city').addEventListener('click', () => day && map?.fit(bounds(day), true));
  $('copy').addEventListener('click', copy);
  dark.addEventListener('change', () => {
    show();
    loadBase();
  });
  addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && state.cell) choose(null, false);
  });
  opacity.value = String(state.opacity);
  $('raised').setAttribute('aria-pressed', String(!state.flat));
  time();
}

function display() {
  $('raised').setAttribute('aria-pressed', String(!state.flat));
  map?.restyle(look());
  address();
}

/** @param {string} date */
function go(date) {
  state.day = date;
  $('note').hidden = true;
  return load();
}

/** @param {number} by */
function step(by) {
  const at = days.findIndex(({ date }) => date === day?.date) + by;
  if (days[at]) go(days[at].date);
}

function dayButtons() {
  const at = days.findIndex(({ date }) => date === day?.date);
  if (at >= 0) $('day', HTMLSelectElement).value = days[at].date;
  $('previous', HTMLButtonElement).disabled = at <= 0;
  $('next', HTMLButtonElement).disabled = at < 0 || at >= days.length - 1;
  $('latest', HTMLButtonElement).disabled = at === days.length - 1;
}

/** @param {number} at */
function toHour(at) {
  if (!hours) return;
  state.hour = hours.names[at];
  show();
}

function play() {
  if (!hours) return;
  const button = $('play');
  button.setAttribute('aria-label', say('pause'));
  button.title = say('pause');
  button.classList.add('on');
  const next = () => {
    const count = hours?.names.length ?? 24;
    toHour(((hourAt() ?? -1) + 1) % count);
  };
  next();
  playing = setInterval(next, PLAY_STEP_MS);
}

function pause() {
  clearInterval(playing);
  playing = 0;
  const button = $('play');
  button.setAttribute('aria-label', say('play'));
  button.title = say('play');
  button.classList.remove('on');
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

async function copy() {
  const call = $('call', HTMLInputElement);
  call.select();
  try {
    await navigator.clipboard.writeText(call.value);
  } catch {
    // No clipboard without https: the text is selected, ready to be copied by hand.
    return;
  }
  $('copy').textContent = say('copied');
  speak(say('copied'));
  setTimeout(() => ($('copy').textContent = say('copy')), 1500);
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
