import assert from 'node:assert/strict';
import { test } from 'node:test';

import { HttpSocket } from '../http_socket.js';
import { fakeServer, fakeStream, fakeTimers, settled } from './fakes.js';

const bytes = (text) => new TextEncoder().encode(text).length;

/** A socket whose session is open; `bodies` are what it sends, `ends` how it ended. */
async function open(taken = () => 204) {
  const told = fakeStream();
  const bodies = [];
  const options = [];
  const fetch = async (url, request) => {
    if (!url.includes('/xhr_send')) {
      const routes = { [`${request.method} ${new URL(url).pathname}`]: () => ({ stream: told }) };
      return fakeServer(routes).fetch(url, request);
    }
    options.push(request);
    bodies.push(request.body);
    await settled();
    const status = taken(request.body);
    return { status, ok: status < 400 };
  };
  const socket = new HttpSocket('ws://chat.test/ws?ticket=t', { fetch, timers: fakeTimers() });
  const ends = [];
  socket.addEventListener('close', (event) => ends.push(event));
  told.sends('o\n');
  await settled();
  assert.equal(socket.readyState, 1);
  const sent = async () => {
    const texts = () => bodies.flatMap((body) => JSON.parse(body));
    for (let seen = -1; seen < bodies.length; await settled()) {
      seen = bodies.length;
      await settled();
    }
    return texts();
  };
  return { socket, bodies, options, ends, sent };
}

test('what waits is sent in requests that the server takes, in its order', async () => {
  const { socket, bodies, ends, sent } = await open((body) => (bytes(body) > 256 << 10 ? 413 : 204));
  const texts = Array.from({ length: 40 }, (_, n) => JSON.stringify({ n, content: '방'.repeat(4_000) }));
  texts.forEach((text) => socket.send(text));
  assert.deepEqual(await sent(), texts);
  assert.deepEqual(ends, []);
  assert.ok(bodies.every((body) => bytes(body) <= 128 << 10), 'each with room to spare');
  assert.ok(bodies.length < 8, `${bodies.length} requests`);
});

test('a text that is larger than a request goes alone', async () => {
  const { socket, bodies, sent } = await open();
  const texts = ['first', 'x'.repeat(200_000), 'last'];
  texts.forEach((text) => socket.send(text));
  assert.deepEqual(await sent(), texts);
  assert.deepEqual(bodies.map((body) => JSON.parse(body).length), [1, 1, 1]);
});

test('what is too large for a request ends the socket as it ends a WebSocket', async () => {
  const { socket, ends, sent } = await open(() => 413);
  socket.send('x');
  await sent();
  assert.deepEqual(ends, [{ code: 1009, reason: 'too_large' }]);
});

test('a request outlives its page only where browsers let it, which count bytes', async () => {
  const { socket, options, sent } = await open();
  socket.send('x'.repeat(50_000));
  await sent();
  socket.send('방'.repeat(25_000));
  await sent();
  assert.deepEqual(options.map(({ keepalive }) => keepalive), [true, false]);
});
