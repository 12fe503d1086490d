// The box one writes in: something new, or other words for something said before.

const TYPING_EVERY_MS = 2000;
const $ = (id) => document.getElementById(id);

export class Composer {
  #text = $('text');
  #editing; // what is being reworded
  #draft = ''; // what stood in the box before
  #told = -TYPING_EVERY_MS;

  /** `say(content)`, `reword(item, content)`, `last()`: one's own last message, `typing()`. */
  constructor({ say, reword, last, typing }) {
    Object.assign(this, { say, reword, last, typing });
    this.#text.addEventListener('keydown', (event) => this.#key(event));
    this.#text.addEventListener('input', () => this.#typed());
    $('composer').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#done();
    });
    $('edit-cancel').addEventListener('click', () => this.#back());
  }

  edit(item) {
    if (!this.#editing) this.#draft = this.#text.value;
    this.#editing?.classList.remove('editing');
    this.#editing = item;
    item.classList.add('editing');
    this.#fill(item.content);
    $('editing').hidden = false;
  }

  /** The message went meanwhile. */
  gone(item) {
    if (this.#editing === item) this.#back();
  }

  #key(event) {
    // While an input method composes (Korean, Japanese, …), Enter ends the syllable.
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      this.#done();
    } else if (event.key === 'Escape' && this.#editing) {
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
    } else if (this.say(content)) {
      this.#told = -TYPING_EVERY_MS;
      this.#fill('');
    }
  }

  #back() {
    this.#editing?.classList.remove('editing');
    this.#editing = undefined;
    $('editing').hidden = true;
    this.#fill(this.#draft);
    this.#draft = '';
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
