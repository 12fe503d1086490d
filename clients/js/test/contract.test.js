// The library against the server's own table of close codes: what it does after each, and how long it waits.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { beforeEach, test } from 'node:test';

import { Client, afterClose, codeOf, delay } from '../anteroom.js';
import { FakeSocket, fakeServer, fakeTimers, settled } from './fakes.js';

const RESERVE = 'POST /rooms/101/reservations';
const DAY = 24 * 3_600_000;

/** The table as the server has it: `[status, code]`. */
const source = await readFile(new URL('../../../crates/protocol/src/close.rs', import.meta.url), 'utf8');
const TABLE = [...source.matchAll(/^ {4}\w+ = (\d{4})(?: => (\w+))?,$/gm)].map(([, status, code]) => [
  Number(status),
  code?.replace(/(?<!^)[A-Z]/g, (letter) => `_${letter}`).toLowerCase(),
]);

beforeEach(() => {
  FakeSocket.opened = [];
});

function setUp(random = () => 1) {
  let tickets = 0;
  const server = fakeServer({
    [RESERVE]: () => ({ status: 201, body: { room_id: 101, ticket: `t${++tickets}` } }),
    'DELETE /rooms/101/reservations/current': () => ({ status: 204 }),
  });
  const timers = fakeTimers();
  const client = new Client({
    base: 'http://chat.test',
    token: 'secret',
    WebSocket: FakeSocket,
    fetch: server.fetch,
    timers,
    random,
  });
  const reserved = () => server.calls.filter(({ method, path }) => `${method} ${path}` === RESERVE).length;
  return { client, server, timers, reserved };
}

const WELCOME = { type: 'welcome', you: { id: 'u1' }, last_seq: 10, resume: 'r1', heartbeat_ms: 2 * DAY };

async function seated(random) {
  const all = setUp(random);
  const session = all.client.joinRoom(101);
  const told = [];
  for (const type of ['reconnecting', 'closed']) session.on(type, (event) => told.push([type, event]));
  await settled();
  FakeSocket.last.says(WELCOME);
  await session.ready;
  return { ...all, session, told };
}

test('the table of the server is found', () => {
  assert.ok(TABLE.length >= 20, `${TABLE.length}`);
  assert.ok(TABLE.some(([status, code]) => status === 4409 && code === 'replaced'));
  assert.ok(TABLE.some(([status, code]) => status === 4508 && code === 'slow_consumer'));
});

test('a close without a word has the stable code of the table', () => {
  for (const [status, code] of TABLE) if (code) assert.equal(codeOf(status), code, `${status}`);
});

test('after a 44xx it stays away for good, but for a ticket that was no good', async () => {
  const stays = TABLE.filter(([status]) => status >= 4400 && status < 4500 && status !== 4403 && status !== 4408);
  assert.equal(stays.length, 7);
  for (const [status, code] of stays) {
    FakeSocket.opened = [];
    const { session, timers, reserved, told } = await seated();
    FakeSocket.last.ends(status);
    await timers.pass(DAY);
    assert.equal(reserved(), 1, `${status}: nothing was tried`);
    assert.equal(FakeSocket.opened.length, 1, `${status}: no socket was opened`);
    assert.equal(session.state, 'closed');
    assert.deepEqual(told, [['closed', { status, code }]]);
    assert.equal(timers.waiting, 0, `${status}: no timer is left`);
  }
});

test('a ticket that was no good is asked for anew as often as the table says, and not once more', async () => {
  for (const [status, tries] of [[4403, 1], [4408, 3]]) {
    FakeSocket.opened = [];
    const { session, timers, reserved } = await seated();
    for (let n = 0; n <= tries; n += 1) {
      FakeSocket.last.ends(status);
      await settled();
    }
    await timers.pass(DAY);
    assert.equal(reserved(), 1 + tries, `${status}`);
    assert.equal(session.state, 'closed');
  }
});

test('after a 45xx it comes back', async () => {
  for (const [status] of TABLE.filter(([known]) => known >= 4500)) {
    FakeSocket.opened = [];
    const { session, timers, reserved } = await seated();
    FakeSocket.last.ends(status);
    await timers.pass(500);
    assert.equal(reserved(), 2, `${status}`);
    FakeSocket.last.says(WELCOME);
    assert.equal(session.state, 'live');
  }
});

test('codes that a later server may add are told by their range', () => {
  for (let status = 4400; status < 4500; status += 1) assert.notEqual(afterClose(status).action, 'back_off', `${status}`);
  for (let status = 4500; status < 4600; status += 1) assert.equal(afterClose(status).action, 'back_off', `${status}`);
});

test('the wait lies between nothing and a bound that doubles up to its own, and is spread over it', async () => {
  const bounds = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000];
  const first = [];
  for (let seed = 0; seed < 50; seed += 1) {
    FakeSocket.opened = [];
    const { timers, told } = await seated(() => Math.random());
    for (const bound of bounds) {
      FakeSocket.last.ends(1006);
      await settled();
      const { delay_ms: ms } = told.at(-1)[1];
      assert.ok(ms >= 0 && ms <= bound, `${ms} of ${bound}`);
      await timers.pass(bound);
    }
    first.push(told[0][1].delay_ms);
  }
  // Fifty clients of one restarted server: hardly two in the same tenth of a second, none all together.
  assert.ok(Math.max(...first) - Math.min(...first) > 250, 'spread');
  assert.ok(new Set(first).size > 25, 'not in step');
});

test('a server that names a time is not asked before it', () => {
  for (let n = 0; n < 200; n += 1) {
    const ms = delay(2, { base: 500, max: 30_000, atLeast: 7_000 });
    assert.ok(ms >= 7_000 && ms <= 9_000, `${ms}`);
  }
});

test('joinRoom hides the two steps, and tells them to whoever listens', async () => {
  const { client, server } = setUp();
  const session = client.joinRoom(101);
  const states = [];
  session.on('state', ({ state }) => states.push(state));
  assert.equal(session.state, 'reserving');
  await settled();
  FakeSocket.last.says(WELCOME);
  await session.ready;
  assert.deepEqual(states, ['confirming', 'live']);
  assert.deepEqual(server.calls.map(({ method, path }) => `${method} ${path}`), [RESERVE]);
});

test('reserve and confirm are the two steps, and nothing happens between them', async () => {
  const { client, server } = setUp();
  const reservation = await client.reserve(101);
  assert.equal(reservation.ticket, 't1');
  await settled();
  assert.equal(FakeSocket.opened.length, 0, 'a seat is counted, nobody has connected');
  const session = client.confirm(reservation);
  assert.equal(session.state, 'confirming');
  assert.equal(FakeSocket.last.url.searchParams.get('ticket'), 't1');
  FakeSocket.last.says(WELCOME);
  await session.ready;
  await client.cancel(101);
  assert.deepEqual(server.calls.map(({ method }) => method), ['POST', 'DELETE']);
});

test('a listener is told each event until it stops listening', async () => {
  const { session } = await seated();
  const heard = [];
  const stop = session.on('seats', ({ free }) => heard.push(free));
  FakeSocket.last.says({ type: 'seats', free: 2 });
  stop();
  FakeSocket.last.says({ type: 'seats', free: 1 });
  FakeSocket.last.says({ type: 'something_new' });
  assert.deepEqual(heard, [2]);
});
