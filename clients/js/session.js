// One stay in one room, over as many sockets as it takes.
// Invariant: only the newest socket may change anything; each carries its own generation, so the
// late close of an old one is not heard.

import { afterClose, afterRefusal, codeOf, delay } from './policy.js';

const GAP_PAGE = 200;
const OPENS_WITHIN_MS = 8_000;

export class Session {
  /** Number of the last durable thing delivered; undefined before the first welcome. */
  lastSeq;
  /** 'reserving' | 'confirming' | 'live' | 'waiting' | 'closed' */
  state = 'reserving';

  #client;
  #room;
  #options;
  #listeners = new Map();
  #socket;
  #generation = 0;
  #resume;
  #refused;
  #pending = new Map();
  #changes = new Map(); // by message id, the newest change that is not answered yet
  #attempt = 0;
  #again = 0;
  #seated = false;
  #timer;
  #beat;
  #silent = 0;
  #heartbeat = 25_000;
  #filling;
  #settle;

  /** Made by `Client.joinRoom` and `Client.confirm`. */
  constructor(client, room, { password, resume, since, key } = {}) {
    this.#client = client;
    this.#room = room;
    this.#options = { password, key };
    this.#resume = resume;
    this.lastSeq = since;
    this.ready = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    this.ready.catch(() => {});
  }

  get room() {
    return this.#room;
  }

  /** The secret that marks a reconnect as ours. Keep it for a reload, show it to nobody. */
  get resume() {
    return this.#resume;
  }

  /** Calls `listener(event)` for each event of `type`; gives a function that stops it. */
  on(type, listener) {
    const set = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, set.add(listener));
    return () => set.delete(listener);
  }

  /**
   * Sends text. The promise gives the `ack` once the message is durable. It stays pending over a
   * reconnect and is sent again under the same id, which never makes a second message. `replyTo` is the
   * `seq` of the message that it answers.
   */
  send(content, { clientId = newId(), contentType, replyTo } = {}) {
    if (this.state === 'closed') return Promise.reject(failure('closed'));
    const known = this.#pending.get(clientId);
    if (known) return known.promise;
    const frame = { type: 'send', client_id: clientId, content };
    if (contentType) frame.content_type = contentType;
    if (replyTo) frame.reply_to = replyTo;
    const entry = { frame };
    entry.promise = new Promise((resolve, reject) => Object.assign(entry, { resolve, reject }));
    this.#pending.set(clientId, entry);
    if (this.state === 'live') this.#write(frame);
    return entry.promise;
  }

  /**
   * Gives a message of one's own other words. The promise gives the `edited` frame once it is durable.
   * It stays pending over a reconnect and is asked again, which changes nothing twice.
   */
  edit(id, content) {
    return this.#change({ type: 'edit', id, content });
  }

  /** Takes a message back, for good. As `edit`, with the `deleted` frame. */
  delete(id) {
    return this.#change({ type: 'delete', id });
  }

  // Only the last wish for a message counts: one that it overtakes fails with `superseded`.
  #change(frame) {
    if (this.state === 'closed') return Promise.reject(failure('closed'));
    this.#changes.get(frame.id)?.reject(failure('superseded'));
    const entry = { frame };
    entry.promise = new Promise((resolve, reject) => Object.assign(entry, { resolve, reject }));
    this.#changes.set(frame.id, entry);
    if (this.state === 'live') this.#write(frame);
    return entry.promise;
  }

  typing() {
    if (this.state === 'live') this.#write({ type: 'typing' });
  }

  read(seq) {
    if (this.state === 'live') this.#write({ type: 'read', seq });
  }

  /** Gives the seat back at once and ends the session. */
  leave() {
    if (this.state === 'closed') return;
    const socket = this.#socket;
    if (this.state === 'live') this.#write({ type: 'leave' });
    else if (!this.#seated) this.#client.cancel(this.#room).catch(() => {});
    this.#end({ status: 1000, code: 'left' });
    socket?.close(1000);
  }

  /** Does not wait for the back-off. */
  retryNow() {
    if (this.state !== 'waiting') return;
    this.#client.timers.clear(this.#timer);
    this.#enter();
  }

  /** Called once by the client. */
  start(reservation) {
    if (reservation) this.#connect(reservation);
    else this.#enter();
  }

  async #enter() {
    const generation = ++this.#generation;
    this.#become('reserving');
    let reservation;
    try {
      const options = { ...this.#options, resume: this.#resume };
      reservation = await this.#client.reserve(this.#room, options);
    } catch (error) {
      if (generation === this.#generation) this.#notReserved(error);
      return;
    }
    if (generation === this.#generation) this.#connect(reservation);
    else if (this.state === 'closed') this.#client.cancel(this.#room).catch(() => {});
  }

  #notReserved(error) {
    const status = error.status ?? 0;
    const code = error.code ?? 'internal';
    const refusal = { ...error.problem, status, code, detail: error.message };
    if (this.#seated && afterRefusal(error).action === 'back_off') {
      this.#later(refusal, error.retryAfterMs);
      return;
    }
    if (refusal.code === 'replaced') this.#resume = undefined;
    this.#emit('refused', refusal);
    this.#end(refusal);
  }

  #connect(reservation) {
    const generation = ++this.#generation;
    this.#refused = undefined;
    this.#become('confirming');
    const url = this.#client.socketUrl(reservation, { resume: this.#resume, since: this.lastSeq });
    const socket = this.#client.openSocket(url);
    this.#socket = socket;
    let isOpen = false;
    const ours = (then) => (event) => generation === this.#generation && then(event);
    const opened = () => {
      isOpen = true;
      this.#listen();
    };
    const closed = (status) => {
      if (!isOpen && status === 1006) this.#client.didNotOpen();
      this.#closed(status);
    };
    socket.addEventListener('open', ours(opened));
    socket.addEventListener('message', ours((event) => {
      isOpen = true;
      this.#receive(event.data);
    }));
    socket.addEventListener('close', ours((event) => closed(event.code || 1006)));
    socket.addEventListener('error', () => {}); // a close always follows and says more
    if (!this.#client.fallsBack) return this.#listen();
    // Where a proxy swallows the upgrade, nothing comes at all.
    const { timers } = this.#client;
    timers.clear(this.#beat);
    this.#beat = timers.set(ours(() => {
      closed(1006);
      socket.close();
    }), OPENS_WITHIN_MS);
  }

  #receive(data) {
    this.#silent = 0;
    this.#listen();
    let frame;
    try {
      frame = JSON.parse(data);
    } catch {
      return;
    }
    if (frame.type === 'welcome') this.#welcome(frame);
    else if (frame.type === 'refused' || frame.type === 'closing') this.#refuse(frame);
    else if (frame.type === 'ack') this.#acked(frame);
    else if (frame.type === 'error') this.#failed(frame);
    else if (frame.target) this.#changed(frame);
    else if (frame.seq !== undefined && frame.type !== 'read') this.#inOrder(frame);
    else if (frame.type !== 'pong') this.#emit(frame.type, frame);
  }

  #welcome(frame) {
    const back = this.#seated;
    this.#resume = frame.resume ?? this.#resume;
    this.#heartbeat = frame.heartbeat_ms ?? this.#heartbeat;
    this.#attempt = 0;
    this.#again = 0;
    this.#seated = true;
    // Without a position, or with one the server cannot replay from, the page loads history.
    const fresh = this.lastSeq === undefined || ['truncated', 'reset'].includes(frame.replay);
    if (fresh) this.lastSeq = frame.last_seq ?? 0;
    this.#become('live');
    this.#emit('welcome', frame);
    if (back) this.#emit('resumed', frame);
    for (const { frame: unsent } of this.#pending.values()) this.#write(unsent);
    for (const { frame: unsent } of this.#changes.values()) this.#write(unsent);
    this.#listen();
    this.#settle.resolve(frame);
  }

  #refuse(frame) {
    this.#refused = { status: frame.status, code: frame.code, detail: frame.detail };
    this.#emit(frame.type, this.#refused);
  }

  #acked(frame) {
    const entry = this.#pending.get(frame.client_id);
    this.#pending.delete(frame.client_id);
    this.#emit('ack', frame);
    entry?.resolve(frame);
  }

  // What was like that already is answered with its old number, so this looks before numbers do.
  #changed(frame) {
    const { id } = frame.target;
    const entry = this.#changes.get(id);
    const asked = entry?.frame;
    const isEdit = frame.type === 'edited' && frame.content === asked?.content;
    if (asked && (frame.type === 'deleted' ? asked.type === 'delete' : isEdit)) {
      this.#changes.delete(id);
      entry.resolve(frame);
    }
    this.#inOrder(frame);
  }

  #failed(frame) {
    for (const unanswered of [this.#pending, this.#changes]) {
      const entry = unanswered.get(frame.ref);
      unanswered.delete(frame.ref);
      entry?.reject(failure(frame.code, frame.detail));
    }
    this.#emit('error', frame);
  }

  // Durable things are delivered once each, by number. A hole is filled from history first.
  #inOrder(frame) {
    if (this.#filling) {
      this.#filling.push(frame);
    } else if (frame.seq > (this.lastSeq ?? 0) + 1) {
      this.#filling = [frame];
      this.#fill(frame.seq - 1, this.#generation);
    } else {
      this.#deliver(frame);
    }
  }

  #deliver(frame) {
    if (frame.seq <= this.lastSeq) return;
    this.lastSeq = frame.seq;
    this.#emit(frame.type, frame);
  }

  async #fill(last) {
    const asked = { after: this.lastSeq, upTo: last };
    try {
      while (this.lastSeq < last) {
        const range = { after: this.lastSeq, limit: GAP_PAGE };
        const page = await this.#client.history(this.#room, range);
        if (page.first_seq > range.after + 1) {
          // What lay between is not kept any more.
          this.#emit('gap', { after: range.after, upTo: Math.min(page.first_seq - 1, last) });
        }
        const missed = page.items.filter((item) => item.seq > this.lastSeq && item.seq <= last);
        for (const item of missed) this.#deliver({ type: 'message', ...item });
        if (page.items.length < GAP_PAGE || missed.length === 0) break;
      }
    } catch {
      this.#emit('gap', asked); // the application may load history again
    }
    // What history does not list under its own number (an edit, a deletion) is in its final state.
    this.lastSeq = Math.max(this.lastSeq, last);
    const waiting = this.#filling ?? [];
    this.#filling = undefined;
    if (this.state === 'closed') return;
    for (const frame of waiting.sort((a, b) => a.seq - b.seq)) this.#inOrder(frame);
  }

  #closed(status) {
    this.#client.timers.clear(this.#beat);
    const why = this.#refused ?? { status, code: codeOf(status) };
    const { action, limit } = afterClose(status);
    if (status === 4409) this.#resume = undefined;
    if (status === 1009) this.#giveUp('too_large');
    this.#socket = undefined;
    if (action === 'reserve' && this.#again < limit) {
      this.#again += 1;
      this.#emit('reconnecting', { ...why, delay_ms: 0 });
      this.#enter();
    } else if (action === 'back_off' && (this.#seated || this.#attempt < 5)) {
      this.#later(why);
    } else {
      this.#end(why);
    }
  }

  #later(why, atLeast = 0) {
    this.#generation += 1;
    const bounds = { ...this.#client.backOff, atLeast };
    const ms = delay(this.#attempt, bounds, this.#client.random);
    this.#attempt += 1;
    this.#become('waiting');
    this.#emit('reconnecting', { ...why, delay_ms: ms, attempt: this.#attempt });
    this.#timer = this.#client.timers.set(() => this.#enter(), ms);
  }

  #end(why) {
    this.#generation += 1;
    this.#client.timers.clear(this.#timer);
    this.#client.timers.clear(this.#beat);
    this.#socket = undefined;
    this.#giveUp(why.code);
    this.#become('closed');
    this.#emit('closed', why);
    this.#settle.reject(failure(why.code, why.detail));
  }

  #giveUp(code) {
    const unsent = [...this.#pending.values(), ...this.#changes.values()];
    this.#pending.clear();
    this.#changes.clear();
    for (const entry of unsent) entry.reject(failure(code));
  }

  // A browser sees no ping frames: after a silent period we ask, after a second one it is dead.
  #listen() {
    const { timers } = this.#client;
    timers.clear(this.#beat);
    const generation = this.#generation;
    this.#beat = timers.set(() => {
      if (generation !== this.#generation) return;
      this.#silent += 1;
      if (this.#silent >= 2) {
        const socket = this.#socket;
        this.#silent = 0;
        this.#closed(1006);
        socket?.close();
      } else {
        if (this.state === 'live') this.#write({ type: 'ping' });
        this.#listen();
      }
    }, this.#heartbeat);
  }

  #write(frame) {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(frame));
  }

  #become(state) {
    if (this.state === state && state !== 'reserving') return;
    this.state = state;
    this.#emit('state', { state });
  }

  #emit(type, event) {
    for (const listener of [...(this.#listeners.get(type) ?? [])]) listener(event);
  }
}

/**
 * An id that is never drawn twice: the time in milliseconds, then 80 random bits. They rise with time, so
 * the server's index of them stays compact. `crypto.randomUUID` is missing in pages that came over plain HTTP.
 */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(10));
  const random = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return Date.now().toString(16).padStart(12, '0') + random;
}

function failure(code, detail) {
  return Object.assign(new Error(detail || code), { code });
}
