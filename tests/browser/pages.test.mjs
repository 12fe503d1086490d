// Every page and every panel, in both languages, on a desk and on a phone, light and dark: that
// nothing stands out sideways, that no script stumbles, and that every refusal leads onward.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Crowd } from './crowd.js';
import { PASSWORD, Person, launch } from './people.js';
import { startServer } from './server.js';
import { WORDS } from './words.js';

// The pages of several nodes are those of one: there they are looked at once.
const LANGUAGES = Number(process.env.NODES ?? 1) > 1 ? ['ko'] : ['en', 'ko'];

let browser;

before(async () => {
  browser = await launch();
});
after(async () => {
  await browser?.close();
});

/** A server, a crowd and one person in front of a screen; all are gone afterwards. */
async function visit(language, walk, act, width = 1440) {
  const server = await startServer({ ANTEROOM_ADMISSION__GRACE: '60s' });
  const words = WORDS[language];
  try {
    const crowd = await Crowd.arrive(browser, server.address);
    const settings = { base: server.address, words, walk, locale: words.locale, width };
    const person = await Person.arrive(browser, settings);
    await act({ person, page: person.page, crowd, words, server });
    await person.goHome();
    await crowd.goHome();
    assert.deepEqual(server.alarms(), [], 'the server raised no alarm');
  } finally {
    await server.stop();
  }
}

async function guestIn(person, name, next) {
  await person.page.goto(`/guest?next=${encodeURIComponent(next)}`);
  await person.fill({ display_name: name }, person.words.guestSubmit);
}

/** The same answer that the server would give when something it needs is away. */
async function answering(page, status, problem, then) {
  const path = '**/api/v1/rooms/*/reservations*';
  const body = JSON.stringify(problem);
  await page.route(path, (route) =>
    route.fulfill({ status, contentType: 'application/problem+json', body }));
  await then();
  await page.unroute(path);
}

async function forms({ person, page, words }) {
  await page.goto('/');
  await page.locator('#empty').waitFor();
  await person.look('lobby-empty');
  await page.goto('/signup');
  await person.fill({ username: 'a b', password: 'short' }, words.signUpSubmit);
  assert.equal(await page.locator('[aria-invalid]').count(), 2);
  await person.look('signup-errors');
  await page.goto('/login');
  await person.fill({ username: 'nobody', password: PASSWORD }, words.login);
  await page.getByRole('alert').waitFor();
  assert.equal(await page.locator('[name="username"]').inputValue(), 'nobody');
  await person.look('login-wrong');
  await page.goto('/guest');
  await person.look('guest');
  await page.goto('/signup');
  await person.signUp('someone-with-a-long-name');
  await page.waitForURL((url) => url.pathname === '/');
  await page.goto('/rooms/new');
  await person.look('new-room');
  await person.fill({ name: ' ', capacity: '0' }, words.createRoom);
  await page.getByRole('alert').waitFor();
  await person.look('new-room-errors');
  await page.goto('/profile');
  await person.look('profile');
  await page.goto('/password');
  await person.look('password');
  await page.goto('/no/such/page');
  await person.look('not-found');
  await page.goto('/rooms/9999');
  await person.look('room-not-found');
}

async function lobby({ person, page, crowd, words }) {
  await page.goto('/');
  const long = words.locale === 'ko-KR' ? '아주 긴 이름을 가진 방 '.repeat(5) : 'A room with a long name '.repeat(3);
  await crowd.open('Ada', { name: words.roomName, capacity: 8 });
  await page.getByRole('heading', { name: words.roomName }).waitFor();
  assert.equal(await page.locator('#empty').isVisible(), false, 'a room that opened is seen at once');
  await crowd.open('Ben', { name: long, capacity: 5000 });
  const full = await crowd.open('Cleo', { name: 'W'.repeat(80), capacity: 2 });
  await crowd.join(full.id, ['Dan']);
  await page.locator('.card.is-full').waitFor();
  await crowd.open('Eve', { name: '<b>& "quoted"', capacity: 60, password: 'mellon' });
  await crowd.open('Fay', { name: '🎲 D&D', capacity: 1, lifetime: 'until_empty' });
  await page.getByRole('heading', { name: '🎲 D&D' }).waitFor();
  await crowd.leave('Fay');
  await page.getByRole('heading', { name: '🎲 D&D' }).waitFor({ state: 'detached' });
  await page.getByRole('heading', { name: '<b>& "quoted"' }).waitFor();
  await person.look('lobby-grown');
  await page.reload();
  await person.look('lobby-loaded');
  // What a tab missed while nobody looked at it, it shows when somebody does again.
  await page.locator('.card').first().evaluate((card) => card.remove());
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await page.waitForFunction(() => document.querySelectorAll('.card').length === 4);
  const later = await crowd.open('Gil', { name: 'Later', capacity: 1, visibility: 'public' });
  await page.locator(`.card[data-room="${later.id}"].is-full`).waitFor();
  await page.goto('/?q=nothing+has+this');
  await person.look('lobby-nothing-found');
}

async function rooms({ person, page, crowd, words }) {
  const open = await crowd.open('Ada', { name: words.roomName, capacity: 6 });
  await guestIn(person, 'Guest', `/rooms/${open.id}`);
  await person.isSeated();
  await person.look('room-quiet');
  await crowd.join(open.id, ['Ben', 'W'.repeat(40)]);
  await crowd.say('Ada', words.hello);
  await person.say(words.answer);
  await crowd.say('Ben', `${words.later} `.repeat(40).trim());
  await crowd.say('W'.repeat(40), `https://example.org/${'x'.repeat(300)}`);
  await crowd.say('Ben', 'one\n  two\n\nthree <script>alert(1)</script>');
  await page.getByText('<script>').waitFor();
  await person.look('room-talk');
  await page.setViewportSize({ width: 360, height: 420 });
  await page.waitForFunction(() => {
    const log = document.getElementById('log');
    return log.scrollHeight - log.scrollTop - log.clientHeight < 2;
  });
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.locator('#invite').click();
  assert.match(await page.locator('#link').inputValue(), new RegExp(`/rooms/${open.id}$`));
  await person.look('room-invite');
  await page.keyboard.press('Escape');
  const big = await crowd.open('Host', { name: words.roomName, capacity: 120 });
  await crowd.join(big.id, Array.from({ length: 100 }, (_, n) => `Person ${n + 1}`));
  await page.goto(`/rooms/${big.id}`);
  await person.isSeated();
  await page.waitForFunction(() => document.getElementById('count').textContent === '102');
  await person.look('room-hundred');
}

async function refusals({ person, page, crowd, words, server }) {
  const full = await crowd.open('Ada', { name: words.roomName, capacity: 1 });
  await guestIn(person, 'Guest', `/rooms/${full.id}`);
  const panel = await person.isRefused('room_full', words.full);
  assert.equal(await panel.locator('[data-action="wait"]').count(), 1, 'the line is offered');
  assert.ok((await panel.innerText()).includes(await page.locator('#seat-line').innerText()));
  await person.look('refused-full');

  const secret = await crowd.open('Eve', { name: words.roomName, capacity: 9, password: 'mellon' });
  await page.goto(`/rooms/${secret.id}`);
  await page.locator('#refused[data-refusal="wrong_room_password"]').waitFor();
  await person.look('refused-password');
  await page.keyboard.type('guess');
  await page.keyboard.press('Enter');
  await page.getByText(words.wrongRoomPassword).waitFor();
  assert.equal(await page.locator('#room-password').getAttribute('aria-invalid'), 'true');
  await person.look('refused-password-wrong');
  await page.keyboard.type('mellon');
  await page.keyboard.press('Enter');
  await person.isSeated();

  const rare = {
    unavailable: 503, rate_limited: 429, too_many_reservations: 409, banned: 403, reservation_expired: 408,
  };
  for (const [code, status] of Object.entries(rare)) {
    await answering(page, status, { code }, async () => {
      await page.goto(`/rooms/${full.id}`);
      await person.isRefused(code, '');
      await person.look(`refused-${code}`);
    });
  }

  await page.goto(`/rooms/${secret.id}`);
  await person.isSeated();
  assert.equal(await crowd.ask('Eve', 'DELETE', `/rooms/${secret.id}`), 204);
  await person.isRefused('room_closed', '');
  await person.look('refused-closed');

  const other = await crowd.open('Fay', { name: words.roomName, capacity: 9 });
  await page.goto(`/rooms/${other.id}`);
  await person.isSeated();
  const me = (await person.members(other.id)).find(({ user }) => user.name === 'Guest').user.id;
  assert.equal(await crowd.ask('Fay', 'DELETE', `/rooms/${other.id}/members/${me}`), 204);
  await person.isRefused('removed', '');
  await person.look('refused-removed');
  await page.locator('#refused [data-action="lobby"]').click();
  await page.goto(`/rooms/${other.id}`);
  await person.isSeated();
  await server.stop();
  await page.locator('#banner').waitFor();
  await person.look('room-line-broken');
  await page.goto('about:blank');
}

/** How many squares of each kind the room draws. */
function squares(page) {
  const kinds = () => Array.from(document.querySelectorAll('#seats i'), (seat) => seat.className).join('');
  return page.evaluate(kinds);
}

async function settings({ person, page, crowd, words }) {
  const big = await crowd.open('Ada', { name: words.roomName, capacity: 200, staff_seats: 50 });
  await guestIn(person, 'Host', '/rooms/new');
  await person.fill({ name: words.roomName, capacity: '3', staff_seats: '4' }, words.createRoom);
  await page.getByText(words.staffBeyondSeats).waitFor();
  await person.look('new-room-staff-errors');
  await person.fill({ capacity: '12', staff_seats: '4' }, words.createRoom);
  await person.isSeated();
  assert.equal(await squares(page), 'offffffffkkk', 'the owner sits on one of four for staff');
  await person.look('room-staff-seats');

  const opened = person.context.waitForEvent('page');
  await page.locator('#settings').click();
  const tab = await opened;
  await tab.getByRole('button', { name: words.save, exact: true }).waitFor();
  await person.look('settings', tab);
  await person.fill({ staff_seats: '13' }, words.save, tab);
  await tab.getByText(words.staffBeyondSeats).waitFor();
  await person.look('settings-errors', tab);
  await person.fill({ capacity: '6', staff_seats: '3' }, words.save, tab);
  await tab.getByText(words.saved).waitFor();
  await person.look('settings-saved', tab);
  await page.waitForFunction(() => document.querySelectorAll('#seats i').length === 6);
  assert.equal(await squares(page), 'offfkk', 'the room shows it while one sits there');
  assert.equal(await page.locator('#room').getAttribute('data-state'), 'live', 'and nobody has to go');

  const friend = await Person.arrive(browser, person.settings);
  await guestIn(friend, 'Friend', `/rooms/${big.id}`);
  await friend.isSeated();
  await friend.page.locator('#seats rect.k').waitFor({ state: 'attached' });
  await friend.look('room-staff-bar');
  assert.equal(await friend.page.locator('#settings').count(), 0, 'only to whom it is open');
  await friend.page.goto(`/rooms/${big.id}/settings`);
  await friend.page.locator('.refusal[data-refusal="forbidden"]').waitFor();
  await friend.page.goto('/');
  await friend.page.locator('.card i.k').first().waitFor();
  await friend.look('lobby-staff-seats');
  await friend.goHome();

  await tab.goto(`${new URL(page.url()).pathname}/settings`);
  const close = tab.getByRole('button', { name: words.closeRoom, exact: true });
  await close.click();
  await tab.getByText(words.notSure).waitFor();
  await person.look('settings-unsure', tab);
  await tab.getByLabel(words.sure).check();
  await close.click();
  await tab.waitForURL((url) => url.pathname === '/');
  await person.isRefused('room_closed', '');
}

/** Seats that are kept for somebody: in the room, in the lobby, and one's own. */
async function kept({ person, page, crowd, words }) {
  const open = await crowd.open('Ada', { name: words.roomName, capacity: 4 });
  await guestIn(person, 'Guest', `/rooms/${open.id}`);
  await person.isSeated();
  const line = page.locator('#seat-line');
  assert.doesNotMatch(await line.innerText(), /\d:\d\d/, 'nobody is awaited');
  await crowd.reserve('Ben', open.id);
  await line.getByText(words.lapses(/[12]:\d\d/)).waitFor();
  assert.equal(await squares(page), 'oorf');
  await person.look('room-countdown');
  const before = await line.innerText();
  await page.waitForFunction((text) => document.getElementById('seat-line').innerText !== text, before);
  // Who goes to the lobby may come back to the seat.
  await page.goto('/');
  const card = page.locator(`.card[data-room="${open.id}"]`);
  await card.locator('.seat-line').getByText(words.lapses(/0:\d\d/)).waitFor();
  await page.locator('#kept').getByText(words.roomName).waitFor();
  assert.match(await page.locator('#kept').innerText(), /0:[0-5]\d/);
  await person.look('lobby-kept');
  await page.locator('#kept-back').click();
  await person.isSeated();
  assert.equal(await squares(page), 'oorf');
  await page.locator('#leave').click();
  await page.locator('#rooms .card').waitFor();
  assert.equal(await page.locator('#kept').isVisible(), false, 'a seat given back is not kept');
}

async function loggedOut({ person, page, crowd, words }) {
  const open = await crowd.open('Ada', { name: words.roomName, capacity: 3 });
  await guestIn(person, 'Guest', `/rooms/${open.id}`);
  await person.isSeated();
  const tab = await person.newTab();
  await tab.goto('/profile');
  await tab.locator('main').getByRole('button', { name: words.logOut, exact: true }).click();
  const panel = await person.isRefused('logged_out', '');
  await person.look('refused-logged-out');
  await panel.locator('[data-action="login"]').click();
  assert.equal(new URL(page.url()).searchParams.get('next'), `/rooms/${open.id}`);
}

describe('every page is fit to be seen', () => {
  for (const language of LANGUAGES) {
    for (const act of [forms, lobby, rooms, kept, settings, refusals, loggedOut]) {
      it(`${act.name}, in ${language}`, () => visit(language, `page-${language}`, act));
    }
  }
});

describe('an unlisted room', () => {
  it('is found by its link alone, which its owner can copy', () =>
    visit('en', 'unlisted', async ({ person, page, words }) => {
      await page.goto('/guest?next=/rooms/new');
      await person.fill({ display_name: 'Host' }, words.guestSubmit);
      await page.locator('[value="unlisted"]').check();
      await person.fill({ name: words.roomName, capacity: '4' }, words.createRoom);
      await person.isSeated();
      const room = new URL(page.url()).pathname;
      await page.goto(room); // without the key in the address
      await person.isSeated();
      await page.locator('#invite').click();
      const link = new URL(await page.locator('#link').inputValue());
      assert.ok(link.searchParams.get('key'));
      const friend = await Person.arrive(browser, { ...person.settings, base: link.origin });
      await guestIn(friend, 'Friend', room);
      await friend.page.locator('.refusal[data-refusal="room_not_found"]').waitFor();
      await friend.page.goto(link.href);
      await friend.isSeated();
      await friend.goHome();
    }));
});

describe('a room', () => {
  it('is used by keyboard alone', () =>
    visit('en', 'keyboard', async ({ person, page, crowd, words }) => {
      const open = await crowd.open('Ada', { name: words.roomName, capacity: 3 });
      await guestIn(person, 'Guest', `/rooms/${open.id}`);
      await person.isSeated();
      await page.waitForFunction(() => document.activeElement?.id === 'text');
      await page.keyboard.type('one');
      await page.keyboard.press('Shift+Enter');
      await page.keyboard.type('two');
      assert.equal(await page.locator('#text').inputValue(), 'one\ntwo', 'Shift+Enter starts a line');
      await page.keyboard.press('Enter');
      await page.locator('.message .text').filter({ hasText: /^one\ntwo$/ }).waitFor();
      assert.equal(await page.locator('#text').inputValue(), '');
      const stops = await person.tabStops(14);
      for (const stop of ['Skip to the content', 'Invite', 'Leave', 'Send']) {
        assert.ok(stops.includes(stop), `${stop} among ${stops}`);
      }
      await page.locator('#invite').focus();
      await page.keyboard.press('Enter');
      await page.locator('#share').waitFor();
      await page.keyboard.press('Escape');
      assert.equal(await page.evaluate(() => document.activeElement.id), 'invite', 'back to where one was');
    }));
});
