// What people write is text, wherever it is shown: 200 attempts at markup and script, each as the name of a
// room, as the name of a person, and as a message; loaded with the page, and come live.

import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { Crowd } from './crowd.js';
import { Person, launch } from './people.js';
import { startServer } from './server.js';
import { WORDS } from './words.js';

// What leads out of the place that a text was put into…
const PREFIXES = ['', '">', "'>", '</title>', '</script>', '--><', ']]>', '{{x()}}'];
// …and what would do something there. Together no longer than a person's name may be.
const MARKUP = [
  '<script>x()</script>', '<SCRIPT>x()</SCRIPT>', '<script/x>x()</script>', '<img src onerror=x()>',
  '<img/src/onerror=x()>', '<IMG SRC=x OnError=x()>', '<svg onload=x()>', '<svg/onload=x()>',
  '<svg><script>x()</script>', '<body onload=x()>', '<iframe srcdoc="<b>">', '<iframe onload=x()>',
  '<a href=javascript:x()>a</a>', '<a href="java&#9;script:x()">', '<input autofocus onfocus=x()>',
  '<video src onerror=x()>', '<details open ontoggle=x()>', '<math><mi xlink:href=data:x>',
  '<style>*{display:none}</style>', '<link rel=stylesheet href=//x>', '<base href=//x.example>',
  '<meta http-equiv=refresh>', '<form action=//x><button>', '<x onclick=x() style=all:unset>',
  '&lt;b&gt;&#60;i&#62;\\x3cb\\u003c',
];
const PAYLOADS = PREFIXES.flatMap((prefix) => MARKUP.map((markup) => (prefix + markup).slice(0, 40).trim()));

// The pages of several nodes are those of one.
const skip = Number(process.env.NODES ?? 1) > 1 && 'tried on one node';

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

/** Nothing of a text became an element or ran; and what a page says of it is all of it. */
async function isText(page, where, expected) {
  assert.equal(await page.evaluate(() => globalThis.ran), 0, `${where}: nothing ran`);
  const odd = await page.evaluate(() => {
    const made = 'script:not([src]), iframe, img:not([src="/assets/logo.svg"]), base, style, object, embed, math, video, x';
    const handlers = [...document.querySelectorAll('*')].filter((it) =>
      [...it.attributes].some(({ name, value }) => name.startsWith('on') || /^\s*javascript:/i.test(value)));
    return [...document.querySelectorAll(made), ...handlers].map((it) => it.outerHTML.slice(0, 200));
  });
  assert.deepEqual(odd, [], `${where}: no markup`);
  const shown = new Set(await page.locator(where).evaluateAll((all) => all.map((it) => it.matches('input') ? it.value : it.textContent)));
  assert.deepEqual(expected.filter((text) => !shown.has(text)), [], `${where}: shown as they were written`);
}

it('a46_two_hundred_attempts_at_script_are_shown_as_they_were_written', { skip, timeout: 300_000 }, async () => {
  assert.equal(new Set(PAYLOADS).size, 200);
  const words = WORDS.en;
  const settings = { base: server.address, words, walk: 'xss', locale: words.locale, width: 1440 };
  const person = await Person.arrive(browser, settings);
  const { page } = person;
  await person.context.addInitScript(() => {
    globalThis.ran = 0;
    globalThis.x = globalThis.alert = () => (globalThis.ran += 1);
  });
  page.on('dialog', () => assert.fail('a dialog opened'));

  // Names of rooms that come while one looks, and of those that were there.
  await page.goto('/');
  const crowd = await Crowd.arrive(browser, server.address);
  await crowd.each(PAYLOADS, 'createRoomAndLeave');
  await page.locator('.card').nth(199).waitFor();
  await isText(page, '.card h2', PAYLOADS);
  const listed = [];
  for (let href = '/'; href; ) {
    await page.goto(href);
    listed.push(...(await page.locator('.card h2').allTextContents()));
    await isText(page, '.card h2', []);
    const more = page.locator('main > .actions a[href*="cursor"]');
    href = (await more.count()) ? await more.getAttribute('href') : undefined;
  }
  assert.deepEqual(PAYLOADS.filter((name) => !listed.includes(name)), [], 'all are listed');

  // Names of people, in a room named so, and what they say.
  const room = await crowd.open('Host', { name: PAYLOADS[8], capacity: 250 });
  await page.goto(`/guest?next=/rooms/${room.id}`);
  await person.fill({ display_name: PAYLOADS[33] }, words.guestSubmit);
  await person.isSeated();
  await isText(page, '.who .name', [PAYLOADS[33]]);
  await isText(page, '.room-title h1', [PAYLOADS[8]]);
  await crowd.each(PAYLOADS, 'joinAndSay', room.id);
  await page.locator('#messages .text').getByText(PAYLOADS.at(-1), { exact: true }).waitFor();
  await isText(page, '#messages .text', PAYLOADS);
  await isText(page, '#messages .by strong', PAYLOADS);
  await page.reload();
  await person.isSeated();
  const log = page.locator('#log');
  while (await page.evaluate(() => !document.querySelector('.beginning'))) await log.evaluate((it) => (it.scrollTop = 0));
  await isText(page, '#messages .text', PAYLOADS);
  await isText(page, '#messages .by strong', PAYLOADS);
  await isText(page, '#people li', PAYLOADS.slice(0, 50));
  assert.equal(await page.title(), `${PAYLOADS[8]} · Anteroom`);
  await page.locator('.message .more').last().click();
  await page.locator('.acts button').first().click();
  await isText(page, '#doing', []);
  assert.ok((await page.locator('#doing').innerText()).includes(PAYLOADS.at(-1)));
  await person.say('an answer');
  await page.locator('.quote span').getByText(PAYLOADS.at(-1)).waitFor();
  await isText(page, '.quote', []);

  await page.getByRole('button', { name: words.find, exact: true }).click();
  await page.keyboard.type('onload');
  await page.keyboard.press('Enter');
  await page.locator('#found mark').first().waitFor();
  await isText(page, '#found .snippet', [PAYLOADS.findLast((text) => text.includes('onload'))]);
  await page.keyboard.press('Escape');
  await page.goto('/profile');
  await isText(page, '[name=display_name]', [PAYLOADS[33]]);
  await page.goto(`/?q=${encodeURIComponent(PAYLOADS[8])}`);
  await isText(page, '#q', [PAYLOADS[8]]);
  await crowd.goHome();
  await person.goHome();
});
