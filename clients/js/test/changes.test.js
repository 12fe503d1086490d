import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { Client } from '../anteroom.js';
import { FakeSocket, fakeServer, fakeTimers, settled } from './fakes.js';

beforeEach(() => {
  FakeSocket.opened = [];
});

const welcome = { type: 'welcome', you: { id: 'u1' }, last_seq: 10, resume: 'r', heartbeat_ms: 1000 };
const edited = (seq, content, id = 'm1') => ({
  type: 'edited', seq, target: { id, seq: 3 }, content, updated_at: '2026-01-01T00:00:00.000Z',
});
const deleted = (seq, id = 'm1') => ({
  type: 'deleted', seq, target: { id, seq: 3 }, updated_at: '2026-01-01T00:00:00.000Z',
});
const said = (socket) => socket.sent.filter((frame) => ['edit', 'delete'].includes(frame.type));

async function seated(routes = {}) {
  const server = fakeServer({
    'POST /rooms/101/reservations': () => ({ status: 201, body: { room_id: 101, ticket: 't' } }),
    ...routes,
  });
  const timers = fakeTimers();
  const base = 'http://chat.test';
  const { fetch } = server;
  const client = new Client({ base, token: 'x', WebSocket: FakeSocket, fetch, timers, random: () => 1 });
  const session = client.joinRoom(101);
  const told = [];
  for (const type of ['edited', 'deleted']) session.on(type, (event) => told.push(event));
  await settled();
  FakeSocket.last.says(welcome);
  await session.ready;
  return { client, server, session, told };
}

test('a change is settled by the frame that tells of it, which everybody is told once', async () => {
  const { session, told } = await seated();
  const edit = session.edit('m1', 'new');
  assert.deepEqual(said(FakeSocket.last), [{ type: 'edit', id: 'm1', content: 'new' }]);
  FakeSocket.last.says(edited(11, 'of somebody else', 'm2'));
  FakeSocket.last.says(edited(12, 'new'));
  assert.equal((await edit).seq, 12);
  const gone = session.delete('m1');
  FakeSocket.last.says(deleted(13));
  assert.equal((await gone).seq, 13);
  assert.deepEqual(told.map((event) => event.seq), [11, 12, 13]);
  assert.equal(session.lastSeq, 13);
});

test('what was like that already is settled by its old number and not told again', async () => {
  const { session, told } = await seated();
  const edit = session.edit('m1', 'same');
  FakeSocket.last.says(edited(7, 'same'));
  assert.equal((await edit).seq, 7);
  assert.deepEqual(told, []);
  assert.equal(session.lastSeq, 10);
});

test('a refused change fails with its code', async () => {
  const { session } = await seated();
  const edit = session.edit('m1', 'new');
  FakeSocket.last.says({ type: 'error', code: 'forbidden', detail: 'no', ref: 'm1' });
  await assert.rejects(edit, { code: 'forbidden' });
});

test('what was not answered is asked again after a reconnect, and the newest wish only', async () => {
  const { session } = await seated();
  const first = session.edit('m1', 'one');
  const second = session.edit('m1', 'two');
  await assert.rejects(first, { code: 'superseded' });
  FakeSocket.last.ends(1006);
  session.retryNow();
  await settled();
  FakeSocket.last.says(welcome);
  assert.deepEqual(said(FakeSocket.last), [{ type: 'edit', id: 'm1', content: 'two' }]);
  FakeSocket.last.says(edited(11, 'two'));
  assert.equal((await second).content, 'two');
  const lost = session.delete('m1');
  FakeSocket.last.ends(4450);
  await assert.rejects(lost);
  await assert.rejects(session.edit('m1', 'x'), { code: 'closed' });
});

test('a search asks for its page in words', async () => {
  const path = 'GET /rooms/101/messages/search';
  const page = { items: [{ id: 'm1', snippet: [{ text: '회의', hit: true }] }], next_cursor: '9' };
  const { client, server } = await seated({ [path]: () => ({ status: 200, body: page }) });
  assert.deepEqual(await client.search(101, '회의 "a b"', { cursor: '12' }), page);
  assert.deepEqual(server.calls.at(-1).query, { q: '회의 "a b"', cursor: '12' });
});
