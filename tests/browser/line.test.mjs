// Waiting for a seat in a real browser, in both languages, on a desk and on a phone: the room is full,
// two wait, one reloads the page and keeps the place, seats come free, and each has a turn.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Person, launch } from './people.js';
import { startServer } from './server.js';
import { widths } from './widths.js';
import { WORDS } from './words.js';

let server;
let browser;

before(async () => {
  server = await startServer();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
  assert.deepEqual(server?.alarms() ?? [], [], 'the server raised no alarm');
});

/** A guest who came by the lobby. */
async function guest(arrive, name, words) {
  const person = await arrive();
  await person.page.goto('/guest');
  await person.fill({ display_name: name }, words.guestSubmit);
  await person.page.getByRole('heading', { name: words.lobby, level: 1 }).waitFor();
  return person;
}

/** Counts the notes that its pages sound. */
function listen(person) {
  return person.context.addInitScript(() => {
    globalThis.notes = 0;
    const { start } = OscillatorNode.prototype;
    OscillatorNode.prototype.start = function counted(...when) {
      globalThis.notes += 1;
      return start.apply(this, when);
    };
  });
}

/** Waits until the page shows this place and these words. */
async function standsAt(person, place, words, page = person.page) {
  const shown = page.locator('#line');
  await shown.locator('output', { hasText: new RegExp(`^${place}$`) }).waitFor();
  await shown.getByText(words, { exact: true }).waitFor();
}

for (const [lang, words] of Object.entries(WORDS)) {
  for (const width of widths(lang)) {
    describe(`${lang} at ${width} pixels`, () => {
      it('waits in line, is told the place, and goes in when it is its turn', async () => {
        const settings = { base: server.address, words, walk: `line-${lang}-${width}`, locale: words.locale, width };
        const arrive = () => Person.arrive(browser, settings);
        const host = await guest(arrive, 'Host', words);
        await host.page.goto('/rooms/new');
        await host.fill({ name: words.roomName, capacity: '1' }, words.createRoom);
        await host.isSeated();
        const room = new URL(host.page.url()).pathname;

        // The first is told that the room is full, and joins the line.
        const first = await guest(arrive, 'First', words);
        await listen(first);
        await first.page.goto(room);
        const panel = await first.isRefused('room_full', words.full);
        await panel.getByRole('link', { name: words.wait, exact: true }).click();
        await standsAt(first, 1, words.next);

        // The second comes by the lobby, which leads to the line of a full room.
        const second = await guest(arrive, 'Second', words);
        await listen(second);
        const card = second.page.locator(`[data-room="${room.split('/').pop()}"]`);
        await card.locator('.go', { hasText: words.wait }).waitFor();
        await second.picture('lobby');
        await card.getByRole('link', { name: words.roomName }).click();
        await standsAt(second, 2, words.ahead);
        await second.look('in-line');

        // One wants no sound; a reload costs neither that wish nor the place.
        await first.page.locator('#line-sound').uncheck();
        await first.page.reload();
        await standsAt(first, 1, words.next);
        assert.equal(await first.page.locator('#line-sound').isChecked(), false);
        assert.match(await first.page.title(), /^\(1\) /);

        // The host leaves; the seat is the first one's, who gives it to the next.
        await host.page.locator('#leave').click();
        await host.page.getByRole('heading', { name: words.lobby, level: 1 }).waitFor();
        const offer = first.page.locator('#offer');
        await offer.getByRole('button', { name: words.goIn, exact: true }).waitFor();
        assert.equal(await first.page.title(), words.offerTitle);
        assert.equal(await first.page.evaluate(() => globalThis.notes), 0);
        await offer.getByRole('link', { name: words.pass, exact: true }).click();
        await first.page.getByRole('heading', { name: words.lobby, level: 1 }).waitFor();

        // The second goes in by itself, in the window that is looked at and in no other way.
        const counting = second.page.locator('#offer');
        await counting.waitFor({ state: 'visible' });
        assert.equal(await second.page.title(), words.offerTitle);
        await second.page.waitForFunction(() => globalThis.notes === 2);
        await second.picture('offer');
        await second.isSeated();
        await second.say(words.hello);

        // Somebody joins again, and leaves the line for good.
        await first.page.goto(`${room}?line=1`);
        await standsAt(first, 1, words.next);
        await first.page.getByRole('link', { name: words.leaveLine, exact: true }).click();
        await first.page.getByRole('heading', { name: words.lobby, level: 1 }).waitFor();
        const seats = async () => {
          const answer = await second.context.request.get(`/api/v1${room}`);
          return (await answer.json()).room.seats;
        };
        while ((await seats()).waiting > 0) await second.page.waitForTimeout(50);
        assert.equal((await seats()).occupied, 1);
        for (const person of [host, first, second]) await person.goHome();
      });
    });
  }
}
