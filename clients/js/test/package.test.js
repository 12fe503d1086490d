// What somebody who installs the package gets.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { promisify } from 'node:util';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const read = async (path) => readFile(here(path), 'utf8');
const manifest = JSON.parse(await read('../package.json'));

test('the package holds what it needs to run and to be read, and nothing else', async (t) => {
  const pack = promisify(execFile)('npm', ['pack', '--dry-run', '--json', '--offline'], { cwd: here('..') });
  const packed = await pack.catch((error) => error);
  if (packed.code === 'ENOENT') return t.skip('npm is not installed');
  const [{ files, name }] = JSON.parse(packed.stdout);
  assert.equal(name, 'anteroom-client');
  const always = ['LICENSE', 'README.md', 'package.json'];
  assert.deepEqual(files.map((file) => file.path).sort(), [...manifest.files, ...always].sort());
});

test('everything that is imported within it is in it, and nothing is imported from elsewhere', async () => {
  for (const file of manifest.files.filter((name) => name.endsWith('.js'))) {
    const source = await read(`../${file}`);
    for (const [, from] of source.matchAll(/^(?:import|export) [^;]*?from '([^']+)'/gm)) {
      assert.match(from, /^\.\//, `${file} imports ${from}`);
      assert.ok(manifest.files.includes(from.slice(2)), `${file} imports ${from}`);
    }
  }
  assert.deepEqual(manifest.dependencies ?? {}, {});
});

test('the names it exports lead to files, with types', async () => {
  const { Client } = await import('anteroom-client');
  assert.equal(typeof Client, 'function', 'found by its own name');
  for (const [name, target] of Object.entries(manifest.exports)) {
    for (const path of typeof target === 'string' ? [target] : Object.values(target)) {
      assert.ok((await read(`../${path}`)).length > 0, `${name} leads to ${path}`);
    }
  }
  assert.equal(manifest.license, 'Apache-2.0');
  assert.equal(manifest.engines.node, '>=20');
});

test('both READMEs have every close code, event and method', async () => {
  const close = await read('../../../crates/protocol/src/close.rs');
  const codes = [...close.matchAll(/^ {4}\w+ = (\d{4})(?: => (\w+))?,$/gm)].map(([, status]) => status);
  assert.ok(codes.includes('4409') && codes.length > 15, 'the table of the server is found');
  const types = await read('../anteroom.d.ts');
  const body = (start) => types.split(start)[1].split('\n}')[0];
  const names = (text) => [...text.matchAll(/^ {2}(?:readonly )?(\w+)[?]?[(<:]/gm)].map(([, name]) => name);
  const methods = ['export class Client {', 'export class Session {', 'export class SeatWait {'];
  const wanted = [
    ...codes.filter((status) => Number(status) >= 4400),
    ...names(body('export interface SessionEvents {')),
    ...methods.flatMap((start) => names(body(start))).filter((name) => name !== 'constructor'),
  ];
  for (const file of ['README.md', 'README.ko.md']) {
    const text = await read(`../${file}`);
    const missing = [...new Set(wanted)].filter((name) => !new RegExp(`\\b${name}\\b`).test(text));
    assert.deepEqual(missing, [], file);
  }
});
