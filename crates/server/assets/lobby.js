// Keeps the lobby live: seat counts, rooms that open, rooms that close. Without it the page shows
// what was there when it was loaded.

import { showSeats } from './countdown.js';
import { showKept } from './kept.js';
import { fill, isFull, wordsOf } from './seats.js';

const $ = (id) => document.getElementById(id);
const list = $('rooms');
const live = $('live');
const words = wordsOf(list);
const wanted = $('q').defaultValue.trim().toLowerCase();
let source;
let again;
let pages = 1; // how many of the list are shown
let loading = false;

function listen() {
  if (document.hidden || source) return;
  source = new EventSource('/api/v1/rooms/events');
  source.addEventListener('open', () => say(live.dataset.on));
  source.addEventListener('room', (event) => told(JSON.parse(event.data)));
  source.addEventListener('error', () => {
    say(live.dataset.off);
    rest();
    again = setTimeout(comeBack, 1000 + Math.random() * 4000);
  });
}

function rest() {
  source?.close();
  source = undefined;
  clearTimeout(again);
}

/** Only what changes is told, so what was missed comes from the page itself. */
async function comeBack() {
  try {
    const cards = [];
    let page;
    for (let n = 0, href = location.href; n < pages && href; n += 1) {
      page = await load(href);
      cards.push(...page.getElementById('rooms').children);
      href = page.querySelector('#more a')?.href;
    }
    const focused = document.activeElement?.closest('[data-room]')?.dataset.room;
    list.replaceChildren(...cards.filter((card, n) => cards.findIndex(isOf(card.dataset.room)) === n));
    follow(page);
    if (focused) (cardOf(focused) ?? document).querySelector('h2 a, #q').focus();
    showEmptiness();
  } catch {
    again = setTimeout(comeBack, 2000 + Math.random() * 8000);
    return;
  }
  listen();
}

async function load(href) {
  const response = await fetch(href);
  if (!response.ok) throw new Error(response.statusText);
  return new DOMParser().parseFromString(await response.text(), 'text/html');
}

const isOf = (id) => (card) => card.dataset.room === id;

/** The way to what follows after this page; without one, the list is whole. */
function follow(page) {
  const way = page.querySelector('#more');
  document.getElementById('more')?.remove();
  if (way) list.after(document.adoptNode(way));
  else if (!new URLSearchParams(location.search).has('cursor')) list.dataset.whole = '';
  if (way) nearEnd.observe(way);
}

/** The next page, before one comes to the end of this one. */
async function goOn() {
  const way = document.querySelector('#more a');
  if (!way || loading) return;
  loading = true;
  try {
    const page = await load(way.href);
    // Rooms change places meanwhile: one that is here already does not come twice.
    list.append(...[...page.getElementById('rooms').children].filter((card) => !cardOf(card.dataset.room)));
    pages += 1;
    follow(page);
  } catch {
    // The link is still there.
  } finally {
    loading = false;
  }
}

function say(text) {
  live.hidden = false;
  if (live.textContent !== text) live.textContent = text;
}

function cardOf(id) {
  return list.querySelector(`[data-room="${Number(id)}"]`);
}

function told({ id, name, seats, has_password: locked }) {
  let card = cardOf(id);
  if (!seats) {
    if (card?.contains(document.activeElement)) $('q').focus();
    card?.remove();
  } else {
    // At the end, where it moves nothing away under a finger.
    if (!card && belongs(name)) list.append((card = opened(id, name, locked)));
    if (card) update(card, seats);
  }
  showEmptiness();
}

function belongs(name) {
  return 'whole' in list.dataset && name.toLowerCase().includes(wanted);
}

function opened(id, name, locked) {
  const card = $('card').content.firstElementChild.cloneNode(true);
  card.dataset.room = id;
  card.querySelector('h2 a').textContent = name;
  const number = fill(words.number, { n: String(id) });
  card.querySelector('.small').textContent = locked ? `${number} · ${words.locked}` : number;
  return card;
}

function update(card, seats) {
  const full = isFull(seats);
  card.classList.toggle('is-full', full);
  showSeats(card.querySelector('.seats'), card.querySelector('.seat-line'), words, seats);
  card.querySelector('.go').textContent = full ? words.wait : words.enter;
  // A full room leads to its line.
  const door = `/rooms/${Number(card.dataset.room)}${full ? '?line=1' : ''}`;
  for (const link of card.querySelectorAll('a')) link.href = door;
}

function showEmptiness() {
  const isEmpty = list.children.length === 0;
  $('empty').hidden = !isEmpty;
  $('legend').hidden = isEmpty;
}

const nearEnd = new IntersectionObserver(
  (entries) => entries.some(({ isIntersecting }) => isIntersecting) && goOn(),
  { rootMargin: '1200px' },
);
if ($('more')) nearEnd.observe($('more'));
// A browser opens few lines to one server: a tab that nobody looks at gives its line back.
document.addEventListener('visibilitychange', () => {
  rest();
  if (!document.hidden) comeBack();
});
listen();
if ('kept' in words) showKept(words);
