/** Client of the Anteroom chat server. The wire contract says what each frame holds. */

export interface User { id: string; username?: string; display_name: string; roles?: string[] }
/** A user as the others in a room see one. */
export interface Person { id: string; name: string }
export interface Member extends Person {
  state: 'occupied' | 'held';
  /** Up to where they have read, once they said so. */
  read?: number;
}
export interface Seats {
  capacity: number; occupied: number; reserved: number; held: number; free: number; waiting: number;
  /** The seats kept for the owner and moderators, in a room that has some. */
  staff?: { capacity: number; taken: number };
  /** In how many ms the first reserved or held seat goes back unless its owner comes; told live, of small rooms. */
  frees_in_ms?: number;
}
export interface Room {
  id: number; name: string; capacity: number; state: 'pending' | 'open' | 'closed';
  visibility: 'public' | 'unlisted'; has_password: boolean; seats: Seats; last_seq: number;
  owner?: Person;
  /** With an unlisted room, for its owner: the key that opens it to others. */
  key?: string;
}
export interface Reservation {
  ticket: string; room_id: number; expires_at: string; expires_in_ms: number; websocket_url?: string;
}
export interface Message {
  id: string; seq: number; room_id: number; sender: Person | null;
  kind: 'text' | 'notification'; content_type: string; content: string; created_at: string;
  updated_at?: string; deleted_at?: string; client_id?: string;
  /** The `seq` of the earlier message that this one answers. */
  reply_to?: number;
}
/** A message that was looked for. Put together, the pieces are its text, with `…` where some is left out. */
export interface FoundMessage extends Message { snippet: { text: string; hit?: true }[] }
/** An edit (with `content`, empty when the message was deleted since) or a delete. */
export interface Change {
  seq: number; target: { id: string; seq: number }; content?: string; updated_at: string;
}
export interface Ack { client_id: string; id: string; seq: number; created_at: string }
export interface Login { token: string; expires_at: string; user: User }
export interface Page<T> { items: T[]; next_cursor?: string | null }
/** Messages below `first_seq` are not kept any more. */
export interface History extends Page<Message> { first_seq: number }
export interface Welcome {
  session: string; room: Room; you: Person; members: Member[]; member_count: number; seats: Seats;
  last_seq: number; resume: string; heartbeat_ms: number;
  entry: 'first' | 'refresh' | 'takeover' | 'second_device'; replay?: 'truncated' | 'reset';
  /** With a position: the lowest `seq` that is still kept. */
  first_seq?: number;
}
/** Why a session ended or broke: a close code or an HTTP status (0: no answer), and a stable code. */
export interface Reason { status: number; code: string; detail?: string; [member: string]: unknown }

export interface SessionEvents {
  state: { state: Session['state'] };
  welcome: Welcome;
  resumed: Welcome;
  message: Message;
  edited: Change & { content: string };
  deleted: Change;
  ack: Ack;
  presence: { joined?: Person[]; left?: string[]; occupied: number };
  seats: Seats;
  typing: { user_id: string };
  read: { user_id: string; seq: number };
  /** `from` is null when the server speaks. */
  direct: { from: Person | null; content_type: string; content: string };
  error: { code: string; detail: string; ref?: string };
  refused: Reason;
  closing: Reason;
  /** Told once, last: the session does not come back by itself. */
  closed: Reason;
  reconnecting: Reason & { delay_ms: number; attempt?: number };
  /** A hole between these numbers could not be filled from history, or is not kept there any more. */
  gap: { after: number; upTo: number };
  login_expiring: Record<string, unknown>;
}

export interface EntryOptions { password?: string; resume?: string; since?: number; key?: string }

export type Transport = 'websocket' | 'xhr-streaming' | 'xhr-polling';
/** In the order in which they are tried. */
export const TRANSPORTS: Transport[];

export interface ClientOptions {
  /** Where the server is. Left out in a page of the server: its own origin, and its cookie. */
  base?: string;
  token?: string;
  /** In place of the global one. */
  WebSocket?: unknown;
  /** What to begin with; without it a WebSocket where there is one, else plain requests. */
  transport?: Transport;
  /** Whether one that does not open makes way for the next; unless a `WebSocket` was given, it does. */
  fallsBack?: boolean;
  fetch?: typeof fetch;
  /** Bounds of the reconnect delay, in milliseconds. */
  backOff?: { base?: number; max?: number };
}

export class AnteroomError extends Error {
  status: number;
  code: string;
  problem: Record<string, unknown>;
  retryAfterMs: number;
}

export class Client {
  constructor(options?: ClientOptions);
  /** Where the server is, without a slash at its end. */
  readonly base: string;
  /** The bearer token in use; undefined in a page that keeps to its cookie. */
  token?: string | undefined;
  /** What sessions go over at the moment. */
  transport: Transport;
  signUp(account: {
    username: string; password: string; display_name?: string; contact_number?: string;
  }): Promise<User>;
  login(username: string, password: string): Promise<Login>;
  guest(displayName: string): Promise<Login>;
  refresh(): Promise<Login>;
  logout(): Promise<void>;
  me(): Promise<User>;
  rooms(query?: {
    q?: string; sort?: 'name' | 'occupied' | 'newest'; limit?: number; cursor?: string;
  }): Promise<Page<Room>>;
  createRoom(room: {
    name: string; capacity: number; visibility?: 'public' | 'unlisted'; password?: string;
    lifetime?: 'persistent' | 'until_empty'; staff_seats?: number;
  }): Promise<{ room: Room; reservation: Reservation }>;
  room(id: number, options?: { key?: string }): Promise<Room>;
  history(
    id: number, range?: { before?: number; after?: number; limit?: number },
  ): Promise<History>;
  /** Newest first. All words of `q` must be there; "quoted" ones side by side. */
  search(
    id: number, q: string, page?: { limit?: number; cursor?: string },
  ): Promise<Page<FoundMessage>>;
  /** Step 1: counts a seat and gives a single-use ticket. */
  reserve(id: number, options?: { password?: string; resume?: string; key?: string }): Promise<Reservation>;
  cancel(id: number): Promise<void>;
  /** What one has in a room; rejects with `not_found` where that is nothing. */
  seat(id: number): Promise<{ state: 'occupied' | 'held' | 'reserved'; expires_in_ms?: number }>;
  /** Step 2: takes the reserved seat. */
  confirm(reservation: Reservation, options?: EntryOptions): Session;
  /** Both steps. */
  joinRoom(id: number, options?: EntryOptions): Session;
  /** Joins the line, or keeps the place in it. */
  wait(id: number, options?: { password?: string; key?: string }): Promise<Place | { offer: Reservation }>;
  stopWaiting(id: number): Promise<void>;
  watchLine(id: number, options?: { key?: string; signal?: AbortSignal }): AsyncGenerator<LineEvent>;
  /** Stands in line until a seat is offered; broken streams are mended. */
  waitForSeat(id: number, options?: {
    password?: string; key?: string;
    onPosition?(place: Place): void; onState?(state: 'waiting' | 'reconnecting'): void;
  }): SeatWait;
  /** Where the socket of a reservation opens. It holds the ticket: show it to nobody. */
  socketUrl(reservation: Reservation, options: { resume?: string; since?: number }): string;
}

export interface Place { position: number; ahead: number; joined_at?: string; estimated_wait_ms?: number }
export type LineEvent =
  | { event: 'position'; data: Place } | { event: 'offer'; data: Reservation }
  | { event: 'gone'; data: { code: string } } | { event: 'comment' };

export class SeatWait {
  /** A reservation to `confirm`, or a rejection whose `code` says why there will be none. */
  readonly offer: Promise<Reservation>;
  readonly place?: Place;
  /** Leaves the line, or gives back what was just offered. */
  stop(): Promise<void>;
  /** Stops listening; the place is kept for the time a waiter may be away. */
  detach(): void;
  retryNow(): void;
}

export class Session {
  readonly room: number;
  readonly state: 'reserving' | 'confirming' | 'live' | 'waiting' | 'closed';
  readonly lastSeq?: number;
  /** Keep it for a reload, show it to nobody. */
  readonly resume?: string;
  /** Settled by the first welcome or the end, whichever comes first. */
  readonly ready: Promise<Welcome>;
  on<T extends keyof SessionEvents>(type: T, listener: (event: SessionEvents[T]) => void): () => void;
  send(content: string, options?: { clientId?: string; contentType?: string; replyTo?: number }): Promise<Ack>;
  /** Gives the `edited` frame once it is durable; asked again after a reconnect. */
  edit(id: string, content: string): Promise<Change>;
  /** Gives the `deleted` frame. A newer wish for the same message makes the older fail: `superseded`. */
  delete(id: string): Promise<Change>;
  typing(): void;
  read(seq: number): void;
  leave(): void;
  retryNow(): void;
}

/** What to do after reserving was refused, for who was in the room before. */
export function afterRefusal(refusal: { status: number; code?: string }): { action: 'stay' | 'back_off' };
/** What to do after a close: `reserve` at once (`limit` times in a row), `back_off`, or `stay` away. */
export function afterClose(status: number): { action: 'stay' | 'reserve' | 'back_off'; limit?: number };
export function newId(): string;
export function codeOf(status: number): string;
export function delay(
  attempt: number, bounds?: { base?: number; max?: number; atLeast?: number }, random?: () => number,
): number;
