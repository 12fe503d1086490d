import assert from 'node:assert/strict';
import { test } from 'node:test';

import { AnteroomError, Client } from '../anteroom.js';
import { fakeServer } from './fakes.js';

function client(routes, options = {}) {
  const server = fakeServer(routes);
  const base = 'http://chat.test/';
  return { server, client: new Client({ base, fetch: server.fetch, ...options }) };
}

test('a refusal carries its stable code and its members', async () => {
  const body = { code: 'room_full', title: 'Room full', waitlist: { length: 3, allowed: true } };
  const { client: c } = client({ 'POST /rooms/7/reservations': () => ({ status: 409, body }) });
  const error = await c.reserve(7).catch((refused) => refused);
  assert.ok(error instanceof AnteroomError);
  assert.equal(error.code, 'room_full');
  assert.equal(error.problem.waitlist.length, 3);
});

test('a store of logins that is away is no logout', async () => {
  const body = { code: 'unauthenticated', reason: 'store_unavailable' };
  const { client: c } = client({ 'GET /me': () => ({ status: 401, body }) });
  await assert.rejects(c.me(), { status: 401, code: 'unavailable' });
});

test('no answer at all is the code offline', async () => {
  const { client: c } = client({});
  await assert.rejects(c.rooms(), { status: 0, code: 'offline' });
});

test('logging in keeps the token, refreshing twice at once asks once', async () => {
  let n = 0;
  const { client: c, server } = client({
    'POST /sessions/guest': () => ({ body: { token: 'first', user: {} } }),
    'POST /sessions/refresh': () => ({ body: { token: `again${++n}`, user: {} } }),
  });
  await c.guest('Mina');
  assert.equal(c.token, 'first');
  await Promise.all([c.refresh(), c.refresh()]);
  assert.equal(c.token, 'again1');
  assert.equal(server.calls.length, 2);
});

test('the socket opens where the reservation says, except from a page of the server itself', () => {
  const told = { ticket: 't', websocket_url: 'wss://node-2.test/ws' };
  const { client: c } = client({});
  assert.equal(c.socketUrl(told, {}), 'wss://node-2.test/ws?ticket=t');
  const own = new Client({ fetch: () => {} });
  own.base = 'https://chat.test';
  assert.equal(own.socketUrl(told, { since: 0 }), 'wss://chat.test/ws?ticket=t&since=0');
});
