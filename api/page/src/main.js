// The page's walk: address → state → day and hours from the API → frame → map, list, legend.
import * as api from './api.js';
import { at, scale } from './colour.js';
import { controls } from './controls.js';
import { $, element, note, speak } from './dom.js';
import { showDetails } from './details.js';
import { loaded } from './first.js';
import { bounds, column, frame } from './frame.js';
import { createList } from './list.js';
import { forget, instead, loadDay, loadDays } from './loading.js';
import { createMap } from './map.js';
import { moment, onDarkness } from './moment.js';
import { dayButtons, dayList, failed, legend, offers, systemList, time, warnings } from './panels.js';
import { nameOf, stationsIn } from './places.js';
import { createSearch } from './search.js';
import { write } from './state.js';
import { askedLanguage, dayName, hourName, number, quantity, say, translate } from './text.js';

const ADDRESS_PAUSE_MS = 150;

performance.mark('modules');
translate();
const { state } = moment;
/** @type {import('./map.js').CityMap|null} */
let map = null;
/** Whether the map can be drawn on. */
let ready = false;
let fitted = state.camera !== null;
let written = 0;
/** What can wait waits for the first hexagons, or for the news that there will be no map. */
let draw = () => {};
/** @type {Promise<void>} */
const drawn = new Promise((resolve) => {
  draw = resolve;
});

const list = createList({ onChoose: (id) => choose(id, true), onHover: (id) => map?.hover(id), nameOf, tint });
const search = createSearch($('station', HTMLInputElement), $('stations'), goToStation);

/** For tests and the curious: what the page knows at this moment. */
Object.defineProperty(window, 'hotspots', { value: { moment, api, get map() { return map?.map ?? null; } } });

/** @type {import('./loading.js').Heard} */
const heard = {
  onDay: show,
  onHours() {
    time(moment);
    details();
  },
  onStations(stations) {
    search.over(stations);
    list.refresh();
    details();
  },
  onDays() {
    dayList(moment);
    dayButtons(moment);
  },
  onSystems: systemList,
  onFailure: (error) => failed(moment, error, () => Promise.all([loadDays(heard, load), load()])),
};
const load = () => loadDay(heard, drawn);

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
  onward: () => toHour(moment.hours ? ((moment.hour ?? -1) + 1) % moment.hours.names.length : null),
  tilt() {
    state.flat = !state.flat;
    display();
  },
  opacity(percent) {
    state.opacity = percent;
    display();
  },
  zoom: (by) => map?.zoom(by),
  city: () => moment.day && map?.fit(bounds(moment.day), true),
  leave: () => state.cell && choose(null, false),
});
onDarkness(() => {
  show();
  loadBase();
});
time(moment);
start();

async function start() {
  const first = load();
  loadDays(heard, load);
  const maplibre = await loaded;
  if (!maplibre) {
    note(say('noLibrary'));
    draw();
    return;
  }
  // To set up WebGL keeps the page busy for longer than the day takes to come.
  await first;
  const { day } = moment;
  try {
    map = createMap(maplibre, $('map'), day && { shapes: day.shapes, bounds: bounds(day) }, look(), state.camera, {
      onHover: tip,
      onChoose: (id) => choose(id, false),
      onMove: moved,
      onNoBase: withoutBase,
    }, { 'AttributionControl.ToggleAttribution': say('data', { name: '' }) });
  } catch {
    note(say('noMap'));
    draw();
    return;
  }
  performance.mark('map');
  fitted ||= day !== null;
  map.map.getCanvas().setAttribute('aria-label', say('mapLabel'));
  await map.ready;
  performance.mark('style');
  ready = true;
  render();
  map.whenDrawn(() => {
    $('map').classList.add('drawn');
    performance.mark('hexagons');
    draw();
    loadBase();
  });
}

/** Shows the day as the state says, everywhere. */
function show() {
  const { day, hours, hour } = moment;
  if (!day) return;
  const shown = frame(day, hours, hour, state.metric, state.view);
  moment.shown = shown;
  if (state.cell && !shown.byId.has(state.cell)) state.cell = null;
  render();
  list.show(shown, column(state.view, state.metric), state.cell);
  legend(moment);
  time(moment);
  details();
  warnings(moment);
  offers(moment);
  dayButtons(moment);
  address();
  speak(say('shown', {
    metric: say(state.view === 'weight' ? state.metric : state.view), day: dayName(day.date),
    hour: state.hour ? hourName(state.hour) : say('wholeDay'), n: number(shown.known),
    value: quantity(shown.cells[0]?.value ?? null, column(state.view, state.metric)),
  }));
}

function render() {
  const { day, shown } = moment;
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
  return { scale: scale(state.view, moment.dark), dark: moment.dark, flat: state.flat, opacity: state.opacity };
}

/** @param {number} level */
function tint(level) {
  return at(scale(state.view, moment.dark), level);
}

/** @param {string|null} id @param {boolean} fly */
function choose(id, fly) {
  state.cell = id;
  map?.choose(id);
  list.choose(id, !fly);
  details();
  const cell = id ? moment.day?.byId.get(id) : null;
  if (fly && cell) map?.flyTo(cell.lng, cell.lat);
  address();
}

/** @param {api.Station} station */
function goToStation(station) {
  const cell = moment.day ? station.cells[moment.day.resolution] : null;
  if (station.lng !== null && station.lat !== null) map?.flyTo(station.lng, station.lat);
  if (cell) choose(cell, false);
}

function details() {
  const { day, shown, hours, hour } = moment;
  if (!day || !shown) return;
  const cell = state.cell ? day.byId.get(state.cell) : null;
  const found = state.cell ? shown.byId.get(state.cell) : null;
  showDetails($('details'), cell && found ? {
    cell, shown: found, known: shown.known, metric: state.metric, view: state.view, hours, hour,
    stations: stationsIn(cell.hex_id), name: nameOf(cell.hex_id), onClose() {
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
  moment.resolution = finer;
  const wanted = instead(finer);
  if (!moment.day || wanted === moment.day.resolution) return;
  // The chosen cell becomes the one of the other size that holds its first station.
  state.cell = (state.cell && stationsIn(state.cell)[0]?.cells[wanted]) ?? null;
  load();
}

/** @param {string|null} id @param {number} x @param {number} y */
function tip(id, x, y) {
  const box = $('tip');
  const { shown } = moment;
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
  const { days } = moment;
  const from = state.day === 'latest' ? days.length - 1 : days.findIndex(({ date }) => date === state.day);
  const to = days[from + by];
  if (to) go(to.date);
}

/** @param {string} system */
async function goToSystem(system) {
  Object.assign(state, { system, day: 'latest', cell: null, camera: null });
  forget();
  fitted = false;
  await Promise.all([load(), loadDays(heard, load)]);
}

/** @param {number|null} at */
function toHour(at) {
  state.hour = at === null || !moment.hours ? null : moment.hours.names[at];
  show();
}

function display() {
  map?.restyle(look());
  address();
}

function loadBase() {
  const { mapStyle, mapStyleDark } = document.documentElement.dataset;
  const url = (moment.dark && mapStyleDark) || mapStyle;
  if (url) map?.base(url);
  else ownGround();
}

function withoutBase() {
  note(say('noBase'), true);
  ownGround();
}

/** Draws the city's ground from its coarse hexagons. */
async function ownGround() {
  const { day } = moment;
  if (!day || !map) return;
  let ground = day.shapes;
  try {
    ground = (await api.day(day.system, day.date, instead(8))).shapes;
  } catch {
    // The day's own cells, then.
  }
  map.city(ground);
}
