// What one can do with a message: answer it, change it, take it back. One button per message; of all of them the Tab
// key reaches one, from which the arrow keys lead to the others.

import { button, element } from './message.js';
import { fill } from './seats.js';

export class Acts {
  #list;
  #open; // the item whose acts are shown
  #reached; // the button that Tab reaches

  /** `mayEdit(item)`, `mayDelete(item)`, `answer(item)`, `edit(item)`, `remove(item)`. */
  constructor({ list, words, mayEdit, mayDelete, answer, edit, remove }) {
    Object.assign(this, { words, mayEdit, mayDelete, answer, edit, remove });
    this.#list = list;
    list.addEventListener('click', (event) => {
      const more = event.target.closest('.more');
      if (!more) return;
      const item = more.closest('.message');
      if (this.#open === item) this.close();
      else this.#show(item);
    });
    list.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && this.#open) {
        event.preventDefault();
        const item = this.#open;
        this.close();
        item.querySelector('.more')?.focus();
      }
      const step = { ArrowUp: -1, ArrowDown: 1, Home: -Infinity, End: Infinity }[event.key];
      if (step && event.target.matches('.more')) {
        event.preventDefault();
        this.#step(event.target, step);
      }
    });
  }

  /** A message that has come; it gets a button unless it was deleted. */
  offer(item) {
    if (item.querySelector('.more') || item.content === undefined) return;
    const more = button('⋯');
    more.classList.add('more');
    more.setAttribute('aria-expanded', 'false');
    const name = item.querySelector('.by strong').textContent;
    more.setAttribute('aria-label', fill(this.words.actsOf, { name }));
    item.querySelector('.row').append(more);
    this.#reach(more);
  }

  /** There is nothing to do with it any more. */
  withdraw(item) {
    if (this.#open === item) this.close();
    const more = item.querySelector('.more');
    if (!more) return;
    more.remove();
    if (this.#reached === more) this.#reach([...this.#list.querySelectorAll('.more')].at(-1));
  }

  close() {
    this.#open?.querySelector('.more')?.setAttribute('aria-expanded', 'false');
    this.#open?.querySelector('.acts')?.remove();
    this.#open = undefined;
  }

  #show(item) {
    this.close();
    this.#open = item;
    item.querySelector('.more').setAttribute('aria-expanded', 'true');
    const acts = element('p', 'acts');
    item.append(acts);
    const then = (act) => () => {
      this.close();
      act(item);
    };
    acts.append(button(this.words.answer, then(this.answer)));
    if (this.mayEdit(item)) acts.append(button(this.words.edit, then(this.edit)));
    if (this.mayDelete(item)) acts.append(button(this.words.delete, () => this.#ask(item, acts)));
    acts.firstElementChild?.focus();
    acts.scrollIntoView({ block: 'nearest' });
  }

  #ask(item, acts) {
    const sure = button(this.words.delete, () => {
      this.close();
      this.remove(item);
    });
    sure.classList.add('danger');
    const keep = button(this.words.keep, () => {
      this.close();
      item.querySelector('.more')?.focus();
    });
    acts.replaceChildren(element('span', '', this.words.deleteSure), ' ', sure, ' ', keep);
    keep.focus();
  }

  #reach(more) {
    if (this.#reached) this.#reached.tabIndex = -1;
    this.#reached = more;
    if (more) more.tabIndex = 0;
  }

  #step(from, step) {
    const all = [...this.#list.querySelectorAll('.more')];
    const at = Math.max(0, Math.min(all.length - 1, all.indexOf(from) + step));
    this.#reach(all[at]);
    all[at].focus();
  }
}
