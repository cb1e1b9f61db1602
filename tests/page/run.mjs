// The map page in a real Chromium, served by the real binary, without a network.
//
//     npm ci && npm test            [HOTSPOTS_BINARY=…] [CHROMIUM=…] [LAKE=…]
//
// Screenshots land in screenshots/.
import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { DAYS, baseMap, browse, makeLake, serve } from './support.mjs';

const PICTURES = new URL('screenshots/', import.meta.url);
const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const DESKTOP = { viewport: { width: 1440, height: 900 }, locale: 'en-GB', colorScheme: 'light' };
const PHONE = { viewport: { width: 390, height: 844 }, locale: 'fr-FR', colorScheme: 'light', isMobile: true, hasTouch: true };
const LAST = DAYS.at(-1);
const CDN = 'https://cdn.jsdelivr.net';

const browser = await browse();
if (!browser) {
  console.log('SKIPPED: there is no Chromium here; set CHROMIUM to its path');
  process.exit(0);
}
await mkdir(PICTURES, { recursive: true });
const lake = await makeLake();
const base = await baseMap();
const server = await serve(lake.folder, '--map-style', `${base.origin}/style.json`);
// A binary built without `npm run build` sends its page to the CDN.
const allowed = [server.origin, base.origin, ...(server.embedded ? [] : [CDN])];

const tests = {
  async 'the latest day is drawn: features, their state, and pixels'() {
    const { page } = await open('/', DESKTOP);
    assert.equal(await page.inputValue('#day'), LAST);
    const drawn = await page.evaluate(() => {
      const { map, day } = window.hotspots;
      const ids = new Set(map.queryRenderedFeatures({ layers: ['cells-raised'] }).map((f) => f.properties.hex_id));
      const state = map.getFeatureState({ source: 'cells', id: day.cells[0].hex_id });
      return { drawn: ids.size, cells: day.cells.length, level: state.level };
    });
    assert.ok(drawn.drawn > drawn.cells * 0.7, JSON.stringify(drawn));
    assert.equal(drawn.level, 1, 'the first of the ranking has the weight 1');
    assert.ok(await coloured(page) > 0.01, 'at least a hundredth of the map is coloured by hexagons');
    assert.equal(await page.evaluate(() => window.hotspots.map.getLayer('base-park')?.type), 'fill');
    assert.match(await page.innerText('#map'), /A base map/, 'whose map it is can be read');
    report.firstHexagonsMs = Math.round(await page.evaluate(() => window.hotspots.firstHexagonsMs));
    report.transfers = await transfers(page);
    await picture(page, 'desktop-light');
    await accessible(page);
  },

  async 'the day is stepped back and forth, and only days there are can be chosen'() {
    const { page } = await open('/', DESKTOP);
    const options = await page.$$eval('#day option', (all) => all.map((option) => option.value));
    assert.deepEqual(options.toSorted(), DAYS);
    assert.ok(await page.isDisabled('#next'));
    const first = await page.innerText('#list li:first-child .value');
    await page.click('#previous');
    await until(page, (day) => window.hotspots.day.date === day, DAYS.at(-2));
    await page.waitForURL((url) => (new RegExp(`day=${DAYS.at(-2)}`)).test(url.search));
    await page.click('#latest');
    await until(page, (day) => window.hotspots.day.date === day, LAST);
    assert.equal(await page.innerText('#list li:first-child .value'), first);
  },

  async 'the hours of a day are there at once, and play'() {
    const { page } = await open('/', DESKTOP);
    await until(page, () => window.hotspots.hours !== null);
    const count = await page.evaluate(() => window.hotspots.hours.names.length);
    assert.equal(count, 24);
    const before = await page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name).filter((name) => !name.endsWith('icon.svg')));
    await page.focus('#hour');
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowRight');
    await page.waitForURL((url) => (/hour=01/).test(url.search));
    assert.match(await page.innerText('#time-now'), /01:00–02:00/);
    const took = await page.evaluate(() => {
      const slider = document.getElementById('hour');
      return Array.from({ length: 24 }, (_, hour) => {
        const began = performance.now();
        slider.value = String(hour);
        slider.dispatchEvent(new Event('input'));
        return performance.now() - began;
      }).toSorted((a, b) => a - b);
    });
    report.hourSwitchMs = { median: +took[12].toFixed(1), slowest: +took[23].toFixed(1) };
    // Weights of hours are relative to the largest of all hours, so the frame is the API's.
    const shown = await page.evaluate(() => window.hotspots.frame.cells.slice(0, 5).map(({ id, level }) => [id, level]));
    const { hotspots } = await (await fetch(`${server.origin}/hotspots/${LAST}?hour=23&limit=5`)).json();
    const close = (a, b) => Math.abs(a - b) < 1e-3;
    assert.ok(hotspots.every((cell, at) => cell.hex_id === shown[at][0] && close(cell.weight, shown[at][1])), JSON.stringify(shown));
    await page.click('#play');
    await until(page, () => !location.search.includes('hour=23') && location.search.includes('hour='));
    await page.click('#play');
    const after = await page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name).filter((name) => !name.endsWith('icon.svg')));
    assert.deepEqual(after.slice(before.length), [], 'nothing was fetched for an hour');
    await page.click('#all-day');
    await page.waitForURL((url) => !url.search.includes('hour='));
  },

  async 'a click on a hexagon shows it in the panel and the list, and the other way round'() {
    const { page } = await open('/?flat=1', DESKTOP);
    await page.waitForFunction(() => document.querySelector('#list .name')?.textContent?.includes(' '));
    const at = await page.evaluate(() => {
      const { map, day } = window.hotspots;
      const cell = day.cells[3];
      const box = map.getContainer().getBoundingClientRect();
      const { x, y } = map.project([cell.lng, cell.lat]);
      return { id: cell.hex_id, x: x + box.x, y: y + box.y };
    });
    await page.mouse.move(at.x, at.y);
    await page.waitForSelector('#tip:not([hidden])');
    await page.mouse.click(at.x, at.y);
    await page.waitForSelector('#details:not([hidden])');
    await page.waitForURL((url) => (new RegExp(`cell=${at.id}`)).test(url.search));
    assert.equal(await page.getAttribute('#list [aria-current=true]', 'data-id'), at.id);
    const panel = await page.innerText('#details');
    assert.match(panel, /rank 4 of/);
    assert.match(panel, /Stations/i);
    assert.equal(await page.$$eval('#details figure path', (paths) => paths.length), 2, 'its day and the city’s');
    await picture(page, 'desktop-cell');
    await accessible(page);
    await page.keyboard.press('Escape');
    assert.ok(await page.isHidden('#details'));
    await page.focus('#list li:nth-child(2) button');
    await page.keyboard.press('Enter');
    const second = await page.evaluate(() => window.hotspots.day.cells[1].hex_id);
    await page.waitForURL((url) => (new RegExp(`cell=${second}`)).test(url.search));
    const state = await page.evaluate((id) => window.hotspots.map.getFeatureState({ source: 'cells', id }), second);
    assert.equal(state.chosen, true);
  },

  async 'a station is found by a part of its name, with the keyboard alone'() {
    const { page } = await open('/', DESKTOP);
    await until(page, () => !document.getElementById('station').disabled && document.querySelector('#list .name')?.textContent);
    await page.focus('#station');
    await page.keyboard.type('ecluses', { delay: 5 });
    await page.waitForSelector('#stations li');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#details:not([hidden])');
    assert.match(await page.innerText('#details'), /Écluses/);
  },

  async 'a link shows what was seen'() {
    const { page } = await open('/', DESKTOP);
    await until(page, () => window.hotspots.hours !== null);
    await page.selectOption('#metric', 'docks');
    await until(page, () => window.hotspots.hours !== null && location.search.includes('metric=docks'));
    await page.fill('#hour', '18');
    await page.click('#raised');
    await page.click('#list li:nth-child(3) button');
    await page.waitForTimeout(1200);
    const seen = await summary(page);
    const { page: other } = await open(new URL(page.url()).search, DESKTOP);
    assert.deepEqual(await summary(other), seen);
    assert.match(seen.address, /hour=18/);
    assert.match(seen.address, /flat=1/);
  },

  async 'the views of significance and of the usual have their own legends'() {
    const { page } = await open('/', DESKTOP);
    await page.check('#views [value=hot]');
    await page.waitForURL((url) => (/view=hot/).test(url.search));
    assert.match(await page.innerText('#meaning'), /Getis–Ord/);
    await page.waitForTimeout(300);
    await picture(page, 'desktop-significance');
    await page.check('#views [value=baseline]');
    assert.match(await page.innerText('#meaning'), /median/);
    assert.equal(await page.$$eval('#ticks span', (all) => all.length), 5);
    await page.waitForTimeout(300);
    await picture(page, 'desktop-baseline');
  },

  async 'what is shown can be taken away: GeoJSON, CSV, the call'() {
    const { page } = await open('/?hour=08&metric=docks', DESKTOP);
    const geojson = await (await fetch(new URL(await page.getAttribute('#geojson', 'href'), server.origin))).json();
    assert.equal(geojson.type, 'FeatureCollection');
    const top = await page.evaluate(() => window.hotspots.frame.cells[0]);
    assert.equal(geojson.features[0].properties.hex_id, top.id);
    const csv = await (await fetch(new URL(await page.getAttribute('#csv', 'href'), server.origin))).text();
    assert.ok(csv.split('\r\n')[1].includes(top.id), csv.slice(0, 300));
    const call = await (await fetch(await page.inputValue('#call'))).json();
    assert.equal(call.hotspots[0].hex_id, top.id);
  },

  async 'coarser hexagons from afar'() {
    const { page } = await open('/', DESKTOP);
    for (const [zoom, resolution] of [[10.2, 9], [8.5, 8], [12.5, 10]]) {
      await page.evaluate((to) => window.hotspots.map.jumpTo({ zoom: to }), zoom);
      await until(page, (wanted) => window.hotspots.day.resolution === wanted, resolution);
    }
  },

  async 'the chosen place stays chosen among hexagons of another size'() {
    const { page } = await open('/', DESKTOP);
    await page.waitForFunction(() => document.querySelector('#list .name')?.textContent?.includes(' - '));
    await page.click('#list li:first-child button');
    await page.waitForTimeout(900);
    await page.evaluate(() => window.hotspots.map.jumpTo({ zoom: 10.2 }));
    await until(page, () => window.hotspots.day.resolution === 9);
    await page.waitForURL((url) => /cell=89/.test(url.search));
    assert.ok(await page.isVisible('#details'));
  },

  async 'a day without hours and stations is shown all the same'() {
    const { page, context } = await open('/', DESKTOP, {
      before: async (opened) => {
        const missing = (route) => route.fulfill({ status: 404, contentType: 'application/problem+json', body: '{"detail":"not computed"}' });
        await opened.route(/\/hours\?|\/stations\//, missing);
      },
      tolerates: /404/,
    });
    await page.waitForTimeout(500);
    assert.ok(await page.isHidden('#hour'));
    assert.ok(await page.isDisabled('#station'));
    assert.match(await page.innerText('#list li:first-child'), /Hexagon 8a/);
    await page.click('#list li:first-child button');
    await page.waitForSelector('#details:not([hidden])');
    await context.close();
  },

  async 'without a base map the hexagons stand on the city’s ground, and the page says so'() {
    const { page } = await open('/', { ...DESKTOP, colorScheme: 'dark' }, { offline: true });
    await page.waitForSelector('#note:not([hidden])');
    assert.match(await page.innerText('#note'), /No base map/);
    await page.waitForTimeout(400);
    assert.ok(await coloured(page) > 0.01);
    await picture(page, 'desktop-dark-offline');
    await accessible(page);
  },

  async 'on a phone, in French, nothing overflows'() {
    const { page } = await open('/', PHONE);
    assert.equal(await page.innerText('h1'), 'Où les vélos s’accumulent');
    assert.equal(await page.getAttribute('html', 'lang'), 'fr');
    const { wide, visible } = await page.evaluate(() => ({
      wide: document.documentElement.scrollWidth, visible: document.documentElement.clientWidth,
    }));
    assert.ok(wide <= visible, `${wide} px in ${visible}`);
    assert.ok(await coloured(page) > 0.01);
    await picture(page, 'phone');
    await accessible(page);
    await page.tap('#list li:nth-child(1) button');
    await page.waitForTimeout(1500);
    assert.ok(await page.isVisible('#details'));
    await picture(page, 'phone-cell');
    await accessible(page);
  },

  async 'the first stop of the keyboard skips to the ranking, and the focus shows'() {
    const { page } = await open('/', DESKTOP);
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'ranking');
    await page.keyboard.press('Tab');
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    assert.equal(outline, 'solid');
  },

  async 'a month of stepping through days leaks nothing'() {
    const { page, context } = await open('/', DESKTOP);
    const devtools = await context.newCDPSession(page);
    const used = async () => {
      await devtools.send('HeapProfiler.collectGarbage');
      return (await devtools.send('Runtime.getHeapUsage')).usedSize / 1e6;
    };
    const walk = async (steps) => {
      for (let step = 0; step < steps; step += 1) {
        const target = DAYS[[2, 1, 0, 1, 2, 3][step % 6]];
        await page.selectOption('#day', target);
        await until(page, (day) => window.hotspots.day.date === day, target);
      }
    };
    await walk(12);
    const early = await used();
    await walk(30);
    const late = await used();
    report.heapMb = { afterTwelveDays: +early.toFixed(1), afterThirtyMore: +late.toFixed(1) };
    assert.ok(late < early * 1.2 + 2, JSON.stringify(report.heapMb));
    assert.ok(await page.evaluate(() => window.hotspots.api.keptAnswers()) <= 16);
  },
};

const report = {};
const complaints = [];
let failures = 0;
for (const [name, test] of Object.entries(tests)) {
  const contexts = browser.contexts().length;
  try {
    await test();
    console.log(`ok - ${name}`);
  } catch (error) {
    failures += 1;
    console.log(`NOT ok - ${name}\n${error.stack}`);
    const page = browser.contexts().at(-1)?.pages().at(-1);
    await page?.screenshot({ path: new URL('failure.png', PICTURES).pathname }).catch(() => {});
  }
  await Promise.all(browser.contexts().slice(contexts).map((context) => context.close()));
}
if (complaints.length) {
  failures += 1;
  console.log(`NOT ok - no console error, and no request elsewhere\n${complaints.join('\n')}`);
} else {
  console.log('ok - no console error, and no request elsewhere');
}
console.log(JSON.stringify(report, null, 2));
await browser.close();
server.stop();
base.stop();
await lake.remove();
process.exit(failures ? 1 : 0);

/** A page at an address, once its hexagons are drawn. */
async function open(path, options, { offline = false, before = async () => {}, tolerates = null } = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const isBase = (url) => String(url).startsWith(base.origin);
  if (offline) await context.route(isBase, (route) => route.abort());
  await before(context);
  if (!server.embedded) await context.route((url) => url.origin === CDN, fromPackage);
  page.on('request', (request) => {
    const url = request.url();
    if (!/^(data|blob):/.test(url) && !allowed.some((origin) => url.startsWith(`${origin}/`))) {
      complaints.push(`asked ${url}`);
    }
  });
  page.on('console', (message) => {
    // That the base map was cut off is what the browser says by itself.
    const isCut = offline && isBase(message.location().url);
    if (['error', 'warning'].includes(message.type()) && !isCut && !tolerates?.test(message.text()) && !isDriver(message.text())) {
      complaints.push(`${path}: ${message.type()}: ${message.text()}`);
    }
  });
  page.on('pageerror', (error) => complaints.push(`${path}: ${error.stack}`));
  const url = path.startsWith('?') ? `${server.origin}/${path}` : `${server.origin}${path}`;
  await page.goto(url);
  await until(page, () => (window.hotspots?.firstHexagonsMs ?? null) !== null);
  await page.waitForTimeout(300);
  return { page, context };
}

/** The CDN's answer, from the installed package. */
async function fromPackage(route) {
  const name = new URL(route.request().url()).pathname.split('/').at(-1);
  const body = await readFile(new URL(`../../api/page/node_modules/maplibre-gl/dist/${name}`, import.meta.url));
  const contentType = name.endsWith('.css') ? 'text/css' : 'text/javascript';
  await route.fulfill({ body, contentType, headers: { 'access-control-allow-origin': '*' } });
}

/** What the software renderer says of itself. */
function isDriver(text) {
  return /GPU stall|GL Driver Message|Automatic fallback to software WebGL/.test(text);
}

async function until(page, condition, argument) {
  await page.waitForFunction(condition, argument, { timeout: 30_000 });
}

async function picture(page, name) {
  await page.screenshot({ path: new URL(`${name}.png`, PICTURES).pathname });
}

/** The share of the map's pixels that have a colour of the scale: the grounds have hardly any. */
async function coloured(page) {
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

async function accessible(page) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  const told = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html.slice(0, 120)).join(' | ')}`);
  assert.deepEqual(told, []);
}

async function summary(page) {
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
async function transfers(page) {
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
