// The box one writes in: something new, or other words for something said before.

import { element } from './message.js';
import { excerpt, nameOf } from './quotes.js';
import { fill } from './seats.js';

const TYPING_EVERY_MS = 2000;
const $ = (id) => document.getElementById(id);

export class Composer {
  #text = $('text');
  #editing; // what is being reworded
  #answering; // what is being answered
  #draft = ''; // what stood in the box before
  #told = -TYPING_EVERY_MS;

  /** `say(content, item)`: to that one, if any; `reword(item, content)`, `last()`: one's own last, `typing()`. */
  constructor({ words, say, reword, last, typing }) {
    Object.assign(this, { words, say, reword, last, typing });
    this.#text.addEventListener('keydown', (event) => this.#key(event));
    this.#text.addEventListener('input', () => this.#typed());
    $('composer').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#done();
    });
    $('doing-cancel').addEventListener('click', () => this.#back());
  }

  edit(item) {
    if (!this.#editing) this.#draft = this.#text.value;
    this.#leave();
    this.#editing = item;
    item.classList.add('editing');
    this.#fill(item.content);
    this.#doing(this.words.editing);
  }

  /** What is said next answers this message. */
  answer(item) {
    if (this.#editing) this.#back();
    this.#leave();
    this.#answering = item;
    item.classList.add('editing');
    this.#doing(fill(this.words.answering, { name: nameOf(item) }), excerpt(item.content));
    this.#text.focus();
  }

  /** The message went meanwhile. */
  gone(item) {
    if ([this.#editing, this.#answering].includes(item)) this.#back();
  }

  #doing(text, quoted) {
    const shown = $('doing').firstElementChild;
    shown.replaceChildren(element('strong', '', text));
    if (quoted) shown.append(' ', quoted);
    $('doing').hidden = false;
  }

  #key(event) {
    // While an input method composes (Korean, Japanese, …), Enter ends the syllable.
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      this.#done();
    } else if (event.key === 'Escape' && (this.#editing || this.#answering)) {
      event.preventDefault();
      this.#back();
    } else if (event.key === 'ArrowUp' && !this.#text.value && !this.#editing) {
      const item = this.last();
      if (!item) return;
      event.preventDefault();
      this.edit(item);
    }
  }

  #typed() {
    this.#grow();
    const now = performance.now();
    if (this.#editing || !this.#text.value.trim() || now - this.#told < TYPING_EVERY_MS) return;
    this.#told = now;
    this.typing();
  }

  #done() {
    const content = this.#text.value.trim();
    if (!content) return;
    const item = this.#editing;
    if (item) {
      this.#back();
      if (content !== item.content) this.reword(item, content);
    } else if (this.say(content, this.#answering)) {
      this.#leave();
      this.#told = -TYPING_EVERY_MS;
      this.#fill('');
    }
  }

  /** Leaves what is being done as it is; an answer's words stay in the box. */
  #back() {
    const before = this.#editing ? this.#draft : this.#text.value;
    this.#leave();
    this.#fill(before);
    this.#draft = '';
  }

  #leave() {
    for (const item of [this.#editing, this.#answering]) item?.classList.remove('editing');
    this.#editing = this.#answering = undefined;
    $('doing').hidden = true;
  }

  #fill(value) {
    this.#text.value = value;
    this.#grow();
    this.#text.focus();
  }

  #grow() {
    this.#text.rows = Math.min(6, this.#text.value.split('\n').length);
  }
}
