import assert from 'node:assert/strict';
import { test } from 'node:test';

import { afterClose, afterRefusal, codeOf, delay } from '../policy.js';

test('each close code leads to what the wire contract says', () => {
  const table = {
    1000: 'stay', 1001: 'back_off', 1005: 'back_off', 1006: 'back_off', 1009: 'back_off',
    1012: 'back_off', 4400: 'stay', 4401: 'stay', 4403: 'reserve', 4404: 'stay', 4408: 'reserve',
    4409: 'stay', 4410: 'stay', 4440: 'stay', 4450: 'stay', 4499: 'stay', 4500: 'back_off',
    4503: 'back_off', 4508: 'back_off', 4512: 'back_off', 4529: 'back_off', 4999: 'stay',
  };
  for (const [status, action] of Object.entries(table)) {
    assert.equal(afterClose(Number(status)).action, action, status);
  }
  assert.equal(afterClose(4403).limit, 1);
});

test('a refused reservation is final unless the trouble passes', () => {
  const refused = (status, code) => afterRefusal({ status, code }).action;
  for (const status of [400, 401, 403, 404, 409, 410, 422]) assert.equal(refused(status), 'stay');
  for (const status of [0, 429, 500, 503]) assert.equal(refused(status), 'back_off');
  assert.equal(refused(401, 'unavailable'), 'back_off');
});

test('back-off is full jitter under a doubling bound, never before Retry-After', () => {
  assert.equal(delay(0, {}, () => 0), 0);
  assert.equal(delay(0, {}, () => 1), 500);
  assert.equal(delay(3, {}, () => 1), 4000);
  assert.equal(delay(3, {}, () => 0.5), 2000);
  assert.equal(delay(99, {}, () => 1), 30_000);
  assert.equal(delay(0, { atLeast: 7000 }, () => 0), 7000);
});

test('every close has a code that pages have words for', () => {
  assert.equal(codeOf(4409), 'replaced');
  assert.equal(codeOf(1006), 'offline');
  assert.equal(codeOf(4999), 'internal');
});
