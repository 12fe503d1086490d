// The parts of the server's page scripts that need no document. The cases of the seat line are the
// ones of crates/server/src/pages/seats.rs: both must say the same.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { aheadText, goInAfter, waitText } from '../../../crates/server/assets/line.js';
import { fill, isFull, seatLine } from '../../../crates/server/assets/seats.js';

const words = {
  seatsOne: '{occupied} of {capacity} seat taken',
  seatsOther: '{occupied} of {capacity} seats taken',
  seatsReserved: '{n} reserved',
  seatsHeld: '{n} kept',
  seatsStaff: '{n} for staff',
  seatsWaiting: '{n} waiting',
  seatsJoin: ', ',
};
const seats = (more) => ({ capacity: 10, occupied: 0, reserved: 0, held: 0, waiting: 0, ...more });

test('the seat line names only what is there', () => {
  const line = (more) => seatLine(words, seats(more));
  assert.equal(line({ occupied: 7, reserved: 1 }), '7 of 10 seats taken, 1 reserved');
  assert.equal(line({ capacity: 1, occupied: 1 }), '1 of 1 seat taken');
  assert.equal(line({ occupied: 7, staff: { capacity: 2, taken: 1 } }), '7 of 10 seats taken, 1 for staff');
  assert.equal(line({ occupied: 10, staff: { capacity: 2, taken: 1 } }), '10 of 10 seats taken');
  assert.equal(line({ capacity: 10_000, occupied: 6412 }), '6,412 of 10,000 seats taken');
});

test('a room with a line, or over a lowered capacity, is full', () => {
  assert.equal(isFull(seats({ occupied: 9 })), false);
  assert.equal(isFull(seats({ occupied: 9, reserved: 1 })), true);
  assert.equal(isFull(seats({ occupied: 2, waiting: 1 })), true);
  assert.equal(isFull(seats({ occupied: 7, staff: { capacity: 3, taken: 0 } })), true);
  assert.equal(isFull(seats({ capacity: 2, occupied: 5 })), true);
});

test('a value is put in once and never read again', () => {
  assert.equal(fill('{a} of {b}', { a: '{b}', b: 2 }), '{b} of 2');
  assert.equal(fill('{missing}', {}), '{missing}');
});

test('a wait is told in words, and not at all where nobody can know', () => {
  const line = {
    lineNext: 'next', lineAheadOne: '{n} person', lineAheadOther: '{n} people',
    lineMinutesOne: 'a minute', lineMinutesOther: '{n} minutes', lineHours: 'hours',
  };
  assert.equal(aheadText(line, 0), 'next');
  assert.equal(aheadText(line, 1), '1 person');
  assert.equal(aheadText(line, 1234), '1,234 people');
  assert.equal(waitText(line, undefined), '');
  assert.equal(waitText(line, 4_000), 'a minute');
  assert.equal(waitText(line, 200_000), '3 minutes');
  assert.equal(waitText(line, 5_000_000), 'hours');
});

test('one goes in well before an offer runs out', () => {
  assert.equal(goInAfter(30_000), 6);
  assert.equal(goInAfter(5_000), 2);
  assert.equal(goInAfter(900), 0);
});
