// Which stations stand in which hexagon.
import { say } from './text.js';

/** @typedef {import('./api.js').Station} Station */

/** @type {Station[]} */
let all = [];
/** @type {Map<string, Station[]>} By cell of the shown resolution, the fullest first. */
let inside = new Map();

/** @param {Station[]} stations @param {number} resolution */
export function settle(stations, resolution) {
  all = stations;
  sort(resolution);
}

/** Sorts the same stations into hexagons of another size. @param {number} resolution */
export function sort(resolution) {
  inside = new Map();
  for (const station of all) {
    const cell = station.cells[resolution];
    if (!cell) continue;
    const others = inside.get(cell);
    if (others) others.push(station);
    else inside.set(cell, [station]);
  }
  for (const stations of inside.values()) stations.sort((a, b) => (b.bikes ?? 0) - (a.bikes ?? 0));
}

/** @param {string} id @returns {Station[]} */
export const stationsIn = (id) => inside.get(id) ?? [];

/** The stations of a cell, or the cell's own name. @param {string} id */
export function nameOf(id) {
  const stations = stationsIn(id);
  if (!stations.length) return say('hexagon', { id });
  return stations.length > 2 ? `${stations[0].name} +${stations.length - 1}` : stations.map(({ name }) => name).join(', ');
}
