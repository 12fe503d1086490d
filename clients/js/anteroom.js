// Anteroom's client: entry in two steps over HTTP and WebSocket, and a session that comes back.
// Plain ES module without dependencies, for browsers and Node 20 or newer.

import { HttpSocket } from './http_socket.js';
import { Session } from './session.js';
import { SeatWait, readEvents } from './waiting.js';

export { Session, newId } from './session.js';
export { SeatWait } from './waiting.js';
export * from './policy.js';

/** What a session may go over, in the order in which they are tried. */
export const TRANSPORTS = ['websocket', 'xhr-streaming', 'xhr-polling'];

/** A refusal told over HTTP, or `offline` (status 0) when no answer came. */
export class AnteroomError extends Error {
  constructor(status, code, problem = {}, retryAfterMs = 0) {
    super(problem.detail || problem.title || code);
    Object.assign(this, { name: 'AnteroomError', status, code, problem, retryAfterMs });
  }
}

export class Client {
  #fetch;
  #refreshing;

  /**
   * @param {object} options
   * @param {string} [options.base] where the server is; in a page, the page's own origin
   * @param {string} [options.token] a bearer token; without it the page's cookie is used
   * @param {*} [options.WebSocket] in place of the global one
   * @param {string} [options.transport] one of `TRANSPORTS`, to begin with; without one, the first that there is
   * @param {boolean} [options.fallsBack] whether one that does not open makes way for the next; unless a
   *   `WebSocket` was given, it does
   */
  constructor({ base, token, WebSocket, transport, fallsBack, fetch, timers, random, backOff } = {}) {
    this.base = (base ?? globalThis.location?.origin ?? '').replace(/\/+$/, '');
    this.ownOrigin = base === undefined;
    this.token = token;
    this.WebSocket = WebSocket ?? globalThis.WebSocket;
    this.transport = transport ?? TRANSPORTS[this.WebSocket ? 0 : 1];
    this.fallsBack = fallsBack ?? WebSocket === undefined;
    this.timers = timers ?? {
      set: (run, ms) => setTimeout(run, ms),
      clear: (timer) => clearTimeout(timer),
    };
    this.random = random ?? Math.random;
    this.backOff = backOff ?? {};
    this.#fetch = fetch ?? globalThis.fetch.bind(globalThis);
  }

  // Accounts

  async signUp(account) {
    return (await this.#call('POST', '/users', account)).user;
  }

  login(username, password) {
    return this.#loggedIn(this.#call('POST', '/sessions', { username, password }));
  }

  guest(displayName) {
    return this.#loggedIn(this.#call('POST', '/sessions/guest', { display_name: displayName }));
  }

  /** Several callers at once share one refresh, so that none supersedes the other's token. */
  refresh() {
    this.#refreshing ??= this.#loggedIn(this.#call('POST', '/sessions/refresh')).finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async logout() {
    await this.#call('DELETE', '/sessions/current');
    this.token = undefined;
  }

  async me() {
    return (await this.#call('GET', '/me')).user;
  }

  // Rooms

  rooms(query = {}) {
    return this.#call('GET', `/rooms${search(query)}`);
  }

  createRoom(room) {
    return this.#call('POST', '/rooms', room);
  }

  async room(id, { key } = {}) {
    const answer = await this.#call('GET', `/rooms/${id}${search({ key })}`);
    return answer.room ?? answer;
  }

  /** One page: newest first for `before`, oldest first for `after`. */
  history(id, { before, after, limit } = {}) {
    return this.#call('GET', `/rooms/${id}/messages${search({ before, after, limit })}`);
  }

  /** Messages that match, newest first; each with a `snippet` of plain text in pieces. */
  search(id, q, { limit, cursor } = {}) {
    return this.#call('GET', `/rooms/${id}/messages/search${search({ q, limit, cursor })}`);
  }

  // Entry

  /** Step 1: counts a seat for us and gives a single-use ticket. */
  reserve(id, { password, resume, key } = {}) {
    return this.#call('POST', `/rooms/${id}/reservations${search({ key })}`, { password, resume });
  }

  /** What one has in a room: `{ state, expires_in_ms? }`; rejects with `not_found` where that is nothing. */
  seat(id) {
    return this.#call('GET', `/rooms/${id}/seats/current`);
  }

  cancel(id) {
    return this.#call('DELETE', `/rooms/${id}/reservations/current`);
  }

  /** Step 2: takes the reserved seat. The session comes back by itself where that makes sense. */
  confirm(reservation, { resume, since, password, key } = {}) {
    const session = new Session(this, reservation.room_id, { password, resume, since, key });
    session.start(reservation);
    return session;
  }

  /** Both steps. Listen to `state` to see them; `session.ready` is settled by the outcome. */
  joinRoom(id, { password, resume, since, key } = {}) {
    const session = new Session(this, id, { password, resume, since, key });
    session.start();
    return session;
  }

  // The line in front of a full room

  /** Joins the line, or keeps the place in it: a position, or `{offer}` where a seat is free. */
  wait(id, { password, key } = {}) {
    return this.#call('POST', `/rooms/${id}/waitlist${search({ key })}`, { password });
  }

  stopWaiting(id) {
    return this.#call('DELETE', `/rooms/${id}/waitlist/current`);
  }

  /** What the line tells, event by event, until the offer or the end of the wait. */
  async *watchLine(id, { key, signal } = {}) {
    const path = `/rooms/${id}/waitlist/current${search({ key })}`;
    const response = await this.#ask('GET', path, { accept: 'text/event-stream', signal });
    if (!response.ok) throw await refusal(response);
    yield* readEvents(response.body);
  }

  /**
   * Stands in line and calls `onPosition` as the line moves. `offer` gives a reservation to
   * `confirm`; `stop()` gives the place up. Broken streams are mended.
   */
  waitForSeat(id, options = {}) {
    return new SeatWait(this, id, options);
  }

  /** Where the socket of this reservation opens. */
  socketUrl(reservation, { resume, since }) {
    const own = new URL('/ws', this.base);
    const told = this.ownOrigin ? undefined : reservation.websocket_url;
    const url = told ? new URL(told, own) : own;
    url.protocol = url.protocol.replace(/^http/, 'ws');
    url.searchParams.set('ticket', reservation.ticket);
    if (resume) url.searchParams.set('resume', resume);
    if (since !== undefined) url.searchParams.set('since', since);
    return url.href;
  }

  /** For sessions: a socket by the transport of the moment. */
  openSocket(url) {
    if (this.transport === 'websocket') return new this.WebSocket(url, ['anteroom.v1']);
    const { timers } = this;
    return new HttpSocket(url, { streaming: this.transport === 'xhr-streaming', fetch: this.#fetch, timers });
  }

  /** For sessions: a socket did not open, though the server had just answered. Something between lets none through. */
  didNotOpen() {
    const next = TRANSPORTS[(TRANSPORTS.indexOf(this.transport) + 1) % TRANSPORTS.length];
    if (this.fallsBack) this.transport = next === 'websocket' && !this.WebSocket ? 'xhr-streaming' : next;
  }

  async #loggedIn(call) {
    const answer = await call;
    // A page keeps to its HttpOnly cookie and never holds the token in script.
    if (!this.ownOrigin || this.token) this.token = answer.token;
    return answer;
  }

  async #call(method, path, body) {
    const response = await this.#ask(method, path, { body });
    if (!response.ok) throw await refusal(response);
    return response.json().catch(() => undefined);
  }

  async #ask(method, path, { body, accept = 'application/json', signal }) {
    const headers = { accept };
    if (this.token) headers.authorization = `Bearer ${this.token}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    try {
      return await this.#fetch(`${this.base}/api/v1${path}`, {
        method,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
        credentials: this.token || !this.ownOrigin ? 'omit' : 'same-origin',
        // What is given back reaches the server also when the page is left.
        keepalive: method === 'DELETE',
        signal,
      });
    } catch {
      throw new AnteroomError(0, 'offline');
    }
  }
}

async function refusal(response) {
  const answer = await response.json().catch(() => undefined);
  const retryAfter = Number(response.headers?.get?.('retry-after')) || 0;
  let code = answer?.code ?? (response.status >= 500 ? 'unavailable' : 'internal');
  // Nobody is logged out because the store of logins is away: it is a reason to try again.
  if (answer?.reason === 'store_unavailable') code = 'unavailable';
  return new AnteroomError(response.status, code, answer ?? {}, retryAfter * 1000);
}

function search(query) {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  return pairs.length ? `?${new URLSearchParams(pairs)}` : '';
}
