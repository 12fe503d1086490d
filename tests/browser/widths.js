// How wide the windows are in which a walk is walked.

const DESK = 1440;
const PHONE = 360;
const nodes = Number(process.env.NODES ?? 1);

/** In that language; the pages of several nodes are those of one, and there each language is seen in one of them. */
export function widths(lang) {
  if (nodes > 1) return [lang === 'en' ? DESK : PHONE];
  return [DESK, PHONE];
}
