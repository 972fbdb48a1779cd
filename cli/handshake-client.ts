/** `thrum handshake client`: servers that lie, for a client or gateway that is started here or connects by itself. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { isIP } from 'node:net';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { Bait, CLIENT_CASES, PLACEHOLDERS, splitCommand, testClient, type ClientCase } from '../certs/handshake/client/mod.ts';
import type { HandshakeReport } from '../certs/handshake/model.ts';
import { now } from './clock.ts';
import { CliError } from './errors.ts';
import { catchInterrupt } from './interrupt.ts';
import { addOutputOptions, printResult, say, table, type OutputOptions } from './output.ts';
import { duration, parseDurationMs, wholeNumber } from './values.ts';

interface Options extends OutputOptions {
  readonly exec?: string;
  readonly host: string;
  readonly listen: string;
  readonly port: number;
  readonly ca?: string;
  readonly caKey?: string;
  readonly out?: string;
  readonly parallel: number;
  readonly timeout: string;
  readonly slowTimeout: string;
  readonly case?: string[];
  readonly list?: boolean;
}

const HELP = `
With --exec the client is started anew for each case and ended after it; its words are split without a shell. It may name
${PLACEHOLDERS.map((name) => `{${name}}`).join(' ')}: {ca} is the authority to trust, {cert} and
{key} an identity for the client, {crl} its authority's revocation list, {dir} a folder of its own.
Without --exec a device that connects by itself meets one case after another at --host and --port.

Examples:
  thrum handshake client --exec 'mosquitto_pub -h {host} -p {port} --cafile {ca} -q 1 -t x -m y'
  thrum handshake client --exec 'python3 device.py {host} {port} {ca}' --case 'tls-server.*' --json
  thrum handshake client --listen 0.0.0.0 --host gateway-test.example --port 8883 --ca ca.pem --ca-key ca.key`;

export function addHandshakeClientCommand(handshake: Command): void {
  const command = handshake
    .command('client')
    .description('test an MQTT client or gateway against servers that lie')
    .option('--exec <command>', 'command that starts the client, with placeholders; without it a device connects by itself')
    .option('--host <name>', 'host that the client connects to: a DNS name, or an IP address', 'localhost')
    .option('--listen <address>', 'address to listen on', '127.0.0.1')
    .option('--port <n>', 'port to listen on without --exec, 0 for a free one', wholeNumber(0, 65_535), 8883)
    .option('--ca <file>', 'authority that the client trusts already (default: one is made)')
    .option('--ca-key <file>', 'its private key')
    .option('--out <folder>', 'where to write authority and identity for the client (default: a temporary folder)')
    .option('--parallel <n>', 'cases at once with --exec', wholeNumber(1, 32), 4)
    .option('--timeout <duration>', 'for a case', duration, '30s')
    .option('--slow-timeout <duration>', 'for a case that watches retries', duration, '4m')
    .option('--case <id...>', 'only these cases; * stands for anything')
    .option('--list', 'list the cases')
    .addHelpText('after', HELP);
  addOutputOptions(command).action(async (options: Options) => {
    process.exitCode = await run(options);
  });
}

async function run(options: Options): Promise<number> {
  const cases = chosen(options.case);
  if (options.list) {
    printResult(options, cases.map(({ info }) => info), () => table([['case', 'severity', 'title'], ...cases.map(({ info }) => [info.id, info.severity, info.title])]));
    return 0;
  }
  if ((options.ca === undefined) !== (options.caKey === undefined)) throw new CliError('CLI_USAGE', '--ca and --ca-key go together');
  if (isIP(options.listen) === 0) throw new CliError('CLI_USAGE', `--listen ${options.listen}: write an IP address of this machine`);
  const command = options.exec === undefined ? undefined : splitCommand(options.exec);
  const temporary = await mkdtemp(join(tmpdir(), 'thrum-handshake-'));
  const interrupt = catchInterrupt();
  try {
    const directory = options.out === undefined ? temporary : resolve(options.out);
    const authority = options.ca === undefined ? {} : { authority: { certificatePath: options.ca, keyPath: options.caKey! } };
    const bait = await Bait.make({ directory, nowMs: now(), host: options.host, ...authority });
    const report = await testClient({
      cases,
      bait,
      ...(command ? { command } : {}),
      address: options.listen,
      port: command ? 0 : options.port,
      parallel: options.parallel,
      limitMs: parseDurationMs(options.timeout)!,
      slowLimitMs: parseDurationMs(options.slowTimeout)!,
      directory: join(temporary, 'devices'),
      target: options.exec ?? `a device that connects to ${options.host}`,
      now: () => performance.now(),
      onListening: (port) => say(options, `waiting for a device at ${options.host}:${port} that trusts ${bait.files.ca}; an identity for it: ${bait.files.cert} ${bait.files.key}`),
      onResult: ({ info, outcome, reason }) => say(options, `${outcome.padEnd(7)}  ${info.id}  ${reason}`),
      signal: interrupt.signal,
    });
    interrupt.signal.throwIfAborted();
    return deliver(report, options);
  } finally {
    interrupt.release();
    await rm(temporary, { recursive: true, force: true });
  }
}

function chosen(patterns: readonly string[] | undefined): readonly ClientCase[] {
  if (patterns === undefined) return CLIENT_CASES;
  for (const pattern of patterns) {
    if (!CLIENT_CASES.some(({ info }) => matches(info.id, pattern))) throw new CliError('CLI_USAGE', `--case ${pattern}: there is no such case (--list shows all)`);
  }
  return CLIENT_CASES.filter(({ info }) => patterns.some((pattern) => matches(info.id, pattern)));
}

function matches(id: string, pattern: string): boolean {
  const source = pattern.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&')).join('.*');
  return new RegExp(`^${source}$`).test(id);
}

function deliver(report: HandshakeReport, options: Options): number {
  printResult(options, report, () => [table([['case', 'outcome', 'reason'], ...report.results.map(({ info, outcome, reason }) => [info.id, outcome, reason])]).join('\n')]);
  return report.results.some(({ outcome }) => outcome === 'fail') ? 1 : 0;
}
