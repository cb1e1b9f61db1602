// Where the library comes from when the page was built without it, and what must arrive.
// tools/libraries.test.mjs holds this against the installed package.

export const CDN = 'https://cdn.jsdelivr.net/npm/maplibre-gl@6.17.0/dist';

export const FILES = {
  'maplibre-gl.mjs': 'sha384-pghUwrZY2q/5xc+bZCYbeUP4JsNuZEmG8j+ZvzJMC1DOy3Rdj5AhRNThLRAiEjSb',
  'maplibre-gl-worker.mjs': 'sha384-3TQUOa/0LGT7Cx/33YaLIs5RPzqGBCUAlmA8ht2ofWIP6UugFoidHfikpRijBozF',
  'maplibre-gl.css': 'sha384-S+OnE5M4U3Qc2nR0RgljGrVs06xqfRg8L7uFk/pOF5+sRuSDG4oKkqKZmFrx7w09',
};
