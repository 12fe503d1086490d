// Somebody who enters a room through the SockJS client as it is published, over one of its transports.

import SockJS from 'sockjs-client';

/** How long anything may take before it counts as never. */
const PATIENCE_MS = 45_000;

async function ask(address, path, { token, body } = {}) {
  const headers = { 'content-type': 'application/json' };
  if (token) headers.authorization = `Bearer ${token}`;
  const answer = await fetch(`${address}/api/v1${path}`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body ?? {}),
  });
  return { status: answer.status, ...(answer.status === 204 ? {} : await answer.json()) };
}

/** Somebody without an account. */
export class Guest {
  static async come(address, name) {
    const { token, user } = await ask(address, '/sessions/guest', { body: { display_name: name } });
    return new Guest(address, token, user);
  }

  constructor(address, token, user) {
    Object.assign(this, { address, token, user });
  }

  /** A room of one's own, with the ticket into it. */
  async room(capacity = 8) {
    const body = { name: 'A room', capacity };
    const { room, reservation } = await ask(this.address, '/rooms', { token: this.token, body });
    return { id: room.id, ticket: reservation.ticket };
  }

  /** The ticket into somebody's room. */
  async reserve(room) {
    return (await ask(this.address, `/rooms/${room}/reservations`, { token: this.token })).ticket;
  }

  async logOut() {
    const headers = { authorization: `Bearer ${this.token}` };
    await fetch(`${this.address}/api/v1/sessions/current`, { method: 'DELETE', headers });
  }
}

/** Seats of a room, as anybody sees them. */
export async function seats(guest, room) {
  const headers = { authorization: `Bearer ${guest.token}` };
  const answer = await fetch(`${guest.address}/api/v1/rooms/${room}`, { headers });
  return (await answer.json()).room.seats;
}

/** A connection: every frame in its order, and how it ended. */
export class Visit {
  constructor(address, transport, query) {
    const asked = new URLSearchParams(query).toString();
    this.frames = [];
    this.closed = null;
    this.waiting = new Set();
    this.socket = new SockJS(`${address}/sockjs?${asked}`, null, { transports: [transport] });
    this.socket.onmessage = ({ data }) => {
      this.frames.push(JSON.parse(data));
      this.look();
    };
    this.socket.onclose = ({ code, reason }) => {
      this.closed = { code, reason };
      this.look();
    };
  }

  look() {
    this.waiting.forEach((looks) => looks());
  }

  /** Resolves when `found` finds something. */
  until(what, found) {
    return new Promise((resolve, reject) => {
      const end = setTimeout(() => {
        this.waiting.delete(looks);
        const seen = JSON.stringify({ frames: this.frames, closed: this.closed });
        reject(new Error(`waited in vain for ${what}: ${seen}`));
      }, PATIENCE_MS);
      const looks = () => {
        const it = found();
        if (!it) return;
        clearTimeout(end);
        this.waiting.delete(looks);
        resolve(it);
      };
      this.waiting.add(looks);
      looks();
    });
  }

  /** The first frame of that type with those members. */
  frame(type, members = {}) {
    const fits = (frame) =>
      frame.type === type &&
      Object.entries(members).every(([name, value]) => frame[name] === value);
    return this.until(`${type} ${JSON.stringify(members)}`, () => this.frames.find(fits));
  }

  end() {
    return this.until('the end', () => this.closed);
  }

  say(content, client_id) {
    this.socket.send(JSON.stringify({ type: 'send', client_id, content }));
  }
}
