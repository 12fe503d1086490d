// A real server process for the browser to visit, with a data directory of its own.

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';

const root = fileURLToPath(new URL('../../', import.meta.url));
const binary = process.env.ANTEROOM_BIN ?? join(root, 'target/debug/anteroom');

/** Starts a server; resolves when it says where it listens. */
export async function startServer(settings = {}) {
  const dataDir = await mkdtemp(join(tmpdir(), 'anteroom-browser-'));
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('ANTEROOM_'));
  const child = spawn(binary, [], {
    cwd: dataDir,
    env: {
      ...Object.fromEntries(inherited),
      ANTEROOM_SERVER__LISTEN: '127.0.0.1:0',
      ANTEROOM_SERVER__DATA_DIR: dataDir,
      ANTEROOM_LOG__FORMAT: 'json',
      // Everybody here comes from one address.
      ANTEROOM_LIMITS__ENABLED: 'false',
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log = [];
  createInterface({ input: child.stderr }).on('line', (line) => log.push(line));
  const ended = new Promise((resolve) => child.once('close', resolve));
  const address = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const ready = /^listening on (http:\S+)$/.exec(line);
      if (ready) resolve(ready[1]);
    });
    child.once('error', reject);
    ended.then(() => reject(new Error(`the server ended early:\n${log.slice(-20).join('\n')}`)));
  });
  return {
    address,
    /** Lines that no healthy server writes. */
    alarms: () => log.filter((line) => line.includes('panicked at') || /"level":"ERROR"/i.test(line)),
    async stop() {
      child.kill('SIGTERM');
      await ended;
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
