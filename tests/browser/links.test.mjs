// Which parts of a text become links, and which never do.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { pieces } from '../../crates/server/assets/links.js';

const linked = (text) => pieces(text).filter((piece) => piece.href).map((piece) => piece.text);

it('finds addresses, without what ends a sentence', () => {
  for (const [text, expected] of [
    ['see https://example.org/a?b=c#d.', ['https://example.org/a?b=c#d']],
    ['(https://example.org/a_(b))', ['https://example.org/a_(b)']],
    ['[https://example.org/]', ['https://example.org/']],
    ['HTTP://EXAMPLE.ORG/Path!!', ['HTTP://EXAMPLE.ORG/Path']],
    ['https://a.example https://b.example', ['https://a.example', 'https://b.example']],
    ['주소는 https://예시.한국/방, 여기예요', ['https://예시.한국/방']],
    ['“https://example.org/x”', ['https://example.org/x']],
    ['no address here', []],
    ['', []],
  ]) {
    assert.deepEqual(linked(text), expected, text);
  }
});

it('a47_what_is_no_plain_web_address_is_left_as_it_is', () => {
  for (const text of [
    'javascript:alert(1)',
    'data:text/html,<script>alert(1)</script>',
    'ftp://example.org/',
    'xhttps://example.org/',
    'https://',
    'https://bank.example@evil.example/',
    'https://user:secret@example.org/',
    'https://example.org/\u202egpj.exe',
    'https://exa\u200bmple.org/',
  ]) {
    assert.deepEqual(linked(text), [], text);
  }
  // Letters that look like others lead where they lead, and the address that is asked for says so.
  const [twin] = pieces('https://аррӏе.example/');
  assert.equal(twin.text, 'https://аррӏе.example/');
  assert.equal(twin.href, 'https://xn--80ak6aa92e.example/');
});

it('loses no character', () => {
  const text = 'a https://example.org/b). <https://c.example/d> e\n\nhttps://f.example/';
  const back = pieces(text).map((piece) => piece.text ?? piece).join('');
  assert.equal(back, text);
});

it('takes every bracket off that was not opened', () => {
  const text = `https://example.org/${')'.repeat(4000)}`;
  assert.equal(linked(text)[0], 'https://example.org/');
});
