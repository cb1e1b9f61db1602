// What the test of the page stands on: the binary, a lake, a base map, a browser.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
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

export const LAST = DAYS.at(-1);
export const DESKTOP = { viewport: { width: 1440, height: 900 }, locale: 'en-GB', colorScheme: 'light' };
export const PHONE = { viewport: { width: 390, height: 844 }, locale: 'fr-FR', colorScheme: 'light', isMobile: true, hasTouch: true };

const executablePath = browsers.find((path) => path && existsSync(path));
/** A browser whose requests all are the page's: it asks nothing by itself. */
const launch = {
  executablePath,
  args: [
    '--no-sandbox', '--enable-unsafe-swiftshader', '--disable-quic',
    '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
    '--enable-precise-memory-info',
  ],
};

/** Makes the browser draw everything through software GL, as it would through a GPU: slow, but as people see it. */
export const GL = ['--use-gl=angle', '--use-angle=swiftshader'];

/** A browser that forgets; null where there is none. */
export const browse = async () => (
  executablePath ? chromium.launch({ ...launch, args: [...launch.args, ...GL] }) : null
);

/** A browser that keeps what it caches in a folder; null where there is none. */
export const profile = async (folder, options, args = []) => (
  executablePath ? chromium.launchPersistentContext(folder, { ...launch, ...options, args: [...launch.args, ...args] }) : null
);

/** A lake of twin days, made by the binary; `LAKE` names one that is there already. */
export async function makeLake() {
  if (!binary) throw new Error('no binary: run `cargo build --release`, or set HOTSPOTS_BINARY');
  if (process.env.LAKE) return { folder: process.env.LAKE, remove: async () => {} };
  const lake = await emptyLake();
  for (const date of DAYS) run(lake.folder, 'demo', '--lake', lake.folder, '--date', date, '--interval', '15m', '--no-serve');
  return lake;
}

/** A lake with nothing in it. */
export async function emptyLake() {
  const folder = await mkdtemp(join(tmpdir(), 'hotspots-page-'));
  return { folder, remove: () => rm(folder, { recursive: true }) };
}

/** The same lake, and in it a small system in Lyon that was looked at once an hour, for a day. */
export async function withLyon(from) {
  const lake = await emptyLake();
  await cp(from.folder, lake.folder, { recursive: true });
  const recorded = await mkdtemp(join(tmpdir(), 'hotspots-lyon-'));
  const write = (name, data) => writeFile(join(recorded, name), JSON.stringify({ last_updated: 0, ttl: 60, version: '2.3', data }));
  const stations = Array.from({ length: 30 }, (_, at) => ({
    station_id: String(at), name: `Place ${at}`, lat: 45.74 + (at % 6) * 0.006, lon: 4.82 + Math.floor(at / 6) * 0.008, capacity: 20,
  }));
  await write('system_information.json', { system_id: 'lyon', name: 'Lyon', language: 'fr', timezone: 'Europe/Paris' });
  await write('station_information.json', { stations });
  for (let hour = 0; hour < 22; hour += 1) {
    const counted = stations.map(({ station_id }, at) => ({
      station_id, num_bikes_available: (at * 7 + hour) % 20, num_docks_available: 19 - ((at * 7 + hour) % 20),
      is_installed: true, is_renting: true, is_returning: true, last_reported: 0,
    }));
    await write(`2026-09-15T${String(hour).padStart(2, '0')}0000Z.json`, { stations: counted });
  }
  run(lake.folder, 'import', '--system', 'lyon', '--time-zone', 'Europe/Paris', recorded);
  run(lake.folder, 'aggregate', '--system', 'lyon');
  await rm(recorded, { recursive: true });
  return lake;
}

/** Runs the binary on a lake. */
function run(lake, ...args) {
  const { status, stderr } = spawnSync(binary, args, { env: environment(lake), encoding: 'utf8' });
  if (status !== 0) throw new Error(`${args.join(' ')}: ${stderr}`);
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
