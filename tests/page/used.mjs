// How people use it: mouse, keyboard, fingers.
import assert from 'node:assert/strict';
import { accessible, coloured, picture, until } from './look.mjs';
import { DESKTOP, PHONE } from './support.mjs';

/** @param {any} world What `run.mjs` set up. */
export default ({ open }) => ({
  async 'a click on a hexagon shows it in the panel and the list, and the other way round'() {
    const { page } = await open('/?flat=1', DESKTOP);
    await page.waitForFunction(() => document.querySelector('#list .name')?.textContent?.includes(' '));
    const at = await page.evaluate(() => {
      const { map, moment: { day } } = window.hotspots;
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
    const second = await page.evaluate(() => window.hotspots.moment.day.cells[1].hex_id);
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

  async 'at no size does the page overflow, or the day run into its button'() {
    const sizes = [
      { ...DESKTOP, viewport: { width: 1400, height: 900 } },
      { ...PHONE, locale: 'en-GB', viewport: { width: 420, height: 800 } },
      { ...PHONE, viewport: { width: 360, height: 740 } },
    ];
    for (const size of sizes) {
      const { width, height } = size.viewport;
      const { page, context } = await open('/', size);
      await until(page, () => window.hotspots.moment.hours !== null);
      for (const hour of [null, '11']) {
        if (hour) await page.fill('#hour', hour);
        const { wide, high, end, title } = await page.evaluate(() => {
          const { scrollWidth, scrollHeight } = document.documentElement;
          const now = document.getElementById('time-now');
          return {
            wide: scrollWidth, high: scrollHeight,
            end: Math.ceil(document.querySelector('main').getBoundingClientRect().bottom + scrollY),
            title: { needs: now.scrollWidth, has: now.clientWidth, text: now.textContent },
          };
        });
        const at = `${size.locale} ${width}x${height}`;
        assert.ok(wide <= width, `${at}: ${wide} px wide`);
        // A phone scrolls through the ranking, to its end and no further; a desktop page does not scroll.
        assert.ok(high <= (size.isMobile ? end : height), `${at}: ${high} px high, its content ends at ${end}`);
        assert.ok(title.needs <= title.has, `${at}: ${JSON.stringify(title)}`);
      }
      await picture(page, `size-${width}`);
      await context.close();
    }
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

  async 'the map is moved and the view changed without a mouse'() {
    const { page } = await open('/', DESKTOP);
    const camera = () => page.evaluate(() => {
      const { map } = window.hotspots;
      return { lng: map.getCenter().lng, zoom: map.getZoom(), pitch: map.getPitch() };
    });
    const home = await camera();
    await page.focus('#map canvas');
    await page.keyboard.press('ArrowRight');
    await until(page, (lng) => window.hotspots.map.getCenter().lng > lng, home.lng);
    const press = async (id) => {
      await page.focus(id);
      await page.keyboard.press('Enter');
    };
    await press('#in');
    await until(page, (zoom) => window.hotspots.map.getZoom() > zoom + 0.9, home.zoom);
    await press('#out');
    await until(page, (zoom) => window.hotspots.map.getZoom() < zoom + 0.1, home.zoom);
    await press('#city');
    await until(page, (lng) => Math.abs(window.hotspots.map.getCenter().lng - lng) < 1e-4, home.lng);
    await press('#raised');
    await until(page, () => window.hotspots.map.getPitch() === 0 && window.hotspots.map.getLayoutProperty('cells-flat', 'visibility') === 'visible');
    await press('#display summary');
    await page.focus('#opacity');
    await page.keyboard.press('Home');
    assert.equal(await page.evaluate(() => window.hotspots.map.getPaintProperty('cells-flat', 'fill-opacity')), 0.1);
    await page.waitForURL((url) => /flat=1/.test(url.search) && /opacity=10/.test(url.search));
    await accessible(page);
  },

  async 'more of the ranking is shown on demand, and what the copy button copies is the call'() {
    const { page, context } = await open('/', DESKTOP);
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    const rows = () => page.$$eval('#list li', (all) => all.length);
    const before = await rows();
    await page.click('#more');
    assert.ok(await rows() > before);
    assert.equal(await page.evaluate(() => document.activeElement.closest('#list') !== null), true);
    await page.click('#copy');
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), await page.inputValue('#call'));
  },
});
