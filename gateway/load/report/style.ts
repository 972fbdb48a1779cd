/** The look of the HTML report: light and dark as the reader's system is, narrow screens, and paper. Plain CSS. */

export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #fff; --text: #1b2026; --soft: #5b6570; --line: #dde1e6; --band: #f0f3f6;
  --met: #1a7f4b; --failed: #c4242b; --unknown: #9a5c00; --met-back: #e5f4ec; --failed-back: #fdeaea; --unknown-back: #fdf1de;
  --l1: #0b5cad; --l2: #c8501e; --l3: #1a7f4b; --l4: #8a3ffc; --l5: #6b7280; --l6: #b0137c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #111418; --card: #1a1f25; --text: #e4e8ec; --soft: #9aa5b0; --line: #2d343c; --band: #20262d;
    --met: #4cc38a; --failed: #ff7b7b; --unknown: #f0b34b; --met-back: #16301f; --failed-back: #3a1a1d; --unknown-back: #362712;
    --l1: #6cb2ff; --l2: #ff9a62; --l3: #4cc38a; --l4: #c4a1ff; --l5: #aab4bf; --l6: #ff86cf;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { max-width: 80rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { margin: 0; font-size: 1.6rem; line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin: 2.25rem 0 .75rem; font-size: 1.1rem; }
h3 { margin: 0; font-size: .95rem; }
h3 small { margin-left: .5rem; color: var(--soft); font-weight: 400; font-size: .8rem; }
p { margin: .25rem 0; overflow-wrap: anywhere; }
.kind { margin: 0 0 .25rem; color: var(--soft); font-size: .85rem; letter-spacing: .02em; }
.when { color: var(--soft); }
.verdict { margin: 1.25rem 0 0; padding: .8rem 1rem; border-radius: .5rem; border-left: .35rem solid; font-weight: 600; }
.limit { margin: 0 0 1.5rem; }
.limit li { font-weight: 400; color: var(--text); } .limit ul { margin: .3rem 0 0; padding-left: 1.2rem; }
.met { color: var(--met); } .failed { color: var(--failed); } .unknown { color: var(--unknown); }
.verdict.met { background: var(--met-back); } .verdict.failed { background: var(--failed-back); } .verdict.unknown { background: var(--unknown-back); }
.card { padding: 1rem 1.1rem; border: 1px solid var(--line); border-radius: .6rem; background: var(--card); }

.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .75rem; margin: 1.25rem 0 0; padding: 0; list-style: none; }
.tiles b { display: block; font-size: 1.35rem; line-height: 1.3; font-variant-numeric: tabular-nums; }
.tiles span { color: var(--soft); font-size: .85rem; }

.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 32rem), 1fr)); gap: 1rem; }
.chart { margin: 0; min-width: 0; }
.legend { display: flex; flex-wrap: wrap; gap: .1rem 1rem; margin: .25rem 0 .4rem; padding: 0; list-style: none; font-size: .82rem; color: var(--soft); }
.legend b { font-weight: 400; color: var(--text); font-variant-numeric: tabular-nums; }
.legend svg { margin-right: .35rem; vertical-align: middle; }
.frame { display: grid; grid-template-columns: max-content minmax(0, 1fr); }
.frame svg { display: block; overflow: visible; }
.frame text { fill: var(--soft); font-size: 11px; font-variant-numeric: tabular-nums; }
.frame text.stage { font-style: italic; }
.grid { fill: none; stroke: var(--line); stroke-width: 1; vector-effect: non-scaling-stroke; }
.band { fill: var(--band); }
.line { fill: none; stroke-width: 1.75; stroke-linejoin: round; stroke-linecap: round; vector-effect: non-scaling-stroke; }
.l1 { stroke: var(--l1); stroke-width: 2.75; } .l2 { stroke: var(--l2); stroke-dasharray: 7 4; } .l3 { stroke: var(--l3); stroke-dasharray: 2 4; }
.l4 { stroke: var(--l4); stroke-dasharray: 9 3 2 3; } .l5 { stroke: var(--l5); stroke-width: 1.25; } .l6 { stroke: var(--l6); stroke-dasharray: 4 3; }

.scroll { overflow-x: auto; padding: .4rem 1.1rem; }
table { width: 100%; border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; }
th, td { padding: .4rem .75rem .4rem 0; text-align: right; vertical-align: top; white-space: nowrap; }
th:last-child, td:last-child { padding-right: 0; }
th { color: var(--soft); font-weight: 500; }
tbody tr { border-top: 1px solid var(--line); }
.word { text-align: left; white-space: normal; overflow-wrap: anywhere; min-width: 6rem; }
td.sign { width: 1.5rem; text-align: left; font-weight: 700; }
code { font: .88rem ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .35rem 1.25rem; margin: 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; min-width: 0; }
footer { margin-top: 2.5rem; color: var(--soft); font-size: .85rem; }

@media (max-width: 40rem) {
  main { padding: 1.25rem .8rem 3rem; }
  .card { padding: .8rem; }
  .scroll { padding: .3rem .8rem; }
  .tiles { grid-template-columns: 1fr 1fr; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: .5rem; }
}
@media print {
  :root {
    --page: #fff; --card: #fff; --text: #000; --soft: #444; --line: #bbb; --band: #f2f2f2; --met: #11633a; --failed: #a3141b; --unknown: #8a5200;
    --met-back: #fff; --failed-back: #fff; --unknown-back: #fff; --l1: #0b5cad; --l2: #b0440f; --l3: #11633a; --l4: #6a1fd0; --l5: #555; --l6: #93005f;
  }
  * { print-color-adjust: exact; }
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  .chart, .verdict, tr { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
}
`;
