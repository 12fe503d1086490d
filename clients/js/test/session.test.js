import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { Client } from '../anteroom.js';
import { FakeSocket, fakeServer, fakeTimers, settled } from './fakes.js';

const RESERVE = 'POST /rooms/101/reservations';
const HISTORY = 'GET /rooms/101/messages';
const TYPES = ['message', 'refused', 'closing', 'closed', 'reconnecting', 'resumed', 'gap'];

beforeEach(() => {
  FakeSocket.opened = [];
});

function join(routes = {}, options = {}) {
  let tickets = 0;
  const server = fakeServer({
    [RESERVE]: () => ({ status: 201, body: { room_id: 101, ticket: `t${++tickets}` } }),
    'DELETE /rooms/101/reservations/current': () => ({ status: 204 }),
    ...routes,
  });
  const timers = fakeTimers();
  const client = new Client({
    base: 'http://chat.test',
    token: 'secret',
    WebSocket: FakeSocket,
    fetch: server.fetch,
    timers,
    random: () => 1,
  });
  const session = client.joinRoom(101, options);
  const events = [];
  for (const type of TYPES) session.on(type, (event) => events.push([type, event]));
  const reserved = () => server.calls.filter((call) => `${call.method} ${call.path}` === RESERVE);
  const of = (type) => events.filter(([name]) => name === type).map(([, event]) => event);
  return { session, server, timers, reserved, of };
}

const welcome = (more = {}) => ({
  type: 'welcome',
  you: { id: 'u1' },
  last_seq: 10,
  resume: 'r1',
  heartbeat_ms: 1000,
  ...more,
});
const message = (seq) => ({ type: 'message', id: `m${seq}`, seq, content: `text ${seq}` });

async function seated(routes, options) {
  const all = join(routes, options);
  await settled();
  FakeSocket.last.says(welcome());
  await all.session.ready;
  return all;
}

test('joining reserves first and confirms with the ticket', async () => {
  const { session, reserved } = await seated({}, { password: 'pass' });
  assert.deepEqual(reserved()[0].body, { password: 'pass' });
  const { url, protocols } = FakeSocket.last;
  assert.equal(`${url}`, 'ws://chat.test/ws?ticket=t1');
  assert.deepEqual(protocols, ['anteroom.v1']);
  assert.equal(session.state, 'live');
  assert.equal(session.lastSeq, 10);
});

test('a refused first reservation is told once and tries nothing more', async () => {
  const full = { status: 409, body: { code: 'room_full', seats: { capacity: 2 } } };
  const { session, of, timers, reserved } = join({ [RESERVE]: () => full });
  await assert.rejects(session.ready, { code: 'room_full' });
  await timers.pass(600_000);
  assert.equal(of('closed').length, 1);
  assert.equal(of('closed')[0].seats.capacity, 2);
  assert.equal(reserved().length, 1);
});

test('44xx stays away', async () => {
  for (const status of [4400, 4401, 4404, 4409, 4410, 4440, 4450]) {
    const { session, timers, reserved } = await seated();
    FakeSocket.last.ends(status);
    await timers.pass(600_000);
    assert.equal(reserved().length, 1, `${status}`);
    assert.equal(session.state, 'closed');
    assert.equal(timers.waiting, 0, 'no timer is left behind');
  }
});

test('a broken line and 45xx come back with a new ticket, the resume secret and the position', async () => {
  for (const status of [1001, 1006, 1012, 4500, 4503, 4508, 4512, 4529]) {
    FakeSocket.opened = [];
    const { timers, reserved, of } = await seated();
    FakeSocket.last.says(message(11));
    FakeSocket.last.ends(status);
    assert.equal(of('reconnecting')[0].delay_ms, 500);
    await timers.pass(499);
    assert.equal(reserved().length, 1, 'not before the delay');
    await timers.pass(1);
    assert.deepEqual(reserved()[1].body, { resume: 'r1' }, `${status}`);
    assert.equal(FakeSocket.last.url.search, '?ticket=t2&resume=r1&since=11');
    FakeSocket.last.says(welcome({ last_seq: 11, resume: 'r2' }));
    assert.equal(of('resumed').length, 1);
  }
});

test('the delay grows until a welcome', async () => {
  const { timers, of } = await seated();
  for (let i = 0; i < 3; i += 1) {
    FakeSocket.last.ends(1006);
    await timers.pass(of('reconnecting').at(-1).delay_ms);
  }
  assert.deepEqual(of('reconnecting').map((event) => event.delay_ms), [500, 1000, 2000]);
  FakeSocket.last.says(welcome());
  FakeSocket.last.ends(1006);
  assert.equal(of('reconnecting').at(-1).delay_ms, 500);
});

test('4403 reserves again once, at once', async () => {
  const { session, reserved } = join();
  await settled();
  FakeSocket.last.says({ type: 'refused', code: 'no_reservation', status: 4403, detail: 'used' });
  FakeSocket.last.ends(4403);
  await settled();
  assert.equal(reserved().length, 2);
  FakeSocket.last.ends(4403);
  await assert.rejects(session.ready, { code: 'no_reservation' });
  assert.equal(reserved().length, 2);
});

test('4408 reserves again', async () => {
  const { session } = join();
  await settled();
  FakeSocket.last.ends(4408);
  await settled();
  FakeSocket.last.says(welcome());
  await session.ready;
  assert.equal(FakeSocket.last.url.searchParams.get('ticket'), 't2');
});

test('4409 forgets the resume secret', async () => {
  const { session, of } = await seated();
  assert.equal(session.resume, 'r1');
  FakeSocket.last.says({ type: 'closing', code: 'replaced', status: 4409, detail: 'elsewhere' });
  FakeSocket.last.ends(4409);
  assert.equal(session.resume, undefined);
  assert.equal(of('closed')[0].code, 'replaced');
});

test('while away, a full room ends it and an absent server does not', async () => {
  const answers = [
    { status: 201, body: { room_id: 101, ticket: 't1' } },
    { status: 503, body: { code: 'unavailable' }, headers: { 'retry-after': '9' } },
    { status: 409, body: { code: 'room_full' } },
  ];
  const { session, timers, of } = await seated({ [RESERVE]: () => answers.shift() });
  FakeSocket.last.ends(1006);
  await timers.pass(500);
  assert.equal(session.state, 'waiting');
  assert.equal(of('reconnecting').at(-1).delay_ms, 10_000, 'Retry-After and the jitter');
  await timers.pass(10_000);
  assert.equal(session.state, 'closed');
  assert.equal(of('closed')[0].code, 'room_full');
});

test('the late close of an old socket does not touch the new one', async () => {
  const { session, timers, reserved, of } = await seated();
  const old = FakeSocket.last;
  await timers.pass(2000); // two silent periods: the socket is taken for dead
  assert.equal(session.state, 'waiting');
  await timers.pass(500);
  FakeSocket.last.says(welcome());
  assert.equal(session.state, 'live');
  old.says(message(99));
  old.ends(4409);
  assert.equal(session.state, 'live');
  assert.equal(session.resume, 'r1');
  assert.equal(reserved().length, 2);
  assert.equal(of('message').length, 0);
});

test('a silent period sends a ping and any frame starts the count again', async () => {
  const { session, timers } = await seated();
  const socket = FakeSocket.last;
  await timers.pass(1000);
  assert.equal(socket.ofType('ping').length, 1);
  socket.says({ type: 'pong' });
  await timers.pass(999);
  assert.equal(socket.ofType('ping').length, 1);
  await timers.pass(1);
  assert.equal(socket.ofType('ping').length, 2);
  assert.equal(session.state, 'live');
  await timers.pass(1000);
  assert.equal(session.state, 'waiting');
});

test('a message is delivered once, however often it comes', async () => {
  const { of } = await seated();
  for (const seq of [9, 10, 11, 11, 12, 11]) FakeSocket.last.says(message(seq));
  assert.deepEqual(of('message').map((each) => each.seq), [11, 12]);
});

test('a gap is filled from history before what came after it', async () => {
  const items = [11, 12, 13, 14].map(message);
  const after = ({ query }) => items.filter((item) => item.seq > query.after);
  const history = (call) => ({ body: { items: after(call) } });
  const { session, server, of } = await seated({ [HISTORY]: history });
  FakeSocket.last.says(message(14));
  FakeSocket.last.says(message(15));
  FakeSocket.last.says(message(13));
  assert.equal(of('message').length, 0);
  await settled();
  assert.deepEqual(of('message').map((each) => each.seq), [11, 12, 13, 14, 15]);
  assert.equal(server.calls.filter((call) => call.path.endsWith('/messages')).length, 1);
  assert.equal(session.lastSeq, 15);
});

test('a gap that cannot be filled is told and holds nothing up', async () => {
  const { of } = await seated({ [HISTORY]: () => ({ status: 403, body: { code: 'forbidden' } }) });
  FakeSocket.last.says(message(13));
  await settled();
  assert.deepEqual(of('gap'), [{ after: 10, upTo: 12 }]);
  assert.deepEqual(of('message').map((each) => each.seq), [13]);
});

test('a gap over what is not kept any more is told, and what is kept is delivered', async () => {
  const items = [14, 15].map(message);
  const history = ({ query }) => ({ body: { items: items.filter((item) => item.seq > query.after), first_seq: 14 } });
  const { of } = await seated({ [HISTORY]: history });
  FakeSocket.last.says(message(16));
  await settled();
  assert.deepEqual(of('gap'), [{ after: 10, upTo: 13 }]);
  assert.deepEqual(of('message').map((each) => each.seq), [14, 15, 16]);
});

test('after a truncated replay the position is the server’s', async () => {
  const { session, timers, of } = await seated();
  FakeSocket.last.ends(1006);
  await timers.pass(500);
  FakeSocket.last.says(welcome({ last_seq: 5000, replay: 'truncated' }));
  FakeSocket.last.says(message(5001));
  assert.equal(session.lastSeq, 5001);
  assert.equal(of('message').length, 1);
});

test('what was not acknowledged is sent again under the same client_id', async () => {
  const { session, timers } = await seated();
  const sent = session.send('hello');
  const first = FakeSocket.last.ofType('send')[0];
  FakeSocket.last.ends(1006);
  const whileAway = session.send('still here');
  await timers.pass(500);
  assert.equal(FakeSocket.last.ofType('send').length, 0, 'nothing before the welcome');
  FakeSocket.last.says(welcome());
  const again = FakeSocket.last.ofType('send');
  assert.deepEqual(again[0], first);
  assert.deepEqual(again.map((frame) => frame.content), ['hello', 'still here']);
  for (const frame of again) {
    FakeSocket.last.says({ type: 'ack', client_id: frame.client_id, seq: 11, id: 'm' });
  }
  assert.equal((await sent).client_id, first.client_id);
  await whileAway;
});

test('a refused message rejects its own promise and nothing else', async () => {
  const { session } = await seated();
  const bad = session.send('x', { clientId: 'c1' });
  const good = session.send('y', { clientId: 'c2' });
  FakeSocket.last.says({ type: 'error', code: 'rate_limited', ref: 'c1', detail: 'slow down' });
  await assert.rejects(bad, { code: 'rate_limited' });
  const retry = session.send('x', { clientId: 'c1' });
  FakeSocket.last.says({ type: 'ack', client_id: 'c2' });
  FakeSocket.last.says({ type: 'ack', client_id: 'c1' });
  await Promise.all([good, retry]);
});

test('leaving says so, closes cleanly and stays away', async () => {
  const { session, timers, reserved, of } = await seated();
  const socket = FakeSocket.last;
  const unsent = session.send('bye');
  session.leave();
  await assert.rejects(unsent, { code: 'left' });
  assert.equal(socket.ofType('leave').length, 1);
  assert.equal(socket.closedWith, 1000);
  socket.ends(1000);
  await timers.pass(600_000);
  assert.equal(reserved().length, 1);
  assert.equal(of('closed').length, 1);
  await assert.rejects(session.send('late'), { code: 'closed' });
});

test('leaving before being seated gives the reservation back', async () => {
  let answer;
  const late = new Promise((resolve) => (answer = resolve));
  const { session, server } = join({ [RESERVE]: () => late });
  session.leave();
  answer({ status: 201, body: { room_id: 101, ticket: 't1' } });
  await settled();
  assert.equal(FakeSocket.opened.length, 0);
  assert.equal(server.calls.at(-1).method, 'DELETE');
});
