// Keeps a page of administration up to date, says times in the reader's own zone, and asks in a dialog
// what the page of its own would ask. Without it everything works all the same, one page at a time.

const EVERY_MS = 5000;
const PATIENCE_MS = 30_000;
const live = document.getElementById('live');
const language = document.documentElement.lang;
const WHOLE = { dateStyle: 'medium', timeStyle: 'medium', hourCycle: 'h23' };
const DAY = { month: 'short', day: '2-digit', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
const CLOCK = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
const said = Object.fromEntries(
  Object.entries({ day: DAY, clock: CLOCK, undefined: WHOLE }).map(([name, how]) => [name, new Intl.DateTimeFormat(language, how)]),
);
let again;
let late = 0;

/** Times as the server wrote them are UTC. */
function localise(root) {
  for (const time of root.querySelectorAll('time')) {
    time.title = time.dateTime;
    time.textContent = said[time.dataset.said].format(new Date(time.dateTime));
  }
  for (const utc of root.querySelectorAll('.utc')) utc.hidden = true;
}

/** Puts the new content of each live part in its place, but never under somebody's finger. */
function take(page) {
  for (const part of document.querySelectorAll('[data-live]')) {
    const fresh = page.getElementById(part.id);
    if (!fresh) continue;
    part.hidden = fresh.hidden;
    localise(fresh);
    if (part.contains(document.activeElement)) continue;
    const open = part.querySelector('details')?.open ?? false;
    const table = fresh.querySelector('details');
    if (table) table.open = open;
    if (part.innerHTML !== fresh.innerHTML) part.replaceChildren(...fresh.childNodes);
  }
}

async function look() {
  clearTimeout(again);
  if (document.hidden) return;
  try {
    const response = await fetch(location.href, { signal: AbortSignal.timeout(PATIENCE_MS) });
    // Whoever is not logged in any more is led elsewhere, where nothing is live.
    if (!response.ok || response.redirected) throw new Error(response.statusText);
    take(new DOMParser().parseFromString(await response.text(), 'text/html'));
    late = 0;
    say(live.dataset.on, false);
  } catch {
    late += 1;
    say(live.dataset.off, true);
  }
  again = setTimeout(look, EVERY_MS * Math.min(1 + late, 6));
}

function say(text, isLost) {
  live.hidden = false;
  live.classList.toggle('lost', isLost);
  if (live.textContent !== text) live.textContent = text;
}

/** The question of another page, asked here. What cannot be asked here is asked there. */
async function ask(link) {
  let panel;
  try {
    const response = await fetch(link.href, { signal: AbortSignal.timeout(PATIENCE_MS) });
    const page = new DOMParser().parseFromString(await response.text(), 'text/html');
    panel = response.ok && page.querySelector('.ask');
  } catch {
    panel = undefined;
  }
  if (!panel) return location.assign(link.href);
  const dialog = document.createElement('dialog');
  dialog.className = 'asked';
  dialog.setAttribute('aria-labelledby', 'ask-title');
  dialog.append(panel);
  dialog.addEventListener('close', () => dialog.remove());
  dialog.addEventListener('click', (event) => {
    const keep = event.target.closest('[data-keep]');
    if (keep || event.target === dialog) {
      event.preventDefault();
      dialog.close();
    }
  });
  document.body.append(dialog);
  dialog.showModal();
  panel.querySelector('[data-keep]').focus();
}

document.addEventListener('click', (event) => {
  const link = event.target.closest('a[data-ask]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  ask(link);
});
localise(document);
// A notice is said once: not again when the page is loaded anew or its address passed on.
if (document.getElementById('notice')) {
  const here = new URL(location.href);
  here.searchParams.delete('did');
  history.replaceState(null, '', here);
}
if (live) {
  again = setTimeout(look, EVERY_MS);
  document.addEventListener('visibilitychange', look);
}
