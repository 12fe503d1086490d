// Web addresses in somebody's words. Only http and https, nothing that hides where it leads, and never
// more of the words than the address is.

const ADDRESS = /\bhttps?:\/\/[^\s<>"'\x60|\\^{}]+/giu;
// What ends a sentence is not of the address, nor a bracket that was opened before it.
const TAIL = /[.,:;!?…。、，！？·*_~'"“”‘’»」』】）]$/u;
const PAIRS = { ')': '(', ']': '[' };
// Characters that turn the direction of writing, or that nobody sees.
const HIDING = /[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/u;

/** The text in pieces, in order: words as they are, addresses as `{ href, text }`. */
export function pieces(text) {
  const found = [];
  let at = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const shown = trimmed(match[0]);
    const href = address(shown);
    if (!href) continue;
    if (match.index > at) found.push(text.slice(at, match.index));
    found.push({ href, text: shown });
    at = match.index + shown.length;
  }
  if (at < text.length) found.push(text.slice(at));
  return found;
}

/** Puts text into an element, its addresses as links that open apart and tell nothing of this page. */
export function write(element, text) {
  element.replaceChildren(
    ...pieces(text).map((piece) => {
      if (typeof piece === 'string') return piece;
      const link = document.createElement('a');
      link.textContent = piece.text;
      link.href = piece.href;
      // A host in other letters is shown as it is asked for as well: one may look like another.
      if (/\/xn--|\.xn--/.test(piece.href)) link.title = piece.href;
      link.target = '_blank';
      link.rel = 'noopener noreferrer nofollow ugc';
      return link;
    }),
  );
}

function trimmed(text) {
  const left = {};
  for (const char of text) left[char] = (left[char] ?? 0) + 1;
  let end = text.length;
  while (end > 0) {
    const last = text[end - 1];
    const opened = PAIRS[last];
    const alone = opened && left[last] > (left[opened] ?? 0);
    if (!alone && !TAIL.test(last)) break;
    left[last] -= 1;
    end -= 1;
  }
  return text.slice(0, end);
}

function address(text) {
  if (HIDING.test(text)) return undefined;
  try {
    const url = new URL(text);
    // `https://bank.example@evil.example/` leads to the latter.
    const plain = url.hostname && !url.username && !url.password;
    return plain ? url.href : undefined;
  } catch {
    return undefined;
  }
}
