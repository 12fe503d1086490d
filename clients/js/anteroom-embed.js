// A room in somebody else's page: <anteroom-room room="101" base="https://chat.example.org">.
// Text reaches the page as text nodes only, and the style as a constructed sheet, so the element works under
// the strictest policy; what the page's own style says ends at its shadow root.

import { Client } from './anteroom.js';
import { style } from './embed-style.js';
import { fill, textsFor } from './embed-texts.js';

const HISTORY = 50;
/** Messages that are kept on the page. */
const SHOWN_MAX = 500;
/** Seats that are drawn one by one; larger rooms are numbers. */
const DRAWN_MAX = 16;
/** Longest time a login is used without being refreshed. */
const REFRESH_MS = 10 * 60_000;

/** An element with a class or attributes, and text or elements in it. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === 'on') for (const [type, listener] of Object.entries(value)) element.addEventListener(type, listener);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Who goes on within the same minute is not named again, but to those who hear the page. */
function goesOn(before, item) {
  item.classList.toggle('more', before?.dataset.turn !== undefined && before.dataset.turn === item.dataset.turn);
}

export class AnteroomRoom extends HTMLElement {
  static observedAttributes = ['room', 'base', 'lang'];

  session = undefined;
  #state = 'name';
  #token;
  #client;
  #texts;
  #wait;
  #me;
  #password;
  #life = 0;
  #refresh;
  #seats = make('div', { class: 'seats', 'aria-live': 'off' });
  #title = make('h2');
  #leave = make('button', { class: 'quiet', type: 'button', hidden: true });
  #banner = make('div', { class: 'banner', role: 'status', hidden: true });
  #list = make('ol', {});
  #log = make('div', { class: 'log', role: 'log', tabindex: '0' }, this.#list);
  #failed = make('p', { class: 'failed', role: 'alert', hidden: true });
  #text = make('textarea', { rows: '1', maxlength: '4000', enterkeyhint: 'send' });
  #send = make('button', { type: 'submit' });
  #composer = make('form', { class: 'composer' }, this.#text, this.#send);
  #panel = make('section', { class: 'panel', tabindex: '-1' });

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    root.adoptedStyleSheets = [style()];
    const header = make('header', {}, this.#title, this.#seats, this.#leave);
    const talk = [this.#banner, this.#log, this.#failed, this.#composer];
    root.append(make('div', { class: 'frame', part: 'frame' }, header, ...talk, this.#panel));
    this.#leave.addEventListener('click', () => this.leave());
    this.#composer.addEventListener('submit', (event) => this.#submit(event));
    this.#text.addEventListener('keydown', (event) => {
      // Enter that ends the composing of a Korean syllable sends nothing.
      const sends = event.key === 'Enter' && !event.shiftKey && !event.isComposing;
      if (sends) this.#submit(event);
    });
  }

  get state() {
    return this.#state;
  }

  get token() {
    return this.#token;
  }

  set token(token) {
    this.#token = token || undefined;
    if (!this.isConnected) return;
    // Somebody else from here on.
    this.#end();
    this.#begin();
  }

  connectedCallback() {
    this.#begin();
  }

  disconnectedCallback() {
    // One that is only moved is connected again before this turn ends.
    queueMicrotask(() => this.isConnected || this.#end());
  }

  attributeChangedCallback(name, before, after) {
    if (this.isConnected && before !== after) this.#begin();
  }

  /** Gives the seat, or the place in line, back at once. */
  leave() {
    const wasThere = this.session ?? this.#wait;
    this.#end();
    if (wasThere) this.#over('left');
  }

  #end() {
    this.#life += 1;
    clearInterval(this.#refresh);
    this.#wait?.stop();
    this.session?.leave();
    this.#wait = undefined;
    this.session = undefined;
  }

  get #room() {
    return Number(this.getAttribute('room'));
  }

  #begin() {
    if (this.session && this.session.room === this.#room && this.#client?.base === this.#base()) {
      this.#words();
      return;
    }
    this.#end();
    this.#words();
    this.#title.textContent = fill(this.#texts.room, { room: this.#room });
    this.#client = new Client({ base: this.#base(), token: this.#token });
    const name = this.getAttribute('name');
    if (this.#token) this.#enter();
    else if (name) this.#comeAs(name);
    else this.#askName();
  }

  /** Where the server is: as told, or where this module came from. */
  #base() {
    return (this.getAttribute('base') ?? new URL(import.meta.url).origin).replace(/\/+$/, '');
  }

  #words() {
    const tag = this.getAttribute('lang') ?? this.closest('[lang]')?.getAttribute('lang') ?? navigator.language;
    this.#texts = textsFor(tag);
    const frame = this.shadowRoot.firstElementChild;
    frame.lang = this.#texts.lang;
    this.#log.setAttribute('aria-label', this.#texts.messages);
    this.#text.setAttribute('aria-label', this.#texts.say);
    this.#text.placeholder = this.#texts.say;
    this.#send.textContent = this.#texts.send;
    this.#leave.textContent = this.#texts.leave;
  }

  // The way in

  async #comeAs(name) {
    const life = this.#life;
    this.#busy();
    try {
      await this.#client.guest(name);
    } catch (error) {
      if (life === this.#life) this.#over(error.code);
      return;
    }
    if (life === this.#life) this.#enter();
  }

  #enter({ reservation } = {}) {
    this.#busy();
    const life = this.#life;
    const options = { key: this.getAttribute('key') ?? undefined, password: this.#password };
    const session = reservation
      ? this.#client.confirm(reservation, options)
      : this.#client.joinRoom(this.#room, options);
    this.session = session;
    const ours = (then) => (event) => life === this.#life && session === this.session && then(event);
    session.on('welcome', ours((frame) => this.#welcome(frame)));
    session.on('message', ours((message) => this.#add(message)));
    session.on('edited', ours((change) => this.#change(change)));
    session.on('deleted', ours((change) => this.#change(change)));
    session.on('seats', ours((seats) => this.#draw(seats)));
    session.on('reconnecting', ours(() => this.#away()));
    session.on('login_expiring', ours(() => this.#client.refresh().catch(() => {})));
    session.on('closed', ours((reason) => this.#closed(reason)));
  }

  async #welcome(frame) {
    const isBack = this.#state === 'away' && !frame.replay;
    this.#me = frame.you.id;
    this.#title.textContent = frame.room.name;
    this.#draw(frame.seats);
    const hadFocus = this.shadowRoot.activeElement !== null;
    this.#show('live');
    this.#keepLogin();
    if (hadFocus) this.#text.focus();
    if (isBack) return;
    this.#list.replaceChildren();
    const life = this.#life;
    const page = await this.#client.history(this.#room, { limit: HISTORY }).catch(() => ({ items: [] }));
    if (life !== this.#life) return;
    // What came meanwhile stands there already; older messages go before it.
    const known = new Set([...this.#list.children].map((item) => item.dataset.id));
    const older = page.items.filter((item) => !known.has(item.id)).reverse();
    this.#list.prepend(...older.map((message) => this.#item(message)));
    [...this.#list.children].forEach((item, n, all) => goesOn(all[n - 1], item));
    if (page.first_seq > 1 && page.items.length < HISTORY) {
      this.#list.prepend(make('li', { class: 'empty' }, this.#texts.notKept));
    } else if (!this.#list.children.length) {
      this.#list.append(make('li', { class: 'empty' }, this.#texts.empty));
    }
    this.#log.scrollTop = this.#log.scrollHeight;
  }

  #keepLogin() {
    clearInterval(this.#refresh);
    this.#refresh = setInterval(() => this.#client.refresh().catch(() => {}), REFRESH_MS);
  }

  #away() {
    this.#show('away');
    this.#banner.textContent = this.#texts.away;
  }

  #closed({ code, seats }) {
    this.session = undefined;
    clearInterval(this.#refresh);
    if (seats) this.#draw(seats);
    if (code === 'room_full') this.#full();
    else if (code === 'wrong_room_password') this.#askPassword();
    else this.#over(code);
  }

  // The line

  #full() {
    const texts = this.#texts;
    this.#ask('full', texts.full, texts.fullBody, [
      [texts.wait, () => this.#stand()],
      [texts.again, () => this.#enter(), 'quiet'],
    ]);
  }

  async #stand() {
    const life = this.#life;
    const texts = this.#texts;
    const place = make('p', { class: 'place' });
    const told = make('p', { role: 'status' });
    const onPosition = ({ position, ahead, estimated_wait_ms: ms }) => {
      place.textContent = String(position);
      const wait = ms === undefined ? '' : ms < 60_000 ? texts.soon : fill(texts.minutes, { n: Math.ceil(ms / 60_000) });
      told.textContent = `${ahead ? fill(texts.ahead, { n: ahead }) : texts.next} ${wait}`.trim();
    };
    this.#ask('waiting', texts.inLine, texts.lineHint, [[texts.leaveLine, () => this.leave(), 'quiet']], place, told);
    this.#keepLogin();
    const wait = this.#client.waitForSeat(this.#room, {
      key: this.getAttribute('key') ?? undefined,
      password: this.#password,
      onPosition,
    });
    this.#wait = wait;
    try {
      const reservation = await wait.offer;
      if (life !== this.#life) return;
      this.#wait = undefined;
      this.#enter({ reservation });
    } catch (error) {
      if (life !== this.#life) return;
      this.#wait = undefined;
      if (error.code === 'already_seated') this.#enter();
      else if (error.code === 'room_full') this.#full();
      else this.#over(error.code);
    }
  }

  // What is said

  #submit(event) {
    event.preventDefault();
    const content = this.#text.value.trim();
    if (!content || !this.session) return;
    this.#text.value = '';
    this.#failed.hidden = true;
    this.session.send(content).catch(({ code }) => {
      if (code === 'left') return;
      const [why] = this.#texts.codes[code] ?? this.#texts.codes.internal;
      this.#failed.textContent = `${fill(this.#texts.notSent, { text: content.slice(0, 80) })} · ${why}`;
      this.#failed.hidden = false;
    });
  }

  #add(message) {
    const atEnd = this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < 80;
    if (this.#list.children.length === 1) this.#list.querySelector('.empty')?.remove();
    const last = this.#list.lastElementChild;
    this.#list.append(this.#item(message));
    goesOn(last, this.#list.lastElementChild);
    // Whoever reads further up keeps the place: then nothing is taken away above it.
    while (atEnd && this.#list.children.length > SHOWN_MAX) this.#list.firstElementChild.remove();
    if (atEnd || message.sender?.id === this.#me) this.#log.scrollTop = this.#log.scrollHeight;
  }

  #item(message) {
    const isMine = message.sender?.id === this.#me;
    const at = new Date(message.created_at);
    const clock = at.toLocaleTimeString(this.#texts.lang, { hour: '2-digit', minute: '2-digit' });
    const name = make('b', { dir: 'auto' }, message.sender?.name ?? this.#texts[message.kind === 'text' ? 'deletedUser' : 'server']);
    const who = make('div', { class: 'who' }, name, make('time', { datetime: message.created_at }, clock));
    const item = make('li', { class: isMine ? 'mine' : undefined, 'data-id': message.id }, who, make('div'));
    item.dataset.turn = `${message.sender?.id} ${clock}`;
    this.#fillIn(item, message);
    return item;
  }

  #fillIn(item, { content, deleted_at: deleted, updated_at: updated }) {
    const text = deleted
      ? make('div', { class: 'text gone' }, this.#texts.deleted)
      : make('div', { class: 'text', dir: 'auto' }, content);
    item.lastElementChild.replaceWith(text);
    item.querySelector('small')?.remove();
    if (updated && !deleted) {
      item.querySelector('.who').append(make('small', {}, this.#texts.edited));
      item.classList.remove('more');
    }
  }

  #change({ type, target, content, updated_at: at }) {
    const item = [...this.#list.children].find((child) => child.dataset.id === target.id);
    if (!item) return;
    const deleted = type === 'deleted' || !content ? at : undefined;
    this.#fillIn(item, { content, updated_at: at, deleted_at: deleted });
  }

  #draw({ capacity, occupied, held, reserved, waiting }) {
    const texts = this.#texts;
    const taken = occupied + held;
    const told = [fill(texts.seats, { taken, capacity })];
    if (waiting) told.push(fill(texts.waitingMany, { n: waiting }));
    const marks = make('span', { class: 'marks', 'aria-hidden': 'true' });
    if (capacity <= DRAWN_MAX) {
      const kinds = ['taken', 'held', 'reserved'].flatMap((kind, n) => Array([occupied, held, reserved][n]).fill(kind));
      for (let n = 0; n < Math.max(capacity, kinds.length); n += 1) marks.append(make('i', { class: kinds[n] }));
    }
    this.#seats.replaceChildren(marks, told.join(' · '));
  }

  // What is shown instead of the conversation

  #busy() {
    this.#show('entering');
    this.#panel.replaceChildren(make('p', { class: 'dots', role: 'status' }, this.#texts.entering));
  }

  #askName() {
    const { name, comeIn, nameHint } = this.#texts;
    this.#form('name', { label: name, button: comeIn, hint: nameHint, type: 'text', autocomplete: 'nickname' }, (value) =>
      this.#comeAs(value),
    );
  }

  #askPassword() {
    const { password, comeIn, wrongPassword } = this.#texts;
    const hint = this.#password === undefined ? '' : wrongPassword;
    this.#form('password', { label: password, button: comeIn, hint, type: 'password', autocomplete: 'off' }, (value) => {
      this.#password = value;
      this.#enter();
    });
  }

  #form(state, { label, button, hint, type, autocomplete }, then) {
    const input = make('input', { type, autocomplete, required: true, maxlength: state === 'name' ? '50' : '128' });
    const submit = (event) => {
      event.preventDefault();
      const value = state === 'name' ? input.value.trim() : input.value;
      if (value) then(value);
    };
    const form = make('form', { on: { submit } }, make('label', {}, label, input), make('button', { type: 'submit' }, button));
    const { whoAreYou, locked } = this.#texts;
    this.#ask(state, state === 'name' ? whoAreYou : locked, hint, [], form);
  }

  #over(code = 'internal') {
    const texts = this.#texts;
    const [title, body] = texts.codes[code] ?? texts.codes.internal;
    const final = ['banned', 'removed', 'room_closed', 'room_not_found'].includes(code);
    const label = code === 'replaced' ? texts.useHere : code === 'left' ? texts.back : texts.again;
    // Whoever the site has logged in goes on as the same; a guest whose login has ended is a new one.
    const anew = ['unauthenticated', 'logged_out', 'guests_disabled', 'invalid'].includes(code);
    const act = () => (anew || !this.#client.token ? this.#begin() : this.#enter());
    const state = ['offline', 'unavailable'].includes(code) ? 'offline' : this.#me ? 'ended' : 'refused';
    this.#ask(state, title, body, final ? [[texts.again, act, 'quiet']] : [[label, act]]);
    this.#told(code);
  }

  #ask(state, title, body, buttons, ...more) {
    const row = buttons.map(([label, act, kind]) =>
      make('button', { type: 'button', class: kind, on: { click: act } }, label),
    );
    const parts = [make('h3', {}, title), ...more];
    if (body) parts.push(make('p', {}, body));
    if (row.length) parts.push(make('div', { class: 'row' }, ...row));
    const hadFocus = this.shadowRoot.activeElement !== null;
    this.#show(state);
    this.#panel.setAttribute('role', state === 'name' || state === 'password' ? 'group' : 'alert');
    this.#panel.replaceChildren(...parts);
    // Who was in here goes on here by keyboard.
    if (hadFocus) (this.#panel.querySelector('input, button') ?? this.#panel).focus();
  }

  #show(state) {
    const talks = state === 'live' || state === 'away';
    for (const part of [this.#log, this.#composer]) part.hidden = !talks;
    this.#leave.hidden = !talks;
    this.#banner.hidden = state !== 'away';
    this.#panel.hidden = talks;
    if (!talks) this.#failed.hidden = true;
    this.#state = state;
    this.#told();
  }

  #told(code) {
    this.dataset.state = this.#state;
    const detail = code ? { state: this.#state, code } : { state: this.#state };
    this.dispatchEvent(new CustomEvent('anteroom-state', { bubbles: true, detail }));
  }
}

customElements.get('anteroom-room') ?? customElements.define('anteroom-room', AnteroomRoom);
