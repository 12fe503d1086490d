// The room: enters, shows what happens there, and says in words when it cannot.
// Everything a person wrote goes into the page as text, never as markup.

import { Client, TRANSPORTS } from './anteroom.js';
import { Find } from './find.js';
import { Line } from './line.js';
import { Messages } from './messages.js';
import { showSeats } from './countdown.js';
import { fill, seatLine, wordsOf } from './seats.js';
import { Typing } from './typing.js';

const TRANSPORT = 'anteroom.transport';
const $ = (id) => document.getElementById(id);
const room = $('room');
const words = wordsOf(room);
const id = Number(room.dataset.room);
const key = room.dataset.key;
const secret = `anteroom.resume.${id}`;
const client = new Client({
  // What got through before gets through again, in this window.
  transport: TRANSPORTS.find((name) => name === sessionStorage.getItem(TRANSPORT)),
});
const people = new Map();
const nameOf = (user) => people.get(user)?.name;
const others = () => [...people.values()].filter((user) => user.id !== me);
const manages = 'manages' in room.dataset;
const messages = new Messages({ client, id, words, name: nameOf, others, manages });
new Find({
  words,
  search: (asked, options) => client.search(id, asked, options),
  go: (seq) => messages.show(seq),
});
const typing = new Typing({ place: $('typing'), words, name: nameOf });
const line = new Line({
  client,
  id,
  words,
  enter: (reservation) => enter({ password: lastPassword, reservation }),
  refuse: (error) => refuse({ ...error.problem, code: error.code ?? 'internal' }),
});
// Windows of one person tell each other who went in.
const windows = new BroadcastChannel(secret);
// From the lobby one comes to stand in line.
let wantsLine = new URLSearchParams(location.search).has('line');
let session;
let me; // our own id
let count = 0;
let knowsAll = true; // whether `people` holds everybody
let goodbye;
let lastPassword; // kept while this page is open, for trying again

function enter({ password, resume, reservation } = {}) {
  room.dataset.state = 'entering';
  $('refused').hidden = true;
  $('chat').hidden = true;
  $('entering').hidden = false;
  const options = { password, resume, key };
  session = reservation ? client.confirm(reservation, options) : client.joinRoom(id, options);
  const ours = session;
  const on = (type, then) => session.on(type, (event) => ours === session && then(event));
  on('state', ({ state }) => {
    if (state === 'reserving') $('entering-text').textContent = words.reserving;
    if (state === 'confirming') $('entering-text').textContent = words.confirming;
  });
  $('entering-text').textContent = reservation ? words.confirming : words.reserving;
  on('welcome', welcome);
  on('resumed', () => banner(words.reconnected, { passing: true }));
  on('reconnecting', () => {
    if (room.dataset.state === 'live') banner(words.reconnecting, { retry: true });
  });
  on('message', (frame) => {
    typing.over(frame.sender?.id);
    messages.add(frame);
  });
  on('typing', (frame) => typing.heard(frame.user_id));
  on('read', (frame) => messages.read(frame));
  on('edited', (frame) => messages.edit(frame));
  on('deleted', (frame) => messages.remove(frame));
  on('presence', presence);
  on('seats', tellSeats);
  on('gap', () => messages.load());
  on('login_expiring', ({ expires_at: told }) => {
    const tell = () => banner(words.loginExpiring, {});
    // A login that has come to its own end is renewed no further: its person has to log in again.
    client.refresh().then(({ expires_at: now }) => new Date(now) > new Date(told) || tell(), tell);
  });
  on('closed', closed);
  messages.use(session);
}

function stored() {
  return sessionStorage.getItem(secret) || undefined;
}

function welcome(frame) {
  sessionStorage.setItem(secret, frame.resume ?? '');
  sessionStorage.setItem(TRANSPORT, client.transport);
  people.clear();
  for (const member of frame.members ?? []) people.set(member.id, member);
  me = frame.you.id;
  people.set(me, frame.you);
  count = Math.max(frame.member_count ?? 0, people.size);
  knowsAll = count === people.size;
  showPeople();
  tellSeats(frame.seats);
  showLink(frame.room);
  const first = room.dataset.state !== 'live';
  if (first) windows.postMessage('entered');
  room.dataset.state = 'live';
  $('entering').hidden = true;
  $('chat').hidden = false;
  messages.welcome(frame, first);
  if (first) $('text').focus({ preventScroll: true });
}

function presence({ joined = [], left = [], occupied }) {
  for (const user of joined) {
    if (!people.has(user.id)) messages.note(fill(words.joined, { name: user.name }));
    people.set(user.id, user);
  }
  for (const user of left) {
    const known = people.get(user);
    if (known) messages.note(fill(words.left, { name: known.name }));
    people.delete(user);
    typing.over(user);
  }
  // Large rooms tell numbers only.
  knowsAll &&= joined.length + left.length > 0;
  count = knowsAll ? people.size : occupied;
  showPeople();
  messages.showReads();
}

function tellSeats(seats) {
  if (!seats) return;
  showSeats($('seats').firstElementChild, $('seat-line'), words, seats);
}

/** The link that lets others in; an unlisted room opens only with its key. */
function showLink(told) {
  const link = new URL(`/rooms/${id}`, location);
  const opens = told?.key ?? key;
  if (opens) link.searchParams.set('key', opens);
  $('link').value = link.href;
  const lead = told?.visibility === 'unlisted' ? words.shareUnlisted : words.sharePublic;
  $('share-lead').textContent = told?.has_password ? `${lead} ${words.sharePassword}` : lead;
}

function showPeople() {
  $('count').textContent = count;
  const shown = [...people.values()].slice(0, Math.min(100, count));
  $('people').replaceChildren(
    ...shown.map((user) => {
      const item = document.createElement('li');
      item.textContent = user.name;
      if (user.id === me) item.append(` (${words.you})`);
      return item;
    }),
  );
  const more = count - shown.length;
  $('more-people').textContent = more > 0 ? fill(words.membersMore, { n: more }) : '';
}

function banner(text, { retry = false, passing = false }) {
  clearTimeout(goodbye);
  $('banner').firstElementChild.textContent = text;
  $('now').hidden = !retry;
  $('banner').hidden = false;
  if (passing) goodbye = setTimeout(() => ($('banner').hidden = true), 3000);
}

function closed(why) {
  if (why.status === 4409 || why.code === 'replaced') sessionStorage.removeItem(secret);
  if (why.code === 'left') sessionStorage.removeItem(secret);
  tellSeats(why.seats);
  if (why.code === 'room_full' && why.waitlist?.allowed && wantsLine) wait();
  else refuse(why);
}

// The words and the ways onward of every refusal come from the server, in <template>s.
function refuse({ code, seats, waitlist }) {
  const near = { going_away: 'restarting', fenced: 'restarting' }[code] ?? code;
  const find = (name) => document.querySelector(`template[data-refusal="${CSS.escape(name)}"]`);
  const told = find(near) ?? find('internal');
  const panel = $('refused');
  panel.replaceChildren(told.content.cloneNode(true));
  panel.dataset.refusal = told.dataset.refusal;
  if (seats) {
    const told = { className: 'seat-line', textContent: seatLine(words, seats) };
    panel.append(Object.assign(document.createElement('p'), told));
  }
  const links = document.createElement('p');
  links.className = 'actions';
  const offered = (name) => name !== 'wait' || waitlist?.allowed || code === 'not_waiting';
  for (const name of told.dataset.actions.split(' ').filter(offered)) {
    const template = document.querySelector(`template[data-action="${name}"]`);
    const action = template.content.cloneNode(true);
    if (action.querySelector('form')) {
      if (lastPassword !== undefined) didNotMatch(action);
      panel.append(action);
      continue;
    }
    if (links.children.length || panel.querySelector('form')) action.firstElementChild.classList.add('second');
    links.append(action, ' ');
  }
  panel.append(links);
  room.dataset.state = 'refused';
  // Whoever is logged out is not named as somebody who is logged in.
  document.querySelector('.who').hidden = ['logged_out', 'unauthenticated'].includes(code);
  $('entering').hidden = true;
  $('chat').hidden = true;
  $('banner').hidden = true;
  $('share').close();
  $('find').close();
  panel.hidden = false;
  (panel.querySelector('input') ?? panel).focus();
}

function didNotMatch(action) {
  const input = action.querySelector('input');
  action.querySelector('.error').hidden = false;
  action.querySelector('.field').classList.add('wrong');
  input.setAttribute('aria-invalid', 'true');
  input.setAttribute('aria-describedby', 'room-password-error');
}

function wait() {
  wantsLine = false;
  room.dataset.state = 'entering';
  $('refused').hidden = true;
  $('entering').hidden = false;
  line.join({ key, password: lastPassword });
}

windows.onmessage = () => {
  if (line.stepAside()) refuse({ code: 'replaced' });
};
$('refused').addEventListener('click', (event) => {
  const action = event.target.closest('[data-action]')?.dataset.action;
  const again = { retry: enter, 'use-here': enter, wait }[action];
  if (!again) return;
  event.preventDefault();
  if (again === wait) wait();
  else enter({ password: lastPassword, resume: action === 'retry' ? stored() : undefined });
});
$('refused').addEventListener('submit', (event) => {
  event.preventDefault();
  lastPassword = new FormData(event.target).get('password');
  enter({ password: lastPassword });
});
$('leave').addEventListener('click', () => {
  sessionStorage.removeItem(secret);
  session?.leave();
});
$('cancel').addEventListener('click', () => {
  line.leave();
  session?.leave();
});
$('invite').addEventListener('click', () => {
  $('copied').textContent = '';
  $('share').showModal();
  $('link').select();
});
$('copy').addEventListener('click', async () => {
  $('link').select();
  // Plain HTTP has no clipboard of its own; the old way works everywhere.
  const copied = await (navigator.clipboard?.writeText($('link').value) ?? Promise.reject()).then(
    () => true,
    () => document.execCommand('copy'),
  );
  if (copied) $('copied').textContent = words.copied;
});
$('now').addEventListener('click', () => session.retryNow());
addEventListener('online', () => session?.retryNow());

if (matchMedia('(max-width: 760px)').matches) $('members').open = false;
// Who stood in line before a reload goes back to the place, which is kept for a moment.
if (line.stood) wait();
else enter({ resume: stored() });
