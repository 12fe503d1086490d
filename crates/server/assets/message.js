// One message as an item of the list. Text goes in as text.

import { write } from './links.js';

export function messageItem({ sender, content, createdAt, mine, name, words }) {
  const item = element('li', 'message');
  item.dataset.from = sender?.id ?? '';
  item.classList.toggle('mine', mine);
  item.content = content;
  const head = element('p', 'by');
  head.append(element('strong', '', name));
  if (createdAt) head.append(' ', timeOf(createdAt));
  const text = element('p', 'text');
  write(text, content);
  const row = element('div', 'row');
  row.append(text);
  item.append(head, row);
  item.words = words;
  return item;
}

/** When it was said, as the reader's own clock and language tell it. */
export function timeOf(createdAt) {
  const when = new Date(createdAt);
  const lang = document.documentElement.lang;
  const isToday = when.toDateString() === new Date().toDateString();
  const day = isToday ? {} : { month: 'short', day: 'numeric' };
  const shown = { ...day, hour: 'numeric', minute: '2-digit' };
  const time = element('time', '', when.toLocaleString(lang, shown));
  time.dateTime = createdAt;
  time.title = when.toLocaleString(lang);
  return time;
}

/** It says something else now. */
export function reword(item, content) {
  item.content = content;
  write(item.querySelector('.text'), content);
  markEdited(item);
}

export function markEdited(item) {
  if (item.querySelector('.edited')) return;
  item.querySelector('.by').append(' ', element('span', 'edited', item.words.editedMark));
}

/** It was taken back, for good. */
export function erase(item) {
  item.content = undefined;
  item.querySelector('.text').textContent = item.words.deletedMessage;
  item.querySelector('.state')?.remove();
  item.classList.add('deleted');
}

/** What becomes of it, in words below it; without any, nothing is there. */
export function tell(item, ...parts) {
  let state = item.querySelector('.state');
  if (!parts.length) return state?.remove();
  if (!state) item.append((state = element('p', 'state')));
  state.replaceChildren(...parts);
}

/** A line that nobody said: who came, where the room begins. */
export function note(text, seq) {
  return Object.assign(element('li', 'note-line', text), { seq });
}

// Several messages of one person in a row show the name once.
export function join(item) {
  const above = item.previousElementSibling;
  const same = above?.matches('.message') && above.dataset.from === item.dataset.from;
  item.classList.toggle('joined', Boolean(same) && item.matches('.message'));
}

export function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

export function button(text, then) {
  const made = element('button', 'plain', text);
  made.type = 'button';
  made.onclick = then;
  return made;
}
