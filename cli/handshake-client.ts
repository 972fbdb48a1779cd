/** `thrum handshake client`: servers that lie, for a client or gateway that is started here or connects by itself. */
import { mkdtemp, rm } from 'node:fs/promises';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { Bait, CLIENT_CASES, PLACEHOLDERS, selectCases, splitCommand, testClient, type ClientCase, type HandshakeReport } from '../certs/handshake/mod.ts';
import { now } from './clock.ts';
import { CliError } from './errors.ts';
import { addReportOptions, deliver, prepareOutputs, printCatalogue, showProgress, type ReportOptions } from './handshake-report.ts';
import { catchInterrupt, type Interrupt } from './interrupt.ts';
import { say } from './output.ts';
import { duration, parseDurationMs, wholeNumber } from './values.ts';

interface Options extends ReportOptions {
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
}

const HELP = `
With --exec the client is started anew for each case and ended after it; its words are split without a shell. It may name
${PLACEHOLDERS.map((name) => `{${name}}`).join(' ')}: {ca} is the authority to trust, {cert} and
{key} an identity for the client, {crl} its authority's revocation list, {dir} an empty folder of its own.
Without --exec a device that connects by itself meets one case after another at --host and --port.

Examples:
  thrum handshake client --exec 'mosquitto_pub -h {host} -p {port} --cafile {ca} -q 1 -t x -m y'
  thrum handshake client --exec 'python3 device.py {host} {port} {ca}' --case 'tls-server.*' --html report.html
  thrum handshake client --listen 0.0.0.0 --host tester.example --port 8883 --out ./for-the-device`;

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
    .addHelpText('after', HELP);
  addReportOptions(command).action(async (options: Options) => {
    process.exitCode = await run(options);
  });
}

async function run(options: Options): Promise<number> {
  const cases = selectCases(CLIENT_CASES, options.case);
  if (options.list) {
    printCatalogue(cases.map(({ info }) => info), options);
    return 0;
  }
  if ((options.ca === undefined) !== (options.caKey === undefined)) throw new CliError('CLI_USAGE', '--ca and --ca-key go together');
  if (isIP(options.listen) === 0) throw new CliError('CLI_USAGE', `--listen ${options.listen}: write an IP address of this machine`);
  const command = options.exec === undefined ? undefined : splitCommand(options.exec);
  const outputs = await prepareOutputs(options, 'client');
  const temporary = await mkdtemp(join(tmpdir(), 'thrum-handshake-'));
  const interrupt = catchInterrupt();
  try {
    const report = await test(options, cases, command, temporary, interrupt);
    interrupt.signal.throwIfAborted();
    return await deliver(report, options, outputs);
  } finally {
    interrupt.release();
    await rm(temporary, { recursive: true, force: true });
  }
}

async function test(options: Options, cases: readonly ClientCase[], command: readonly string[] | undefined, temporary: string, interrupt: Interrupt): Promise<HandshakeReport> {
  const authority = options.ca === undefined ? {} : { authority: { certificatePath: resolve(options.ca), keyPath: resolve(options.caKey!) } };
  const directory = options.out === undefined ? join(temporary, 'bait') : resolve(options.out);
  const bait = await Bait.make({ directory, nowMs: now(), host: options.host, ...authority });
  const progress = showProgress(options, cases.length);
  try {
    return await testClient({
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
      onStart: (info) => progress.started(info),
      onResult: (result) => progress.finished(result),
      signal: interrupt.signal,
    });
  } finally {
    progress.stop();
  }
}
