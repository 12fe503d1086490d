// What came while nobody looked: where it begins, how much it is, and the way there.

import { element, join } from './message.js';
import { fill } from './seats.js';

export class Unread {
  #seq; // up to here everything was before the reader's eyes
  #from; // the line stands behind this number
  #line;
  #missed = 0; // how many stand below the line that the reader did not come to yet
  #count = 0; // how many came since the reader looked
  #title = document.title;

  /** `key`: where the browser keeps it over a reload; `jump`: the button that leads to the line. */
  constructor({ key, words, jump }) {
    Object.assign(this, { key, words, jump });
    this.#seq = this.#from = Number(localStorage.getItem(key)) || undefined;
    jump.addEventListener('click', () => this.#line?.scrollIntoView({ block: 'start' }));
  }

  /** Who was never here has missed nothing of what was said before. */
  begin(seq) {
    this.#seq ??= seq;
    this.#from ??= seq;
  }

  isNew(seq) {
    return seq > this.#from;
  }

  /** Everything up to here was seen. The line stays until there is a new one. */
  reached(seq) {
    if (this.#count) document.title = this.#title;
    this.#count = 0;
    if (!(seq > this.#seq)) return;
    this.#seq = seq;
    if (!this.#missed) this.#from = seq;
    localStorage.setItem(this.key, seq);
  }

  /** Something new stands in the list; `isSeen`: the reader looks at it. */
  came(item, list, isSeen) {
    if (!isSeen) {
      this.#missed += 1;
      this.jump.textContent = `${fill(this.words.unreadCount, { n: this.#missed })} ↑`;
    }
    if (item.seq > this.#seq) {
      this.#count += 1;
      document.title = `(${this.#count}) ${this.#title}`;
    }
    const stands = this.#line?.isConnected && this.#line.from === this.#from;
    if (stands && this.#line.seq < item.seq) return;
    const below = this.#line?.nextElementSibling;
    this.#line?.remove();
    if (below) join(below);
    this.#line = element('li', 'unread-line', this.words.unread);
    this.#line.seq = item.seq - 0.25;
    this.#line.from = this.#from;
    list.insertBefore(this.#line, item);
    join(item);
  }

  /** Shows the way while the line is out of sight, above. `first`: the lowest number in the list. */
  offer(log, first) {
    if (!this.#missed) return;
    const top = log.getBoundingClientRect().top;
    const isAbove = this.#line.isConnected && this.#line.getBoundingClientRect().bottom < top;
    this.jump.hidden = !isAbove;
    if (isAbove || first > this.#from + 1) return;
    this.#missed = 0;
    this.#from = this.#seq;
  }
}
