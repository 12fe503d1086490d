// Keeps the seat counts of the lobby live. Without it the page shows the counts of its loading.

import { drawSeats, isFull, seatLine, wordsOf } from './seats.js';

const list = document.getElementById('rooms');
const live = document.getElementById('live');

if (list) {
  const words = wordsOf(list);
  const source = new EventSource('/api/v1/rooms/events');
  source.addEventListener('open', () => say(live.dataset.on));
  source.addEventListener('error', () => say(live.dataset.off));
  source.addEventListener('room', (event) => {
    const { id, seats } = JSON.parse(event.data);
    const card = list.querySelector(`[data-room="${Number(id)}"]`);
    if (card && seats) update(card, words, seats);
  });
}

function say(text) {
  live.hidden = false;
  if (live.textContent !== text) live.textContent = text;
}

function update(card, words, seats) {
  const full = isFull(seats);
  card.classList.toggle('is-full', full);
  drawSeats(card.querySelector('.seats'), seats);
  card.querySelector('.seat-line').textContent = seatLine(words, seats);
  card.querySelector('.go').textContent = full ? words.look : words.enter;
}
