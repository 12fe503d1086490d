// The library in Node against a real server process.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target');
process.env.ANTEROOM_BIN ??= join(target, 'debug/anteroom');
// One node is enough here; the browser's walks have several.
process.env.NODES = '1';
const { startServer } = await import('../../../tests/browser/server.js');

/** Node 22 has a WebSocket, Node 20 behind a flag. */
const flags = globalThis.WebSocket ? [] : ['--experimental-websocket'];
const story = fileURLToPath(new URL('real/story.js', import.meta.url));

async function reason() {
  if (!existsSync(process.env.ANTEROOM_BIN)) return `there is no ${process.env.ANTEROOM_BIN} (cargo build)`;
  const probe = [...flags, '-e', 'process.exit(globalThis.WebSocket ? 0 : 1)'];
  const works = await promisify(execFile)(process.execPath, probe).then(() => true, () => false);
  return works ? false : `${process.version} has no WebSocket`;
}

const skip = await reason();

test('two people, a full room, the line, a takeover and the end of a room', { skip, timeout: 60_000 }, async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const run = promisify(execFile)(process.execPath, [...flags, '--no-warnings', story, server.address], {
    timeout: 50_000,
  });
  const { stdout } = await run.catch((error) => assert.fail(`${error.stderr}\n${error.stdout}`));
  assert.match(stdout, /the story ended well/);
  assert.deepEqual(server.alarms(), []);
});
