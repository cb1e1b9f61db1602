import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { CDN, FILES } from '../src/libraries.js';
import { integrity } from './integrity.mjs';

const read = (path) => readFile(new URL(path, import.meta.url));

test('the integrity hashes are those of the installed package', async () => {
  for (const [name, expected] of Object.entries(FILES)) {
    assert.equal(integrity(await read(`../node_modules/maplibre-gl/dist/${name}`)), expected, name);
  }
});

test('the CDN serves the version that package.json names', async () => {
  const { dependencies } = JSON.parse(await read('../package.json'));
  assert.ok(CDN.includes(`/maplibre-gl@${dependencies['maplibre-gl']}/`), CDN);
});
