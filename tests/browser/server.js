// A real server process for the browser to visit, with a data directory of its own; or, where NODES names
// a number, so many nodes behind one address.

import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';

const root = fileURLToPath(new URL('../../', import.meta.url));
const binary = process.env.ANTEROOM_BIN ?? join(root, 'target/debug/anteroom');

const xtask = process.env.ANTEROOM_XTASK ?? join(root, 'target/debug/xtask');
const nodes = Number(process.env.NODES ?? 1);
const SETTINGS = {
  ANTEROOM_LOG__FORMAT: 'json',
  // Everybody here comes from one address.
  ANTEROOM_LIMITS__ENABLED: 'false',
};

/** What a server may see of this environment: no setting of anybody else's. */
function inherited() {
  const names = Object.entries(process.env).filter(([name]) => !name.startsWith('ANTEROOM_'));
  return Object.fromEntries(names);
}

const isAlarm = (line) => line.includes('panicked at') || /"level":"ERROR"/i.test(line);

/** Resolves when the process says where it listens. */
function listening(child, ended, log) {
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      log.push(line);
      const ready = /^listening on (http:\S+)$/.exec(line);
      if (ready) resolve(ready[1]);
    });
    child.once('error', reject);
    ended.then(() => reject(new Error(`the server ended early:\n${log.slice(-20).join('\n')}`)));
  });
}

/** Several nodes over a PostgreSQL and a Redis of their own, and what stands in front of them. */
async function startNodes(settings) {
  const given = Object.entries({ ...SETTINGS, ANTEROOM_AUTH__GUESTS: 'true', ...settings });
  const key = (name) => name.replace('ANTEROOM_', '').toLowerCase().replaceAll('__', '.');
  const set = given.flatMap(([name, value]) => ['--set', `${key(name)}=${value}`]);
  const logs = await mkdtemp(join(tmpdir(), 'anteroom-nodes-'));
  const wanted = ['cluster', '--nodes', String(nodes), '--listen', '127.0.0.1:0', '--logs', logs];
  const child = spawn(xtask, [...wanted, '--server', binary, ...set], {
    cwd: root,
    env: inherited(),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const log = [];
  createInterface({ input: child.stderr }).on('line', (line) => log.push(line));
  const ended = new Promise((resolve) => child.once('close', resolve));
  const address = await listening(child, ended, log);
  const files = log.map((line) => /log (\S+)\)$/.exec(line)?.[1]).filter(Boolean);
  let logged = [];
  return {
    address,
    alarms: () => [...log, ...logged].filter(isAlarm),
    async stop() {
      if (logged.length > 0) return;
      child.stdin.end();
      await ended;
      // Read before they go.
      logged = (await Promise.all(files.map((file) => readFile(file, 'utf8')))).join('\n').split('\n');
      await rm(logs, { recursive: true, force: true });
    },
  };
}

/** Starts a server; resolves when it says where it listens. */
export async function startServer(settings = {}) {
  if (nodes > 1) return startNodes(settings);
  const dataDir = await mkdtemp(join(tmpdir(), 'anteroom-browser-'));
  const child = spawn(binary, [], {
    cwd: dataDir,
    env: {
      ...inherited(),
      ANTEROOM_SERVER__LISTEN: '127.0.0.1:0',
      ANTEROOM_SERVER__DATA_DIR: dataDir,
      ...SETTINGS,
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log = [];
  createInterface({ input: child.stderr }).on('line', (line) => log.push(line));
  const ended = new Promise((resolve) => child.once('close', resolve));
  const address = await listening(child, ended, log);
  return {
    address,
    /** Lines that no healthy server writes. */
    alarms: () => log.filter(isAlarm),
    async stop() {
      child.kill('SIGTERM');
      await ended;
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
