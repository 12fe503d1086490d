// Where no WebSocket gets through, the page goes on over plain requests by itself: there is none, it fails, it is
// swallowed; and a proxy holds answers back until they are whole.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Person, launch } from './people.js';
import { startServer } from './server.js';
import { WORDS } from './words.js';

// Every request of a session has to come to the node that has it: what stands in front of several nodes in
// these tests does not see to that.
const skip = Number(process.env.NODES ?? 1) > 1 && 'needs a proxy that sends a session to its node';
const PATIENT = 20_000;

let server;
let browser;

before(async () => {
  if (skip) return;
  server = await startServer();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
  assert.deepEqual(server?.alarms() ?? [], [], 'the server raised no alarm');
});

const networks = {
  'no WebSocket at all': (context) =>
    context.addInitScript(() => delete globalThis.WebSocket),
  'a WebSocket that fails': (context) =>
    context.addInitScript(() => {
      globalThis.WebSocket = class extends EventTarget {
        constructor() {
          super();
          // As soon as whoever made it listens.
          queueMicrotask(() => this.dispatchEvent(new CloseEvent('close', { code: 1006 })));
        }

        close() {}
      };
    }),
  'a WebSocket that is swallowed': (context) =>
    context.addInitScript(() => {
      globalThis.WebSocket = class extends EventTarget {
        close() {}
      };
    }),
  'answers that are held back': async (context) => {
    await context.addInitScript(() => delete globalThis.WebSocket);
    // Never answered: an answer that streams has no end.
    await context.route('**/xhr_streaming*', () => {});
  },
};

async function arrive(name, network, lang, width) {
  const words = WORDS[lang];
  const walk = `fallback-${lang}-${width}`;
  const person = await Person.arrive(browser, { base: server.address, words, walk, locale: words.locale, width });
  await network(person.context);
  return Object.assign(person, { called: name });
}

const transport = (person) => person.page.evaluate(() => sessionStorage.getItem('anteroom.transport'));

async function talks(network, expected, lang, width) {
  const host = await arrive('Host', network, lang, width);
  const friend = await arrive('Friend', () => {}, lang, width);
  const { words } = host;
  await host.page.goto('/guest?next=/rooms/new');
  await host.fill({ display_name: 'Host' }, words.guestSubmit);
  await host.fill({ name: words.roomName, capacity: '2' }, words.createRoom);
  await host.page.locator('#room[data-state="live"]').waitFor({ timeout: PATIENT });
  assert.equal(await transport(host), expected);
  const room = new URL(host.page.url()).pathname;
  await friend.page.goto(`/guest?next=${room}`);
  await friend.fill({ display_name: 'Friend' }, words.guestSubmit);
  await friend.isSeated();
  assert.equal(await transport(friend), 'websocket');

  await host.say(words.hello);
  await friend.hears(words.hello);
  for (let n = 1; n <= 20; n += 1) await friend.say(`answer ${n}`);
  await host.hears('answer 20');
  const heard = await host.page.locator('.message:not(.mine) .text').allTextContents();
  assert.deepEqual(heard, Array.from({ length: 20 }, (_, n) => `answer ${n + 1}`), 'once each, in order');
  await host.picture('talk');

  // A reload keeps the seat; the way that got through is not looked for again.
  await host.page.reload();
  await host.isSeated();
  await host.hears('answer 20');
  // Elsewhere: the older window is told, and stays away.
  const tab = await host.newTab();
  await tab.goto(room);
  await tab.locator('#room[data-state="live"]').waitFor({ timeout: PATIENT });
  await host.isRefused('replaced', words.replaced);
  await host.say(words.later, tab);
  await friend.hears(words.later);
  // Leaving frees the seat at once.
  await tab.locator('#leave').click();
  await friend.page.getByText(words.left('Host'), { exact: true }).waitFor();
  assert.equal((await friend.members(Number(room.split('/').pop()))).length, 1);
  await host.goHome();
  await friend.goHome();
}

describe('over plain requests', { skip }, () => {
  for (const [network, arrange] of Object.entries(networks)) {
    const expected = network.startsWith('answers') ? 'xhr-polling' : 'xhr-streaming';
    it(`talks in spite of ${network}`, () => talks(arrange, expected, 'en', 1440));
  }
  it('talks on a phone, in Korean', () => talks(networks['no WebSocket at all'], 'xhr-streaming', 'ko', 360));

  it('comes back when the line was away', async () => {
    const host = await arrive('Host', networks['no WebSocket at all'], 'en', 1440);
    const { page, words } = host;
    await page.goto('/guest?next=/rooms/new');
    await host.fill({ display_name: 'Host' }, words.guestSubmit);
    await host.fill({ name: words.roomName, capacity: '2' }, words.createRoom);
    await host.isSeated();
    await host.context.setOffline(true);
    await page.locator('#text').fill('said while away');
    await page.keyboard.press('Enter');
    await page.locator('.message.pending').waitFor();
    await page.locator('#banner').waitFor();
    await host.context.setOffline(false);
    await page.locator('.message.pending').waitFor({ state: 'detached' });
    await host.hears('said while away');
    await host.goHome();
  });
});
