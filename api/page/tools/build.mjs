// Copies the library's files, plain and compressed, with their licence, to dist/, where `cargo build`
// finds them.
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { brotliCompressSync } from 'node:zlib';
import { FILES } from '../src/libraries.js';
import { integrity } from './integrity.mjs';

const from = new URL('../node_modules/maplibre-gl/', import.meta.url);
const to = new URL('../dist/', import.meta.url);
await mkdir(to, { recursive: true });
for (const [name, expected] of Object.entries(FILES)) {
  const source = new URL(`dist/${name}`, from);
  const found = integrity(await readFile(source));
  if (found !== expected) throw new Error(`${name} has ${found}; src/libraries.js says ${expected}`);
  // Without the pointer to a source map that is not served.
  const text = (await readFile(source, 'utf8')).replace(/\n\/[/*]# sourceMappingURL=.*$/s, '\n');
  await writeFile(new URL(name, to), text);
  await writeFile(new URL(`${name}.br`, to), brotliCompressSync(text));
}
await copyFile(new URL('LICENSE.txt', from), new URL('LICENSE.txt', to));
