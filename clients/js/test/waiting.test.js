import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Client } from '../anteroom.js';
import { readEvents } from '../waiting.js';
import { fakeServer, fakeStream, fakeTimers, settled } from './fakes.js';

const JOIN = 'POST /rooms/7/waitlist';
const WATCH = 'GET /rooms/7/waitlist/current';
const STOP = 'DELETE /rooms/7/waitlist/current';
const place = (position) => ({ position, ahead: position - 1, joined_at: 'then' });
const seat = { ticket: 't', room_id: 7, expires_in_ms: 30_000 };

/** A client in line; `streams` are handed out one after the other. */
function inLine({ join = () => ({ status: 201, body: place(2) }), streams, routes = {}, ...options }) {
  const left = [...streams];
  const server = fakeServer({ [JOIN]: join, [WATCH]: () => ({ stream: left.shift() }), ...routes });
  const timers = fakeTimers();
  const told = [];
  const states = [];
  const client = new Client({ base: 'http://chat.test', fetch: server.fetch, timers, random: () => 1 });
  const wait = client.waitForSeat(7, {
    onPosition: (at) => told.push(at.position),
    onState: (state) => states.push(state),
    ...options,
  });
  const asked = (route) => server.calls.filter((call) => `${call.method} ${call.path}` === route);
  return { wait, timers, told, states, asked };
}

test('waiting tells the position as it changes and ends with the offer', async () => {
  const stream = fakeStream();
  const { wait, told, asked } = inLine({ streams: [stream], password: 'pw', key: 'k' });
  await settled();
  stream.says('position', place(2));
  stream.says('position', place(1));
  stream.says('offer', seat);
  assert.equal((await wait.offer).ticket, 't');
  assert.deepEqual(told, [2, 1], 'a position that was told is not told again');
  assert.deepEqual(asked(JOIN)[0].body, { password: 'pw' });
  assert.deepEqual(asked(JOIN)[0].query, { key: 'k' });
});

test('a free place is the seat at once, without a stream', async () => {
  const { wait, asked } = inLine({ join: () => ({ status: 201, body: { offer: seat } }), streams: [] });
  assert.equal((await wait.offer).ticket, 't');
  assert.equal(asked(WATCH).length, 0);
});

test('a stream that breaks is opened again after a short wait, and the place asked for first', async () => {
  const streams = [fakeStream(), fakeStream()];
  const { wait, timers, told, states, asked } = inLine({ streams });
  await settled();
  streams[0].breaks();
  await settled();
  assert.deepEqual(states, ['waiting', 'reconnecting']);
  await timers.pass(500);
  await settled();
  assert.equal(asked(JOIN).length, 2);
  streams[1].says('offer', seat);
  assert.equal((await wait.offer).ticket, 't');
  assert.deepEqual(told, [2]);
});

test('silence is a broken line, a comment is not', async () => {
  const streams = [fakeStream(), fakeStream()];
  const { timers, asked } = inLine({ streams });
  await settled();
  await timers.pass(40_000);
  streams[0].sends(': \n\n');
  await settled();
  await timers.pass(40_000);
  await settled();
  assert.equal(asked(WATCH).length, 1);
  await timers.pass(10_000);
  await settled();
  assert.equal(asked(WATCH).length, 2);
});

test('the end of the place is final and says why', async () => {
  const stream = fakeStream();
  const { wait, asked } = inLine({ streams: [stream] });
  await settled();
  stream.says('gone', { code: 'banned' });
  await assert.rejects(wait.offer, { code: 'banned' });
  assert.equal(asked(JOIN).length, 1);
});

test('a place lost on the way is taken anew at the end of the line', async () => {
  let joins = 0;
  const join = () => ({ status: 201, body: place((joins += 2)) });
  const stream = fakeStream();
  let watches = 0;
  const watch = () => {
    watches += 1;
    return watches === 1 ? { status: 404, body: { code: 'not_waiting' } } : { stream };
  };
  const { wait, timers, told } = inLine({ join, streams: [], routes: { [WATCH]: watch } });
  await settled();
  await timers.pass(500);
  await settled();
  stream.says('offer', seat);
  await wait.offer;
  assert.deepEqual(told, [2, 4]);
});

test('a refusal that no waiting mends is told at once', async () => {
  const join = () => ({ status: 409, body: { code: 'already_seated' } });
  const { wait, timers } = inLine({ join, streams: [] });
  await assert.rejects(wait.offer, { code: 'already_seated' });
  assert.equal(timers.waiting, 0);
});

test('who never had a place gives up after some tries', async () => {
  const join = () => ({ status: 503, body: { code: 'unavailable' } });
  const { wait, timers, asked } = inLine({ join, streams: [] });
  const outcome = assert.rejects(wait.offer, { code: 'unavailable' });
  await settled();
  await timers.pass(60_000);
  await outcome;
  assert.equal(asked(JOIN).length, 6);
});

test('leaving gives the place up, and an offer that came in that moment', async () => {
  const gone = { status: 404, body: { code: 'not_waiting' } };
  for (const [stopped, cancels] of [[{ status: 204 }, 0], [gone, 1]]) {
    const cancel = 'DELETE /rooms/7/reservations/current';
    const routes = { [STOP]: () => stopped, [cancel]: () => ({ status: 204 }) };
    const { wait, asked, timers } = inLine({ streams: [fakeStream()], routes });
    await settled();
    await wait.stop();
    await assert.rejects(wait.offer, { code: 'left' });
    assert.equal(asked(STOP).length, 1);
    assert.equal(asked(cancel).length, cancels);
    assert.equal(timers.waiting, 0, 'nothing goes on');
  }
});

test('leaving before the first answer takes back what it brings', async () => {
  let answer;
  const join = () => new Promise((resolve) => (answer = resolve));
  const routes = { [STOP]: () => ({ status: 404, body: { code: 'not_waiting' } }) };
  const cancel = 'DELETE /rooms/7/reservations/current';
  routes[cancel] = () => ({ status: 404, body: { code: 'not_found' } });
  const { wait, asked } = inLine({ join, streams: [], routes });
  await wait.stop();
  answer({ status: 201, body: { offer: seat } });
  await assert.rejects(wait.offer, { code: 'left' });
  assert.equal(asked(cancel).length, 2, 'once when leaving, once for the late answer');
});

test('events are read however the body is cut', async () => {
  const text = ': hi\r\n\r\nevent: position\r\ndata: {"position":\r\ndata: 3}\r\n\r\nevent: gone\ndata: {"code":"ä"}\n\n';
  const bytes = new TextEncoder().encode(text);
  for (let size = 1; size < bytes.length; size += 1) {
    const body = new ReadableStream({
      start(out) {
        for (let at = 0; at < bytes.length; at += size) out.enqueue(bytes.slice(at, at + size));
        out.close();
      },
    });
    const events = [];
    for await (const event of readEvents(body)) events.push(event);
    const wanted = [
      { event: 'comment' }, { event: 'position', data: { position: 3 } }, { event: 'gone', data: { code: 'ä' } },
    ];
    assert.deepEqual(events, wanted, `in pieces of ${size}`);
  }
});
