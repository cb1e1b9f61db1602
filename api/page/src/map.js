// The map: hexagons of one GeoJSON source, coloured and raised by feature state, over a base map.
//
// Feature state changes colours and heights without cutting the shapes into tiles again, which is
// what makes another hour a matter of milliseconds.

import { ZOOM_OF_9, ZOOM_OF_10, resolutionAt } from './state.js';

/**
 * @typedef {import('./frame.js').Frame} Frame
 * @typedef {import('./colour.js').Scale} Scale
 * @typedef {import('./state.js').Camera} Camera
 * @typedef {import('maplibre-gl').Map} GlMap
 * @typedef {object} Look
 * @property {Scale} scale
 * @property {boolean} dark
 * @property {boolean} flat
 * @property {number} opacity Per cent.
 * @typedef {[number, number, number, number]} Box West, south, east, north.
 * @typedef {object} Heard What the map tells.
 * @property {(id: string|null, x: number, y: number) => void} onHover
 * @property {(id: string|null) => void} onChoose
 * @property {(camera: Camera, resolution: number) => void} onMove
 * @property {() => void} onNoBase
 */

const CELLS = 'cells';
const NOTHING = /** @type {const} */ ({ type: 'FeatureCollection', features: [] });
const PITCH = 45;
const BASE_PATIENCE_MS = 8_000;

const COLOURS = {
  light: { ground: '#f3f1ec', city: '#e8e5dc', missing: '#a5a0aa', chosen: '#d6246e', hover: '#f08bb4' },
  dark: { ground: '#14171c', city: '#1e232b', missing: '#6a6472', chosen: '#ff5fa2', hover: '#ffb3d1' },
};

/**
 * A map of a city, if there is one yet: what the style holds from the start is drawn first.
 * @param {import('./library.js').MapLibre} maplibre
 * @param {HTMLElement} container
 * @param {{shapes: any, bounds: Box}|null} city @param {Look} look @param {Camera|null} camera @param {Heard} heard
 * @param {Record<string, string>} locale
 */
export function createMap(maplibre, container, city, look, camera, heard, locale) {
  const map = new maplibre.Map({
    container,
    style: style(city?.shapes ?? NOTHING, look),
    ...(city && !camera ? { bounds: city.bounds, fitBoundsOptions: frameOf(container, look) } : {}),
    validateStyle: false,
    renderWorldCopies: false,
    center: camera ? [camera.lng, camera.lat] : [2.343, 48.859],
    zoom: camera?.zoom ?? 11,
    bearing: camera?.bearing ?? 0,
    pitch: camera?.pitch ?? (look.flat ? 0 : PITCH),
    maxPitch: 60,
    attributionControl: false,
    locale,
    fadeDuration: 0,
    // Latin and the like are enough for numbers; the base map's labels bring their own glyphs.
    localIdeographFontFamily: 'sans-serif',
  });
  map.addControl(new maplibre.AttributionControl({ compact: true }), 'bottom-right');
  return new CityMap(map, city?.shapes ?? null, look, heard);
}

export class CityMap {
  /** @type {Set<string>} */
  #stated = new Set();
  /** @type {string[]} */
  #baseLayers = [];
  /** @type {string[]} */
  #baseSources = [];
  #baseTurn = 0;
  /** @type {string|null} */
  #hovered = null;
  /** @type {string|null} */
  #chosen = null;
  /** @type {any} */
  #shapes;

  /** @param {GlMap} map @param {any} shapes @param {Look} look @param {Heard} heard */
  constructor(map, shapes, look, heard) {
    this.map = map;
    this.#shapes = shapes;
    this.look = look;
    this.heard = heard;
    this.ready = new Promise((resolve) => {
      map.once('style.load', resolve);
    });
    map.on('moveend', () => heard.onMove(this.camera(), resolutionAt(map.getZoom())));
    for (const layer of ['cells-flat', 'cells-raised']) {
      map.on('mousemove', layer, (event) => {
        const id = event.features?.[0]?.properties.hex_id ?? null;
        this.hover(id);
        heard.onHover(id, event.point.x, event.point.y);
      });
      map.on('mouseleave', layer, () => {
        this.hover(null);
        heard.onHover(null, 0, 0);
      });
    }
    map.on('click', (event) => {
      const layers = ['cells-flat', 'cells-raised'].filter((id) => map.getLayer(id));
      const [hit] = map.queryRenderedFeatures(event.point, { layers });
      heard.onChoose(hit?.properties.hex_id ?? null);
    });
  }

  /** @returns {Camera} */
  camera() {
    const { lng, lat } = this.map.getCenter();
    return { zoom: this.map.getZoom(), lat, lng, bearing: this.map.getBearing(), pitch: this.map.getPitch() };
  }

  /** Calls once the hexagons are on the screen. @param {() => void} then */
  whenDrawn(then) {
    const look = () => {
      if (!this.#shapes || !this.map.isSourceLoaded(CELLS) || !this.map.areTilesLoaded()) return;
      this.map.off('render', look);
      then();
    };
    this.map.on('render', look);
    this.map.triggerRepaint();
  }

  /** Draws other shapes. @param {any} shapes */
  shapes(shapes) {
    if (shapes === this.#shapes) return;
    this.#shapes = shapes;
    this.map.removeFeatureState({ source: CELLS });
    this.#stated.clear();
    this.#source(CELLS).setData(shapes);
    this.#mark(this.#chosen, 'chosen', true);
  }

  /** Colours and raises the shapes. @param {Frame} frame */
  show(frame) {
    for (const cell of frame.cells) {
      this.map.setFeatureState({ source: CELLS, id: cell.id }, { level: cell.level });
      this.#stated.add(cell.id);
    }
  }

  /** The ground that the city stands on where there is no base map. @param {any} shapes */
  city(shapes) {
    this.#source('city').setData(shapes);
  }

  /** @param {Look} look */
  restyle(look) {
    const [before, after] = [this.look, look].map((one) => JSON.stringify(one));
    if (before === after) return;
    const tilted = look.flat !== this.look.flat;
    this.look = look;
    const { map } = this;
    const colours = palette(look);
    map.setPaintProperty('ground', 'background-color', colours.ground);
    map.setPaintProperty('city', 'fill-color', colours.city);
    map.setPaintProperty('cells-flat', 'fill-color', colour(look));
    map.setPaintProperty('cells-flat', 'fill-opacity', look.opacity / 100);
    map.setPaintProperty('cells-raised', 'fill-extrusion-color', colour(look));
    map.setPaintProperty('cells-raised', 'fill-extrusion-opacity', look.opacity / 100);
    map.setPaintProperty('cells-edge', 'line-color', colours.chosen);
    map.setLayoutProperty('cells-flat', 'visibility', look.flat ? 'visible' : 'none');
    map.setLayoutProperty('cells-edge', 'visibility', look.flat ? 'visible' : 'none');
    map.setLayoutProperty('cells-raised', 'visibility', look.flat ? 'none' : 'visible');
    if (tilted) map.easeTo({ pitch: look.flat ? 0 : PITCH, duration: calm() ? 0 : 500 });
  }

  /** @param {string|null} id */
  hover(id) {
    if (id === this.#hovered) return;
    this.#mark(this.#hovered, 'hover', false);
    this.#hovered = id;
    this.#mark(id, 'hover', true);
    this.map.getCanvas().style.cursor = id ? 'pointer' : '';
  }

  /** @param {string|null} id */
  choose(id) {
    if (id === this.#chosen) return;
    this.#mark(this.#chosen, 'chosen', false);
    this.#chosen = id;
    this.#mark(id, 'chosen', true);
  }

  /** @param {number} by Levels. */
  zoom(by) {
    this.map.easeTo({ zoom: this.map.getZoom() + by, duration: calm() ? 0 : 250 });
  }

  /** @param {number} lng @param {number} lat */
  flyTo(lng, lat) {
    // Close, but not so close that the hexagons become others.
    const now = this.map.getZoom();
    const most = [ZOOM_OF_9, ZOOM_OF_10, Infinity][resolutionAt(now) - 8] - 0.05;
    const zoom = Math.min(Math.max(now, 13), most);
    this.map.easeTo({ center: [lng, lat], zoom, duration: calm() ? 0 : 700 });
  }

  /** @param {Box} box @param {boolean} [slowly] */
  fit(box, slowly = false) {
    this.map.fitBounds(box, {
      ...frameOf(this.map.getContainer(), this.look), animate: slowly && !calm(), duration: 600,
    });
  }

  /**
   * Lays a style's sources and layers below the hexagons, its labels above the flat ones.
   * @param {string} url
   */
  async base(url) {
    const turn = (this.#baseTurn += 1);
    let style;
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(BASE_PATIENCE_MS) });
      if (!response.ok) throw new Error(String(response.status));
      style = await response.json();
    } catch {
      this.heard.onNoBase();
      return;
    }
    if (turn !== this.#baseTurn) return;
    const { map } = this;
    for (const id of this.#baseLayers) map.removeLayer(id);
    for (const id of this.#baseSources) map.removeSource(id);
    const absolute = (/** @type {string} */ path) => decodeURI(new URL(path, url).href);
    if (style.glyphs) map.setGlyphs(absolute(style.glyphs));
    if (typeof style.sprite === 'string') map.setSprite(absolute(style.sprite));
    this.#baseSources = Object.keys(style.sources).map((id) => `base-${id}`);
    for (const [id, source] of Object.entries(style.sources)) {
      map.addSource(`base-${id}`, typeof source.url === 'string' ? { ...source, url: absolute(source.url) } : source);
    }
    this.#baseLayers = style.layers.map((/** @type {any} */ layer) => `base-${layer.id}`);
    for (const layer of style.layers) {
      const below = layer.type === 'symbol' ? undefined : 'city';
      const source = layer.source ? { source: `base-${layer.source}` } : {};
      map.addLayer({ ...layer, ...source, id: `base-${layer.id}` }, below);
    }
  }

  /** @param {string|null} id @param {string} what @param {boolean} on */
  #mark(id, what, on) {
    if (id) this.map.setFeatureState({ source: CELLS, id }, { [what]: on });
  }

  /** @param {string} id @returns {import('maplibre-gl').GeoJSONSource} */
  #source(id) {
    return /** @type {import('maplibre-gl').GeoJSONSource} */ (this.map.getSource(id));
  }
}

/** @param {Look} look */
const palette = (look) => (look.dark ? COLOURS.dark : COLOURS.light);

/** @param {any} shapes @param {Look} look @returns {import('maplibre-gl').StyleSpecification} */
function style(shapes, look) {
  const colours = palette(look);
  /** @type {('visible'|'none')[]} */
  const [flat, raised] = look.flat ? ['visible', 'none'] : ['none', 'visible'];
  return {
    version: 8,
    sources: {
      city: { type: 'geojson', data: NOTHING, tolerance: 0, maxzoom: 8 },
      // A hexagon is small: simplification and a wide rim around tiles cost more than they give, and
      // in tiles of zoom 11 a corner is right to 2 m.
      cells: { type: 'geojson', data: shapes, promoteId: 'hex_id', tolerance: 0, buffer: 16, maxzoom: 10 },
    },
    layers: [
      { id: 'ground', type: 'background', paint: { 'background-color': colours.ground } },
      { id: 'city', type: 'fill', source: 'city', paint: { 'fill-color': colours.city, 'fill-antialias': false } },
      {
        id: 'cells-flat', type: 'fill', source: CELLS, layout: { visibility: flat },
        paint: { 'fill-color': colour(look), 'fill-opacity': look.opacity / 100 },
      },
      {
        id: 'cells-edge', type: 'line', source: CELLS, layout: { visibility: flat },
        paint: {
          'line-color': colours.chosen,
          'line-width': ['case', isOn('chosen'), 3, isOn('hover'), 2, 0],
        },
      },
      {
        id: 'cells-raised', type: 'fill-extrusion', source: CELLS, layout: { visibility: raised },
        paint: {
          'fill-extrusion-color': colour(look),
          'fill-extrusion-opacity': look.opacity / 100,
          // Metres: tall over a whole city, modest over a street.
          'fill-extrusion-height': [
            'interpolate', ['exponential', 0.6], ['zoom'],
            8, ['*', height(), 5000], 11, ['*', height(), 1500], 14, ['*', height(), 420], 17, ['*', height(), 120],
          ],
        },
      },
    ],
  };
}

/** How a whole city is looked at: with room for what floats over the map. @param {HTMLElement} container @param {Look} look */
function frameOf(container, look) {
  const padding = container.clientWidth < 700
    ? { top: 90, bottom: 110, left: 16, right: 16 }
    : { top: 10, bottom: 180, left: 90, right: 70 };
  return { padding, pitch: look.flat ? 0 : PITCH, bearing: 0 };
}

/** @param {string} what @returns {any} */
const isOn = (what) => ['boolean', ['feature-state', what], false];

/** @returns {any} */
const height = () => ['abs', ['to-number', ['feature-state', 'level'], 0]];

/** @param {Look} look @returns {any} */
function colour(look) {
  const colours = palette(look);
  const level = [
    'case',
    ['==', ['typeof', ['feature-state', 'level']], 'number'],
    ['interpolate', ['linear'], ['to-number', ['feature-state', 'level'], 0], ...look.scale.flat()],
    colours.missing,
  ];
  return [
    'case',
    // Flat, its edge says it, and its colour its value.
    isOn('chosen'), look.flat ? level : colours.chosen,
    isOn('hover'), colours.hover,
    level,
  ];
}

/** Whether the person wants nothing to move by itself. */
const calm = () => matchMedia('(prefers-reduced-motion: reduce)').matches;
