// Seats that are kept for somebody who is not there: how long yet, in the line below the picture and in the
// picture itself.

import { drawSeats, fill, seatLine } from './seats.js';

const running = new Map(); // by line, `{ words, seats, until }`
let tick;

/** Minutes and seconds, as a clock shows them. */
export function clock(ms) {
  const seconds = Math.ceil(Math.max(0, ms) / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/** Shows how seats stand: in `picture`, and in words in `line`. */
export function showSeats(picture, line, words, seats) {
  drawSeats(picture, seats);
  drain(picture, seats);
  running.delete(line);
  if (seats.frees_in_ms > 0) running.set(line, { words, seats, until: performance.now() + seats.frees_in_ms });
  write(line, { words, seats });
  if (running.size) tick ??= setInterval(count, 1000);
}

function count() {
  for (const [line, shown] of running) {
    if (!line.isConnected || shown.until < performance.now()) running.delete(line);
    write(line, shown);
  }
  if (running.size) return;
  clearInterval(tick);
  tick = undefined;
}

function write(line, { words, seats }) {
  const shown = running.get(line);
  let text = seatLine(words, seats);
  if (shown) text += words.seatsJoin + fill(words.seatsKept, { time: clock(shown.until - performance.now()) });
  if (line.textContent !== text) line.textContent = text;
}

// One square runs empty while its time does. Which of two kinds goes first nobody said.
function drain(picture, { reserved, held, frees_in_ms: ms }) {
  picture.draining?.cancel();
  const square = reserved && held ? undefined : picture.querySelector('i.r, i.h');
  if (!square || !(ms > 0)) return;
  const frames = { backgroundSize: ['100% 100%', '100% 0%'] };
  picture.draining = square.animate(frames, { duration: ms, fill: 'forwards' });
}
