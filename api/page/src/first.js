// What the first picture needs, asked for before the rest of the page is there.
import * as api from './api.js';
import { library } from './library.js';
import { read, resolutionAt } from './state.js';

/** What the address asks for. */
export const state = read(location.search);
/** Of the first hexagons: where a city takes a phone's width, those of 75 m are too small to see. */
export const resolution = state.camera ? resolutionAt(state.camera.zoom) : matchMedia('(max-width: 760px)').matches ? 9 : 10;

/** The first day; whoever takes it hears what went wrong. */
export const day = api.day(state.system, state.day, resolution);
day.then(() => performance.mark('day'), () => {});

/** The map library, its worker under way; null where it cannot be had. */
export const loaded = library().then((maplibre) => {
  performance.mark('library');
  maplibre.prewarm();
  return maplibre;
}, () => null);
