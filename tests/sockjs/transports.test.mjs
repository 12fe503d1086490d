// The published client against a real server, over each transport that it has outside a browser.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { startServer } from '../browser/server.js';
import { Guest, Visit, seats } from './visitor.js';

const TRANSPORTS = ['websocket', 'xhr-streaming', 'xhr-polling', 'eventsource'];
/** Characters that are changed on the way by whoever does not escape them. */
const ODD = 'a\u200c\u2028\u2029\ufff0\u0000😀 방 </script> "quoted" \\ back';
const MANY = 200;

let server;

before(async () => {
  server = await startServer({ ANTEROOM_ADMISSION__GRACE: '1s' });
});

after(async () => {
  await server.stop();
  assert.deepEqual(server.alarms(), []);
});

/** Two people in one room: one over the transport, one over a WebSocket that speaks SockJS too. */
async function two(transport) {
  const [ann, bob] = await Promise.all(['Ann', 'Bob'].map((it) => Guest.come(server.address, it)));
  const room = await ann.room();
  const anns = new Visit(server.address, transport, { ticket: room.ticket });
  const welcome = await anns.frame('welcome');
  const ticket = await bob.reserve(room.id);
  const bobs = new Visit(server.address, 'websocket', { ticket });
  await bobs.frame('welcome');
  return { ann, bob, room: room.id, anns, bobs, welcome };
}

for (const transport of TRANSPORTS) {
  test(`${transport}: people enter, hear each other and leave`, async () => {
    const { ann, bob, room, anns, bobs, welcome } = await two(transport);
    assert.equal(anns.socket.transport, transport);
    assert.equal(anns.frames[0].type, 'welcome');
    assert.equal(welcome.you.id, ann.user.id);

    const odd = ODD.replaceAll('\u0000', '');
    anns.say(odd, 'one');
    assert.equal((await anns.frame('ack', { client_id: 'one' })).seq, 1);
    assert.equal((await bobs.frame('message', { seq: 1 })).content, odd);
    bobs.say(odd, 'two');
    assert.equal((await anns.frame('message', { seq: 2 })).content, odd);

    anns.socket.send(JSON.stringify({ type: 'leave' }));
    const end = await anns.end();
    assert.equal(end.code, 1000);
    const left = await bobs.until('the seat to be free', () =>
      bobs.frames.findLast((it) => it.type === 'presence')?.left?.includes(ann.user.id),
    );
    assert.ok(left);
    assert.equal((await seats(bob, room)).held, 0);
    bobs.socket.close();
    assert.equal((await bobs.end()).code, 1000);
  });

  test(`${transport}: many messages come all, once and in their order`, async () => {
    const { anns, bobs } = await two(transport);
    const filler = 'x'.repeat(1_500);
    for (let n = 1; n <= MANY; n += 1) bobs.say(`${n} ${filler}`, `m${n}`);
    await anns.frame('message', { seq: MANY });
    const heard = anns.frames.filter((it) => it.type === 'message').map((it) => it.content);
    assert.deepEqual(
      heard.map((it) => Number(it.split(' ')[0])),
      Array.from({ length: MANY }, (_, n) => n + 1),
    );
    [anns, bobs].forEach((it) => it.socket.close());
  });

  test(`${transport}: a ticket that opens nothing is refused in words`, async () => {
    const { anns, bobs, room, ann } = await two(transport);
    const forged = new Visit(server.address, transport, { ticket: 'nonsense' });
    assert.deepEqual(await forged.end(), { code: 4403, reason: 'no_reservation' });
    assert.deepEqual(
      forged.frames.map(({ type, code, status }) => ({ type, code, status })),
      [{ type: 'refused', code: 'no_reservation', status: 4403 }],
    );

    const again = new Visit(server.address, transport, { ticket: await ann.reserve(room) });
    assert.equal((await again.frame('welcome')).entry, 'takeover');
    assert.deepEqual(await anns.end(), { code: 4409, reason: 'replaced' });
    assert.equal(anns.frames.at(-1).type, 'closing');

    await ann.logOut();
    assert.deepEqual(await again.end(), { code: 4440, reason: 'logged_out' });
    bobs.socket.close();
  });

  test(`${transport}: who comes back hears what was missed`, async () => {
    const { ann, room, anns, bobs, welcome } = await two(transport);
    bobs.say('heard', 'h');
    await anns.frame('message', { seq: 1 });
    anns.socket.close();
    bobs.say('missed', 'm');
    await bobs.frame('ack', { client_id: 'm' });
    const query = { ticket: await ann.reserve(room), resume: welcome.resume, since: '1' };
    const back = new Visit(server.address, transport, query);
    await back.frame('message', { seq: 2 });
    const seqs = back.frames.filter((it) => it.type === 'message').map((it) => it.seq);
    assert.deepEqual(seqs, [2]);
    [back, bobs].forEach((it) => it.socket.close());
  });
}

test('every session is told when the server stops', async () => {
  const stopping = await startServer();
  const visits = [];
  for (const transport of TRANSPORTS.filter((it) => it !== 'xhr-polling')) {
    const guest = await Guest.come(stopping.address, transport);
    const { ticket } = await guest.room();
    const visit = new Visit(stopping.address, transport, { ticket });
    await visit.frame('welcome');
    visits.push(visit);
  }
  const stopped = stopping.stop();
  for (const visit of visits) assert.equal((await visit.end()).code, 1012);
  await stopped;
});
