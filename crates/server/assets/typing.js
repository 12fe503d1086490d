// Who is writing just now, in one line that never moves what is above it.

import { fill } from './seats.js';

// The server tells it at most every two seconds; who says no more of it has stopped.
const LASTS_MS = 5000;

export class Typing {
  #until = new Map(); // by user, the timer that ends it

  constructor({ place, words, name }) {
    Object.assign(this, { place, words, name });
  }

  heard(user) {
    clearTimeout(this.#until.get(user));
    this.#until.set(user, setTimeout(() => this.over(user), LASTS_MS));
    this.#show();
  }

  /** Said what there was to say, or left. */
  over(user) {
    if (!this.#until.has(user)) return;
    clearTimeout(this.#until.get(user));
    this.#until.delete(user);
    this.#show();
  }

  #show() {
    const names = [...this.#until.keys()].map(this.name).filter(Boolean);
    const [a, b] = names;
    const { typingOne, typingTwo, typingMany } = this.words;
    const text = [() => '', () => fill(typingOne, { a }), () => fill(typingTwo, { a, b })][names.length];
    this.place.textContent = text ? text() : typingMany;
  }
}
