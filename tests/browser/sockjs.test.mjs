// The published SockJS client in a real browser that has no WebSocket, on a page of another site: each transport
// that a browser has, with the same tickets and the same promises.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { launch } from './people.js';
import { startServer } from './server.js';

const CLIENT = new URL('../sockjs/node_modules/sockjs-client/dist/sockjs.min.js', import.meta.url);
const TRANSPORTS = [
  'xhr-streaming', 'xhr-polling', 'eventsource', 'jsonp-polling',
  'iframe-eventsource', 'iframe-htmlfile', 'iframe-xhr-polling',
];
const MANY = 50;
// A session over requests lives on one node.
const skip = Number(process.env.NODES ?? 1) > 1 && 'needs a proxy that sends a session to its node';

let site;
let server;
let browser;

before(async () => {
  if (skip) return;
  const script = await readFile(CLIENT);
  site = createServer((request, response) => {
    const isScript = request.url === '/sockjs.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    // The server's own frame loads it from here too.
    response.setHeader('access-control-allow-origin', '*');
    response.end(isScript ? script : '<!doctype html><script src="/sockjs.js"></script>');
  });
  await new Promise((listening) => site.listen(0, '127.0.0.1', listening));
  const origin = `http://127.0.0.1:${site.address().port}`;
  server = await startServer({
    ANTEROOM_SERVER__ALLOWED_ORIGINS: origin,
    ANTEROOM_SERVER__SOCKJS_SCRIPT: `${origin}/sockjs.js`,
  });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
  site?.close();
  assert.deepEqual(server?.alarms() ?? [], [], 'the server raised no alarm');
});

/** Runs in the page: somebody with a ticket, and what they hear. */
function arrange() {
  const ask = async (base, path, body, token) => {
    const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
    const answer = await fetch(`${base}/api/v1${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    return answer.json();
  };
  const guest = async (base, name) => (await ask(base, '/sessions/guest', { display_name: name })).token;
  const enter = (base, ticket, transport) => {
    const url = `${base}/sockjs?ticket=${encodeURIComponent(ticket)}`;
    const socket = new globalThis.SockJS(url, null, { transports: transport });
    const heard = [];
    const waiting = [];
    const look = () => {
      for (const one of [...waiting]) {
        const frame = heard.find(one.isIt);
        if (frame) waiting.splice(waiting.indexOf(one), 1) && one.resolve(frame);
      }
    };
    socket.onmessage = ({ data }) => heard.push(JSON.parse(data)) && look();
    socket.onclose = ({ code, reason }) => heard.push({ type: 'end', code, reason }) && look();
    const until = (isIt) => new Promise((resolve) => waiting.push({ isIt, resolve }) && look());
    return { socket, heard, until, say: (frame) => socket.send(JSON.stringify(frame)) };
  };
  return { ask, guest, enter };
}

describe('the SockJS client in a browser without WebSocket', { skip }, () => {
  for (const transport of TRANSPORTS) {
    it(`enters, talks and leaves over ${transport}`, async () => {
      const context = await browser.newContext();
      await context.addInitScript(() => delete globalThis.WebSocket);
      const page = await context.newPage();
      const faults = [];
      page.on('pageerror', (error) => faults.push(String(error)));
      await page.goto(`http://127.0.0.1:${site.address().port}/`);
      const told = await page.evaluate(async ([base, by, many, source]) => {
        const { ask, guest, enter } = (0, eval)(`(${source})`)();
        const [ann, bob] = [await guest(base, 'Ann'), await guest(base, 'Bob')];
        const { room, reservation } = await ask(base, '/rooms', { name: 'R', capacity: 2 }, ann);
        const anns = enter(base, reservation.ticket, by);
        const welcome = await anns.until(({ type }) => type === 'welcome');
        const { transport } = anns.socket;
        const second = await ask(base, `/rooms/${room.id}/reservations`, {}, bob);
        const bobs = enter(base, second.ticket, 'xhr-streaming');
        await bobs.until(({ type }) => type === 'welcome');
        for (let n = 1; n <= many; n += 1) anns.say({ type: 'send', client_id: `a${n}`, content: `\u2028 방 ${n} </script>` });
        await bobs.until(({ seq, type }) => type === 'message' && seq === many);
        bobs.say({ type: 'send', client_id: 'b', content: 'heard' });
        await anns.until(({ content }) => content === 'heard');
        // The seat is used elsewhere: told in words, with the code.
        const again = await ask(base, `/rooms/${room.id}/reservations`, {}, ann);
        const elsewhere = enter(base, again.ticket, 'xhr-streaming');
        const end = await anns.until(({ type }) => type === 'end');
        await elsewhere.until(({ type }) => type === 'welcome');
        elsewhere.say({ type: 'leave' });
        const left = await elsewhere.until(({ type }) => type === 'end');
        const stale = enter(base, again.ticket, by);
        const refused = await stale.until(({ type }) => type === 'end');
        bobs.socket.close();
        const messages = anns.heard.filter(({ type }) => type === 'message').map(({ seq, content }) => [seq, content]);
        return { entry: welcome.entry, transport, messages, end, left, refused };
      }, [server.address, transport, MANY, String(arrange)]);
      assert.equal(told.transport, transport);
      assert.equal(told.entry, 'first');
      const said = Array.from({ length: MANY }, (_, n) => [n + 1, `\u2028 방 ${n + 1} </script>`]);
      assert.deepEqual(told.messages, [...said, [MANY + 1, 'heard']], 'once each, in order');
      assert.deepEqual([told.end.code, told.end.reason], [4409, 'replaced']);
      assert.equal(told.left.code, 1000);
      assert.deepEqual([told.refused.code, told.refused.reason], [4403, 'no_reservation']);
      assert.deepEqual(faults, []);
      await context.close();
    });
  }
});
