// Other servers: with two systems, with nothing yet, with a token, and one that goes away.
import assert from 'node:assert/strict';
import { accessible, picture, until } from './look.mjs';
import { DAYS, DESKTOP, LAST, emptyLake, serve, withLyon } from './support.mjs';

/** @param {any} world What `run.mjs` set up. */
export default ({ open, server, lake, baseStyle }) => ({
  async 'with two systems one can be switched for the other, and a link keeps it'() {
    const both = await withLyon(lake);
    const at = await serve(both.folder, ...baseStyle);
    try {
      // None is the usual one: the API says so with a 400, and the page takes the first.
      const { page } = await open('/', DESKTOP, { at, tolerates: /400/ });
      await page.waitForSelector('#system-field:not([hidden])');
      assert.deepEqual(await page.$$eval('#system option', (all) => all.map(({ value, text }) => [value, text])), [['demo', 'Twin'], ['lyon', 'Lyon']]);
      assert.equal(await page.inputValue('#system'), 'demo');
      await page.selectOption('#system', 'lyon');
      await until(page, () => window.hotspots.moment.day.system === 'lyon' && document.querySelectorAll('#day option').length === 1);
      assert.equal(await page.inputValue('#day'), '2026-09-15');
      await until(page, () => Math.abs(window.hotspots.map.getCenter().lat - 45.755) < 0.05);
      const ids = await page.evaluate(() => new Promise((resolve) => {
        const { map } = window.hotspots;
        map.once('idle', () => resolve(map.queryRenderedFeatures({ layers: ['cells-raised'] }).length));
        map.triggerRepaint();
      }));
      assert.ok(ids >= 20, `${ids} hexagons of Lyon`);
      assert.match(await page.innerText('#warning'), /observed for \d+(\.\d)?% only/, 'an hour between polls is a thin day');
      await until(page, () => document.querySelector('#list .name')?.textContent.startsWith('Place'));
      await page.waitForURL((url) => /system=lyon/.test(url.search));
      await picture(page, 'two-systems-thin-day');
      await accessible(page);
      const { page: other } = await open(new URL(page.url()).search, DESKTOP, { at });
      await until(other, () => document.querySelector('#system').value === 'lyon');
      assert.equal(await other.evaluate(() => window.hotspots.moment.day.system), 'lyon');
      await other.selectOption('#system', 'demo');
      await until(other, (count) => window.hotspots.moment.day.system === 'demo' && document.querySelectorAll('#day option').length === count, DAYS.length);
      await until(other, () => window.hotspots.map.getCenter().lat > 48);
    } finally {
      at.stop();
      await both.remove();
    }
  },

  async 'one system needs no switch, and a link to one that is not there shows it and says so'() {
    const { page } = await open('/?system=nowhere&day=hello&hour=77&cell=zz&at=1,2', DESKTOP, { tolerates: /404/ });
    assert.ok(await page.isHidden('#system-field'));
    assert.match(await page.innerText('#note'), /no system “nowhere”; “demo” is shown/);
    assert.equal(await page.evaluate(() => window.hotspots.moment.day.date), LAST);
    assert.ok(await page.isHidden('#warning'));
  },

  async 'a link to a day that is not there shows the latest and says so'() {
    const { page } = await open('/?day=2020-01-01', DESKTOP, { tolerates: /404/ });
    assert.match(await page.innerText('#note'), /no hotspots of Wednesday,? 1 January 2020/);
    assert.equal(await page.inputValue('#day'), LAST);
  },

  async 'a lake without a day says what to do'() {
    const empty = await emptyLake();
    const at = await serve(empty.folder, ...baseStyle);
    try {
      const { page } = await open('/', DESKTOP, { at, drawn: false, tolerates: /404/ });
      await page.waitForSelector('#warning:not([hidden])');
      assert.match(await page.innerText('#warning'), /hotspots aggregate/);
      assert.ok(await page.isHidden('#legend'));
      assert.ok(await page.isHidden('#list'));
      await picture(page, 'no-day-yet');
      await accessible(page);
    } finally {
      at.stop();
      await empty.remove();
    }
  },

  async 'a server that wants a token is given it once, and the downloads bear it'() {
    const at = await serve(lake.folder, '--token', 'hush', ...baseStyle);
    try {
      const { page } = await open('/', DESKTOP, { at, drawn: false, tolerates: /401/ });
      await page.waitForSelector('#token');
      await picture(page, 'token');
      await accessible(page);
      await page.fill('#token', 'wrong');
      await page.keyboard.press('Enter');
      await page.waitForFunction(() => /not the token/.test(document.getElementById('warning').textContent));
      await page.fill('#token', 'hush');
      await page.keyboard.press('Enter');
      await until(page, () => performance.getEntriesByName('hexagons').length > 0);
      assert.ok(await page.isHidden('#warning'));
      assert.ok(await page.isHidden('#docs'));
      const [saved] = await Promise.all([page.waitForEvent('download'), page.click('#csv')]);
      assert.equal(saved.suggestedFilename(), `hotspots-demo-${LAST}.csv`);
      await page.reload();
      await until(page, () => performance.getEntriesByName('hexagons').length > 0);
      assert.ok(!page.url().includes('hush'));
    } finally {
      at.stop();
    }
  },

  async 'a server that goes away is told of, and asked again'() {
    const { page, context } = await open('/', DESKTOP, { tolerates: /ERR_FAILED/ });
    await until(page, () => document.querySelectorAll('#day option').length > 1 && window.hotspots.moment.hours !== null);
    const gone = (route) => route.abort();
    await context.route(`${server.origin}/hotspots/**`, gone);
    await page.click('#previous');
    await page.waitForSelector('#warning:not([hidden])');
    assert.match(await page.innerText('#warning'), /does not answer/);
    await accessible(page);
    await context.unroute(`${server.origin}/hotspots/**`, gone);
    await page.click('#warning button');
    await until(page, (day) => window.hotspots.moment.day.date === day, DAYS.at(-2));
    assert.ok(await page.isHidden('#warning'));
  },
});
