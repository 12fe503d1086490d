// Scripted ends of the wire: a socket, a server's answers and a clock, all moved by the test.

export class FakeSocket {
  static opened = [];
  readyState = 1;
  sent = [];
  #listeners = {};

  constructor(url, protocols) {
    Object.assign(this, { url: new URL(url), protocols });
    FakeSocket.opened.push(this);
  }

  static get last() {
    return FakeSocket.opened.at(-1);
  }

  addEventListener(type, listener) {
    (this.#listeners[type] ??= []).push(listener);
  }

  send(data) {
    this.sent.push(JSON.parse(data));
  }

  close(code) {
    this.closedWith = code ?? 1005;
    this.readyState = 3;
  }

  // What the server does

  says(frame) {
    for (const listener of this.#listeners.message ?? []) listener({ data: JSON.stringify(frame) });
  }

  ends(code) {
    this.readyState = 3;
    for (const listener of this.#listeners.close ?? []) listener({ code });
  }

  ofType(type) {
    return this.sent.filter((frame) => frame.type === type);
  }
}

/** A server that answers by the first route that matches; `calls` tells what was asked. */
export function fakeServer(routes) {
  const calls = [];
  const fetch = async (url, { method, body, signal }) => {
    const { pathname, searchParams } = new URL(url);
    const path = pathname.replace('/api/v1', '');
    const query = Object.fromEntries(searchParams);
    const call = { method, path, query, body: body && JSON.parse(body) };
    calls.push(call);
    const answer = routes[`${method} ${path}`];
    if (!answer) throw new Error(`nothing answers ${method} ${path}`);
    const { status = 200, body: json = {}, headers = {}, stream } = await answer(call);
    signal?.addEventListener('abort', () => stream?.breaks());
    const answered = { status, headers: new Headers(headers), json: async () => json };
    return { ...answered, ok: status < 400, body: stream?.body };
  };
  return { fetch, calls };
}

/** A body that is written by the test, piece by piece. */
export function fakeStream() {
  let out;
  const body = new ReadableStream({ start: (controller) => (out = controller) });
  const bytes = (text) => new TextEncoder().encode(text);
  const once = (end) => {
    try {
      end();
    } catch {
      // It had ended already.
    }
  };
  return {
    body,
    sends: (text) => out.enqueue(bytes(text)),
    says: (event, data) => out.enqueue(bytes(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)),
    ends: () => once(() => out.close()),
    breaks: () => once(() => out.error(new Error('broken'))),
  };
}

/** Timers that run only when the test lets time pass. */
export function fakeTimers() {
  let now = 0;
  const timers = new Set();
  return {
    set(run, ms) {
      const timer = { run, at: now + ms };
      timers.add(timer);
      return timer;
    },
    clear: (timer) => timers.delete(timer),
    async pass(ms) {
      const until = now + ms;
      for (;;) {
        const due = [...timers].filter((timer) => timer.at <= until).sort((a, b) => a.at - b.at)[0];
        if (!due) break;
        timers.delete(due);
        now = due.at;
        due.run();
        await settled();
      }
      now = until;
    },
    get waiting() {
      return timers.size;
    },
  };
}

/** Lets every promise that can go on go on. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));
