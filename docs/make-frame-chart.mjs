// Makes docs/frame-performance.svg from what the codec's benchmark measured: speed of encoding against size, one point a codec.
// Usage: npm run bench:frame --silent -- --json > figures.json && node docs/make-frame-chart.mjs figures.json
import { readFileSync, writeFileSync } from 'node:fs';

const { waveforms } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const input = waveforms[0].input;
/** Points on top of others, which say the same. */
const HIDDEN = new Set(['typed arrays copied', 'deflate, level 1', 'msgpackr, typed arrays', 'cbor-x, typed arrays']);
const points = waveforms.filter((one) => one.input === input && one.encodeMBps > 0 && one.percentOfRaw <= 100.5 && !HIDDEN.has(one.name));

const [WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM] = [860, 460, 60, 46, 60, 50];
const [LEAST_SPEED, MOST_SPEED, LEAST_PERCENT, MOST_PERCENT] = [10, 10_000, 55, 102];
const x = (speed) => LEFT + ((Math.log10(speed) - Math.log10(LEAST_SPEED)) / Math.log10(MOST_SPEED / LEAST_SPEED)) * (WIDTH - LEFT - RIGHT);
const y = (percent) => TOP + ((MOST_PERCENT - percent) / (MOST_PERCENT - LEAST_PERCENT)) * (HEIGHT - TOP - BOTTOM);
const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const text = (at, row, words, style = '') => `<text x="${at.toFixed(1)}" y="${row.toFixed(1)}" ${style}>${escape(words)}</text>`;

const grid = [10, 100, 1000, 10_000].map(
  (speed) => `<line x1="${x(speed)}" y1="${TOP}" x2="${x(speed)}" y2="${HEIGHT - BOTTOM}" stroke="#ddd"/>${text(x(speed), HEIGHT - BOTTOM + 18, `${speed.toLocaleString('en')} MB/s`, 'text-anchor="middle" fill="#555"')}`,
);
for (let percent = 60; percent <= 100; percent += 10) {
  grid.push(`<line x1="${LEFT}" y1="${y(percent)}" x2="${WIDTH - RIGHT}" y2="${y(percent)}" stroke="#ddd"/>${text(LEFT - 8, y(percent) + 4, `${percent} %`, 'text-anchor="end" fill="#555"')}`);
}
const dots = points.map(({ name, kernel, encodeMBps, percentOfRaw }) => {
  const ours = name.startsWith('thrum');
  const label = kernel ? `${name}, ${kernel}` : name;
  const atRight = x(encodeMBps) > WIDTH - 150;
  const words = text(x(encodeMBps) + (atRight ? -9 : 9), y(percentOfRaw) + 4, label, `${atRight ? 'text-anchor="end" ' : ''}fill="${ours ? '#b03a00' : '#333'}"${ours ? ' font-weight="bold"' : ''}`);
  return `<circle cx="${x(encodeMBps).toFixed(1)}" cy="${y(percentOfRaw).toFixed(1)}" r="${ours ? 6 : 4}" fill="${ours ? '#d9480f' : '#4a6fa5'}"/>${words}`;
});
writeFileSync(
  new URL('frame-performance.svg', import.meta.url),
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">
<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
${text(LEFT, 24, `${input}: speed of encoding, and bytes of what is encoded. Lower and further right is better.`, 'font-size="14" fill="#111"')}
${grid.join('\n')}
${dots.join('\n')}
</svg>
`,
);
