// What a close means for the client, as a table. No sockets, no clock: pure decisions.

/**
 * What to do after a socket closed with `status`.
 *  `stay`      do not come back by yourself; tell the person
 *  `reserve`   reserve again at once, `limit` times in a row, then stay
 *  `back_off`  reserve again after a growing, random delay
 */
export function afterClose(status) {
  if (status === 4403) return { action: 'reserve', limit: 1 };
  if (status === 4408) return { action: 'reserve', limit: 3 };
  if (status >= 4400 && status < 4500) return { action: 'stay' };
  if (status >= 4500 && status < 4600) return { action: 'back_off' };
  // 1005 and 1006: the line broke; 1001, 1011, 1012, 1013: the server is going or stumbling.
  // 1009 is a frame of ours that was too large: what was unsent is given up before coming back.
  if ([1001, 1005, 1006, 1009, 1011, 1012, 1013].includes(status)) return { action: 'back_off' };
  return { action: 'stay' };
}

/** What to do after reserving was refused over HTTP, when we were in the room before. */
export function afterRefusal({ status, code }) {
  const passing = status === 0 || status === 429 || status >= 500 || code === 'unavailable';
  return { action: passing ? 'back_off' : 'stay' };
}

/** The stable code of a close that came without a `refused` or `closing` frame. */
export function codeOf(status) {
  return (
    {
      1000: 'left', 1001: 'going_away', 1009: 'too_large', 1012: 'restarting',
      4400: 'bad_request', 4401: 'unauthenticated', 4403: 'no_reservation',
      4404: 'room_not_found', 4408: 'reservation_expired', 4409: 'replaced', 4410: 'room_closed',
      4440: 'logged_out', 4450: 'removed', 4500: 'entry_failed', 4503: 'unavailable',
      4508: 'slow_consumer', 4512: 'fenced', 4529: 'rate_limited',
    }[status] ?? (status === 1005 || status === 1006 ? 'offline' : 'internal')
  );
}

/**
 * Full jitter: anywhere between nothing and a bound that doubles with each attempt, so that a
 * thousand clients of one restarted server do not come back in step.
 */
export function delay(attempt, bounds = {}, random = Math.random) {
  const { base = 500, max = 30_000, atLeast = 0 } = bounds;
  const bound = Math.min(max, base * 2 ** Math.min(attempt, 16));
  return Math.max(atLeast, 0) + Math.round(random() * bound);
}
