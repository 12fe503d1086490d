// Administration in a real browser, in both languages, on a desk and on a phone, light and dark: what an
// administrator sees, what is asked first, and what those who are concerned are told.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Crowd } from './crowd.js';
import { PASSWORD, Person, launch } from './people.js';
import { startServer } from './server.js';
import { WORDS } from './words.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const binary = process.env.ANTEROOM_BIN ?? join(root, 'target/debug/anteroom');

const SAID = {
  en: {
    title: 'Administration', overview: 'Overview', entries: 'Entries', remove: 'Remove', ban: 'Ban',
    removed: 'The person was removed.', close: 'Close the room', closed: 'The room was closed.',
    out: 'Log out everywhere', loggedOut: 'The person was logged out everywhere.', lock: 'Lock',
    locked: 'The account was locked.', unlock: 'Unlock', unlocked: 'The account was unlocked.',
    keep: 'No, go back', search: 'Search', save: 'Save roles', saved: 'The roles were saved.',
    refused: 'This is for administrators', told: 'Removed', cannot: 'locked',
  },
  ko: {
    title: '관리', overview: '한눈에 보기', entries: '입장 기록', remove: '내보내기', ban: '입장 막기',
    removed: '방에서 내보냈어요.', close: '방 닫기', closed: '방을 닫았어요.', out: '모두 로그아웃',
    loggedOut: '모든 곳에서 로그아웃시켰어요.', lock: '잠그기', locked: '계정을 잠갔어요.',
    unlock: '잠금 풀기', unlocked: '계정의 잠금을 풀었어요.', keep: '아니요, 돌아갈게요', search: '찾기',
    save: '권한 저장', saved: '권한을 저장했어요.', refused: '관리자만 볼 수 있어요', told: '내보냄',
    cannot: '잠',
  },
};

const EVIL = [
  '<script>alert(1)</script>', '"><script>alert(1)</script>', '<img src=x onerror=alert(1)>',
  '<svg onload=alert(1)>', '\' onmouseover=alert(1) x=\'', '" autofocus onfocus=alert(1) x="',
  '</title><script>alert(1)</script>', '</textarea><script>alert(1)</script>', '<iframe src=javascript:alert(1)>',
  'javascript:alert(1)', '<a href="javascript:alert(1)">x</a>', '{{7*7}}', '${alert(1)}', '<!--<script>alert(1)',
  '<math><mtext></mtext><style><img onerror=alert(1)', '&lt;script&gt;alert(1)', '<details open ontoggle=alert(1)>',
  '<base href=//evil.example>', '<x style=animation-name:x onanimationstart=alert(1)>', '<b onclick=alert(1)>x</b>',
];

let browser;
before(async () => {
  browser = await launch();
});
after(async () => {
  await browser?.close();
});

/** The command on a data directory that no server uses. */
function command(dataDir, given, ...args) {
  const names = Object.entries(process.env).filter(([name]) => !name.startsWith('ANTEROOM_'));
  const child = spawn(binary, ['--data-dir', dataDir, ...args], {
    cwd: dataDir,
    env: Object.fromEntries(names),
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  child.stdin.end(given);
  return new Promise((resolve, reject) => {
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`${args} ended with ${code}`))));
  });
}

/** A server with an administrator, a moderator and a user, made as an operator makes them. */
async function visit(language, walk, act, width = 1440) {
  const dataDir = await mkdtemp(join(tmpdir(), 'anteroom-admin-'));
  for (const [name, ...roles] of [['chief', 'admin'], ['mod', 'moderator'], ['victim']]) {
    await command(dataDir, PASSWORD, 'user', 'add', name);
    if (roles.length > 0) await command(dataDir, '', 'user', 'role', name, 'user', ...roles);
  }
  const server = await startServer({ ANTEROOM_SERVER__DATA_DIR: dataDir });
  const words = WORDS[language];
  const settings = { base: server.address, words, walk, locale: words.locale, width };
  try {
    const crowd = await Crowd.arrive(browser, server.address);
    const person = await Person.arrive(browser, settings);
    await act({ person, page: person.page, crowd, words, said: SAID[language], settings });
    await person.goHome();
    await crowd.goHome();
    assert.deepEqual(server.alarms(), [], 'the server raised no alarm');
  } finally {
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function logIn(person, username, next) {
  await person.page.goto(`/login?next=${encodeURIComponent(next)}`);
  await person.fill({ username, password: PASSWORD }, person.words.login);
  await person.page.waitForURL((url) => url.pathname === next);
}

/** Somebody else with a browser, logged in and sitting in a room. */
async function seated(settings, username, room) {
  const other = await Person.arrive(browser, settings);
  await logIn(other, username, room);
  await other.isSeated();
  return other;
}

/** Presses what asks first, looks at the question, and says yes in the dialog. */
async function sure(page, link, word, notice) {
  await link.click();
  const dialog = page.getByRole('dialog');
  await dialog.waitFor();
  await dialog.getByRole('button', { name: word, exact: true }).click();
  await page.getByText(notice, { exact: true }).waitFor();
}

/** The headings, landmarks, labels and captions that whoever cannot see finds the way by; targets to hit. */
// On a phone the tables are stacked, and still tables to whoever hears them.
async function isUsable(page) {
  const faults = await page.evaluate(() => {
    const all = (selector) => [...document.querySelectorAll(selector)];
    const told = [];
    if (all('h1').length !== 1) told.push(`${all('h1').length} first headings`);
    if (all('main').length !== 1) told.push('no single main');
    for (const it of all('table')) if (!it.caption) told.push('a table without a caption');
    for (const it of all('main :is(input:not([type=hidden]), select)')) {
      if (!it.labels?.length) told.push(`${it.name} without a label`);
    }
    for (const it of all('main section')) {
      if (!it.hasAttribute('aria-labelledby') && !it.hasAttribute('aria-label')) told.push('a section without a name');
    }
    const ids = all('[id]').map((it) => it.id);
    for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) told.push(`two of ${id}`);
    for (const it of all(':is(main, nav) :is(a, button, select, summary, input:not([type=hidden]))')) {
      const { width, height } = it.getBoundingClientRect();
      if (width > 0 && (height < 24 || width < 24) && !it.closest('td, th, p, dd, .card, label')) told.push(`${it.outerHTML} is small`);
    }
    if (all('[style], style').length > 0) told.push('inline style');
    return told;
  });
  assert.deepEqual(faults, [], page.url());
}

async function looksAround({ person, page, crowd, words, said }) {
  const big = await crowd.open('Host', { name: words.roomName, capacity: 120, staff_seats: 10 });
  await crowd.join(big.id, Array.from({ length: 70 }, (_, n) => `Person ${n + 1}`));
  const small = await crowd.open('Ada', { name: '<b>& "quoted"', capacity: 12 });
  await crowd.join(small.id, ['Ben', 'W'.repeat(40)]);
  await crowd.open('Eve', { name: 'Hidden', capacity: 3, visibility: 'unlisted', password: 'mellon' });
  const one = await crowd.open('Fay', { name: 'Full', capacity: 1 });
  await crowd.ask('Ben', 'POST', `/rooms/${one.id}/reservations`);
  await logIn(person, 'chief', '/admin');
  await page.locator('.plot rect.entered').first().waitFor({ state: 'attached' });
  await isUsable(page);
  await person.look('overview');
  await page.locator('details summary').click();
  await page.getByRole('table').first().waitFor();
  await person.picture('overview-figures');
  await page.goto('/admin?span=7d');
  await person.picture('overview-week');
  for (const [path, name] of [
    ['/admin/rooms', 'rooms'], [`/admin/rooms/${small.id}`, 'room'], ['/admin/people', 'people'],
    ['/admin/entries', 'entries'], ['/admin/audit', 'audit'], ['/admin/people?q=nobody', 'people-none'],
  ]) {
    await page.goto(path);
    await page.locator('h1').waitFor();
    await isUsable(page);
    await person.look(name);
  }
  await page.goto('/admin/people?q=victim');
  await page.getByRole('link', { name: 'victim' }).click();
  await page.getByRole('heading', { name: 'victim' }).waitFor();
  await isUsable(page);
  await person.look('person');
  // A room's page follows what happens there without being loaded anew.
  await page.goto(`/admin/rooms/${small.id}`);
  await crowd.join(small.id, ['Late']);
  await page.locator('#members').getByRole('link', { name: 'Late', exact: true }).waitFor();
  assert.equal(await page.locator('#now i.o').count(), 4);
  await crowd.leave('Late');
  await page.locator('#members').getByRole('link', { name: 'Late', exact: true }).waitFor({ state: 'detached' });
  await page.goto('/');
  await page.getByRole('navigation').getByRole('link', { name: said.title }).click();
  await page.getByRole('heading', { name: said.overview }).waitFor();
}

async function acts({ person, page, crowd, words, said, settings }) {
  const open = await crowd.open('Ada', { name: words.roomName, capacity: 6 });
  const room = `/rooms/${open.id}`;
  let victim = await seated(settings, 'victim', room);
  await logIn(person, 'chief', `/admin${room}`);
  const row = page.getByRole('row').filter({ hasText: 'victim' });
  const remove = row.getByRole('link', { name: said.remove });
  // "No" changes nothing and leads back to where one was.
  await remove.click();
  await page.getByRole('dialog').waitFor();
  await person.look('ask');
  await page.getByRole('dialog').getByText(said.keep).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  assert.ok(await row.isVisible());
  await sure(page, remove, said.remove, said.removed);
  await victim.isRefused('removed', '');
  await victim.picture('victim-removed');
  await row.waitFor({ state: 'detached' });
  await victim.page.reload();
  await victim.isSeated();

  await page.goto('/admin/people?q=vic');
  await page.getByRole('link', { name: 'victim' }).click();
  await page.getByRole('heading', { name: 'victim' }).waitFor();
  await sure(page, page.getByRole('link', { name: said.out }), said.out, said.loggedOut);
  await victim.isRefused('logged_out', '');
  await victim.goHome();
  victim = await seated(settings, 'victim', room);
  await sure(page, page.getByRole('link', { name: said.lock, exact: true }), said.lock, said.locked);
  await victim.isRefused('logged_out', '');
  await person.look('person-locked');
  await victim.page.goto('/login');
  await victim.fill({ username: 'victim', password: PASSWORD }, words.login);
  await victim.page.getByRole('alert').getByText(said.cannot).waitFor();
  await victim.picture('victim-locked');
  await page.getByRole('button', { name: said.unlock, exact: true }).click();
  await page.getByText(said.unlocked, { exact: true }).waitFor();
  await page.locator('[name=role_moderator]').check();
  await page.getByRole('button', { name: said.save, exact: true }).click();
  await page.getByText(said.saved, { exact: true }).waitFor();
  assert.ok(await page.locator('[name=role_moderator]').isChecked());
  await page.waitForURL((url) => url.search === '');
  await page.reload();
  assert.equal(await page.locator('#notice').count(), 0, 'a notice is said once');

  await logIn(victim, 'victim', room);
  await victim.isSeated();
  await page.goto(`/admin${room}`);
  await sure(page, page.getByRole('link', { name: said.close, exact: true }), said.close, said.closed);
  await victim.isRefused('room_closed', '');
  await victim.picture('victim-closed');
  await victim.goHome();
  await page.goto('/admin/audit');
  await page.getByRole('cell').getByText(said.told, { exact: true }).first().waitFor();
  await person.look('audit-acts');
}

async function byKeyboard({ person, page, crowd, words, said }) {
  const open = await crowd.open('Ada', { name: words.roomName, capacity: 6 });
  await crowd.join(open.id, ['Ben']);
  await logIn(person, 'mod', '/admin');
  assert.equal(await page.locator('nav.desk a').count(), 3, 'no accounts for a moderator');
  await page.goto(`/admin/rooms/${open.id}`);
  await person.tabStops(12);
  const link = page.getByRole('link', { name: new RegExp(`^${said.remove}`) });
  await link.focus();
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  assert.equal(await page.evaluate(() => 'keep' in document.activeElement.dataset), true, 'the harmless one first');
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await link.focus();
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Shift+Tab');
  await page.keyboard.press('Enter');
  await page.getByText(said.removed, { exact: true }).waitFor();
  await page.goto('/admin/audit');
  await page.locator('.refusal[data-refusal="forbidden"]').waitFor();
  await person.look('refused-moderator');
}

async function noScript({ person, said, crowd, words, settings }) {
  const open = await crowd.open('Ada', { name: words.roomName, capacity: 6 });
  await crowd.join(open.id, ['Ben']);
  const context = await browser.newContext({ locale: words.locale, baseURL: settings.base, javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(`/login?next=/admin/rooms/${open.id}`);
  await page.locator('main [name=username]').fill('chief');
  await page.locator('main [name=password]').fill(PASSWORD);
  await page.locator('main form button').first().click();
  await page.getByRole('link', { name: new RegExp(`^${said.remove}`) }).click();
  await page.getByRole('button', { name: said.remove, exact: true }).click();
  await page.getByText(said.removed, { exact: true }).waitFor();
  await context.close();
  await logIn(person, 'victim', '/admin');
  await person.page.getByRole('heading', { name: said.refused }).waitFor();
  await person.look('refused');
}

async function hostile({ person, page, crowd }) {
  const rooms = [];
  for (const [n, evil] of EVIL.entries()) {
    rooms.push(await crowd.open(`${evil}`.slice(0, 40), { name: evil, capacity: 2 + n }));
  }
  await logIn(person, 'chief', '/admin/rooms');
  const names = await page.locator('.card h2 a').allTextContents();
  for (const evil of EVIL) assert.ok(names.includes(evil), `${evil} among ${names}`);
  await person.look('hostile-rooms');
  for (const [n, evil] of EVIL.entries()) {
    await page.goto(`/admin/rooms/${rooms[n].id}`);
    assert.equal(await page.locator('h1').textContent(), evil);
    assert.equal(await page.locator('#members tbody th a').textContent(), evil.slice(0, 40));
    await page.goto(`/admin/confirm?act=close_room&room=${rooms[n].id}&from=${encodeURIComponent(evil)}`);
    assert.equal(await page.locator('.ask dd strong').textContent(), evil);
    await page.goto(`/admin/rooms?q=${encodeURIComponent(evil)}`);
    assert.equal(await page.locator('#q').inputValue(), evil);
    for (const path of ['entries?user=', 'audit?target=', 'audit?actor=', 'people?q=', 'entries?room=']) {
      await page.goto(`/admin/${path}${encodeURIComponent(evil)}`);
      await page.locator('h1').waitFor();
    }
  }
  await page.goto('/admin/entries');
  await person.look('hostile-entries');
  assert.equal(await page.locator('main script, main img, main iframe, main base').count(), 0);
}

// An administrator is made on the data of one server; several nodes share a database that is not here.
const skip = Number(process.env.NODES ?? 1) > 1 && 'administrators are made on the data of one server';

describe('administration', { skip }, () => {
  for (const language of Object.keys(SAID)) {
    for (const act of [looksAround, acts, byKeyboard, noScript]) {
      it(`${act.name}, in ${language}`, () => visit(language, `admin-${language}`, act));
    }
    it(`acts on a phone, in ${language}`, () => visit(language, `admin-phone-${language}`, acts, 360));
  }
  it('shows whatever people call themselves and their rooms as text', () => visit('en', 'admin', hostile));
});
