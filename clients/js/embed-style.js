// How an embedded room looks. As a constructed sheet, so that the strictest policy of the page allows it.
// A site sets the custom properties that begin with `--anteroom-` on the element.

const RULES = [
  ':host{--accent:var(--anteroom-accent,#0f766e);--on-accent:#fff;--paper:var(--anteroom-paper,#fff);--ink:#1b2530;--faint:#5a6775;--line:#dfe5ea;--seat:#a3b2bf;--soft:#f3f6f8;--mine:#e3f3f0;--alarm:#b42318;color-scheme:light}',
  '@media (prefers-color-scheme:dark){:host(:not([theme=light])){--accent:var(--anteroom-accent,#5eead4);--on-accent:#06211e;--paper:var(--anteroom-paper,#12181f);--ink:#e8edf2;--faint:#9aa8b5;--line:#2a3540;--seat:#5b6b79;--soft:#1a222b;--mine:#173b37;--alarm:#fda29b;color-scheme:dark}}',
  ':host([theme=dark]){--accent:var(--anteroom-accent,#5eead4);--on-accent:#06211e;--paper:var(--anteroom-paper,#12181f);--ink:#e8edf2;--faint:#9aa8b5;--line:#2a3540;--seat:#5b6b79;--soft:#1a222b;--mine:#173b37;--alarm:#fda29b;color-scheme:dark}',
  ':host{display:block;height:min(32rem,80vh);min-height:20rem;max-width:100%;font:400 1rem/1.5 var(--anteroom-font,system-ui,sans-serif);color:var(--ink)}',
  ':host([hidden]),[hidden]{display:none!important}',
  '*{box-sizing:border-box;margin:0}',
  '.frame{container-type:inline-size;display:flex;flex-direction:column;height:100%;background:var(--paper);border:1px solid var(--line);border-radius:14px;overflow:hidden;box-shadow:0 1px 2px #0000000d,0 8px 24px #0000000f}',
  'header{display:flex;align-items:center;gap:.25rem .75rem;flex-wrap:wrap;padding:.7rem 1rem;min-height:3.25rem;border-bottom:1px solid var(--line)}',
  '@container (max-width:30rem){.seats{order:1;flex-basis:100%}}',
  'h2{font-size:1rem;font-weight:650;flex:1 1 0;min-width:0;overflow-wrap:anywhere}',
  '.seats{display:flex;align-items:center;gap:.5rem;flex-wrap:wrap;color:var(--faint);font-size:.8125rem;font-variant-numeric:tabular-nums}',
  '.marks{display:inline-flex;gap:3px}',
  '.marks i{width:.6rem;height:.6rem;border-radius:3px;border:1.5px solid var(--seat);background:transparent}',
  '.marks i.taken{background:var(--accent);border-color:var(--accent)}',
  '.marks i.held{background:linear-gradient(90deg,var(--accent) 50%,transparent 50%);border-color:var(--accent)}',
  '.marks i.reserved{border-color:var(--accent);border-style:dashed}',
  '.log{flex:1 1 auto;overflow-y:auto;overscroll-behavior:contain}',
  'ol{list-style:none;padding:1rem;min-height:100%;display:flex;flex-direction:column;gap:.6rem}',
  'li{max-width:min(85%,34rem);align-self:flex-start}',
  'li.mine{align-self:flex-end}',
  'li.mine .who{justify-content:flex-end}',
  'li.note,.empty{align-self:center;text-align:center;color:var(--faint);font-size:.875rem}',
  '.who{display:flex;gap:.4rem;align-items:baseline;font-size:.8125rem;color:var(--faint);padding:0 .25rem .15rem}',
  '.who b{color:var(--ink);font-weight:600;overflow-wrap:anywhere;min-width:0}',
  'li.more .who{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}',
  'li.more{margin-top:-.35rem}',
  '.text{background:var(--soft);border-radius:4px 14px 14px 14px;padding:.45rem .75rem;white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:plaintext;width:fit-content;max-width:100%}',
  'li.mine .text{background:var(--mine);border-radius:14px 4px 14px 14px;margin-left:auto}',
  '.gone{color:var(--faint);font-style:italic}',
  '.banner{padding:.4rem 1rem;background:var(--soft);color:var(--faint);font-size:.875rem;border-bottom:1px solid var(--line)}',
  '.failed{color:var(--alarm);font-size:.875rem;padding:.3rem 1rem 0;overflow-wrap:anywhere}',
  'form{display:flex;gap:.5rem}',
  '.composer{padding:.75rem;border-top:1px solid var(--line);align-items:flex-end}',
  'textarea,input{font:inherit;color:inherit;background:var(--paper);border:1px solid var(--line);border-radius:10px;padding:.5rem .75rem;width:100%;min-width:0}',
  'textarea{resize:none;height:2.6rem;max-height:8rem;field-sizing:content;min-height:2.6rem}',
  'button{font:inherit;font-weight:600;border:1px solid transparent;border-radius:10px;padding:.5rem 1rem;min-height:2.6rem;background:var(--accent);color:var(--on-accent);cursor:pointer;white-space:nowrap}',
  'button.quiet{background:transparent;color:var(--faint);border-color:var(--line);font-weight:500}',
  'header button.quiet{min-height:0;padding:.2rem .7rem;font-size:.8125rem}',
  'button:hover{filter:brightness(1.06)}',
  ':focus-visible{outline:2px solid var(--accent);outline-offset:2px}',
  '.log:focus-visible,textarea:focus-visible,input:focus-visible{outline-offset:-2px}',
  '.panel{margin:auto;padding:1.5rem 1.25rem;max-width:26rem;width:100%;text-align:center;display:flex;flex-direction:column;gap:.75rem;align-items:center}',
  '.panel h3{font-size:1.15rem;font-weight:650;line-height:1.3}',
  '.panel p{color:var(--faint);text-wrap:balance}',
  '.panel form{width:100%;flex-direction:column;text-align:start}',
  '.panel label{display:flex;flex-direction:column;gap:.3rem;font-size:.875rem;color:var(--faint)}',
  '.panel label input{color:var(--ink);font-size:1rem}',
  '.panel .row{display:flex;gap:.5rem;flex-wrap:wrap;justify-content:center}',
  '.panel .place{font-size:2.25rem;font-weight:700;color:var(--accent);line-height:1.1;font-variant-numeric:tabular-nums}',
  '@media (prefers-reduced-motion:no-preference){.dots::after{content:"";display:block;width:1.5rem;height:1.5rem;margin:.75rem auto 0;border-radius:50%;border:3px solid var(--line);border-top-color:var(--accent);animation:turn 1s linear infinite}}',
  '@keyframes turn{to{transform:rotate(1turn)}}',
];

let sheet;

/** The one sheet that all embedded rooms of a page share. */
export function style() {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(RULES.join('\n'));
  }
  return sheet;
}
