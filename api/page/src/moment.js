// All that is known of what is shown: loading fills it in, everything else reads it.
import { resolution, state } from './first.js';

const darkness = matchMedia('(prefers-color-scheme: dark)');

/**
 * @typedef {object} Moment
 * @property {import('./state.js').State} state
 * @property {import('./api.js').DayEntry[]} days
 * @property {import('./api.js').Day|null} day
 * @property {import('./api.js').Hours|null} hours
 * @property {boolean} waiting Whether the day's hours are still to come.
 * @property {number|null} hour The shown one's place among them.
 * @property {import('./frame.js').Frame|null} shown
 * @property {number} resolution Of the hexagons wanted; the day's are others where the lake lacks them.
 * @property {boolean} dark
 */

/** @type {Moment} */
export const moment = {
  state,
  days: [],
  day: null,
  hours: null,
  waiting: true,
  get hour() {
    const place = state.hour && this.hours ? this.hours.names.indexOf(state.hour) : -1;
    return place < 0 ? null : place;
  },
  shown: null,
  resolution,
  get dark() {
    return darkness.matches;
  },
};

/** @param {() => void} then */
export const onDarkness = (then) => darkness.addEventListener('change', then);
