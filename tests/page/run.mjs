// The map page in a real Chromium, served by the real binary, without a network.
//
//     npm ci && npm test [-- WORDS OF A NAME]   [HOTSPOTS_BINARY=…] [CHROMIUM=…] [LAKE=…]
//
// Screenshots land in screenshots/.
import { mkdir, readFile } from 'node:fs/promises';
import endured from './endured.mjs';
import { PICTURES, until } from './look.mjs';
import served from './served.mjs';
import shown from './shown.mjs';
import { baseMap, browse, makeLake, serve } from './support.mjs';
import used from './used.mjs';

const CDN = 'https://cdn.jsdelivr.net';

const browser = await browse();
if (!browser) {
  console.log('SKIPPED: there is no Chromium here; set CHROMIUM to its path');
  process.exit(0);
}
await mkdir(PICTURES, { recursive: true });
const lake = await makeLake();
const base = await baseMap();
const baseStyle = ['--map-style', `${base.origin}/style.json`];
const server = await serve(lake.folder, ...baseStyle);
const report = {};
const complaints = [];
let failures = 0;

const world = { open, server, lake, baseStyle, report };
const tests = { ...shown(world), ...used(world), ...endured(world), ...served(world) };
const wanted = Object.entries(tests).filter(([name]) => name.includes(process.argv[2] ?? ''));
for (const [name, test] of wanted) {
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

/** A page at an address, once its hexagons are drawn, if it will have any. */
async function open(path, options, { at = server, offline = false, drawn = true, before = async () => {}, tolerates = null } = {}) {
  // A binary built without `npm run build` sends its page to the CDN.
  const allowed = [at.origin, base.origin, ...(at.embedded ? [] : [CDN])];
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const isBase = (url) => String(url).startsWith(base.origin);
  if (offline) await context.route(isBase, (route) => route.abort());
  await before(context);
  if (!at.embedded) await context.route((url) => url.origin === CDN, fromPackage);
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
  const url = path.startsWith('?') ? `${at.origin}/${path}` : `${at.origin}${path}`;
  await page.goto(url);
  if (drawn) {
    await until(page, () => performance.getEntriesByName('hexagons').length > 0);
    await page.waitForTimeout(300);
  }
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
