// Waiting in line: where one stands, how long it may take, and the seat when it comes.

import { Chime } from './chime.js';
import { fill } from './seats.js';

/** Seconds between the offer of a seat and going in, so that one sees what happens. */
const GO_IN_AFTER = 6;
const $ = (id) => document.getElementById(id);

/** "About 3 minutes to go", or nothing where nobody can know. */
export function waitText(words, ms) {
  if (ms === undefined || ms === null) return '';
  const minutes = Math.max(1, Math.round(ms / 60_000));
  if (minutes > 60) return words.lineHours;
  return fill(minutes === 1 ? words.lineMinutesOne : words.lineMinutesOther, { n: minutes });
}

/** "3 people are before you". */
export function aheadText(words, ahead) {
  if (ahead === 0) return words.lineNext;
  return fill(ahead === 1 ? words.lineAheadOne : words.lineAheadOther, { n: ahead });
}

/** Whole seconds until going in: never so late that the seat could be gone. */
export function goInAfter(expiresInMs) {
  return Math.max(0, Math.min(GO_IN_AFTER, Math.floor(expiresInMs / 2_000)));
}

/** The two panels. `enter(reservation)` goes in, `refuse(error)` says why there is no seat. */
export class Line {
  #wait;
  #tick;
  #title = document.title;
  #chime = new Chime($('line-sound'));

  constructor({ client, id, words, enter, refuse }) {
    Object.assign(this, { client, id, words, enter, refuse });
    this.mark = `anteroom.line.${id}`;
    $('line-leave').addEventListener('click', () => this.leave());
    $('offer-decline').addEventListener('click', () => this.#decline());
    addEventListener('online', () => this.#wait?.retryNow());
  }

  /** Whether this window stood in line when it was loaded before. */
  get stood() {
    return sessionStorage.getItem(this.mark) !== null;
  }

  join(options) {
    sessionStorage.setItem(this.mark, '1');
    const wait = this.client.waitForSeat(this.id, {
      ...options,
      onPosition: (place) => this.#show(place),
      onState: (state) => {
        $('line-keep').textContent = state === 'waiting' ? this.words.lineKeep : this.words.lineBroken;
      },
    });
    this.#wait = wait;
    wait.offer.then(
      (reservation) => wait === this.#wait && this.#offered(reservation),
      (error) => wait === this.#wait && this.#over(() => this.refuse(error)),
    );
  }

  /** Gives the place up. */
  leave() {
    const wait = this.#wait;
    this.#over();
    wait?.stop();
  }

  /** Somebody else of us went in: the place is not needed any more. */
  stepAside() {
    if (!this.#wait) return false;
    this.#wait.detach();
    this.#over();
    return true;
  }

  #show({ position, ahead, estimated_wait_ms: wait }) {
    this.#stands();
    if ($('line').hidden) {
      $('line').hidden = false;
      $('line').focus({ preventScroll: true });
    }
    $('line-place').textContent = position.toLocaleString('en');
    $('line-ahead').textContent = aheadText(this.words, ahead);
    $('line-wait').textContent = waitText(this.words, wait);
    document.title = `(${position}) ${this.#title}`;
  }

  #stands() {
    $('room').dataset.state = 'waiting';
    $('entering').hidden = true;
  }

  #offered(reservation) {
    this.#stands();
    $('line').hidden = true;
    $('offer').hidden = false;
    document.title = this.words.offerTitle;
    this.#chime.ring();
    const enter = () => this.#over(() => this.enter(reservation));
    $('offer-enter').onclick = enter;
    $('offer-enter').focus({ preventScroll: true });
    const until = Date.now() + goInAfter(reservation.expires_in_ms) * 1000;
    const count = () => {
      const left = Math.ceil((until - Date.now()) / 1000);
      if (left <= 0) enter();
      else $('offer-lead').textContent = fill(this.words.offerLead, { n: left });
    };
    count();
    // A window that nobody looks at counts too, though more slowly.
    if (this.#wait) this.#tick = setInterval(count, 250);
  }

  #decline() {
    this.#over();
    this.client.cancel(this.id).catch(() => {});
  }

  #over(then) {
    clearInterval(this.#tick);
    this.#wait = undefined;
    sessionStorage.removeItem(this.mark);
    document.title = this.#title;
    $('line').hidden = true;
    $('offer').hidden = true;
    then?.();
  }
}
