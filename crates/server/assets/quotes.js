// What a message answers, in one line above its words: who said what, and the way there.

import { button, element } from './message.js';
import { fill } from './seats.js';

const SHOWN_CHARS = 120;

/** The first words of a text, in one line. */
export function excerpt(text) {
  const line = text.replace(/\s+/g, ' ').trim();
  const chars = [...line];
  return chars.length > SHOWN_CHARS ? `${chars.slice(0, SHOWN_CHARS).join('')}…` : line;
}

export class Quotes {
  #known = new Map(); // by number, what is not in the list: `{ name, content }`
  #seen;

  /** `find(seq)`: its item, if it is in the list; `fetch(seq)`: it as `{ name, content }`; `go(seq)`: shows it. */
  constructor({ log, words, find, fetch, go }) {
    Object.assign(this, { words, find, fetch, go });
    // Only what somebody looks at is asked for.
    this.#seen = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) if (isIntersecting) this.#look(target);
    }, { root: log });
  }

  /** Puts the line on a message that answers number `seq`. */
  put(item, seq) {
    const quote = button('', () => this.go(seq));
    quote.className = 'quote';
    quote.dataset.answers = seq;
    item.querySelector('.row').before(quote);
    this.#write(quote, seq);
  }

  /** The message with this number says something else now, or nothing. */
  changed(list, seq) {
    for (const quote of list.querySelectorAll(`.quote[data-answers="${Number(seq)}"]`)) this.#write(quote, seq);
  }

  #write(quote, seq) {
    const item = this.find(seq);
    const known = item ? { name: nameOf(item), content: item.content } : this.#known.get(seq);
    const { words } = this;
    if (!known) {
      quote.replaceChildren(words.quoteUnknown);
      this.#seen.observe(quote);
      return;
    }
    this.#seen.unobserve(quote);
    const said = known.content === undefined ? words.deletedMessage : excerpt(known.content);
    const head = element('strong', '', fill(words.quoteOf, { name: known.name }));
    quote.replaceChildren(head, ' ', element('span', '', said));
  }

  async #look(quote) {
    this.#seen.unobserve(quote);
    const seq = Number(quote.dataset.answers);
    const known = await this.fetch(seq).catch(() => undefined);
    if (!known) return;
    this.#known.set(seq, known);
    this.#write(quote, seq);
  }
}

export function nameOf(item) {
  return item.querySelector('.by strong').textContent;
}
