// One story against a real server, told by `real.test.js` in a process that has a WebSocket. The server's
// address is the first argument. It ends with 0 or with what was not as it should be.

import assert from 'node:assert/strict';
import { AnteroomError, Client } from '../../anteroom.js';

const base = process.argv[2];
const once = (session, type, wanted = () => true) =>
  new Promise((resolve) => {
    const stop = session.on(type, (event) => {
      if (!wanted(event)) return;
      stop();
      resolve(event);
    });
  });

async function guest(name) {
  const client = new Client({ base });
  await client.guest(name);
  return client;
}

const [mina, jun, late] = await Promise.all(['Mina', 'Jun', 'Late'].map(guest));

// The two steps by hand: a room for two.
const { room, reservation } = await mina.createRoom({ name: 'Two seats', capacity: 2 });
const host = mina.confirm(reservation);
const welcome = await host.ready;
assert.equal(welcome.entry, 'first');
assert.equal(welcome.seats.capacity, 2);

// The two steps hidden.
const arrival = once(host, 'presence', ({ joined = [] }) => joined.some(({ name }) => name === 'Jun'));
const friend = jun.joinRoom(room.id);
await friend.ready;
await arrival;

// What is said is stored, and told to everybody once.
const heard = once(host, 'message', ({ content }) => content === '안녕하세요');
const ack = await friend.send('안녕하세요', { clientId: 'one' });
assert.equal((await friend.send('안녕하세요', { clientId: 'one' })).seq, ack.seq, 'the same thing once');
assert.equal((await heard).seq, ack.seq);
const edited = once(host, 'edited');
await friend.edit(ack.id, '고쳤어요');
assert.equal((await edited).content, '고쳤어요');
await assert.rejects(host.send('x'.repeat(4_001)), { code: 'invalid' });
const { items } = await mina.history(room.id, { limit: 5 });
assert.equal(items.at(-1).content, '고쳤어요');
assert.equal((await mina.search(room.id, '고쳤어요')).items.length, 1);

// A full room: no, in a code; then the line, and the seat that comes free.
const refused = await late.reserve(room.id).catch((error) => error);
assert.ok(refused instanceof AnteroomError);
assert.deepEqual([refused.status, refused.code, refused.problem.seats.free], [409, 'room_full', 0]);
let toldPlace;
const inLine = new Promise((resolve) => (toldPlace = resolve));
const wait = late.waitForSeat(room.id, { onPosition: toldPlace });
assert.equal((await inLine).position, 1);
friend.leave();
const third = late.confirm(await wait.offer);
await third.ready;

// Somebody who arrives elsewhere takes the seat along; the old session stays away.
const elsewhere = new Client({ base, token: late.token });
const ended = once(third, 'closed');
const taker = elsewhere.joinRoom(room.id);
assert.equal((await taker.ready).entry, 'takeover');
assert.deepEqual([(await ended).status, (await ended).code], [4409, 'replaced']);
assert.equal(third.resume, undefined);

// The room closes for everybody.
const ends = [host, taker].map((session) => once(session, 'closed'));
const response = await fetch(`${base}/api/v1/rooms/${room.id}`, {
  method: 'DELETE',
  headers: { authorization: `Bearer ${mina.token}` },
});
assert.equal(response.status, 204);
for (const end of ends) assert.equal((await end).code, 'room_closed');
await assert.rejects(mina.reserve(room.id), AnteroomError);
await mina.logout();
await assert.rejects(mina.me(), { code: 'unauthenticated' });
console.log('the story ended well');
