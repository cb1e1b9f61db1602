// What the page bears: things missing, and long use.
import assert from 'node:assert/strict';
import { accessible, coloured, picture, until } from './look.mjs';
import { DAYS, DESKTOP } from './support.mjs';

/** @param {any} world What `run.mjs` set up. */
export default ({ open, report }) => ({
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
        await until(page, (day) => window.hotspots.moment.day.date === day, target);
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
});
