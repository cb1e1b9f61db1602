// What the test of the page stands on: the binary, a lake, a base map, a browser.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const root = fileURLToPath(new URL('../..', import.meta.url));
const binary = process.env.HOTSPOTS_BINARY
  ?? ['release', 'debug'].map((profile) => join(root, 'target', profile, 'hotspots')).find(existsSync);
const browsers = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** The days of the lake; the last is the latest. */
export const DAYS = ['2026-09-07', '2026-09-08', '2026-09-14', '2026-09-15'];

/** A browser whose requests all are the page's: it asks nothing by itself. */
export async function browse() {
  const executablePath = browsers.find((path) => path && existsSync(path));
  if (!executablePath) return null;
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox', '--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--disable-quic',
      '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
      '--enable-precise-memory-info',
    ],
  });
}

/** A lake of twin days, made by the binary; `LAKE` names one that is there already. */
export async function makeLake() {
  if (!binary) throw new Error('no binary: run `cargo build --release`, or set HOTSPOTS_BINARY');
  if (process.env.LAKE) return { folder: process.env.LAKE, remove: async () => {} };
  const folder = await mkdtemp(join(tmpdir(), 'hotspots-page-'));
  for (const date of DAYS) {
    const made = spawnSync(binary, ['demo', '--date', date, '--interval', '15m', '--no-serve'], {
      env: environment(folder), encoding: 'utf8',
    });
    if (made.status !== 0) throw new Error(`no lake: ${made.stderr}`);
  }
  return { folder, remove: () => rm(folder, { recursive: true }) };
}

/** `hotspots serve`, once it serves. */
export async function serve(lake, ...more) {
  const child = spawn(binary, ['serve', '--bind', '127.0.0.1:0', ...more], {
    env: environment(lake), stdio: ['ignore', 'ignore', 'pipe'],
  });
  const address = await new Promise((resolve, reject) => {
    const lines = createInterface({ input: child.stderr });
    lines.on('line', (line) => {
      const event = JSON.parse(line);
      if (event.address) resolve(event.address);
    });
    lines.on('close', () => reject(new Error('it ended before it served')));
  });
  const origin = `http://${address}`;
  const page = await (await fetch(origin, { headers: { accept: 'text/html' } })).text();
  return { origin, embedded: page.includes('data-libraries='), stop: () => child.kill() };
}

/** A base map of one park and one name, from an address of its own. */
export async function baseMap() {
  const asked = [];
  const server = createServer((request, response) => {
    asked.push(request.url);
    response.setHeader('access-control-allow-origin', '*');
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(style));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { origin: `http://127.0.0.1:${server.address().port}`, asked, stop: () => server.close() };
}

const square = (west, south, east, north) => [[[west, south], [east, south], [east, north], [west, north], [west, south]]];
const style = {
  version: 8,
  sources: {
    park: {
      type: 'geojson', attribution: 'A base map',
      data: { type: 'Feature', properties: {}, geometry: { type: 'Polygon', coordinates: square(2.2, 48.84, 2.26, 48.88) } },
    },
  },
  layers: [
    { id: 'ground', type: 'background', paint: { 'background-color': '#e8ecef' } },
    { id: 'park', type: 'fill', source: 'park', paint: { 'fill-color': '#d5e8d0' } },
  ],
};

function environment(lake) {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('HOTSPOTS_'));
  return { ...Object.fromEntries(own), HOTSPOTS_LAKE: lake, HOTSPOTS_LOG_FORMAT: 'json' };
}
