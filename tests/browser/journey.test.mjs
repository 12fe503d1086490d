// The whole journey in a real browser, in both languages, on a desk and on a phone: sign up, open a
// room, somebody joins, they talk, a third is told that it is full, a second tab takes over, leave.

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

/** Signs up, opens a room of two, and sits in it. */
async function openRoom(host, username, words) {
  const { page } = host;
  await page.goto('/');
  await page.getByRole('heading', { name: words.lobby, level: 1 }).waitFor();
  await host.picture('1-lobby');
  await page.locator('main').getByRole('link', { name: words.signUp, exact: true }).click();
  await host.picture('2-sign-up');
  await host.signUp(username);
  await page.getByRole('link', { name: words.newRoom, exact: true }).first().click();
  await page.locator('[name="capacity"]').waitFor();
  await host.picture('3-new-room');
  await host.fill({ name: words.roomName, capacity: '2' }, words.createRoom);
  await host.isSeated();
  await page.getByRole('heading', { name: words.roomName }).waitFor();
  return new URL(page.url()).pathname;
}

/** Opens a room's address without a login, signs up on the way, and ends up in the room. */
async function join(friend, room, username, words) {
  const { page } = friend;
  await page.goto(room);
  const already = page.getByRole('link', { name: words.noAccount, exact: true });
  await already.or(page.getByRole('link', { name: words.signUp, exact: true })).first().click();
  await friend.signUp(username);
  await friend.isSeated();
  assert.equal(new URL(page.url()).pathname, room, 'to where one wanted to go');
}

/** Comes as a guest to a full room; returns the panel that says so. */
async function comeTooLate(guest, room, words) {
  const { page } = guest;
  await page.goto(`/guest?next=${encodeURIComponent(room)}`);
  await guest.fill({ display_name: 'Third' }, words.guestSubmit);
  const panel = await guest.isRefused('room_full', words.full);
  await guest.picture('6-full');
  return panel;
}

/** Opens the room in a second tab; the first steps aside and stays aside. */
async function takeOver(host, friend, room, words) {
  const tab = await host.newTab();
  await tab.goto(room);
  await host.isSeated(tab);
  await host.isRefused('replaced', words.replaced);
  await host.picture('7-replaced');
  await host.say(words.later, tab);
  await friend.hears(words.later);
  await friend.say(`${words.answer} (2)`);
  await host.hears(`${words.answer} (2)`, tab);
  // Much was said since; a tab that fights back would have thrown the other out by now.
  await host.isRefused('replaced', words.replaced);
  assert.equal(await tab.locator('#room').getAttribute('data-state'), 'live');
  return tab;
}

async function walk(language, width) {
  const words = WORDS[language];
  const name = `${language}-${width}`;
  const settings = { base: server.address, words, walk: name, locale: words.locale, width };
  const host = await Person.arrive(browser, settings);
  const room = await openRoom(host, `host-${name}`, words);
  assert.equal(await host.page.locator('html').getAttribute('lang'), language);
  const friend = await Person.arrive(browser, settings);
  await join(friend, room, `friend-${name}`, words);
  await host.hears(words.joined(`friend-${name}`));
  await host.say(words.hello);
  await friend.hears(words.hello);
  await friend.say(words.answer);
  await host.hears(words.answer);
  await host.picture('4-room');
  await friend.picture('5-room-of-the-other');
  const guest = await Person.arrive(browser, settings);
  const full = await comeTooLate(guest, room, words);
  const tab = await takeOver(host, friend, room, words);
  await tab.getByRole('link', { name: words.leave }).or(tab.getByRole('button', { name: words.leave })).click();
  await tab.waitForURL((url) => url.pathname === '/');
  await host.picture('8-left', tab);
  await friend.hears(words.left(`host-${name}`));
  await full.locator('[data-action="retry"]').click();
  await guest.isSeated();
  await friend.hears(words.joined('Third'));
  await guest.seesPeople([`friend-${name}`, 'Third'], 'Third');
  await guest.picture('9-seated-after-all');
  for (const person of [host, friend, guest]) await person.goHome();
}

describe('the journey', () => {
  for (const language of ['en', 'ko']) {
    for (const width of widths(language)) {
      it(`is walked in ${language} at ${width} pixels`, () => walk(language, width));
    }
  }
});

describe('a page', () => {
  it('comes back in the language that was chosen', async () => {
    const words = WORDS.en;
    const settings = { base: server.address, words, walk: 'switch', locale: words.locale, width: 1440 };
    const person = await Person.arrive(browser, settings);
    const { page } = person;
    await page.goto('/login');
    await page.getByRole('link', { name: '한국어' }).click();
    await page.waitForURL((url) => url.pathname === '/login');
    assert.equal(await page.locator('html').getAttribute('lang'), 'ko');
    await page.goto('/');
    await page.getByRole('heading', { name: WORDS.ko.lobby, level: 1 }).waitFor();
    await person.goHome();
  });

  it('reloads into the same seat of a full room', async () => {
    const words = WORDS.en;
    const settings = { base: server.address, words, walk: 'reload', locale: words.locale, width: 1440 };
    const [host, friend] = [await Person.arrive(browser, settings), await Person.arrive(browser, settings)];
    const room = await openRoom(host, 'host-reload', words);
    await join(friend, room, 'friend-reload', words);
    for (let round = 0; round < 3; round += 1) {
      await friend.page.reload();
      await friend.isSeated();
    }
    await friend.say(words.answer);
    await host.hears(words.answer);
    for (const person of [host, friend]) await person.goHome();
  });
});
