// How far everybody has read: tells the others of oneself, and shows it under one's own last message.

import { fill } from './seats.js';

const NAMED_MAX = 20;

export class Reads {
  #marks = new Map(); // by user
  #told = 0;

  /** `others()`: the people here but oneself; `say(text, names)` shows it under the message. */
  constructor({ words, others, say, tell }) {
    Object.assign(this, { words, others, say, tell });
  }

  welcome(members) {
    for (const { id, read } of members) if (read) this.heard(id, read);
    this.#told = 0;
  }

  heard(user, seq) {
    this.#marks.set(user, Math.max(seq, this.#marks.get(user) ?? 0));
  }

  /** One has seen everything up to here oneself. */
  reached(seq) {
    if (!(seq > this.#told)) return;
    this.#told = seq;
    this.tell(seq);
  }

  /** Of one's own message with this number, who has read it; without one, nothing is shown. */
  show(seq) {
    const others = this.others();
    const readers = seq ? others.filter(({ id }) => this.#marks.get(id) >= seq) : [];
    const { readOne, readMany, readAll } = this.words;
    const names = readers.slice(0, NAMED_MAX).map(({ name }) => name);
    if (readers.length === 0) this.say('');
    else if (readers.length === 1) this.say(fill(readOne, { name: names[0] }), names);
    else if (readers.length === others.length) this.say(readAll, names);
    else this.say(fill(readMany, { n: readers.length }), names);
  }
}
