// A seat that this window left and that is kept for it: where, how long yet, and the way back.

import { Client } from './anteroom.js';
import { clock } from './countdown.js';
import { fill } from './seats.js';

const RESUME = 'anteroom.resume.';
const $ = (id) => document.getElementById(id);

/** Looks which seat that is, and shows it until it goes back. */
export async function showKept(words) {
  const rooms = Object.keys(sessionStorage).filter((name) => name.startsWith(RESUME));
  const client = new Client();
  for (const id of rooms.map((name) => Number(name.slice(RESUME.length)))) {
    const found = await Promise.all([client.seat(id), client.room(id)]).catch(() => undefined);
    const [seat, room] = found ?? [];
    if (seat?.expires_in_ms > 0) return show(words, room, seat.expires_in_ms);
  }
  return undefined;
}

function show(words, room, ms) {
  const until = performance.now() + ms;
  $('kept-back').href = `/rooms/${Number(room.id)}`;
  const count = () => {
    const left = until - performance.now();
    $('kept-text').textContent = fill(words.kept, { name: room.name, time: clock(left) });
    if (left > 0) return;
    clearInterval(tick);
    $('kept').hidden = true;
  };
  const tick = setInterval(count, 1000);
  count();
  $('kept').hidden = false;
}
