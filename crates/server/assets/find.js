// Finding what was said in the room: the words one looks for, what was found, and the way there.

import { button, element, timeOf } from './message.js';
import { fill } from './seats.js';

const PAGE = 20;
const $ = (id) => document.getElementById(id);

export class Find {
  #asked; // which question the list answers
  #box = $('find');
  #list = $('found');
  #state = $('find-state');

  /** `search(words, options)` as the client has it; `go(seq)` shows a message. */
  constructor({ words, search, go }) {
    Object.assign(this, { words, search, go });
    $('find-open').addEventListener('click', () => {
      this.#box.showModal();
      $('find-words').select();
    });
    this.#box.querySelector('form').addEventListener('submit', (event) => {
      if (event.submitter?.value === 'close') return;
      event.preventDefault();
      const asked = $('find-words').value.trim();
      if (asked) this.#ask(asked);
    });
  }

  async #ask(asked, cursor) {
    this.#asked = asked;
    if (!cursor) this.#list.replaceChildren();
    this.#state.textContent = this.words.finding;
    try {
      const page = await this.search(asked, { limit: PAGE, cursor });
      if (this.#asked !== asked) return;
      this.#list.append(...page.items.map((message) => this.#entry(message)));
      const { length } = this.#list.children;
      this.#state.textContent = length ? '' : fill(this.words.foundNothing, { q: asked });
      if (page.next_cursor) this.#offer(this.words.findMore, () => this.#ask(asked, page.next_cursor));
    } catch {
      if (this.#asked !== asked) return;
      this.#state.textContent = this.words.findFailed;
      this.#offer(this.words.retrySend, () => this.#ask(asked, cursor));
    }
  }

  #offer(text, then) {
    this.#state.append(' ', button(text, then));
  }

  #entry(message) {
    const item = element('li');
    const way = button('', () => {
      this.#box.close();
      this.go(message.seq);
    });
    way.className = 'found';
    const head = element('span', 'by');
    head.append(element('strong', '', message.sender?.name ?? this.words.deletedUser), ' ', timeOf(message.created_at));
    const text = element('span', 'snippet');
    text.append(...message.snippet.map(({ text: piece, hit }) => (hit ? element('mark', '', piece) : piece)));
    way.append(head, text);
    item.append(way);
    return item;
  }
}
