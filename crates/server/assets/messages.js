// The list of messages: in the order of `seq`, older ones as one scrolls up, and what one says oneself
// shown at once, with what becomes of it.

import { Acts } from './acts.js';
import { Composer } from './composer.js';
import { erase, join, markEdited, messageItem, note, reword } from './message.js';
import { Outgoing } from './outgoing.js';
import { Quotes } from './quotes.js';
import { Reads } from './reads.js';
import { Unread } from './unread.js';

const PAGE = 50;
const JUMP_PAGE = 200; // on the way to something far up
const $ = (id) => document.getElementById(id);

export class Messages {
  me;
  #list = $('messages');
  #log = $('log');
  #keptFrom = 1; // below it nothing is kept any more
  #first; // the lowest seq shown, and so where older history begins
  #followed = true; // whether the end is in sight
  #size = 0;
  #loading; // the page on its way, as a promise
  #loaded = false; // whether the newest page ever came
  #shown = new Map(); // by message id
  #bySeq = new Map(); // the same by number
  #last; // one's own last message
  #session;
  #composer;
  #outgoing;
  #quotes;
  #acts;
  #reads;
  #unread;

  /** `name(user)`, `others()`: the people here but oneself; `manages`: whether one keeps order here. */
  constructor({ client, id, words, name, others, manages }) {
    Object.assign(this, { client, id, words, name, manages });
    this.#outgoing = new Outgoing({
      session: () => this.#session,
      words,
      settled: () => this.showReads(),
    });
    this.#quotes = new Quotes({
      log: this.#log,
      words,
      find: (seq) => this.#bySeq.get(seq),
      fetch: (seq) => this.#fetch(seq),
      go: (seq) => this.show(seq),
    });
    this.#composer = new Composer({
      words,
      say: (content, answered) => this.#say(content, answered),
      reword: (item, content) => this.#outgoing.reword(item, content),
      last: () => this.#last,
      typing: () => this.#session?.typing(),
    });
    this.#acts = new Acts({
      list: this.#list,
      words,
      mayEdit: (item) => item.id && item.content !== undefined && this.#isMine(item),
      mayDelete: (item) => item.id && item.content !== undefined && (this.manages || this.#isMine(item)),
      answer: (item) => this.#composer.answer(item),
      edit: (item) => this.#composer.edit(item),
      remove: (item) => this.#outgoing.remove(item),
    });
    this.#reads = new Reads({
      words,
      others,
      say: (text, names) => this.#showRead(text, names),
      tell: (seq) => this.#session.read(seq),
    });
    this.#log.addEventListener('scroll', () => this.#scrolled());
    // A phone's keyboard, a wider window, a longer list of people: who read the end still does.
    new ResizeObserver(() => this.#followed && this.#toEnd()).observe(this.#log);
    $('older').addEventListener('click', () => this.#older());
    $('below').addEventListener('click', () => this.#toEnd());
    for (const event of ['focus', 'visibilitychange']) {
      addEventListener(event, () => this.#seen(), true);
    }
  }

  use(session) {
    this.#session = session;
  }

  welcome(frame, first) {
    this.me = frame.you;
    const key = `anteroom.read.${this.id}.${this.me.id}`;
    this.#unread ??= new Unread({ key, words: this.words, jump: $('unread') });
    this.#unread.begin(frame.last_seq ?? 0);
    this.#reads.welcome(frame.members ?? []);
    const fresh = first || !this.#loaded || ['truncated', 'reset'].includes(frame.replay);
    if (fresh) this.load(frame.last_seq);
    else this.#seen();
  }

  /** Shows the newest page again, from scratch. What is not sent yet stays. */
  async load(last) {
    await this.#loading;
    this.#acts.close();
    this.#shown.clear();
    this.#bySeq.clear();
    this.#last = undefined;
    this.#list.replaceChildren(...this.#outgoing.items);
    this.#first = (last ?? this.#session.lastSeq ?? 0) + 1;
    await this.#older();
    this.#toEnd();
    this.#unread.offer(this.#log, this.#first);
  }

  /** Brings the message with this number, however far up, before the reader's eyes. */
  async show(seq) {
    while (seq < this.#first) {
      const before = this.#first;
      await this.#older(JUMP_PAGE);
      if (this.#first === before) return; // it cannot be had just now; the button is there
    }
    const item = this.#bySeq.get(seq);
    if (!item) return;
    item.scrollIntoView({ block: 'center' });
    item.tabIndex = -1;
    item.focus({ preventScroll: true });
    item.classList.remove('shown');
    void item.offsetWidth; // or the mark would not fade anew
    item.classList.add('shown');
  }

  #older(limit = PAGE) {
    if (this.#first === undefined) return undefined;
    this.#loading ??= this.#page(limit).finally(() => (this.#loading = undefined));
    return this.#loading;
  }

  async #page(limit) {
    const height = this.#log.scrollHeight - this.#log.scrollTop;
    try {
      const before = this.#first;
      const page = before > 1 ? await this.client.history(this.id, { before, limit }) : { items: [] };
      this.#loaded = true;
      for (const message of page.items) this.#place(message);
      this.#keptFrom = page.first_seq ?? this.#keptFrom;
      const oldest = page.items.at(-1)?.seq;
      this.#first = page.items.length < limit ? 1 : oldest;
      this.#log.scrollTop = this.#log.scrollHeight - height;
      const begins = this.#first <= 1;
      $('older').hidden = begins;
      if (begins) this.#beginning();
      this.#unread?.offer(this.#log, this.#first);
    } catch {
      $('older').hidden = false; // the button asks again
    }
  }

  /** A message that is not in the list, as a quote shows it. */
  async #fetch(seq) {
    const page = await this.client.history(this.id, { after: seq - 1, limit: 1 });
    const found = page.items.find((message) => message.seq === seq);
    if (!found) return undefined;
    const name = found.sender?.name ?? this.name(found.sender?.id) ?? this.words.deletedUser;
    return { name, content: found.deleted_at ? undefined : found.content };
  }

  #beginning() {
    this.#list.querySelector('.beginning')?.remove();
    const isEmpty = !this.#shown.size && !this.#outgoing.items.length;
    const text = isEmpty && this.#keptFrom <= 1 ? this.words.noMessages : this.#begins();
    const item = note(text, 0);
    item.classList.add('beginning');
    this.#list.prepend(item);
  }

  #begins() {
    return this.#keptFrom > 1 ? this.words.notKept : this.words.beginning;
  }

  add(frame) {
    const atEnd = this.#atEnd();
    const isSeen = atEnd && looks();
    if (isSeen) this.#unread.reached(frame.seq);
    this.#place(frame, isSeen);
    if (atEnd || frame.sender?.id === this.me?.id) this.#toEnd();
    else $('below').hidden = false;
  }

  edit({ target, content }) {
    const item = this.#shown.get(target.id);
    if (item) reword(item, content);
    this.#quotes.changed(this.#list, target.seq);
  }

  remove({ target }) {
    const item = this.#shown.get(target.id);
    if (item) this.#gone(item);
    this.#quotes.changed(this.#list, target.seq);
  }

  /** Somebody else has read up to here. */
  read({ user_id: user, seq }) {
    this.#reads.heard(user, seq);
    this.showReads();
  }

  /** Who is here has changed. */
  showReads() {
    this.#reads.show(this.#last?.seq);
  }

  note(text) {
    const atEnd = this.#atEnd();
    // Between the message it came after and the next one.
    this.#insert(note(text, (this.#session.lastSeq ?? 0) + 0.5));
    if (atEnd) this.#toEnd();
  }

  #place(message, isSeen = false) {
    if (this.#shown.has(message.id)) return;
    const isOwn = message.sender?.id === this.me?.id;
    if (isOwn) this.#outgoing.arrived(message.client_id);
    if (message.kind === 'notification') {
      this.#insert(note(message.content, message.seq));
      return;
    }
    const item = this.#item(message.sender, message.content, message.created_at);
    item.seq = message.seq;
    item.id = `m-${message.id}`;
    item.message = message.id;
    if (message.deleted_at) erase(item);
    else if (message.updated_at) markEdited(item);
    this.#shown.set(message.id, item);
    this.#bySeq.set(message.seq, item);
    if (message.reply_to) this.#quotes.put(item, message.reply_to);
    this.#insert(item);
    this.#acts.offer(item);
    if (isOwn) this.#isLast(item);
    else if (this.#unread?.isNew(message.seq)) this.#unread.came(item, this.#list, isSeen);
  }

  #isLast(item) {
    if (item.content === undefined || item.seq < (this.#last?.seq ?? 0)) return;
    this.#last = item;
    this.showReads();
  }

  #isMine(item) {
    return item.dataset.from === this.me?.id;
  }

  #insert(item) {
    // What is older than all goes to the top at once: history comes from its end.
    const isOldest = this.#list.firstElementChild?.seq > item.seq;
    let after = isOldest ? undefined : this.#list.lastElementChild;
    while (after && (after.dataset.own || after.seq > item.seq)) {
      after = after.previousElementSibling;
    }
    if (after) after.after(item);
    else this.#list.prepend(item);
    const begins = this.#list.querySelector('.beginning');
    if (item.matches('.message')) begins?.replaceChildren(this.#begins());
    join(item);
    if (item.nextElementSibling) join(item.nextElementSibling);
  }

  #item(sender, content, createdAt) {
    const mine = sender?.id === this.me?.id;
    const name = sender?.name ?? this.name(sender?.id) ?? this.words.deletedUser;
    return messageItem({ sender, content, createdAt, mine, name, words: this.words });
  }

  #gone(item) {
    this.#composer.gone(item);
    this.#acts.withdraw(item);
    erase(item);
    if (this.#last !== item) return;
    const own = [...this.#list.querySelectorAll('.mine')];
    this.#last = own.findLast((it) => it.message && it.content !== undefined);
    this.showReads();
  }

  #say(content, answered) {
    if (!this.me) return false;
    const item = this.#item({ id: this.me.id, name: this.me.name }, content);
    if (answered) this.#quotes.put(item, answered.seq);
    this.#list.append(item);
    join(item);
    this.#reads.show();
    this.#toEnd();
    this.#outgoing.say(item, content, answered?.seq);
    return true;
  }

  #showRead(text, names = []) {
    this.#list.querySelector('.read')?.remove();
    const item = this.#last;
    if (!text || !item || this.#outgoing.items.length) return;
    const line = Object.assign(document.createElement('p'), { className: 'read', textContent: text });
    line.title = names.join(', ');
    const atEnd = this.#atEnd();
    item.append(line);
    if (atEnd) this.#toEnd();
  }

  #atEnd() {
    return this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < 80;
  }

  #toEnd() {
    this.#log.scrollTop = this.#log.scrollHeight;
    $('below').hidden = true;
    this.#followed = true;
    this.#size = this.#log.clientHeight;
    this.#seen();
  }

  #scrolled() {
    // A change of the log's own size is not the reader's doing.
    if (this.#size === this.#log.clientHeight) this.#followed = this.#atEnd();
    this.#size = this.#log.clientHeight;
    if (this.#log.scrollTop < 120 && this.#first > 1) this.#older();
    if (this.#atEnd()) {
      $('below').hidden = true;
      this.#seen();
    }
    this.#unread?.offer(this.#log, this.#first);
  }

  /** The reader has the end before the eyes. */
  #seen() {
    if (!this.#loaded || !looks() || !this.#atEnd()) return;
    const seq = this.#session.lastSeq;
    this.#unread?.reached(seq);
    this.#reads.reached(seq);
  }
}

function looks() {
  return document.visibilityState === 'visible' && document.hasFocus();
}
