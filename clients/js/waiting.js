// One wait in the line of one room, over as many streams as it takes.
// Invariant: each try asks for the place first, which keeps one that still stands, and reads the
// stream second; so whatever broke, the next try finds the place, the seat, or the end of the line.

import { afterRefusal, delay } from './policy.js';

/** The server says something every 15 seconds; a stream that is silent this long is broken. */
const SILENCE_MAX = 45_000;
/** Short waits, for a place without a stream is kept for half a minute only. */
const BACK_OFF = { base: 500, max: 5_000 };
const FIRST_TRIES = 5;

export class SeatWait {
  /** Settled by the seat (a reservation to `confirm`), or by why there will be none. */
  offer;
  /** The place as it was told last. */
  place;

  #client;
  #room;
  #options;
  #reading;
  #resting;
  #stopped;
  #attempt = 0;

  /** Made by `Client.waitForSeat`. */
  constructor(client, room, options = {}) {
    this.#client = client;
    this.#room = room;
    this.#options = options;
    this.offer = this.#wait();
    this.offer.catch(() => {});
  }

  /** Leaves the line, or gives back the seat that was offered in that moment. */
  async stop() {
    if (this.#stopped) return;
    this.#end('left');
    await this.#client.stopWaiting(this.#room).catch((error) => {
      if (error.code === 'not_waiting') return this.#client.cancel(this.#room).catch(() => {});
    });
  }

  /** Stops listening without giving anything up: the place is kept for the time a waiter may be away. */
  detach() {
    this.#end('detached');
  }

  /** Does not wait for the back-off. */
  retryNow() {
    this.#resting?.();
  }

  #end(code) {
    this.#stopped ??= code;
    this.#reading?.abort();
    this.#resting?.();
  }

  async #wait() {
    for (;;) {
      try {
        const offer = await this.#try();
        if (offer) return offer;
      } catch (error) {
        if (this.#stopped) throw Object.assign(new Error(this.#stopped), { code: this.#stopped });
        if (!this.#passes(error)) throw error;
        this.#options.onState?.('reconnecting');
        await this.#rest(error.retryAfterMs ?? 0);
      }
      if (this.#stopped) throw Object.assign(new Error(this.#stopped), { code: this.#stopped });
    }
  }

  /** Whether trying again may mend it. Who never had a place is not kept waiting for ever. */
  #passes(error) {
    if (error.final) return false;
    if (error.code === 'not_waiting') return true; // gone between the two requests: joins anew
    if (!this.place && this.#attempt >= FIRST_TRIES) return false;
    return afterRefusal(error).action === 'back_off';
  }

  #rest(atLeast) {
    const ms = delay(this.#attempt++, { ...BACK_OFF, atLeast }, this.#client.random);
    return new Promise((resolve) => {
      const timer = this.#client.timers.set(resolve, ms);
      this.#resting = () => {
        this.#client.timers.clear(timer);
        resolve();
      };
    });
  }

  async #try() {
    const { key, password } = this.#options;
    const answer = await this.#client.wait(this.#room, { password, key });
    if (this.#stopped) {
      // Left while the answer was on its way, so it may have come after the leaving.
      if (this.#stopped === 'left') {
        const undo = answer.offer ? this.#client.cancel(this.#room) : this.#client.stopWaiting(this.#room);
        await undo.catch(() => {});
      }
      throw new Error(this.#stopped);
    }
    if (answer.offer) return answer.offer;
    this.#told(answer);
    this.#reading = new AbortController();
    const events = this.#client.watchLine(this.#room, { key, signal: this.#reading.signal });
    try {
      return await this.#read(events);
    } finally {
      this.#reading.abort();
    }
  }

  async #read(events) {
    for (;;) {
      const { value, done } = await this.#inTime(events.next());
      if (done) throw broken();
      this.#attempt = 0;
      if (value.event === 'position') this.#told(value.data);
      if (value.event === 'offer') return value.data;
      if (value.event === 'gone') throw Object.assign(broken(), { code: value.data.code, final: true });
    }
  }

  /** A line that broke without a word is noticed by its silence. */
  #inTime(next) {
    const { set, clear } = this.#client.timers;
    return new Promise((resolve, reject) => {
      const timer = set(() => reject(broken()), SILENCE_MAX);
      next.then(resolve, reject).finally(() => clear(timer));
    });
  }

  #told(place) {
    const same = this.place?.position === place.position && this.place.joined_at === place.joined_at;
    this.place = place;
    this.#options.onState?.('waiting');
    if (!same) this.#options.onPosition?.(place);
  }
}

function broken() {
  return Object.assign(new Error('offline'), { status: 0, code: 'offline' });
}

/**
 * The events of an SSE body, `{event, data}`, with `data` read as JSON. A comment gives
 * `{event: 'comment'}`, which shows that the line stands.
 */
export async function* readEvents(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  let event = '';
  let data = [];
  try {
    for (;;) {
      const { value, done } = await reader.read().catch(() => Promise.reject(broken()));
      if (done) return;
      text += decoder.decode(value, { stream: true });
      const lines = text.split('\n');
      text = lines.pop();
      for (const line of lines.map((raw) => raw.replace(/\r$/, ''))) {
        if (line.startsWith(':')) yield { event: 'comment' };
        else if (line.startsWith('event:')) event = line.slice(6).trim();
        else if (line.startsWith('data:')) data.push(line.slice(5));
        else if (line === '') {
          if (data.length) yield { event, data: JSON.parse(data.join('\n')) };
          event = '';
          data = [];
        }
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
