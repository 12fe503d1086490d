import type { Session } from './anteroom.js';

/** Where the element stands. `ended` and `refused` come with the stable code of why. */
export type EmbedState =
  | 'name' | 'entering' | 'password' | 'live' | 'away' | 'full' | 'waiting' | 'offline' | 'ended' | 'refused';

/**
 * `<anteroom-room room="101" base="https://chat.example.org">`: a room in somebody else's page.
 *
 * Attributes: `room` (number), `base` (the server; where this module came from, unless given), `name` (come in as
 * a guest of that name, without being asked), `key` (of an unlisted room), `lang` (`en`, `ko`), `theme` (`light`,
 * `dark`; the reader's wish unless given).
 */
export class AnteroomRoom extends HTMLElement {
  /** A bearer token of somebody whom the site has logged in. Set it before the element is connected, or any time later. */
  token: string | undefined;
  readonly state: EmbedState;
  readonly session: Session | undefined;
  /** Gives the seat, or the place in line, back at once. */
  leave(): void;
  addEventListener(
    type: 'anteroom-state',
    listener: (event: CustomEvent<{ state: EmbedState; code?: string }>) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string, listener: EventListenerOrEventListenerObject, options?: boolean | AddEventListenerOptions,
  ): void;
}

declare global {
  interface HTMLElementTagNameMap {
    'anteroom-room': AnteroomRoom;
  }
}
