// A socket for networks that let no WebSocket through: the server's SockJS sessions, over plain requests.
// It looks like a WebSocket to whoever uses it. `streaming` keeps one answer open for as long as it lasts; without
// it each answer brings what there is (long polling), for proxies that hold an answer back until it is whole.

const SILENT_MS = 5_000; // an answer that streams begins at once
const NAME_BYTES = 12;
const BODY_BYTES = 128 << 10; // half of what every server takes at once
const KEEPALIVE_BYTES = 60_000; // browsers refuse more of what outlives its page

export class HttpSocket {
  readyState = 0;
  #address;
  #query;
  #listeners = new Map();
  #stop = new AbortController();
  #unsent = [];
  #sending; // the request on its way, as a promise
  #opening;

  /** `url` as of the WebSocket, with its ticket; `fetch` and `timers` as the client has them. */
  constructor(url, { streaming = true, fetch, timers }) {
    const at = new URL(url);
    const [server, name] = [hex(2).slice(0, 3), hex(NAME_BYTES)];
    at.protocol = at.protocol.replace(/^ws/, 'http');
    this.#address = `${at.origin}${at.pathname.replace(/\/ws$/, '/sockjs')}/${server}/${name}`;
    this.#query = at.search;
    Object.assign(this, { streaming, fetch, timers });
    if (streaming) this.#opening = timers.set(() => this.#closed(1006), SILENT_MS);
    this.#receive();
  }

  addEventListener(type, listener) {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }

  send(text) {
    if (this.readyState > 1) return;
    this.#unsent.push(text);
    this.#sending ??= this.#flush().finally(() => (this.#sending = undefined));
  }

  /** What was sent before goes out first. There is no frame for a close: `leave` says that it is meant. */
  async close(code = 1005) {
    if (this.readyState > 1) return;
    this.readyState = 2;
    await this.#sending;
    this.#closed(code);
  }

  // One after the other: the server takes them in the order in which they come.
  async #flush() {
    while (this.#unsent.length > 0) {
      const { body, bytes } = this.#body();
      try {
        const answer = await this.#post('xhr_send', { body, keepalive: bytes < KEEPALIVE_BYTES });
        // A text that is too large: the session need not be told, when nobody has read it.
        if (answer.status === 413) return this.#closed(1009, 'too_large');
        if (!answer.ok) throw new Error(answer.status);
      } catch {
        this.#closed(1006);
        return;
      }
    }
  }

  // As many texts as go into one request, and one at least. The others go into the next.
  #body() {
    const texts = [];
    let bytes = 0;
    do {
      texts.push(JSON.stringify(this.#unsent.shift()));
      bytes += bytesOf(texts.at(-1));
    } while (this.#unsent.length > 0 && bytes + bytesOf(JSON.stringify(this.#unsent[0])) <= BODY_BYTES);
    return { body: `[${texts.join(',')}]`, bytes };
  }

  #post(what, options) {
    const headers = { 'content-type': 'text/plain;charset=UTF-8' };
    // The ticket says who it is.
    const request = { method: 'POST', headers, credentials: 'omit', cache: 'no-store', ...options };
    return this.fetch(`${this.#address}/${what}${this.#query}`, request);
  }

  async #receive() {
    try {
      while (this.readyState < 2) await this.#answer();
    } catch {
      this.#closed(1006);
    }
  }

  async #answer() {
    const what = this.streaming ? 'xhr_streaming' : 'xhr';
    const answer = await this.#post(what, { signal: this.#stop.signal });
    if (!answer.ok) throw new Error(answer.status);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (rest + value).split('\n');
      rest = lines.pop();
      for (const line of lines) this.#heard(line);
    }
  }

  #heard(line) {
    if (this.readyState > 2) return;
    if (line === 'o') {
      this.readyState = 1;
      this.timers.clear(this.#opening);
      this.#tell('open', {});
    } else if (line[0] === 'a') {
      for (const data of JSON.parse(line.slice(1))) this.#tell('message', { data });
    } else if (line[0] === 'c') {
      const [code, reason] = JSON.parse(line.slice(1));
      this.#closed(code, reason);
    }
  }

  #closed(code, reason = '') {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.timers.clear(this.#opening);
    this.#stop.abort();
    this.#tell('close', { code, reason });
  }

  #tell(type, event) {
    for (const listener of this.#listeners.get(type) ?? []) listener(event);
  }
}

// With the comma after it.
function bytesOf(json) {
  return new TextEncoder().encode(json).length + 1;
}

function hex(count) {
  const bytes = crypto.getRandomValues(new Uint8Array(count));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
