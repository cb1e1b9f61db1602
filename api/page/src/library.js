// MapLibre GL: from this server where the page was built, else from the CDN, the same bytes.
import { CDN, FILES } from './libraries.js';

/** @typedef {typeof import('maplibre-gl')} MapLibre */

/** @returns {Promise<MapLibre>} */
export async function library() {
  const { libraries } = document.documentElement.dataset;
  if (libraries) {
    stylesheet(`${libraries}/maplibre-gl.css`);
    return import(`${libraries}/maplibre-gl.mjs`);
  }
  stylesheet(`${CDN}/maplibre-gl.css`, FILES['maplibre-gl.css']);
  // Fetched with their hashes and run from memory: a module and a worker from elsewhere cannot
  // be checked otherwise in every browser.
  const [main, worker] = await Promise.all(['maplibre-gl.mjs', 'maplibre-gl-worker.mjs'].map(checked));
  const maplibre = await import(main);
  maplibre.setWorkerUrl(worker);
  return maplibre;
}

/** @param {string} name @returns {Promise<string>} A blob: address. */
async function checked(name) {
  const response = await fetch(`${CDN}/${name}`, { integrity: FILES[/** @type {keyof typeof FILES} */ (name)] });
  if (!response.ok) throw new Error(`${CDN}/${name}: ${response.status}`);
  return URL.createObjectURL(new Blob([await response.text()], { type: 'text/javascript' }));
}

/** @param {string} href @param {string} [integrity] */
function stylesheet(href, integrity) {
  const link = document.createElement('link');
  link.rel = 'stylesheet';
  link.href = href;
  if (integrity) {
    link.integrity = integrity;
    link.crossOrigin = 'anonymous';
  }
  // Before the page's own, which has the last word.
  document.head.prepend(link);
}
