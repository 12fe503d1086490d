// A program as somebody would write it against this library, in the strictest TypeScript there is.
// It is compiled, never run: what must not compile is marked.

import { AnteroomError, Client, afterClose, codeOf, delay, newId } from 'anteroom-client';
import type {
  Ack, LineEvent, Message, Page, Place, Reservation, Room, SeatWait, Session, Welcome,
} from 'anteroom-client';
import 'anteroom-client/embed';
import type { AnteroomRoom } from 'anteroom-client/embed';

const client = new Client({ base: 'https://chat.example.org', backOff: { base: 100, max: 5_000 } });

async function talk(): Promise<void> {
  const { token, user } = await client.guest('Mina');
  const again: Client = new Client({ base: client.base, token, fetch, WebSocket });
  const page: Page<Room> = await again.rooms({ q: 'tea', sort: 'occupied', limit: 10 });
  const room = page.items[0];
  if (room === undefined) return;

  const session: Session = again.joinRoom(room.id, { password: 'sesame', key: 'k' });
  const stop = session.on('message', (message: Message) => {
    const name: string = message.sender?.name ?? 'the server';
    console.log(user.id, name, message.content.length, message.seq + 1);
  });
  session.on('presence', ({ joined = [], left = [], occupied }) => console.log(joined.length + left.length + occupied));
  session.on('seats', (seats) => console.log(seats.free, seats.staff?.taken));
  session.on('edited', ({ target, content }) => console.log(target.seq, content.length));
  session.on('deleted', ({ target }) => console.log(target.id));
  session.on('reconnecting', ({ code, delay_ms, attempt }) => console.log(code, delay_ms, attempt));
  session.on('closed', ({ status, code }) => console.log(status === 4409, code));
  session.on('login_expiring', () => void again.refresh());

  const welcome: Welcome = await session.ready;
  const ack: Ack = await session.send('Hello', { clientId: newId() });
  await session.edit(ack.id, 'Hello, all');
  await session.delete(ack.id);
  session.typing();
  session.read(welcome.last_seq);
  session.leave();
  stop();

  // @ts-expect-error there is no such event
  session.on('massage', () => {});
  // @ts-expect-error a room is named by its number
  again.joinRoom('101');
  // @ts-expect-error what is said is text
  await session.send(42);
  // @ts-expect-error the state is told, not set
  session.state = 'live';
}

async function byHand(room: number): Promise<Session> {
  const reservation: Reservation = await client.reserve(room);
  if (reservation.expires_in_ms < 1_000) await client.cancel(room);
  return client.confirm(reservation, { since: 7 });
}

async function inLine(room: number): Promise<Session> {
  const wait: SeatWait = client.waitForSeat(room, {
    onPosition: ({ ahead, estimated_wait_ms }: Place) => console.log(ahead, estimated_wait_ms ?? 'unknown'),
    onState: (state) => console.log(state === 'reconnecting'),
  });
  return client.confirm(await wait.offer);
}

async function watch(room: number): Promise<string> {
  for await (const told of client.watchLine(room) as AsyncGenerator<LineEvent>) {
    if (told.event === 'offer') return told.data.ticket;
    if (told.event === 'gone') return told.data.code;
    if (told.event === 'position') console.log(told.data.position);
  }
  return codeOf(1006);
}

function refused(error: unknown): string {
  if (error instanceof AnteroomError) return `${error.status} ${error.code} ${error.retryAfterMs}`;
  const { action, limit } = afterClose(4403);
  return `${action} ${limit ?? 0} ${delay(3, { base: 10, max: 100, atLeast: 5 }, Math.random)}`;
}

function embedded(element: AnteroomRoom): void {
  element.token = 'a token of the site';
  element.addEventListener('anteroom-state', ({ detail }) => console.log(detail.state, detail.code ?? ''));
  const found = document.querySelector('anteroom-room');
  found?.leave();
}

export { byHand, embedded, inLine, refused, talk, watch };
