// Makes docs/run.svg: runs `thrum run` in a terminal (tmux), takes what it shows while it runs and at the end, and draws
// it. Usage: npm run build && node docs/make-picture.mjs
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const COLUMNS = 104;
const LINE = 20;
const CHARACTER = 8.4;
const tmux = (...args) => execFileSync('tmux', ['-L', 'thrum-picture', ...args], { encoding: 'utf8' });
const folder = mkdtempSync(join(tmpdir(), 'thrum-picture-'));
const command = `cd ${folder} && env -u CI -u NO_COLOR TERM=xterm-256color ${process.execPath} ${join(process.cwd(), 'dist/cli/main.js')} run; touch done; sleep 60`;

tmux('new-session', '-d', '-x', String(COLUMNS), '-y', '24', command);
await delay(14_000);
const during = tmux('capture-pane', '-e', '-p').trimEnd().split('\n');
await delay(12_000);
const after = tmux('capture-pane', '-e', '-p').trimEnd().split('\n').slice(during.length).map((line) => line.replaceAll(`${folder}/`, ''));
tmux('kill-server');
rmSync(folder, { recursive: true });

const lines = ['$ npm start', ...during, '', ...after];
const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const draw = (line, row) => {
  let style = '';
  let column = 0;
  let spans = '';
  for (const part of line.split(/(\u001b\[[0-9;]*m)/)) {
    const code = /^\u001b\[([0-9;]*)m$/.exec(part)?.[1];
    if (code !== undefined) {
      for (const one of code.split(';')) style = one === '1' ? 'b' : one === '36' ? 'n' : ['0', '', '39'].includes(one) ? '' : style;
    } else if (part !== '') {
      spans += `<tspan x="${16 + column * CHARACTER}" class="${style}">${escape(part)}</tspan>`;
      column += part.length;
    }
  }
  return `<text y="${44 + row * LINE}" xml:space="preserve">${spans}</text>`;
};
const width = Math.ceil(32 + COLUMNS * CHARACTER);
const height = 44 + lines.length * LINE;
writeFileSync(
  new URL('run.svg', import.meta.url),
  `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="thrum run in a terminal">
<style>text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#d7dae0}.b{font-weight:bold;fill:#fff}.n{fill:#56b6c2}</style>
<rect width="100%" height="100%" rx="8" fill="#1e2127"/>
<circle cx="20" cy="18" r="6" fill="#ff5f56"/><circle cx="40" cy="18" r="6" fill="#ffbd2e"/><circle cx="60" cy="18" r="6" fill="#27c93f"/>
${lines.map(draw).join('\n')}
</svg>
`,
);
