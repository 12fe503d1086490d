// That long lists scroll smoothly: a lobby of 1,000 rooms and a room with 5,000 messages. What the browser's
// own trace says of its main thread is reported, and never judged by a clock; what is judged is what a page
// weighs before a person can talk.

import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { Crowd } from './crowd.js';
import { Person, launch } from './people.js';
import { startServer } from './server.js';
import { WORDS } from './words.js';

const ROOMS = 1000;
const MESSAGES = 5000;
const FIRST_VIEW_MAX = 60_000;
const LONG_MS = 50;
// The pages of several nodes are those of one.
const skip = Number(process.env.NODES ?? 1) > 1 && 'measured on one node';

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

/** What the main thread did at a stretch while `act` ran, longest first, in ms; as the browser traced it. */
async function traced(page, act) {
  const cdp = await page.context().newCDPSession(page);
  const events = [];
  cdp.on('Tracing.dataCollected', ({ value }) => events.push(...value));
  const complete = new Promise((resolve) => cdp.once('Tracing.tracingComplete', resolve));
  await cdp.send('Tracing.start', {
    transferMode: 'ReportEvents',
    traceConfig: { includedCategories: ['toplevel', 'devtools.timeline', '__metadata'] },
  });
  await act();
  await cdp.send('Tracing.end');
  await complete;
  await cdp.detach();
  const isMain = ({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain';
  const threads = new Set(events.filter(isMain).map(({ pid, tid }) => `${pid}.${tid}`));
  const tasks = events.filter(({ name, ph, pid, tid }) =>
    name.endsWith('RunTask') && ph === 'X' && threads.has(`${pid}.${tid}`));
  return tasks.map(({ dur }) => dur / 1000).sort((a, b) => b - a);
}

/** Scrolls as a wheel does, a third of a window at a time, until `isThere`. */
async function wheel(page, by, isThere) {
  await page.mouse.move(600, 450);
  for (let n = 0; n < 2000 && !(await page.evaluate(isThere)); n += 1) {
    await page.mouse.wheel(0, by);
    await page.evaluate(() => new Promise((shown) => requestAnimationFrame(() => requestAnimationFrame(shown))));
  }
  assert.ok(await page.evaluate(isThere), 'the other end was reached');
}

function report(test, what, tasks) {
  const long = tasks.filter((ms) => ms > LONG_MS);
  const longest = tasks.slice(0, 5).map((ms) => ms.toFixed(0)).join(', ');
  test.diagnostic(`${what}: ${tasks.length} tasks, ${long.length} over ${LONG_MS} ms; the longest ${longest} ms`);
}

async function arrive(walk) {
  const words = WORDS.en;
  return Person.arrive(browser, { base: server.address, words, walk, locale: words.locale, width: 1440 });
}

it(`scrolls a lobby of ${ROOMS} rooms`, { skip, timeout: 300_000 }, async (test) => {
  const names = Array.from({ length: ROOMS }, (_, n) => `Room ${n} for whoever comes`);
  const crowd = await Crowd.arrive(browser, server.address);
  await crowd.openAll('Host', names);
  const person = await arrive('smooth-lobby');
  const { page } = person;
  await page.goto('/');
  await page.locator('.card').nth(40).waitFor();
  const down = await traced(page, () =>
    wheel(page, 300, () => !document.getElementById('more') &&
      scrollY + innerHeight >= document.documentElement.scrollHeight - 2));
  assert.equal(await page.locator('.card').count(), ROOMS);
  report(test, 'down the lobby', down);
  // Seats that change while one scrolls.
  await person.picture('end');
  const up = await traced(page, () =>
    Promise.all([wheel(page, -300, () => scrollY === 0), crowd.openAll('Other', names.slice(0, 50))]));
  report(test, 'up again, while 50 rooms open', up);
  await crowd.goHome();
  await person.goHome();
});

it(`scrolls a room with ${MESSAGES} messages`, { skip, timeout: 300_000 }, async (test) => {
  const crowd = await Crowd.arrive(browser, server.address);
  const room = await crowd.open('Ada', { name: 'A long talk', capacity: 4 });
  await crowd.sayMany('Ada', MESSAGES);
  const person = await arrive('smooth-room');
  const { page } = person;
  await page.goto(`/guest?next=/rooms/${room.id}`);
  await person.fill({ display_name: 'Reader' }, person.words.guestSubmit);
  await person.isSeated();
  await page.locator('#messages').getByText(`number ${MESSAGES}`, { exact: true }).waitFor();
  const weighs = await page.evaluate(() =>
    performance.getEntries().reduce((sum, { transferSize = 0 }) => sum + transferSize, 0));
  test.diagnostic(`first view of the room: ${weighs} bytes`);
  assert.ok(weighs > 10_000 && weighs < FIRST_VIEW_MAX, `${weighs} bytes`);
  const up = await traced(page, () => wheel(page, -900, () => Boolean(document.querySelector('.beginning'))));
  report(test, 'up to the first message', up);
  assert.equal(await page.locator('.message').count(), MESSAGES);
  await person.picture('beginning');
  const down = await traced(page, () => page.locator('#log').evaluate(async (log) => {
    while (log.scrollTop + log.clientHeight < log.scrollHeight - 2) {
      log.scrollTop += 1500;
      await new Promise(requestAnimationFrame);
    }
  }));
  report(test, 'down to the last', down);
  const said = await traced(page, async () => {
    await crowd.sayMany('Ada', 50);
    // Not by a search through all of them, which would be the longest task of all.
    await page.waitForFunction((all) =>
      document.getElementById('messages').children.length > all, MESSAGES + 50);
  });
  report(test, '50 more are said', said);
  await crowd.goHome();
  await person.goHome();
});
