// A gentle sound when it is one's turn: two soft notes, made here, for whoever wants them.

const KEY = 'anteroom.quiet';
const NOTES = [[659.26, 0], [987.77, 0.22]]; // E5, B5: in Hz, and when, in seconds
const LOUDNESS = 0.12;
const LASTS = 0.9;

export class Chime {
  #context;
  #box;

  /** `box`: where one says whether to hear it; kept in this browser. */
  constructor(box) {
    this.#box = box;
    box.checked = localStorage.getItem(KEY) === null;
    box.addEventListener('change', () => {
      if (box.checked) {
        localStorage.removeItem(KEY);
        this.ring(); // so that one knows what to listen for
      } else localStorage.setItem(KEY, '1');
    });
    // A browser lets a page sound only after somebody touched it.
    for (const event of ['pointerdown', 'keydown']) addEventListener(event, () => this.#wake(), { once: true });
  }

  ring() {
    if (!this.#box.checked) return;
    navigator.vibrate?.(200);
    this.#wake();
    const context = this.#context;
    if (context?.state !== 'running') {
      context?.resume().then(() => this.#play(context), () => {});
      return;
    }
    this.#play(context);
  }

  #wake() {
    if (!('AudioContext' in globalThis)) return;
    this.#context ??= new AudioContext();
    this.#context.resume().catch(() => {});
  }

  #play(context) {
    for (const [pitch, after] of NOTES) {
      const begins = context.currentTime + after;
      const volume = new GainNode(context, { gain: 0 });
      volume.gain.setValueAtTime(0, begins);
      volume.gain.linearRampToValueAtTime(LOUDNESS, begins + 0.02);
      volume.gain.exponentialRampToValueAtTime(0.0001, begins + LASTS);
      const note = new OscillatorNode(context, { frequency: pitch, type: 'sine' });
      note.connect(volume).connect(context.destination);
      note.start(begins);
      note.stop(begins + LASTS);
    }
  }
}
