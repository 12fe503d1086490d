// The declared types against what is really there, by the TypeScript compiler itself.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';

import * as library from '../anteroom.js';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
// The tools of the tests are installed in one place; the library itself needs none.
const tools = createRequire(here('../../../tests/browser/package.json'));
const typescript = (() => {
  try {
    return tools('typescript');
  } catch {
    return undefined;
  }
})();
const skip = typescript ? false : 'typescript is not installed (npm ci in tests/browser)';

/** Known to the classes of this library only: there, and not declared. */
const INTERNAL = new Set([
  'fallsBack', 'openSocket', 'didNotOpen','start', 'ownOrigin', 'timers', 'random', 'backOff', 'WebSocket']);

const options = () => ({
  strict: true,
  noEmit: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
  module: typescript.ModuleKind.NodeNext,
  moduleResolution: typescript.ModuleResolutionKind.NodeNext,
  target: typescript.ScriptTarget.ES2022,
  lib: ['lib.es2022.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts', 'lib.dom.asynciterable.d.ts'],
  types: [],
});

const complaints = (program) =>
  typescript.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
    const at = file ? `${file.fileName}:${file.getLineAndCharacterOfPosition(start).line + 1} ` : '';
    return at + typescript.flattenDiagnosticMessageText(messageText, '\n');
  });

test('a program in strict TypeScript compiles, through the names that the package exports', { skip }, () => {
  const program = typescript.createProgram([here('types/consumer.ts')], options());
  assert.deepEqual(complaints(program), []);
  const files = program.getSourceFiles().map((file) => file.fileName);
  for (const name of ['anteroom.d.ts', 'anteroom-embed.d.ts']) {
    assert.ok(files.includes(here(`../${name}`)), `${name} was found by its package's name`);
  }
});

test('what is declared is there, and what is there is declared', { skip }, () => {
  const file = here('../anteroom.d.ts');
  const program = typescript.createProgram([file], options());
  const checker = program.getTypeChecker();
  const module = checker.getSymbolAtLocation(program.getSourceFile(file));
  const declared = checker.getExportsOfModule(module);
  const values = declared.filter((symbol) => symbol.flags & typescript.SymbolFlags.Value);
  assert.deepEqual(values.map((symbol) => symbol.name).sort(), Object.keys(library).sort());

  const client = new library.Client({ base: 'http://chat.test', fetch: async () => new Promise(() => {}) });
  const made = {
    Client: client,
    Session: new library.Session(client, 1),
    SeatWait: client.waitForSeat(1),
    AnteroomError: new library.AnteroomError(404, 'not_found'),
  };
  for (const [name, object] of Object.entries(made)) {
    const symbol = values.find((value) => value.name === name);
    const type = checker.getDeclaredTypeOfSymbol(symbol);
    const own = type.getProperties().map((property) => property.name);
    const prototype = Object.getOwnPropertyNames(Object.getPrototypeOf(object));
    const there = new Set([...Object.keys(object), ...prototype]);
    // What the language itself declares of every error is its own affair.
    for (const member of own.filter((it) => it !== 'cause')) {
      assert.ok(member in object, `${name}.${member} is declared and not there`);
    }
    for (const member of there) {
      const isKnown = member === 'constructor' || own.includes(member) || INTERNAL.has(member);
      assert.ok(isKnown, `${name}.${member} is there and not declared`);
    }
  }
});

test('every event that a session tells of is declared', { skip: skip || !existsSync(here('../session.js')) }, async () => {
  const { readFile } = await import('node:fs/promises');
  const declared = await readFile(here('../anteroom.d.ts'), 'utf8');
  const events = declared.split('export interface SessionEvents {')[1].split('\n}')[0];
  const source = await readFile(here('../session.js'), 'utf8');
  const told = [...source.matchAll(/#emit\('(\w+)'/g)].map(([, name]) => name);
  // Frames that are handed on by their type: those of the contract without a place of their own here.
  const frames = ['message', 'edited', 'deleted', 'presence', 'seats', 'typing', 'read', 'direct', 'login_expiring'];
  for (const name of new Set([...told, ...frames, 'refused', 'closing'])) {
    assert.match(events, new RegExp(`^  ${name}: `, 'm'), name);
  }
});
