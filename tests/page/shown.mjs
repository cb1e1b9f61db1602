// What the page shows, and how it is chosen, linked to and taken away.
import assert from 'node:assert/strict';
import { accessible, coloured, picture, summary, transfers, until } from './look.mjs';
import { DAYS, DESKTOP, LAST } from './support.mjs';

/** @param {any} world What `run.mjs` set up. */
export default ({ open, server, report }) => ({
  async 'the latest day is drawn: features, their state, and pixels'() {
    const { page } = await open('/', DESKTOP);
    assert.equal(await page.inputValue('#day'), LAST);
    assert.match(await page.innerText('#day option:checked'), /100%/, 'how much of the day was observed');
    assert.ok(await page.isHidden('#system-field'), 'one system needs no switch');
    assert.match(await page.innerText('#meaning'), /^Weight is/);
    const drawn = await page.evaluate(() => {
      const { map, moment: { day } } = window.hotspots;
      const ids = new Set(map.queryRenderedFeatures({ layers: ['cells-raised'] }).map((f) => f.properties.hex_id));
      const state = map.getFeatureState({ source: 'cells', id: day.cells[0].hex_id });
      return { drawn: ids.size, cells: day.cells.length, level: state.level };
    });
    assert.ok(drawn.drawn > drawn.cells * 0.7, JSON.stringify(drawn));
    assert.equal(drawn.level, 1, 'the first of the ranking has the weight 1');
    assert.ok(await coloured(page) > 0.01, 'at least a hundredth of the map is coloured by hexagons');
    assert.equal(await page.evaluate(() => window.hotspots.map.getLayer('base-park')?.type), 'fill');
    assert.match(await page.innerText('#map'), /A base map/, 'whose map it is can be read');
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
    await until(page, (day) => window.hotspots.moment.day.date === day, DAYS.at(-2));
    await page.waitForURL((url) => (new RegExp(`day=${DAYS.at(-2)}`)).test(url.search));
    await page.click('#latest');
    await until(page, (day) => window.hotspots.moment.day.date === day, LAST);
    assert.equal(await page.innerText('#list li:first-child .value'), first);
  },

  async 'the hours of a day are there at once, and play'() {
    const { page } = await open('/', DESKTOP);
    await until(page, () => window.hotspots.moment.hours !== null);
    const count = await page.evaluate(() => window.hotspots.moment.hours.names.length);
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
    const shown = await page.evaluate(() => window.hotspots.moment.shown.cells.slice(0, 5).map(({ id, level }) => [id, level]));
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

  async 'a link shows what was seen'() {
    const { page } = await open('/', DESKTOP);
    await until(page, () => window.hotspots.moment.hours !== null);
    await page.selectOption('#metric', 'docks');
    await until(page, () => window.hotspots.moment.hours !== null && location.search.includes('metric=docks'));
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

  async 'the picture of the README: an hour in the dark, a hexagon chosen'() {
    const link = `/?day=${LAST}&hour=11&at=12.10,48.86100,2.34600,0,52`;
    const { page } = await open(link, { ...DESKTOP, viewport: { width: 1280, height: 800 }, colorScheme: 'dark' }, { offline: true });
    await page.waitForFunction(() => document.querySelector('#list .name')?.textContent?.includes(' - '));
    const id = await page.evaluate(() => window.hotspots.moment.shown.cells[1].id);
    const { page: chosen } = await open(`${link}&cell=${id}`, { ...DESKTOP, viewport: { width: 1280, height: 800 }, colorScheme: 'dark' }, { offline: true });
    await chosen.waitForFunction(() => document.querySelector('#details ul') && document.querySelector('#details path'));
    await chosen.evaluate(() => (document.getElementById('note').hidden = true));
    await picture(chosen, 'readme');
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
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.waitForTimeout(500);
    await picture(page, 'desktop-baseline-dark');
    await accessible(page);
    assert.ok(await page.isDisabled('#hour'), 'these views are of whole days');
  },

  async 'a view that a day has nothing for says why it cannot be chosen'() {
    const radio = '#views [value=baseline]';
    for (const [locale, reason] of [['en-GB', /^Nothing to compare with yet/], ['fr-FR', /^Pas encore de point de comparaison/]]) {
      const { page } = await open(`/?day=${DAYS[0]}`, { ...DESKTOP, locale });
      assert.ok(await page.isDisabled(radio), 'the first day has no day before it');
      assert.match(await page.getAttribute(radio, 'title'), reason);
      assert.equal(await page.getAttribute('#views [value=hot]', 'title'), '');
      await accessible(page);
    }
  },

  async 'what is shown can be taken away: GeoJSON, CSV, the call'() {
    const { page } = await open('/?hour=08&metric=docks', DESKTOP);
    const geojson = await (await fetch(new URL(await page.getAttribute('#geojson', 'href'), server.origin))).json();
    assert.equal(geojson.type, 'FeatureCollection');
    const top = await page.evaluate(() => window.hotspots.moment.shown.cells[0]);
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
      await until(page, (wanted) => window.hotspots.moment.day.resolution === wanted, resolution);
    }
  },

  async 'the chosen place stays chosen among hexagons of another size'() {
    const { page } = await open('/', DESKTOP);
    await page.waitForFunction(() => document.querySelector('#list .name')?.textContent?.includes(' - '));
    await page.click('#list li:first-child button');
    await page.waitForTimeout(900);
    await page.evaluate(() => window.hotspots.map.jumpTo({ zoom: 10.2 }));
    await until(page, () => window.hotspots.moment.day.resolution === 9);
    await page.waitForURL((url) => /cell=89/.test(url.search));
    assert.ok(await page.isVisible('#details'));
  },
});
