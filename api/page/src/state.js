// What is shown, and its form in the address bar.

/**
 * @typedef {'bikes'|'ebikes'|'mechanical'|'docks'|'occupancy'|'empty_share'|'full_share'} Metric
 * @typedef {'weight'|'hot'|'baseline'} View
 * @typedef {{zoom: number, lat: number, lng: number, bearing: number, pitch: number}} Camera
 * @typedef {object} State
 * @property {string|null} system
 * @property {string} day A date, or `latest`.
 * @property {string|null} hour `08`; `02b` the second time that clocks show 2; null is the whole day.
 * @property {Metric} metric
 * @property {View} view
 * @property {string|null} cell The cell that is looked at.
 * @property {boolean} flat Without height.
 * @property {number} opacity Per cent.
 * @property {Camera|null} camera
 */

/** @type {readonly Metric[]} */
export const METRICS = ['bikes', 'ebikes', 'mechanical', 'docks', 'occupancy', 'empty_share', 'full_share'];
/** @type {readonly View[]} */
export const VIEWS = ['weight', 'hot', 'baseline'];

const OPACITY = 85;
/** Below these zooms a hexagon of the next finer resolution is less than six pixels wide. */
export const ZOOM_OF_9 = 9.6;
export const ZOOM_OF_10 = 11;

/** The resolution of the hexagons to show. @param {number} zoom */
export const resolutionAt = (zoom) => (zoom < ZOOM_OF_9 ? 8 : zoom < ZOOM_OF_10 ? 9 : 10);

/**
 * Reads a query string; whatever is not understood is as if it were not there.
 * @param {string} query
 * @returns {State}
 */
export function read(query) {
  const params = new URLSearchParams(query);
  const text = (/** @type {string} */ name, /** @type {RegExp} */ grammar) => {
    const value = params.get(name);
    return value !== null && grammar.test(value) ? value : null;
  };
  const opacity = Number(text('opacity', /^\d{1,3}$/) ?? OPACITY);
  return {
    system: text('system', /^[\w.-]{1,64}$/),
    day: text('day', /^\d{4}-\d\d-\d\d$/) ?? 'latest',
    hour: text('hour', /^([01]\d|2[0-3])b?$/),
    metric: METRICS.find((name) => name === params.get('metric')) ?? 'bikes',
    view: VIEWS.find((name) => name === params.get('view')) ?? 'weight',
    cell: text('cell', /^[0-9a-f]{15}$/),
    flat: params.get('flat') === '1',
    opacity: Math.min(100, Math.max(10, opacity)),
    camera: camera(params.get('at')),
  };
}

/**
 * The query string of a state; what is as usual is left out.
 * @param {State} state
 * @param {string} [language] The language asked for by the address, to be kept.
 */
export function write(state, language) {
  const params = new URLSearchParams();
  if (state.system) params.set('system', state.system);
  if (state.day !== 'latest') params.set('day', state.day);
  if (state.hour) params.set('hour', state.hour);
  if (state.metric !== 'bikes') params.set('metric', state.metric);
  if (state.view !== 'weight') params.set('view', state.view);
  if (state.cell) params.set('cell', state.cell);
  if (state.flat) params.set('flat', '1');
  if (state.opacity !== OPACITY) params.set('opacity', String(state.opacity));
  if (state.camera) {
    const { zoom, lat, lng, bearing, pitch } = state.camera;
    params.set('at', [zoom.toFixed(2), lat.toFixed(5), lng.toFixed(5), bearing.toFixed(0), pitch.toFixed(0)].join(','));
  }
  if (language) params.set('lang', language);
  const query = params.toString().replaceAll('%2C', ',');
  return query ? `?${query}` : '';
}

/**
 * @param {string|null} text
 * @returns {Camera|null}
 */
function camera(text) {
  const numbers = (text ?? '').split(',').map(Number);
  if (numbers.length !== 5 || !numbers.every(Number.isFinite)) return null;
  const [zoom, lat, lng, bearing, pitch] = numbers;
  if (zoom < 0 || zoom > 22 || Math.abs(lat) > 85 || Math.abs(lng) > 180 || pitch < 0 || pitch > 60) return null;
  return { zoom, lat, lng, bearing, pitch };
}
