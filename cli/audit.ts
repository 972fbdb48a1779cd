/** `thrum audit`: what happened in a home, and whether its record of that is whole. */
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { trailPosition, type AuditRecord, type AuditTrail, type TrailFault, type Witness } from '../broker/mod.ts';
import { addAuditRetainCommand } from './audit-retain.ts';
import { now } from './clock.ts';
import { CliError, EXIT } from './errors.ts';
import { addHomeOptions, openHome, type HomeOptions } from './home.ts';
import { addOutputOptions, count, minute, printResult, table, type OutputOptions } from './output.ts';
import { parseDurationMs, wholeNumber } from './values.ts';

type Options = HomeOptions & OutputOptions;

interface ShowOptions extends Options {
  readonly since?: string;
  readonly until?: string;
  readonly event?: string;
  readonly principal?: string;
  readonly errors?: boolean;
  readonly limit: number;
}

/** Records that `show` prints at most, so that it need not keep more. */
const SHOWN_MAX = 1_000_000;
/** What the trail says of itself when it was tampered with. */
const DAMAGE_EVENT = 'AuditTrailDamaged';
const GAP_EVENT = 'AuditRecordsLost';
const REMOVAL_EVENT = 'RemoveAuditFiles';

export function addAuditCommand(program: Command): void {
  const audit = program.command('audit').description('show and check the audit trail: who did what, and what was refused');
  const finish = (command: Command): Command => addOutputOptions(addHomeOptions(command));
  finish(
    audit
      .command('show')
      .description('print records, oldest first; with --json one JSON object a line')
      .option('--since <time>', 'from then on: a date, a time (ISO 8601, UTC), or a duration back from now such as 24h')
      .option('--until <time>', 'up to then, the same way')
      .option('--event <name>', 'only events of this name, such as Decrypt; * stands for anything')
      .option('--principal <text>', 'only what this principal did: all or a part of its name')
      .option('--errors', 'only what was refused or failed')
      .option('--limit <n>', 'the newest so many', wholeNumber(1, SHOWN_MAX), 1000),
  )
    .addHelpText('after', '\nExamples:\n  thrum audit show --since 24h --errors\n  thrum audit show --event "*Project" --json')
    .action(async (options: ShowOptions) => {
      process.exitCode = await show(options);
    });
  finish(
    audit
      .command('verify')
      .description('check every record; exit code 1 names each fault')
      .option('--head <file>', 'a head that was kept elsewhere: the trail must lead through it'),
  )
    .addHelpText('after', '\nExamples:\n  thrum audit verify\n  thrum audit verify --head /mnt/elsewhere/head.json')
    .action(async (options: Options & { readonly head?: string }) => {
      process.exitCode = await verify(options);
    });
  finish(audit.command('head').description('print where the trail stands, to be kept elsewhere: it says later what was cut off since'))
    .addHelpText('after', '\nExample:\n  thrum audit head > /mnt/elsewhere/head.json')
    .action(head);
  addAuditRetainCommand(audit);
}

async function show(options: ShowOptions): Promise<number> {
  const matches = filterOf(options);
  const { trail } = await openHome(options, 'refuse');
  const shown: AuditRecord[] = [];
  let faults = 0;
  for await (const item of trail.walk()) {
    if (item.kind === 'fault') {
      faults += 1;
      process.stderr.write(`thrum: ${item.what}\n`);
    } else if (matches(item.record)) {
      shown.push(item.record);
      if (shown.length >= 2 * options.limit) shown.splice(0, shown.length - options.limit);
    }
  }
  const newest = shown.slice(-options.limit);
  const lines = options.json ? newest.map((record) => JSON.stringify(record)) : table([['time', 'event', 'principal', 'from', 'about', 'error'], ...newest.map(rowOf)]);
  process.stdout.write(lines.map((line) => `${line}\n`).join(''));
  return faults > 0 ? EXIT.failure : EXIT.done;
}

function rowOf({ eventTime, eventName, userIdentity, sourceIPAddress, resources, errorCode, additionalEventData }: AuditRecord): string[] {
  const repeats = additionalEventData?.['repeats'];
  const again = typeof repeats === 'number' ? ` (${count(repeats)} more times)` : '';
  return [eventTime, eventName, short(userIdentity.arn), sourceIPAddress, short(resources[0]?.ARN ?? ''), `${errorCode ?? ''}${again}`];
}

/** An ARN without what is the same in all of them. */
function short(arn: string): string {
  return arn.replace(/^arn:[^:]*:[^:]*:[^:]*:[^:]*:/, '');
}

function filterOf({ since, until, event, principal, errors }: ShowOptions): (record: AuditRecord) => boolean {
  const fromMs = since === undefined ? -Infinity : timeOf('--since', since);
  const toMs = until === undefined ? Infinity : timeOf('--until', until);
  const parts = event?.split('*');
  return (record) => {
    const timeMs = Date.parse(record.eventTime);
    if (timeMs < fromMs || timeMs > toMs) return false;
    if (parts && !fits(record.eventName, parts)) return false;
    if (principal !== undefined && !record.userIdentity.arn.includes(principal)) return false;
    return errors !== true || record.errorCode !== undefined;
  };
}

/** Whether a name consists of these parts with anything between them. */
function fits(name: string, parts: readonly string[]): boolean {
  if (parts.length === 1) return name === parts[0];
  const last = parts.at(-1)!;
  let at = 0;
  for (const [index, part] of parts.slice(0, -1).entries()) {
    const found = index === 0 ? (name.startsWith(part) ? 0 : -1) : name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return name.length - last.length >= at && name.endsWith(last);
}

/** ms since 1970. CLI_USAGE when it is neither a time nor a duration. */
function timeOf(option: string, text: string): number {
  const back = parseDurationMs(text);
  if (back !== undefined) return now() - back;
  const isDate = /^\d{4}-\d{2}-\d{2}$/.test(text);
  const timeMs = /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/.test(text) ? Date.parse(isDate || /(Z|[+-]\d{2}:?\d{2})$/.test(text) ? text : `${text}Z`) : NaN;
  if (Number.isNaN(timeMs)) throw new CliError('CLI_USAGE', `${option} ${text}: write a time such as 2026-01-31T14:05, or a duration back from now such as 24h`);
  return timeMs;
}

interface Checked {
  readonly faults: TrailFault[];
  readonly notes: string[];
  readonly records: number;
}

async function verify(options: Options & { readonly head?: string }): Promise<number> {
  const witnesses = options.head === undefined ? [] : [await readHeadFile(options.head)];
  const { trail } = await openHome(options, 'refuse');
  const { faults, notes, records } = await check(trail, witnesses);
  printResult(options, { ok: faults.length === 0, records, faults, notes }, () => [
    ...faults.map(({ what }) => `FAULT  ${what}`),
    ...notes.map((note) => `note   ${note}`),
    `${count(records)} records: ${faults.length === 0 ? 'all as they were written' : `${count(faults.length)} faults`}`,
  ]);
  return faults.length > 0 ? EXIT.failure : EXIT.done;
}

async function check(trail: AuditTrail, witnesses: readonly Witness[]): Promise<Checked> {
  const faults: TrailFault[] = [];
  const notes: string[] = [];
  let records = 0;
  for await (const item of trail.walk(witnesses)) {
    if (item.kind === 'fault') {
      faults.push({ file: item.file, record: item.record, what: item.what });
      continue;
    }
    records += 1;
    const { eventName, eventTime, errorMessage = '', requestParameters } = item.record;
    if (eventName === DAMAGE_EVENT) faults.push({ file: item.file, record: item.number, what: `${item.file}, record ${item.number}: at ${eventTime} the trail before it was found altered: ${errorMessage}` });
    if (eventName === GAP_EVENT) notes.push(`${eventTime}: ${JSON.stringify(requestParameters)} were not written down: ${errorMessage}`);
    if (eventName === REMOVAL_EVENT) notes.push(`${eventTime}: older files were removed: ${JSON.stringify(requestParameters)}`);
  }
  return { faults, notes, records };
}

/** A head as `thrum audit head` prints it. CLI_USAGE when it is none. */
async function readHeadFile(path: string): Promise<Witness> {
  const text = await readFile(path, 'utf8');
  try {
    return { position: trailPosition.parse(JSON.parse(text)), path };
  } catch (cause) {
    throw new CliError('CLI_USAGE', `${path} is not a head as 'thrum audit head' prints it`, { cause });
  }
}

async function head(options: Options): Promise<void> {
  const { trail } = await openHome(options, 'refuse');
  const position = await trail.head();
  if (typeof position === 'string') throw new CliError('AUDIT_DAMAGED', position);
  if (!options.quiet && process.stdout.isTTY) process.stderr.write(`${count(position.total)} records up to ${minute(now())}\n`);
  process.stdout.write(`${JSON.stringify(position)}\n`);
}
