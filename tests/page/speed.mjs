// How long until the first hexagons: the real binary, a real Chromium, loopback, no network.
//
//     npm ci && npm run speed        [HOTSPOTS_BINARY=…] [CHROMIUM=…] [LAKE=…] [RUNS=…]
//
// A first visit has a new server, a new browser and empty caches; a repeat is the same browser again.
// Milliseconds from the start of the navigation, medians with the range.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DESKTOP, GL, baseMap, makeLake, profile, serve } from './support.mjs';

const RUNS = Number(process.env.RUNS ?? 5);
const STEPS = ['html', 'modules', 'library', 'day', 'map', 'style', 'hexagons', 'pixels'];

/** Without a GPU, Chromium composes pages by itself; made to do that through software GL as well, it is slowest. */
const BROWSERS = { 'software WebGL': [], 'software GL for the whole browser': GL };

const lake = await makeLake();
const base = await baseMap();
for (const [name, args] of Object.entries(BROWSERS)) {
  const visits = { first: [], repeat: [] };
  for (let run = 0; run < RUNS; run += 1) {
    const some = await visit(args);
    if (!some) {
      console.log('SKIPPED: there is no Chromium here; set CHROMIUM to its path');
      process.exit(0);
    }
    visits.first.push(some[0]);
    visits.repeat.push(...some.slice(1));
  }
  for (const [kind, runs] of Object.entries(visits)) {
    console.log(`${name}, ${kind} visit, ${runs.length} runs`);
    for (const step of STEPS) {
      const all = runs.map((run) => run[step]).toSorted((a, b) => a - b);
      console.log(`  ${step.padEnd(10)} ${median(all)} (${Math.round(all[0])} to ${Math.round(all.at(-1))})`);
    }
  }
}
base.stop();
await lake.remove();

/** A new server and a new browser, visited three times. */
async function visit(args) {
  const folder = await mkdtemp(join(tmpdir(), 'hotspots-speed-'));
  const context = await profile(folder, DESKTOP, args);
  if (!context) return null;
  const server = await serve(lake.folder, '--map-style', `${base.origin}/style.json`);
  await context.addInitScript(noticePixels);
  const seen = [];
  while (seen.length < 3) {
    const page = await context.newPage();
    // The browser's own start is not the page's.
    await page.waitForTimeout(1000);
    await page.goto(server.origin);
    await page.waitForFunction(() => performance.getEntriesByName('pixels').length, null, { timeout: 30_000 });
    seen.push(await page.evaluate(times));
    // What the page does after its first picture is not the next visit's.
    await page.waitForTimeout(1000);
    await page.close();
  }
  await context.close();
  server.stop();
  await rm(folder, { recursive: true });
  return seen;
}

/** Marks when the frame that the page calls its first has been drawn to the end. */
function noticePixels() {
  new PerformanceObserver((seen) => {
    if (!seen.getEntriesByName('hexagons').length) return;
    const gl = document.querySelector('#map canvas').getContext('webgl2');
    // To read a pixel waits for all that was to be drawn.
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
    performance.mark('pixels');
  }).observe({ type: 'mark' });
}

/** When each step was done. */
function times() {
  const [{ responseEnd }] = performance.getEntriesByType('navigation');
  const marks = performance.getEntriesByType('mark').map(({ name, startTime }) => [name, startTime]);
  return { html: responseEnd, ...Object.fromEntries(marks) };
}

function median(sorted) {
  const middle = sorted.length >> 1;
  return Math.round(sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2);
}
