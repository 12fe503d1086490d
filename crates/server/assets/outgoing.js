// What one says and changes oneself: shown at once, with what becomes of it, and with a way on when it fails.

import { newId } from './session.js';
import { button, reword, tell } from './message.js';

const $ = (id) => document.getElementById(id);

export class Outgoing {
  #waiting = new Map(); // by client_id, what is not yet in the list by number

  /** `session()`, `words`; `settled()`: something of one's own is as it stays. */
  constructor({ session, words, settled }) {
    Object.assign(this, { session, words, settled });
  }

  get items() {
    return [...this.#waiting.values()];
  }

  /** Sends what `item` shows. `replyTo`: the number of the message that it answers. */
  say(item, content, replyTo) {
    const clientId = newId();
    item.dataset.own = clientId;
    this.#waiting.set(clientId, item);
    this.#try(item, content, { clientId, replyTo });
  }

  /** It came back from the room, and stands in the list by its number now. */
  arrived(clientId) {
    this.#waiting.get(clientId)?.remove();
    this.#waiting.delete(clientId);
  }

  #try(item, content, options) {
    this.#pending(item, this.words.sending);
    const failed = () => {
      const drop = () => {
        this.arrived(options.clientId);
        $('text').focus();
      };
      this.#failed(item, this.words.failed, () => this.#try(item, content, options), drop);
    };
    this.session().send(content, options).then(() => this.#over(item), failed);
  }

  reword(item, content) {
    const before = item.content;
    this.#pending(item, this.words.sending);
    reword(item, content);
    this.session().edit(item.message, content).then(
      () => this.#over(item),
      ({ code }) => {
        if (code === 'superseded' || item.content === undefined) return;
        const drop = () => {
          this.#over(item);
          reword(item, before);
          $('text').focus();
        };
        this.#failed(item, this.words.notChanged, () => this.reword(item, content), drop);
      },
    );
  }

  remove(item) {
    tell(item, this.words.deleting);
    this.session().delete(item.message).catch(({ code }) => {
      if (code === 'superseded' || item.content === undefined) return;
      const again = button(this.words.retrySend, () => this.remove(item));
      const drop = button(this.words.keep, () => tell(item));
      tell(item, this.words.notDeleted, ' ', again, ' ', drop);
    });
  }

  #pending(item, text) {
    item.classList.remove('unsent');
    item.classList.add('pending');
    tell(item, text);
  }

  #failed(item, text, again, drop) {
    item.classList.replace('pending', 'unsent');
    tell(item, text, ' ', button(this.words.retrySend, again), ' ', button(this.words.discard, drop));
  }

  #over(item) {
    item.classList.remove('pending', 'unsent');
    tell(item);
    this.settled();
  }
}
