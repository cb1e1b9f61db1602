// Looking at a page: what is on it, what it weighs, whether everybody can use it.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

export const PICTURES = new URL('screenshots/', import.meta.url);
const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export async function until(page, condition, argument) {
  await page.waitForFunction(condition, argument, { timeout: 30_000 });
}

export async function picture(page, name) {
  await page.screenshot({ path: new URL(`${name}.png`, PICTURES).pathname });
}

/** The share of the map's pixels that have a colour of the scale: the grounds have hardly any. */
export async function coloured(page) {
  const png = await page.locator('#map').screenshot();
  return page.evaluate(async (data) => {
    const image = new Image();
    image.src = `data:image/png;base64,${data}`;
    await image.decode();
    const canvas = new OffscreenCanvas(image.width, image.height);
    const context = canvas.getContext('2d');
    context.drawImage(image, 0, 0);
    const { data: pixels } = context.getImageData(0, 0, image.width, image.height);
    let hits = 0;
    for (let at = 0; at < pixels.length; at += 4) {
      const [red, green, blue] = pixels.subarray(at, at + 3);
      if (Math.max(red, green, blue) - Math.min(red, green, blue) > 45) hits += 1;
    }
    return hits / (pixels.length / 4);
  }, png.toString('base64'));
}

export async function accessible(page) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  const told = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html.slice(0, 120)).join(' | ')}`);
  assert.deepEqual(told, []);
}

export async function summary(page) {
  await page.waitForFunction(() => document.querySelector('#details h2')?.textContent && !document.body.classList.contains('busy'));
  return page.evaluate(() => ({
    address: location.search,
    time: document.getElementById('time-now').textContent,
    legend: document.getElementById('legend').textContent,
    list: document.getElementById('list').textContent,
    details: document.getElementById('details').textContent,
    layers: ['cells-flat', 'cells-raised'].map((id) => window.hotspots.map.getLayoutProperty(id, 'visibility')),
  }));
}

/** Bytes on the wire: the page's own, the library's, the day's. */
export async function transfers(page) {
  return page.evaluate(() => {
    const sums = { own: performance.getEntriesByType('navigation')[0].transferSize, library: 0, data: 0 };
    for (const { name, transferSize } of performance.getEntriesByType('resource')) {
      const path = new URL(name).pathname;
      if (!name.startsWith(location.origin)) continue;
      const kind = path.includes('maplibre-gl') ? 'library' : path.startsWith('/page/') ? 'own' : 'data';
      sums[kind] += transferSize;
    }
    return sums;
  });
}
