// The API's answers as columns, each fetched once and the oldest let go.
import { token } from './token.js';

/**
 * @typedef {import('./state.js').Metric} Metric
 * @typedef {{date: string, coverage: number|null, provisional: boolean, cells: number|null}} DayEntry
 * @typedef {Record<string, any>} Properties
 *
 * @typedef {object} Day A day's cells at a resolution.
 * @property {string} date
 * @property {string} system
 * @property {number} resolution
 * @property {Properties} header What the answer says of itself.
 * @property {Properties[]} cells
 * @property {Map<string, Properties>} byId
 * @property {{type: 'FeatureCollection', features: any[]}} shapes
 *
 * @typedef {object} Hours A metric of all hours of a day.
 * @property {string[]} names As in the address: `08`, `02b`.
 * @property {Map<string, (number|null)[]>} values By cell.
 * @property {(number|null)[]} mean Of the city's cells.
 * @property {number} max Of any cell in any hour.
 *
 * @typedef {{id: string, code: string|null, name: string, lat: number|null, lng: number|null,
 *   capacity: number|null, bikes: number|null, cells: Record<string, string|null>}} Station
 */

/** Answers kept: a few days at a few resolutions, a megabyte each at most. */
const MOST_ANSWERS = 16;
/** Beyond this the answer is not worth waiting for. */
const PATIENCE_MS = 20_000;

/** An answer that is not one. */
export class ApiError extends Error {
  /** @param {number} status 0 where nothing answered. @param {string} detail @param {Record<string, any>} [problem] The API's own words. */
  constructor(status, detail, problem = {}) {
    super(detail);
    this.status = status;
    this.problem = problem;
  }
}

/** @type {Map<string, Promise<any>>} */
const kept = new Map();

/**
 * The systems; null where the server does not list them.
 * @returns {Promise<{id: string, name: string}[]|null>}
 */
export async function systems() {
  try {
    const answer = await get('/systems');
    const list = answer.systems ?? [];
    return list.map((/** @type {any} */ system) => {
      const id = typeof system === 'string' ? system : (system.system ?? system.id);
      return { id, name: system.attribution?.name ?? id };
    });
  } catch (error) {
    if (error instanceof ApiError && error.status !== 0) return null;
    throw error;
  }
}

/**
 * The days there are, earliest first.
 * @param {string|null} system
 * @returns {Promise<{system: string, days: DayEntry[]}>}
 */
export async function days(system) {
  const answer = await get(address('/hotspots', { system }));
  const days = answer.days.map((/** @type {any} */ day) => ({
    date: day.date,
    coverage: day.coverage ?? null,
    provisional: day.provisional ?? false,
    cells: day.cells ?? null,
  }));
  days.sort((/** @type {DayEntry} */ a, /** @type {DayEntry} */ b) => (a.date < b.date ? -1 : 1));
  return { system: answer.system, days };
}

/**
 * @param {string|null} system
 * @param {string} date A date, or `latest`.
 * @param {number} resolution
 * @returns {Promise<Day>}
 */
export function day(system, date, resolution) {
  const path = address(`/hotspots/${date}`, { system, resolution, format: 'geojson' });
  const make = async () => {
    const { type: _, features, ...header } = await get(path);
    /** @type {Properties[]} */
    const cells = [];
    /** @type {any[]} */
    const shapes = [];
    for (const { properties, geometry } of features) {
      cells.push(properties);
      shapes.push({ type: 'Feature', properties: { hex_id: properties.hex_id }, geometry });
    }
    return {
      date: header.date ?? date,
      system: header.system ?? system,
      resolution: header.resolution ?? resolution,
      header,
      cells,
      byId: new Map(cells.map((cell) => [cell.hex_id, cell])),
      shapes: /** @type {const} */ ({ type: 'FeatureCollection', features: shapes }),
    };
  };
  // Which day is the latest changes, and so does a day that is not over.
  if (date === 'latest') return make();
  const made = once(path, make);
  made.then(({ header }) => header.provisional && kept.delete(path), () => {});
  return made;
}

/**
 * A metric of all hours; null where the day has no hours.
 * @param {string} system @param {string} date @param {number} resolution @param {Metric} metric
 * @returns {Promise<Hours|null>}
 */
export function hours(system, date, resolution, metric) {
  const path = address(`/hotspots/${date}/hours`, { system, resolution, metric });
  return once(path, async () => {
    let answer;
    try {
      answer = await get(path);
    } catch (error) {
      // 404: no such table; 400: a server that knows no hours, or not of this metric.
      if (error instanceof ApiError && error.status >= 400 && error.status < 500) return null;
      throw error;
    }
    if (!answer.hours?.length) return null;
    const names = answer.hours.map((/** @type {any} */ hour, /** @type {number} */ at) => {
      const twice = at > 0 && answer.hours[at - 1].hour === hour.hour;
      return String(hour.hour).padStart(2, '0') + (twice ? 'b' : '');
    });
    const values = new Map(
      answer.hex_id.map((/** @type {string} */ id, /** @type {number} */ at) => [id, answer.values[at]]),
    );
    const mean = names.map((/** @type {string} */ _, /** @type {number} */ hour) => {
      const known = answer.values.map((/** @type {any} */ cell) => cell[hour]).filter((/** @type {any} */ v) => v !== null);
      return known.length ? known.reduce((/** @type {number} */ a, /** @type {number} */ b) => a + b, 0) / known.length : null;
    });
    return { names, values, mean, max: answer.max };
  });
}

/**
 * The stations of a day; none where the day has no table of them.
 * @param {string} system @param {string} date
 * @returns {Promise<Station[]>}
 */
export function stations(system, date) {
  const path = address(`/stations/${date}`, { system });
  return once(path, async () => {
    let answer;
    try {
      answer = await get(path);
    } catch (error) {
      if (error instanceof ApiError && error.status >= 400 && error.status < 500) return [];
      throw error;
    }
    return answer.stations.map((/** @type {any} */ row) => ({
      id: row.station_id,
      code: row.station_code ?? null,
      name: row.name ?? row.station_id,
      lat: row.lat ?? null,
      lng: row.lon ?? null,
      capacity: row.capacity ?? null,
      bikes: row.bikes ?? null,
      cells: { 8: row.hex_id_8, 9: row.hex_id_9, 10: row.hex_id_10 },
    }));
  });
}

/**
 * A path with the parameters that have a value.
 * @param {string} path @param {Record<string, string|number|null|undefined>} params
 */
export function address(path, params) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== null && value !== undefined) query.set(name, String(value));
  }
  return query.size ? `${path}?${query}` : path;
}

/** Answers in memory, for tests of what is kept. */
export function keptAnswers() {
  return kept.size;
}

/** An answer as a file, which a link could not fetch with the token. @param {string} path @returns {Promise<string>} A blob: address. */
export async function file(path) {
  const response = await fetch(path, { headers: credentials() });
  if (!response.ok) throw new ApiError(response.status, response.statusText);
  return URL.createObjectURL(await response.blob());
}

/** @returns {Record<string, string>} */
const credentials = () => (token() ? { authorization: `Bearer ${token()}` } : {});

/**
 * @template T
 * @param {string} key @param {() => Promise<T>} make
 * @returns {Promise<T>}
 */
function once(key, make) {
  const made = kept.get(key) ?? make();
  // Put last: the first is the one not asked for longest.
  kept.delete(key);
  kept.set(key, made);
  made.catch(() => kept.delete(key));
  for (const oldest of kept.keys()) {
    if (kept.size <= MOST_ANSWERS) break;
    kept.delete(oldest);
  }
  return made;
}

/** @param {string} path @returns {Promise<any>} */
async function get(path) {
  let response;
  try {
    response = await fetch(path, { headers: credentials(), signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch (error) {
    throw new ApiError(0, String(error));
  }
  if (!response.ok) {
    const problem = await response.json().catch(() => ({}));
    throw new ApiError(response.status, problem.detail ?? problem.title ?? response.statusText, problem);
  }
  return response.json();
}
