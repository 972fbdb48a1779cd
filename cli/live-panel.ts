/**
 * What is happening, while it happens: on a terminal a panel that is drawn over itself, elsewhere a line now and then.
 * Respects NO_COLOR, CI and the terminal's width.
 */
import type { OutputOptions } from './output.ts';

const PANEL_MS = 250;
const LINE_MS = 5_000;
const ESC = '\u001b[';

/** What to show: a heading, rows of name and value, and the same in one line. */
export interface Picture {
  readonly heading: string;
  readonly rows: readonly (readonly [name: string, value: string])[];
  readonly line: string;
}

export interface LivePanel {
  /** Draws one last time and lets go of the terminal. */
  stop(): void;
}

/** Shows `picture()` on stderr until stopped. */
export function showLive(options: OutputOptions, picture: () => Picture): LivePanel {
  if (options.quiet) return { stop: () => undefined };
  const stream = process.stderr;
  if (!stream.isTTY || process.env['CI'] !== undefined || process.env['TERM'] === 'dumb') {
    const timer = setInterval(() => stream.write(`${picture().line}\n`), LINE_MS);
    return { stop: () => { clearInterval(timer); stream.write(`${picture().line}\n`); } };
  }
  let drawn = 0;
  const draw = (): void => {
    const lines = paint(picture(), stream.columns, process.env['NO_COLOR'] === undefined);
    const up = drawn > 0 ? `${ESC}${drawn}A` : '';
    stream.write(`${up}\r${ESC}J${lines.join('\n')}\n`);
    drawn = lines.length;
  };
  stream.write(`${ESC}?25l`);
  const timer = setInterval(draw, PANEL_MS);
  const showCursor = (): boolean => stream.write(`${ESC}?25h`);
  process.once('exit', showCursor);
  draw();
  return {
    stop: () => {
      clearInterval(timer);
      draw();
      showCursor();
      process.off('exit', showCursor);
    },
  };
}

function paint({ heading, rows }: Picture, columns: number, colour: boolean): string[] {
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  const style = (code: string, text: string): string => (colour ? `${ESC}${code}m${text}${ESC}0m` : text);
  const cut = (text: string, room: number): string => (text.length > room ? `${text.slice(0, Math.max(0, room - 1))}…` : text);
  return [
    style('1', cut(heading, columns)),
    ...rows.map(([name, value]) => `${style('36', name.padEnd(width))}${cut(value, columns - width)}`),
  ];
}

const BARS = '▁▂▃▄▅▆▇█';

/** The last values as a small chart. */
export function sparkline(values: readonly number[]): string {
  const most = Math.max(1, ...values);
  return values.map((value) => BARS[Math.min(BARS.length - 1, Math.floor((value / most) * (BARS.length - 1) + 0.5))]).join('');
}
