// Filters the reference, opens what an address names, and shows where the reader is. Without it everything
// is there all the same.

const filter = document.getElementById('filter');
const wanted = document.getElementById('wanted');
const none = document.getElementById('none');
const sections = [...document.querySelectorAll('.reference > section')];
const links = new Map([...document.querySelectorAll('.contents a')].map((link) => [link.hash.slice(1), link]));
const found = '.entry, .ledger tbody tr, #events .field-row';
const entries = [...document.querySelectorAll(found)].map((node) => [node, node.textContent.toLowerCase()]);

/** Leaves only what has every word in it; whole sections go where nothing is left of them. */
function narrow() {
  const words = wanted.value.toLowerCase().split(/\s+/).filter(Boolean);
  let left = 0;
  for (const [node, text] of entries) {
    node.hidden = !words.every((word) => text.includes(word));
    if (!node.hidden) left += 1;
  }
  for (const section of sections) {
    const has = section.querySelector(found) !== null;
    const shows = [...section.querySelectorAll(found)].some((node) => !node.hidden);
    section.hidden = words.length > 0 && !(has && shows);
  }
  none.textContent = left === 0 ? none.dataset.none : '';
}

/** Shows what the address names, whatever it is in. */
function reveal() {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!named) return;
  if (named.hidden || named.closest('section')?.hidden) {
    wanted.value = '';
    narrow();
  }
  const entry = named.closest('details');
  if (entry) entry.open = true;
  named.scrollIntoView();
}

/** Marks the section at the top of the window. */
function follow() {
  const seen = sections.filter((section) => !section.hidden);
  const here = seen.findLast((section) => section.getBoundingClientRect().top < 140) ?? seen[0];
  for (const [id, link] of links) {
    if (id === here?.id) link.setAttribute('aria-current', 'true');
    else link.removeAttribute('aria-current');
  }
}

filter.hidden = false;
wanted.addEventListener('input', narrow);
addEventListener('hashchange', reveal);
addEventListener('scroll', follow, { passive: true });
reveal();
follow();
