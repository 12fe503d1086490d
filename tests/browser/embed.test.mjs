// A room of this server in the page of another site: a stranger's page with a strict policy of its own, on another
// port, in both languages, on a desk and on a phone, in both schemes.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { Person, launch } from './people.js';
import { startServer } from './server.js';
import { widths } from './widths.js';
import { WORDS } from './words.js';

const EXAMPLE = new URL('../../clients/js/embed.html', import.meta.url);

/** What would run, load or show something of its own, were it anything but text. */
const PAYLOADS = [
  '<script>window.hit=1</script>',
  '<img src=x onerror="window.hit=1">',
  '<svg onload=window.hit=1>',
  '<iframe srcdoc="<script>parent.hit=1</script>"></iframe>',
  '<a href="javascript:window.hit=1">click</a>',
  'javascript:window.hit=1',
  '"><script>window.hit=1</script>',
  "'-window.hit=1-'",
  '</div></li></ol><h1>out</h1>',
  '<style>*{display:none}</style>',
  '<link rel=stylesheet href=//evil.example/x.css>',
  '<base href=//evil.example/>',
  '<form action=//evil.example><button>Send</button></form>',
  '<math><mtext><img src=x onerror=window.hit=1>',
  '<template shadowrootmode=open><script>window.hit=1</script></template>',
  '<meta http-equiv=refresh content="0;url=//evil.example">',
  '{{constructor.constructor("window.hit=1")()}}',
  '${window.hit=1}',
  '&lt;script&gt;window.hit=1&lt;/script&gt;',
  '<anteroom-room room="1" base="//evil.example"></anteroom-room>',
];

/** What the element says. */
const SAYS = {
  en: {
    name: 'Your name',
    comeIn: 'Come in',
    full: 'The room is full',
    wait: 'Wait in line',
    next: 'You are next.',
    leave: 'Leave',
    back: 'Come back in',
    replaced: 'You opened this room elsewhere',
    useHere: 'Use it here',
    closed: 'This room has closed',
    seats: (taken, capacity) => `${taken} of ${capacity} seats taken`,
    empty: 'Say hello!',
    say: 'Say something',
  },
  ko: {
    name: '이름',
    comeIn: '들어가기',
    full: '방이 가득 찼어요',
    wait: '줄 서서 기다리기',
    next: '다음이 내 차례예요.',
    leave: '나가기',
    back: '다시 들어가기',
    replaced: '다른 곳에서 이 방을 열었어요',
    useHere: '여기서 이어 하기',
    closed: '닫힌 방이에요',
    seats: (taken, capacity) => `${capacity}석 중 ${taken}석 사용 중`,
    empty: '먼저 인사해 보세요!',
    say: '메시지 쓰기',
  },
};

let server;
let site;
let browser;

/** The stranger's site: the example as it is published, with its addresses put right, under a strict policy. */
async function startSite() {
  const example = await readFile(EXAMPLE, 'utf8');
  const http = createServer((request, response) => {
    const url = new URL(request.url, 'http://site');
    if (url.pathname !== '/') return response.writeHead(404).end();
    const socket = server.address.replace(/^http/, 'ws');
    const policy = [
      "default-src 'none'",
      `script-src ${server.address}`,
      `connect-src ${server.address} ${socket}`,
      "require-trusted-types-for 'script'",
      "trusted-types 'none'",
    ];
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.setHeader('content-security-policy', policy.join('; '));
    response.end(
      example
        .replaceAll('https://chat.example.org', server.address)
        .replace('room="101"', `room="${url.searchParams.get('room')}"`)
        .replace('lang="en"', `lang="${url.searchParams.get('lang')}"`),
    );
  });
  await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
  return { origin: `http://127.0.0.1:${http.address().port}`, stop: () => http.close() };
}

before(async () => {
  site = await startSite();
  server = await startServer({ ANTEROOM_SERVER__ALLOWED_ORIGINS: site.origin });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
  site?.stop();
  assert.deepEqual(server?.alarms() ?? [], [], 'the server raised no alarm');
});

/** Whoever made the room on the server's own page. */
async function host(lang, width, capacity, walk) {
  const words = WORDS[lang];
  const settings = { base: server.address, words, walk: `embed-${walk}-${lang}-${width}`, locale: words.locale, width };
  const person = await Person.arrive(browser, settings);
  await person.page.goto('/guest?next=/rooms/new');
  await person.fill({ display_name: '<b>Host</b>' }, words.guestSubmit);
  await person.fill({ name: words.roomName, capacity: String(capacity) }, words.createRoom);
  await person.isSeated();
  return { person, room: Number(new URL(person.page.url()).pathname.split('/').pop()) };
}

/** Somebody on the stranger's site, in front of the element. */
async function visitor(lang, width, room, walk) {
  const words = WORDS[lang];
  const settings = { base: site.origin, words, walk: `embed-${walk}-${lang}-${width}`, locale: words.locale, width };
  const person = await Person.arrive(browser, settings);
  await open(person, lang, room);
  return person;
}

const open = (person, lang, room, page = person.page) => page.goto(`/?room=${room}&lang=${lang}`);

/** Waits until the element stands there; what it shows instead, if it does not. */
async function state(page, wanted) {
  const there = page.locator(`anteroom-room[data-state="${wanted}"]`).waitFor();
  await there.catch(async (error) => {
    const shown = await page.locator('anteroom-room').evaluate((it) => `${it.dataset.state}: ${it.shadowRoot.textContent}`);
    throw new Error(`instead of ${wanted} stands ${shown}`, { cause: error });
  });
}

const panel = (page) => page.locator('anteroom-room .panel');
const box = (page) => page.locator('anteroom-room textarea');
const said = (page, text) => page.locator('anteroom-room li .text').filter({ hasText: text });

async function comeIn(person, lang, name) {
  await state(person.page, 'name');
  await person.page.getByLabel(SAYS[lang].name).fill(name);
  await person.page.keyboard.press('Enter');
}

for (const lang of Object.keys(SAYS)) {
  for (const width of widths(lang)) {
    describe(`${lang} at ${width} pixels`, () => {
      it('a room in a page of ten lines is a room like any other', async () => {
        const lines = (await readFile(EXAMPLE, 'utf8')).trim().split('\n');
        assert.ok(lines.length <= 10, `${lines.length} lines`);
        const { person: there, room } = await host(lang, width, 5, 'talk');
        const here = await visitor(lang, width, room, 'talk');
        await state(here.page, 'name');
        await here.look('name');
        await comeIn(here, lang, '준 & <i>Jun</i>');
        await state(here.page, 'live');
        await here.page.getByText(SAYS[lang].empty).waitFor();
        await here.page.getByText(SAYS[lang].seats(2, 5)).waitFor();

        // By keyboard alone, with a line end in it, and not while a syllable is being composed.
        await box(here.page).focus();
        await here.page.keyboard.type('one');
        await box(here.page).dispatchEvent('keydown', { key: 'Enter', isComposing: true });
        await here.page.keyboard.press('Shift+Enter');
        await here.page.keyboard.type('두 번째 줄');
        await here.page.keyboard.press('Enter');
        await said(here.page, 'one\n두 번째 줄').waitFor();
        assert.equal(await said(here.page, 'one').count(), 1, 'said once');
        await there.page.locator('#messages').getByText('두 번째 줄').waitFor();
        await there.say('hello over there');
        await said(here.page, 'hello over there').waitFor();
        await here.page.locator('anteroom-room .who', { hasText: '<b>Host</b>' }).first().waitFor();
        await there.say('A longer message, so that it can be seen how one that does not fit in one row is laid out here. 긴 글도 보기 좋게 줄이 바뀌어야 해요.');
        await there.page.locator('#text').focus();
        await here.look('talk');

        // The Tab key reaches what there is to act on, and each is seen to have focus.
        const stops = [];
        await here.page.locator('h1').click();
        for (let n = 0; n < 4; n += 1) {
          await here.page.keyboard.press('Tab');
          stops.push(await here.page.evaluate(() => {
            const at = document.querySelector('anteroom-room').shadowRoot.activeElement;
            return `${at.localName} ${getComputedStyle(at).outlineStyle}`;
          }));
        }
        assert.deepEqual(stops, ['button solid', 'div solid', 'textarea solid', 'button solid']);

        // Leaving gives the seat back at once, and there is a way onward.
        await here.page.getByRole('button', { name: SAYS[lang].leave, exact: true }).click();
        await state(here.page, 'ended');
        await here.look('left');
        await there.page.getByText(WORDS[lang].left('준 & <i>Jun</i>')).waitFor();
        await here.page.getByRole('button', { name: SAYS[lang].back, exact: true }).click();
        await said(here.page, 'hello over there').waitFor();
        await here.goHome();
        await there.goHome();
      });

      it('whatever is said or called is text', async () => {
        const { person: there, room } = await host(lang, width, 5, 'text');
        const here = await visitor(lang, width, room, 'text');
        await comeIn(here, lang, PAYLOADS[1]);
        await state(here.page, 'live');
        for (const payload of PAYLOADS) {
          await box(here.page).fill(payload);
          await here.page.keyboard.press('Enter');
        }
        await said(here.page, PAYLOADS.at(-1)).waitFor();
        // The way in by history as well.
        await there.say('and mine');
        await said(here.page, 'and mine').waitFor();
        const again = await visitor(lang, width, room, 'text-again');
        await comeIn(again, lang, 'Reader');
        await said(again.page, 'and mine').waitFor();
        for (const { page } of [here, again]) {
          const found = await page.evaluate(() => {
            const root = document.querySelector('anteroom-room').shadowRoot;
            return {
              texts: [...root.querySelectorAll('li .text')].map((it) => it.textContent),
              inside: root.querySelectorAll('li .text *, li b *').length,
              foreign: root.querySelectorAll('script, img, svg, iframe, a, style, link, base, meta, template, h1').length,
              hit: window.hit,
            };
          });
          assert.deepEqual(found.texts, [...PAYLOADS, 'and mine']);
          assert.deepEqual([found.inside, found.foreign, found.hit], [0, 0, undefined]);
        }
        await here.picture('payloads');
        for (const person of [here, again, there]) await person.goHome();
      });

      it('a full room, a seat that is used elsewhere and a closed room say what to do', async () => {
        const { person: there, room } = await host(lang, width, 1, 'ends');
        const here = await visitor(lang, width, room, 'ends');
        await comeIn(here, lang, 'Jun');
        await state(here.page, 'full');
        await panel(here.page).getByText(SAYS[lang].full).waitFor();
        await here.look('full');
        await panel(here.page).getByRole('button', { name: SAYS[lang].wait }).click();
        await state(here.page, 'waiting');
        await panel(here.page).getByText(SAYS[lang].next).waitFor();
        await here.look('waiting');
        await there.page.locator('#leave').click();
        await state(here.page, 'live');

        const owner = (method, body) => there.page.evaluate(async ([id, asked, json]) => {
          const headers = { 'content-type': 'application/json' };
          const answer = await fetch(`/api/v1/rooms/${id}`, { method: asked, headers, body: json });
          return answer.ok;
        }, [room, method, body && JSON.stringify(body)]);
        assert.ok(await owner('PATCH', { capacity: 3 }));
        await here.page.getByText(SAYS[lang].seats(1, 3)).waitFor();

        // The same person in a second tab: the first one steps aside, and takes the seat back when asked to.
        const second = await here.newTab();
        await open(here, lang, room, second);
        const token = await here.page.evaluate(async (base) => {
          const answer = await fetch(`${base}/api/v1/sessions/guest`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ display_name: 'By the site' }),
          });
          return (await answer.json()).token;
        }, server.address);
        const takes = (page) => page.evaluate((it) => {
          document.querySelector('anteroom-room').token = it;
        }, token);
        await takes(here.page);
        await state(here.page, 'live');
        await takes(second);
        await state(second, 'live');
        await state(here.page, 'ended');
        await panel(here.page).getByText(SAYS[lang].replaced).waitFor();
        await here.look('replaced');
        await panel(here.page).getByRole('button', { name: SAYS[lang].useHere }).focus();
        await here.page.keyboard.press('Enter');
        await state(here.page, 'live');
        await panel(second).getByText(SAYS[lang].replaced).waitFor();

        assert.ok(await owner('DELETE'));
        await panel(here.page).getByText(SAYS[lang].closed).waitFor();
        assert.equal(await box(here.page).isVisible(), false);
        await here.look('closed');
        for (const person of [here, there]) await person.goHome();
      });
    });
  }
}

// The last one: the server is gone afterwards.
it('a server that stops is told, and the element tries to come back by itself', async () => {
  const { person: there, room } = await host('en', 360, 3, 'away');
  const here = await visitor('en', 360, room, 'away');
  await comeIn(here, 'en', 'Jun');
  await state(here.page, 'live');
  await there.goHome();
  const attempts = here.page.waitForRequest((request) => request.url().endsWith('/reservations'));
  await server.stop();
  await state(here.page, 'away');
  await here.page.getByText('Coming back by itself').waitFor();
  await here.look('away');
  await attempts;
  // What is typed meanwhile waits; leaving needs no server.
  await box(here.page).fill('said into the void');
  await here.page.keyboard.press('Enter');
  await here.page.getByRole('button', { name: SAYS.en.leave, exact: true }).click();
  await state(here.page, 'ended');
  await here.goHome();
});
