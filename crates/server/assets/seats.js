// The seats of a room, in words and as a picture: the same as the server draws (pages/seats.rs).

const DRAWN_SEATS_MAX = 60;
const SVG = 'http://www.w3.org/2000/svg';
const FILLS = { r: 'url(#hatch)', h: 'url(#half)', k: 'url(#dots)' };

/** The texts the server put on an element as `data-w-…`, by name. */
export function wordsOf(element) {
  const words = {};
  for (const [name, text] of Object.entries(element.dataset)) {
    if (/^w[A-Z]/.test(name)) words[name[1].toLowerCase() + name.slice(2)] = text;
  }
  return words;
}

/** Puts values into their places; a value is never searched for places again. */
export function fill(text, values) {
  const shown = (value) => (typeof value === 'number' ? value.toLocaleString('en') : value);
  return text.replace(/\{(\w+)\}/g, (place, name) => shown(values[name]) ?? place);
}

export function seatLine(words, seats) {
  let line = fill(seats.capacity === 1 ? words.seatsOne : words.seatsOther, seats);
  const { reserved, held, waiting } = seats;
  const staff = keptForStaff(seats);
  const parts = { seatsReserved: reserved, seatsHeld: held, seatsStaff: staff, seatsWaiting: waiting };
  for (const [name, n] of Object.entries(parts)) {
    if (n > 0) line += words.seatsJoin + fill(words[name], { n });
  }
  return line;
}

export function isFull(seats) {
  const taken = seats.occupied + seats.reserved + seats.held;
  return seats.capacity - taken - keptForStaff(seats) <= 0 || seats.waiting > 0;
}

/** Places nobody has and only staff may take. */
function keptForStaff(seats) {
  const left = Math.max(0, seats.capacity - seats.occupied - seats.reserved - seats.held);
  return seats.staff ? Math.min(left, Math.max(0, seats.staff.capacity - seats.staff.taken)) : 0;
}

/** Redraws `picture` (the element with class `seats`), touching only what changed. */
export function drawSeats(picture, seats) {
  if (seats.capacity > DRAWN_SEATS_MAX) return drawBar(picture, seats);
  const taken = [['o', seats.occupied], ['h', seats.held], ['r', seats.reserved]];
  const classes = taken.flatMap(([name, n]) => Array(Math.min(n, DRAWN_SEATS_MAX)).fill(name));
  while (classes.length < seats.capacity - keptForStaff(seats)) classes.push('f');
  while (classes.length < seats.capacity) classes.push('k');
  classes.length = Math.min(classes.length, DRAWN_SEATS_MAX);
  if (picture.querySelector('svg')) picture.replaceChildren();
  while (picture.children.length > classes.length) picture.lastElementChild.remove();
  while (picture.children.length < classes.length) picture.append(document.createElement('i'));
  classes.forEach((name, index) => {
    const seat = picture.children[index];
    if (seat.className !== name) seat.className = name;
  });
}

function drawBar(picture, seats) {
  const svg = document.createElementNS(SVG, 'svg');
  set(svg, { width: '100%', height: 16 });
  const whole = Math.max(seats.capacity, seats.occupied + seats.held + seats.reserved, 1);
  const staff = keptForStaff(seats);
  const stretches = [
    ['o', seats.occupied, 0], ['h', seats.held, seats.occupied],
    ['r', seats.reserved, seats.occupied + seats.held], ['k', staff, whole - staff],
  ];
  for (const [name, n, before] of stretches) {
    if (!n) continue;
    const rect = document.createElementNS(SVG, 'rect');
    set(rect, { class: name, x: `${(before * 100) / whole}%`, width: `${(n * 100) / whole}%`, height: 16 });
    if (FILLS[name]) rect.setAttribute('fill', FILLS[name]);
    svg.append(rect);
  }
  picture.replaceChildren(svg);
}

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
}
