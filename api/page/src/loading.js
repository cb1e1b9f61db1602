// From the state to the day, its hours and its stations, as the API has them.
import * as api from './api.js';
import { note } from './dom.js';
import * as first from './first.js';
import { moment } from './moment.js';
import * as places from './places.js';
import { dayName, say } from './text.js';

/**
 * @typedef {object} Heard
 * @property {() => void} onDay The day to show is there.
 * @property {() => void} onHours
 * @property {(stations: api.Station[]) => void} onStations
 * @property {() => void} onDays
 * @property {(names: {id: string, name: string}[], system: string) => void} onSystems
 * @property {(error: unknown) => void} onFailure
 */

/** Resolutions that this lake was found not to have. */
const missing = new Set();
let turn = 0;
/** @type {Promise<api.Day>|null} What was asked for before this module was there. */
let early = first.day;

/** Where the lake lacks a resolution, the hexagons of 75 m stand in. @param {number} wanted */
export const instead = (wanted) => (missing.has(wanted) ? 10 : wanted);

/** Another lake, or another system of it, may have what this one lacks. */
export const forget = () => missing.clear();

/**
 * Fetches what the state asks for and shows it, unless something else was asked for since.
 * @param {Heard} heard @param {Promise<void>} drawn What the first picture can do without waits for it.
 */
export async function loadDay(heard, drawn) {
  const { state } = moment;
  const mine = (turn += 1);
  document.body.classList.add('busy');
  try {
    const day = await fetchDay(instead(moment.resolution));
    if (mine !== turn) return;
    const hours = state.hour ? await api.hours(day.system, day.date, day.resolution, state.metric) : null;
    if (mine !== turn) return;
    if (hours && state.hour && !hours.names.includes(state.hour)) state.hour = null;
    // A link to this page shows the same day tomorrow.
    state.day = day.date;
    state.system ??= day.system;
    Object.assign(moment, { day, hours, waiting: !state.hour });
    places.sort(day.resolution);
    heard.onDay();
    loadRest(heard, drawn, mine).catch(heard.onFailure);
  } catch (error) {
    if (mine === turn && !isUndecided(error)) heard.onFailure(error);
  } finally {
    if (mine === turn) document.body.classList.remove('busy');
  }
}

/** Fetches the systems and the days there are. @param {Heard} heard @param {() => void} decided */
export async function loadDays(heard, decided) {
  const { state } = moment;
  try {
    const names = (await api.systems()) ?? [];
    const asked = state.system;
    const isKnown = asked === null || !names.length || names.some(({ id }) => id === asked);
    if (!isKnown) state.system = null;
    const answer = await api.days(state.system).catch((error) => {
      if (!isUndecided(error) || !names.length) throw error;
      state.system = names[0].id;
      return api.days(state.system);
    });
    moment.days = answer.days;
    if (!isKnown) note(say('noSystem', { system: asked ?? '', other: answer.system }));
    if (!isKnown || (asked === null && state.system !== null && !moment.day)) decided();
    heard.onSystems(names, answer.system);
    heard.onDays();
  } catch (error) {
    heard.onFailure(error);
  }
}

/** Fetches what the day's first picture does without. @param {Heard} heard @param {Promise<void>} drawn @param {number} mine */
async function loadRest(heard, drawn, mine) {
  await drawn;
  const { state, day } = moment;
  if (mine !== turn || !day) return;
  if (moment.waiting) {
    const hours = await api.hours(day.system, day.date, day.resolution, state.metric);
    if (mine !== turn) return;
    Object.assign(moment, { hours, waiting: false });
    heard.onHours();
  }
  const stations = await api.stations(day.system, day.date);
  if (mine !== turn) return;
  places.settle(stations, day.resolution);
  heard.onStations(stations);
}

/** @param {number} wanted @returns {Promise<api.Day>} */
async function fetchDay(wanted) {
  const { state } = moment;
  try {
    const asked = early ?? api.day(state.system, state.day, wanted);
    early = null;
    return await asked;
  } catch (error) {
    if (!(error instanceof api.ApiError) || error.status !== 404) throw error;
    if (error.problem.table && wanted !== 10) {
      missing.add(wanted);
      return fetchDay(10);
    }
    if (state.day === 'latest') throw error;
    note(say('noDay', { day: dayName(state.day) }));
    state.day = 'latest';
    state.cell = null;
    return fetchDay(wanted);
  }
}

/** Whether which system is meant is still to be found out: several and none the usual, or one that is not there. @param {unknown} error */
function isUndecided(error) {
  if (!(error instanceof api.ApiError)) return false;
  return (error.status === 400 && !moment.state.system) || (error.status === 404 && error.problem.systems?.length > 0);
}
