/** The look of the HTML report: light and dark as the reader's system is, narrow screens, and paper. Plain CSS. */

export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #fff; --text: #1b2026; --soft: #5b6570; --line: #dde1e6; --link: #0b5cad;
  --pass: #1a7f4b; --fail: #c4242b; --warn: #9a5c00; --not-run: #66707a;
  --pass-back: #e5f4ec; --fail-back: #fdeaea; --warn-back: #fdf1de; --not-run-back: #eef0f2;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #111418; --card: #1a1f25; --text: #e4e8ec; --soft: #9aa5b0; --line: #2d343c; --link: #7db8f5;
    --pass: #4cc38a; --fail: #ff7b7b; --warn: #f0b34b; --not-run: #7d8893;
    --pass-back: #16301f; --fail-back: #3a1a1d; --warn-back: #362712; --not-run-back: #252b32;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { max-width: 64rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { margin: 0; font-size: 1.6rem; line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin: 2.25rem 0 .75rem; font-size: 1.1rem; }
h3 { margin: 1.75rem 0 .5rem; font-size: 1rem; }
h3 small { margin-left: .5rem; color: var(--soft); font-weight: 400; font-size: .85rem; }
a { color: var(--link); }
p { margin: .25rem 0; overflow-wrap: anywhere; }
.kind { margin: 0 0 .25rem; color: var(--soft); font-size: .85rem; letter-spacing: .02em; }
.when { color: var(--soft); }
.verdict { margin: 1.25rem 0 0; padding: .8rem 1rem; border-radius: .5rem; border-left: .35rem solid; font-weight: 600; }
.card { padding: 1rem 1.1rem; border: 1px solid var(--line); border-radius: .6rem; background: var(--card); }

.pass { color: var(--pass); } .fail { color: var(--fail); } .warn { color: var(--warn); } .not-run { color: var(--not-run); }
.verdict.pass { background: var(--pass-back); } .verdict.fail { background: var(--fail-back); }

.bars { display: grid; grid-template-columns: max-content minmax(6rem, 1fr) max-content; gap: .55rem 1rem; align-items: center; }
.bars div { display: grid; grid-column: 1 / -1; grid-template-columns: subgrid; align-items: center; }
.bars svg { display: block; grid-area: 1 / 2; width: 100%; height: .9rem; }
.bars .numbers { grid-area: 1 / 3; color: var(--soft); font-size: .85rem; font-variant-numeric: tabular-nums; }
rect.pass { fill: var(--pass); } rect.fail { fill: var(--fail); } rect.warn { fill: var(--warn); } rect.not-run { fill: var(--not-run); opacity: .45; }

dl { display: grid; grid-template-columns: max-content 1fr; gap: .35rem 1.25rem; margin: 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; min-width: 0; }

.filter { display: flex; flex-wrap: wrap; gap: .4rem; margin: 0 0 .5rem; padding: 0; border: 0; }
.filter label { cursor: pointer; padding: .2rem .75rem; border: 1px solid var(--line); border-radius: 2rem; background: var(--card); color: var(--text); font-size: .9rem; }
.filter input { position: absolute; opacity: 0; }
.filter label:has(:checked) { border-color: var(--link); box-shadow: inset 0 0 0 1px var(--link); font-weight: 600; }
.filter label:has(:focus-visible) { outline: 2px solid var(--link); outline-offset: 2px; }
main:has(#only-fail:checked) details:not(.is-fail), main:has(#only-warn:checked) details:not(.is-warn),
main:has(#only-pass:checked) details:not(.is-pass), main:has(#only-not-run:checked) details:not(.is-not-run) { display: none; }
main:has(#only-fail:checked) .family:not(:has(.is-fail)), main:has(#only-warn:checked) .family:not(:has(.is-warn)),
main:has(#only-pass:checked) .family:not(:has(.is-pass)), main:has(#only-not-run:checked) .family:not(:has(.is-not-run)) { display: none; }

.cases { overflow: hidden; border: 1px solid var(--line); border-radius: .6rem; background: var(--card); }
details + details { border-top: 1px solid var(--line); }
summary { display: grid; grid-template-columns: 5.2rem 1fr max-content; gap: .75rem; padding: .55rem 1rem; cursor: pointer; list-style: none; align-items: baseline; }
summary::-webkit-details-marker { display: none; }
summary:hover, details[open] > summary { background: var(--page); }
summary:focus-visible { outline: 2px solid var(--link); outline-offset: -2px; }
.outcome { font-weight: 600; white-space: nowrap; }
.title { min-width: 0; overflow-wrap: anywhere; }
.title code { display: block; color: var(--soft); font-size: .8rem; }
.severity { color: var(--soft); font-size: .8rem; }
.is-fail .severity { color: var(--fail); font-weight: 600; }
code, .evidence { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.body { padding: .75rem 1rem 1.1rem calc(5.2rem + 1.75rem); }
.reason { margin: 0 0 .75rem; font-weight: 600; }
.evidence { margin: 1rem 0 0; padding: 0; list-style: none; font-size: .82rem; border-left: 2px solid var(--line); }
.evidence li { display: grid; grid-template-columns: 5.5rem 1.2rem 1fr; gap: .4rem; padding: .1rem 0; overflow-wrap: anywhere; }
.evidence time { color: var(--soft); text-align: right; font-variant-numeric: tabular-nums; }
.evidence .sent b { color: var(--link); } .evidence .received b { color: var(--pass); } .evidence .note { color: var(--soft); }
.evidence span { min-width: 0; }
.evidence i { font-style: normal; position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.evidence li { position: relative; }
.changes { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1rem; margin: .75rem 0 0; padding: 0; list-style: none; }
.changes li { display: grid; grid-column: 1 / -1; grid-template-columns: subgrid; }
.changes b { font-weight: 600; }
.changes span { min-width: 0; overflow-wrap: anywhere; }
footer { margin-top: 2.5rem; color: var(--soft); font-size: .85rem; }

@media (max-width: 40rem) {
  main { padding: 1.25rem .8rem 3rem; }
  .bars { grid-template-columns: 1fr max-content; }
  .bars .numbers { grid-area: 1 / 2; }
  .bars svg { grid-area: 2 / 1 / 3 / -1; margin-top: .2rem; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: .5rem; }
  summary { grid-template-columns: 1fr max-content; gap: .1rem .75rem; }
  .title { grid-column: 1 / -1; grid-row: 2; }
  .body { padding: .6rem 1rem 1rem; }
  .evidence li { grid-template-columns: 4.4rem 1rem 1fr; }
}
@media print {
  :root { --page: #fff; --card: #fff; --text: #000; --soft: #444; --line: #bbb; --link: #000; --pass: #11633a; --fail: #a3141b; --warn: #8a5200; --not-run: #666; }
  * { print-color-adjust: exact; }
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  .filter { display: none; }
  details, .bars, .verdict, .changes li { break-inside: avoid; }
  details:is(.is-fail, .is-warn)::details-content { content-visibility: visible; height: auto; }
  .cases { border-radius: 0; }
  h2, h3 { break-after: avoid; }
}
`;
