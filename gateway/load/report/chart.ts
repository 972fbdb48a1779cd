/**
 * A line chart as inline SVG. Promises: it is as wide as its place is, with text that keeps its size; lines differ by dashes
 * too, not by colour alone; no style attributes and no script, so that a page's policy can forbid them; names are escaped.
 */
import type { Scale } from './chart-scale.ts';
import { escaped } from './printable.ts';

export interface Line {
  readonly name: string;
  /** As wide as all the chart's lines are: null where there is nothing, which leaves a gap. */
  readonly points: readonly { readonly x: number; readonly y: number | null }[];
  /** What the legend says beside the name. */
  readonly note: string;
}

export interface Band {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

export interface Chart {
  readonly title: string;
  /** Said after the title. */
  readonly subtitle: string;
  readonly x: Scale;
  readonly xText: (value: number) => string;
  readonly y: Scale;
  readonly yText: (value: number) => string;
  readonly lines: readonly Line[];
  readonly bands: readonly Band[];
}

const WIDTH = 1_000;
const HEIGHT = 200;
/** Above the lines for bands' names, below them for the x axis; px. */
const TOP = 18;
const BOTTOM = 22;
const TOTAL = TOP + HEIGHT + BOTTOM;
const LABELS = 62;
/** A letter of a band's name needs about so much of the width. */
const LETTER = 0.0125;
const FEWEST_LETTERS = 4;

/** A `figure`. */
export function chartHtml(chart: Chart): string {
  const { title, subtitle, lines } = chart;
  const legend = lines.map(({ name, note }, at) => `<li><svg width="22" height="10" aria-hidden="true"><path class="line l${at + 1}" d="M1 5h20"/></svg>${escaped(name)}${note === '' ? '' : ` <b>${escaped(note)}</b>`}</li>`);
  return `<figure class="card chart"><figcaption><h3>${escaped(title)}<small>${escaped(subtitle)}</small></h3><ul class="legend">${legend.join('')}</ul></figcaption>
<div class="frame"><svg class="labels" width="${LABELS}" height="${TOTAL}" aria-hidden="true">${yLabels(chart)}</svg><svg class="plot" width="100%" height="${TOTAL}" role="img" aria-label="${escaped(`${title}: ${lines.map(({ name, note }) => `${name} ${note}`).join(', ')}`)}">
<svg x="0" y="${TOP}" width="100%" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none">${bandRects(chart)}${grid(chart)}${lines.map((line, at) => lineSvg(chart, line, at)).join('')}</svg>
${bandNames(chart)}${xLabels(chart)}</svg></div></figure>`;
}

function yLabels({ y, yText }: Chart): string {
  return y.ticks.map((tick) => `<text x="${LABELS - 8}" y="${fixed(TOP + HEIGHT * (1 - y.place(tick)) + 4)}" text-anchor="end">${escaped(yText(tick))}</text>`).join('');
}

function xLabels({ x, xText }: Chart): string {
  return x.ticks.map((tick) => {
    const place = x.place(tick);
    const anchor = place < 0.03 ? 'start' : place > 0.97 ? 'end' : 'middle';
    return `<text x="${fixed(100 * place)}%" y="${TOTAL - 5}" text-anchor="${anchor}">${escaped(xText(tick))}</text>`;
  }).join('');
}

function grid({ x, y }: Chart): string {
  const across = y.ticks.map((tick) => `M0 ${fixed(HEIGHT * (1 - y.place(tick)))}h${WIDTH}`).join('');
  const down = x.ticks.map((tick) => `M${fixed(WIDTH * x.place(tick))} 0v${HEIGHT}`).join('');
  return `<path class="grid" d="${across}${down}"/>`;
}

function bandRects({ x, bands }: Chart): string {
  return bands.map(({ from, to }, at) => (at % 2 === 1 ? '' : `<rect class="band" x="${fixed(WIDTH * x.place(from))}" y="0" width="${fixed(WIDTH * (x.place(to) - x.place(from)))}" height="${HEIGHT}"/>`)).join('');
}

/** Names are cut to the room that they have, or left out: the table of stages has them. */
function bandNames({ x, bands }: Chart): string {
  return bands.map(({ name, from, to }) => {
    const letters = Math.floor((x.place(to) - x.place(from)) / LETTER);
    const shown = letters >= Math.min(name.length, FEWEST_LETTERS) ? escaped(name, Math.max(letters - 1, FEWEST_LETTERS - 1)) : '';
    return shown === '' ? '' : `<text class="stage" x="${fixed(100 * x.place(from))}%" y="12">${shown}</text>`;
  }).join('');
}

function lineSvg({ x, y }: Chart, { name, points }: Line, at: number): string {
  let drawing = false;
  const path = points.map(({ x: value, y: height }) => {
    if (height === null) {
      drawing = false;
      return '';
    }
    const place = `${fixed(WIDTH * x.place(value))} ${fixed(HEIGHT * (1 - y.place(height)))}`;
    const step = drawing ? `L${place}` : `M${place}h0`;
    drawing = true;
    return step;
  }).join('');
  return `<path class="line l${at + 1}" d="${path}"><title>${escaped(name)}</title></path>`;
}

function fixed(value: number): string {
  return String(Number(value.toFixed(1)));
}
