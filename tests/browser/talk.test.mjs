// Two people talk in a real browser, in both languages, on a desk and on a phone: links, other words, taking
// back, who is writing, who has read, and what came while one looked elsewhere.

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

/** Two who sit in a new room, each with a browser: who made it, and a friend. */
async function two(lang, width, walk) {
  const words = WORDS[lang];
  const settings = { base: server.address, words, walk: `talk-${walk}-${lang}-${width}`, locale: words.locale, width };
  const [host, friend] = await Promise.all([Person.arrive(browser, settings), Person.arrive(browser, settings)]);
  await host.page.goto('/guest?next=/rooms/new');
  await host.fill({ display_name: 'Host' }, words.guestSubmit);
  await host.fill({ name: words.roomName, capacity: '4' }, words.createRoom);
  await host.isSeated();
  const room = new URL(host.page.url()).pathname;
  await friend.page.goto(`/guest?next=${room}`);
  await friend.fill({ display_name: 'Friend' }, words.guestSubmit);
  await friend.isSeated();
  return { words, host, friend, room };
}

const message = (person, text) =>
  person.page.locator('.message').filter({ has: person.page.locator('.text').getByText(text, { exact: true }) });

async function press(person, text, ...names) {
  const item = message(person, text);
  await item.locator('.more').click();
  for (const name of names) await item.locator('.acts').getByRole('button', { name, exact: true }).click();
}

for (const lang of Object.keys(WORDS)) {
  for (const width of widths(lang)) {
    describe(`${lang} at ${width} pixels`, () => {
      it('says it otherwise, takes it back, and keeps order', async () => {
        const { words, host, friend } = await two(lang, width, 'change');
        await friend.say('first words');
        // By keyboard: the last message is fetched into the box, and Escape leaves it as it was.
        await friend.page.keyboard.type('');
        await friend.page.keyboard.press('ArrowUp');
        assert.equal(await friend.page.locator('#text').inputValue(), 'first words');
        await friend.picture('editing');
        await friend.page.keyboard.press('Escape');
        assert.equal(await friend.page.locator('#text').inputValue(), '');
        await friend.page.keyboard.press('ArrowUp');
        await friend.page.keyboard.press('End');
        await friend.page.keyboard.type(', better');
        await friend.page.keyboard.press('Enter');
        await host.hears('first words, better');
        await message(host, 'first words, better').getByText(words.edited).waitFor();
        // What others said is not one's to change, but the owner may take it away.
        await host.say('of the owner');
        await friend.hears('of the owner');
        await message(friend, 'of the owner').locator('.more').click();
        assert.deepEqual(await friend.page.locator('.acts button').allTextContents(), [words.reply]);
        await friend.page.keyboard.press('Escape');
        await message(host, 'first words, better').locator('.more').click();
        await host.look('acts');
        await host.page.keyboard.press('Escape');
        assert.equal(await host.page.locator('.acts').count(), 0);
        await press(host, 'first words, better', words.delete, words.delete);
        await friend.hears(words.deleted);
        assert.equal(await message(friend, words.deleted).locator('.more').count(), 0);
        // Asked before it is done.
        await press(host, 'of the owner', words.delete, words.keep);
        await host.page.reload();
        await host.isSeated();
        await host.hears('of the owner');
        await host.hears(words.deleted);
        await host.goHome();
        await friend.goHome();
      });

      it('leads to addresses, and to nothing else', async () => {
        const { host, friend } = await two(lang, width, 'links');
        await host.say('see (https://example.org/a_(b)). javascript:alert(1) https://bank.example@evil.example/');
        const links = friend.page.locator('.message .text a');
        await links.first().waitFor();
        assert.deepEqual(await links.allTextContents(), ['https://example.org/a_(b)']);
        assert.equal(await links.getAttribute('href'), 'https://example.org/a_(b)');
        assert.equal(await links.getAttribute('target'), '_blank');
        assert.match(await links.getAttribute('rel'), /noopener.*noreferrer/);
        await friend.picture('links');
        await host.goHome();
        await friend.goHome();
      });

      it('tells who is writing and who has read', async () => {
        const { words, host, friend } = await two(lang, width, 'marks');
        await friend.page.locator('#text').focus();
        await friend.page.keyboard.type('hm');
        await host.page.locator('#typing').getByText(words.typing('Friend'), { exact: true }).waitFor();
        await host.picture('typing');
        await friend.page.keyboard.press('Enter');
        await host.hears('hm');
        await host.page.waitForFunction(() => document.getElementById('typing').textContent === '');
        await friend.page.locator('.read').getByText(words.readBy('Host'), { exact: true }).waitFor();
        await friend.picture('read');
        await host.goHome();
        await friend.goHome();
      });

      it('answers one of many, and leads to what was answered', async () => {
        const { words, host, friend } = await two(lang, width, 'reply');
        await host.say('who brings <b>tea</b>?');
        for (let n = 1; n <= 70; n += 1) await host.say(`line ${n}`);
        await friend.hears('line 70');
        // Wanted, and then not: what stood in the box stays.
        await press(friend, 'line 69', words.reply);
        await friend.page.keyboard.type('I ');
        await friend.page.keyboard.press('Escape');
        assert.equal(await friend.page.locator('#doing').isVisible(), false);
        assert.equal(await friend.page.locator('#text').inputValue(), 'I ');
        await press(friend, 'who brings <b>tea</b>?', words.reply);
        await friend.page.locator('#doing').getByText('who brings <b>tea</b>?').waitFor();
        await friend.picture('replying');
        await friend.page.keyboard.type('do');
        await friend.page.keyboard.press('Enter');
        await host.hears('I do');
        const quote = message(host, 'I do').locator('.quote');
        assert.equal(await quote.innerText(), `${words.replyTo('Host')} who brings <b>tea</b>?`);
        await host.look('reply');
        await host.page.reload();
        await host.isSeated();
        // What was answered is not in the list of a page just loaded: it is asked for, and then scrolled to.
        await quote.getByText('who brings <b>tea</b>?').waitFor();
        assert.equal(await message(host, 'who brings <b>tea</b>?').count(), 0);
        await quote.click();
        await host.page.waitForFunction(() => document.activeElement.matches('.message.shown'));
        assert.equal(await host.page.locator('.shown .text').innerText(), 'who brings <b>tea</b>?');
        await host.page.locator('.shown').scrollIntoViewIfNeeded();
        await press(host, 'who brings <b>tea</b>?', words.delete, words.delete);
        await friend.page.locator('.quote').getByText(words.deleted).waitFor();
        await host.goHome();
        await friend.goHome();
      });

      it('tells what could not be sent, and sends it again or drops it', async () => {
        const { words, host, friend } = await two(lang, width, 'unsent');
        const { page } = host;
        // The server takes nothing for a while: what it says then, and nothing else of it.
        let takes = false;
        await page.routeWebSocket(/\/ws\?/, (socket) => {
          const onward = socket.connectToServer();
          socket.onMessage((text) => {
            const { type, client_id: ref } = JSON.parse(text);
            if (type !== 'send' || takes) onward.send(text);
            else socket.send(JSON.stringify({ type: 'error', code: 'unavailable', detail: 'Not now.', ref }));
          });
        });
        await page.reload();
        await host.isSeated();
        for (const text of ['said in vain', 'not meant']) {
          await page.locator('#text').fill(text);
          await page.keyboard.press('Enter');
          await message(host, text).locator('.state').getByRole('button', { name: words.again, exact: true }).waitFor();
        }
        await host.look('unsent');
        const drop = message(host, 'not meant').getByRole('button', { name: words.drop, exact: true });
        await drop.click();
        await message(host, 'not meant').waitFor({ state: 'detached' });
        assert.equal(await page.evaluate(() => document.activeElement.id), 'text');
        takes = true;
        await message(host, 'said in vain').getByRole('button', { name: words.again, exact: true }).click();
        await page.locator('.unsent, .pending').waitFor({ state: 'detached' });
        await friend.hears('said in vain');
        assert.equal(await message(friend, 'said in vain').count(), 1);
        assert.equal(await friend.page.getByText('not meant').count(), 0);
        await host.goHome();
        await friend.goHome();
      });

      it('finds what was said, and shows it where it stands', async () => {
        const { words, host, friend } = await two(lang, width, 'find');
        await host.say('the green kettle sings');
        for (let n = 1; n <= 60; n += 1) await host.say(`word ${n}`);
        await friend.hears('word 60');
        await friend.page.reload();
        await friend.isSeated();
        await friend.page.getByRole('button', { name: words.find, exact: true }).click();
        await friend.page.keyboard.type('nobodysaidthis');
        await friend.page.keyboard.press('Enter');
        await friend.page.locator('#find-state').getByText('nobodysaidthis').waitFor();
        await friend.page.locator('#find-words').fill('kettle');
        await friend.page.keyboard.press('Enter');
        await friend.page.locator('#found mark').getByText('kettle').waitFor();
        await friend.look('found');
        await friend.page.locator('#found button').click();
        await friend.page.waitForFunction(() => document.activeElement.matches('.message.shown'));
        assert.equal(await friend.page.locator('.shown .text').innerText(), 'the green kettle sings');
        await friend.picture('shown');
        await host.goHome();
        await friend.goHome();
      });

      it('finds where the new begins', async () => {
        const { words, host, friend, room } = await two(lang, width, 'unread');
        await host.say('seen by both');
        await friend.hears('seen by both');
        await friend.page.waitForFunction(() => Object.keys(localStorage).some((key) => key.startsWith('anteroom.read.')));
        await friend.page.goto('/');
        for (let n = 1; n <= 30; n += 1) await host.say(`missed ${n}`);
        await friend.page.goto(room);
        await friend.isSeated();
        await friend.hears('missed 30');
        const jump = friend.page.locator('#unread');
        await jump.getByText(words.newOnes(30)).waitFor();
        await friend.picture('jump');
        await jump.click();
        const line = friend.page.locator('.unread-line');
        await friend.page.waitForFunction(() => document.getElementById('unread').hidden);
        assert.equal(await line.locator('+ .message').getByText('missed 1', { exact: true }).count(), 1);
        const named = friend.page.locator('.message:not(.joined)').filter({ hasText: 'missed' });
        assert.equal(await named.count(), 1, 'one name above what one person said in a row');
        await friend.look('unread');
        await host.goHome();
        await friend.goHome();
      });
    });
  }
}
