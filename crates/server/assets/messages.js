// The list of messages and the composer. Text goes in as text; order is by `seq`.

import { newId } from './session.js';

const PAGE = 50;
const $ = (id) => document.getElementById(id);

export class Messages {
  me;
  #list = $('messages');
  #log = $('log');
  #first; // the lowest seq shown, and so where older history begins
  #followed = true; // whether the end is in sight
  #size = 0;
  #loading = false;
  #loaded = false; // whether the newest page ever came
  #shown = new Map(); // by message id
  #own = new Map(); // by client_id, what is not yet in the list by number
  #session;

  constructor({ client, id, words, name }) {
    Object.assign(this, { client, id, words, name });
    this.#log.addEventListener('scroll', () => this.#scrolled());
    // A phone's keyboard, a wider window, a longer list of people: who read the end still does.
    new ResizeObserver(() => this.#followed && this.#toEnd()).observe(this.#log);
    $('older').addEventListener('click', () => this.#older());
    $('below').addEventListener('click', () => this.#toEnd());
    const text = $('text');
    text.addEventListener('keydown', (event) => {
      // While an input method composes (Korean, Japanese, …), Enter ends the syllable.
      const composing = event.isComposing || event.keyCode === 229;
      if (event.key !== 'Enter' || event.shiftKey || composing) return;
      event.preventDefault();
      this.#send();
    });
    text.addEventListener('input', () => grow(text));
    $('composer').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#send();
    });
  }

  use(session) {
    this.#session = session;
  }

  welcome(frame, first) {
    this.me = frame.you;
    const fresh = first || !this.#loaded || ['truncated', 'reset'].includes(frame.replay);
    if (fresh) this.load(frame.last_seq);
  }

  /** Shows the newest page again, from scratch. What is not sent yet stays. */
  async load(last) {
    this.#loading = false;
    this.#shown.clear();
    this.#list.replaceChildren(...[...this.#own.values()].map((own) => own.item));
    this.#first = (last ?? this.#session.lastSeq ?? 0) + 1;
    await this.#older();
    this.#toEnd();
  }

  async #older() {
    if (this.#loading || this.#first === undefined) return;
    this.#loading = true;
    const height = this.#log.scrollHeight - this.#log.scrollTop;
    try {
      const before = this.#first;
      const range = { before, limit: PAGE };
      const page = before > 1 ? await this.client.history(this.id, range) : { items: [] };
      this.#loaded = true;
      for (const message of page.items) this.#place(message);
      const oldest = page.items.at(-1)?.seq;
      this.#first = page.items.length < PAGE ? 1 : oldest;
      this.#log.scrollTop = this.#log.scrollHeight - height;
      const begins = this.#first <= 1;
      $('older').hidden = begins;
      if (begins) this.#beginning();
    } catch {
      $('older').hidden = false; // the button asks again
    } finally {
      this.#loading = false;
    }
  }

  #beginning() {
    this.#list.querySelector('.beginning')?.remove();
    const text = this.#shown.size || this.#own.size ? this.words.beginning : this.words.noMessages;
    const item = note(text, 0);
    item.classList.add('beginning');
    this.#list.prepend(item);
  }

  add(frame) {
    const atEnd = this.#atEnd();
    this.#place(frame);
    if (atEnd || frame.sender?.id === this.me?.id) this.#toEnd();
    else $('below').hidden = false;
  }

  edit({ target, content }) {
    const item = this.#shown.get(target.id);
    if (!item) return;
    item.querySelector('.text').textContent = content;
    this.#mark(item);
  }

  remove({ target }) {
    const item = this.#shown.get(target.id);
    if (item) this.#gone(item);
  }

  note(text) {
    const atEnd = this.#atEnd();
    // Between the message it came after and the next one.
    this.#insert(note(text, (this.#session.lastSeq ?? 0) + 0.5));
    if (atEnd) this.#toEnd();
  }

  #place(message) {
    if (this.#shown.has(message.id)) return;
    if (message.sender?.id === this.me?.id) {
      this.#own.get(message.client_id)?.item.remove();
      this.#own.delete(message.client_id);
    }
    if (message.kind === 'notification') {
      this.#insert(note(message.content, message.seq));
      return;
    }
    const item = this.#item(message.sender, message.content, message.created_at);
    item.seq = message.seq;
    if (message.deleted_at) this.#gone(item);
    else if (message.updated_at) this.#mark(item);
    this.#shown.set(message.id, item);
    this.#insert(item);
  }

  #insert(item) {
    let after = this.#list.lastElementChild;
    while (after && (after.dataset.own || after.seq > item.seq)) {
      after = after.previousElementSibling;
    }
    if (after) after.after(item);
    else this.#list.prepend(item);
    const begins = this.#list.querySelector('.beginning');
    if (item.matches('.message')) begins?.replaceChildren(this.words.beginning);
    join(item);
    if (item.nextElementSibling) join(item.nextElementSibling);
  }

  #item(sender, content, createdAt) {
    const item = element('li', 'message');
    item.dataset.from = sender?.id ?? '';
    item.classList.toggle('mine', sender?.id === this.me?.id);
    const head = element('p', 'by');
    head.append(element('strong', '', sender?.name ?? this.name(sender?.id) ?? '–'));
    if (createdAt) {
      const when = new Date(createdAt);
      const lang = document.documentElement.lang;
      const isToday = when.toDateString() === new Date().toDateString();
      const day = isToday ? {} : { month: 'short', day: 'numeric' };
      const shown = { ...day, hour: 'numeric', minute: '2-digit' };
      const time = element('time', '', when.toLocaleString(lang, shown));
      time.dateTime = createdAt;
      time.title = when.toLocaleString(lang);
      head.append(' ', time);
    }
    item.append(head, element('p', 'text', content));
    return item;
  }

  #mark(item) {
    if (!item.querySelector('.edited')) {
      item.querySelector('.by').append(' ', element('span', 'edited', this.words.editedMark));
    }
  }

  #gone(item) {
    item.querySelector('.text').textContent = this.words.deletedMessage;
    item.classList.add('deleted');
  }

  #send() {
    const text = $('text');
    const content = text.value.trim();
    if (!content || !this.me) return;
    text.value = '';
    grow(text);
    text.focus();
    const clientId = newId();
    const sender = { id: this.me.id, name: this.me.name };
    const item = this.#item(sender, content);
    item.dataset.own = clientId;
    item.append(element('p', 'state'));
    this.#own.set(clientId, { item });
    this.#list.append(item);
    join(item);
    this.#toEnd();
    this.#try(item, clientId, content);
  }

  #try(item, clientId, content) {
    const state = item.querySelector('.state');
    item.classList.remove('unsent');
    item.classList.add('pending');
    state.replaceChildren(this.words.sending);
    this.#session.send(content, { clientId }).then(
      () => {
        item.classList.remove('pending');
        state.replaceChildren();
      },
      () => {
        item.classList.remove('pending');
        item.classList.add('unsent');
        const again = element('button', 'plain', this.words.retrySend);
        const drop = element('button', 'plain', this.words.discard);
        again.onclick = () => this.#try(item, clientId, content);
        drop.onclick = () => {
          this.#own.delete(clientId);
          item.remove();
          $('text').focus();
        };
        state.replaceChildren(this.words.failed, ' ', again, ' ', drop);
      },
    );
  }

  #atEnd() {
    return this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < 80;
  }

  #toEnd() {
    this.#log.scrollTop = this.#log.scrollHeight;
    $('below').hidden = true;
    this.#followed = true;
    this.#size = this.#log.clientHeight;
  }

  #scrolled() {
    // A change of the log's own size is not the reader's doing.
    if (this.#size === this.#log.clientHeight) this.#followed = this.#atEnd();
    this.#size = this.#log.clientHeight;
    if (this.#log.scrollTop < 120 && this.#first > 1) this.#older();
    if (this.#atEnd()) $('below').hidden = true;
  }
}

// Several messages of one person in a row show the name once.
function join(item) {
  const above = item.previousElementSibling;
  const same = above?.matches('.message') && above.dataset.from === item.dataset.from;
  item.classList.toggle('joined', Boolean(same) && item.matches('.message'));
}

function note(text, seq) {
  return Object.assign(element('li', 'note-line', text), { seq });
}

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function grow(text) {
  text.rows = Math.min(6, text.value.split('\n').length);
}
