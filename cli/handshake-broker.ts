/** `thrum handshake broker`: tests how a broker does its mutual-TLS handshakes. */
import { spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import {
  authorityFrom,
  BROKER_CASES,
  homeTarget,
  madeUpIdentity,
  privateKeyFrom,
  selectCases,
  splitCommand,
  strangerOf,
  TEST_COMMON_NAME,
  testBroker,
  namesOf,
  type BrokerTarget,
  type Credentials,
} from '../certs/handshake/mod.ts';
import { certificatesIn, loadAuthority, parseDer, readPrivateFile } from '../certs/mod.ts';
import { now } from './clock.ts';
import { CliError } from './errors.ts';
import { addReportOptions, deliver, prepareOutputs, printCatalogue, showProgress, type ReportOptions } from './handshake-report.ts';
import { openHome } from './home.ts';
import { catchInterrupt } from './interrupt.ts';
import { addKmsOptions, type KmsOptions } from './kms-options.ts';
import { duration, parseDurationMs, wholeNumber } from './values.ts';

interface BrokerOptions extends ReportOptions, KmsOptions {
  readonly home?: string;
  readonly project: string;
  readonly passphraseFile?: string;
  readonly ca?: string;
  readonly clientCa?: string;
  readonly clientCaKey?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly revokedCert?: string;
  readonly revokedKey?: string;
  readonly revoke?: string;
  readonly serverName?: string;
  readonly clientId?: string;
  readonly ownTopic?: string;
  readonly foreignTopic?: string;
  readonly tlsOnly?: boolean;
  readonly parallel: number;
  readonly timeout: string;
  readonly patience: string;
}

const DEFAULT_PORT = 8883;

export function addBrokerTest(handshake: Command): void {
  const command = handshake
    .command('broker')
    .description('test a broker: versions, ciphers, client certificates in every wrong way, MQTT after the handshake')
    .argument('[host:port]', 'the broker; port 8883 unless it says another')
    .option('--home <dir>', 'the broker is that of a thrum home: everything that the cases need comes from there')
    .option('--project <name>', 'with --home: project whose gateways the tester speaks as', 'demo')
    .option('--passphrase-file <file>', 'with --home: file with the passphrase that protects its keys, mode 600 (or THRUM_PASSPHRASE)')
    .option('--ca <file>', 'authority that the broker’s certificate should lead to, PEM (default: --client-ca)')
    .option('--client-ca <file>', 'authority whose client certificates the broker takes, PEM, with its intermediates')
    .option('--client-ca-key <file>', 'its private key, PEM, mode 600: hostile certificates are signed with it')
    .option('--cert <file>', 'identity that the broker lets in, PEM, with its intermediates')
    .option('--key <file>', 'its private key, PEM, mode 600')
    .option('--revoked-cert <file>', 'identity that is on the broker’s revocation list, PEM')
    .option('--revoked-key <file>', 'its private key, PEM, mode 600')
    .option('--revoke <command>', 'command that revokes {cert} (a PEM file) or {serial} and has the broker reload')
    .option('--server-name <name>', 'name to ask for and to check (default: the host)')
    .option('--client-id <id>', 'MQTT client id of the good identity (default: its common name)')
    .option('--own-topic <topic>', 'topic where it may publish (default: CLIENT-ID/handshake-test)')
    .option('--foreign-topic <topic>', 'topic where it may neither publish nor subscribe', 'thrum-handshake-other/handshake-test')
    .option('--tls-only', 'there is no MQTT behind this TLS')
    .option('--parallel <n>', 'cases side by side; 1 for a server that serves one connection at a time', wholeNumber(1, 64), 8)
    .option('--timeout <duration>', 'how long to wait for each answer', duration, '4s')
    .option('--patience <duration>', 'how long a broker may take to close what deserves it', duration, '20s');
  addReportOptions(addKmsOptions(command))
    .addHelpText(
      'after',
      `
Without an authority (--client-ca and --client-ca-key) and an identity (--cert and --key, or one is made) the cases that
need them are reported as not run. The key only signs certificates for this test; it is not sent anywhere.

Examples:
  thrum handshake broker localhost:8883 --home .thrum
  thrum handshake broker broker.example --client-ca ca.pem --client-ca-key ca-key.pem --html report.html
  thrum handshake broker broker.example --case 'protocol.*' --fail-on high
  thrum handshake broker --list`,
    )
    .action(test);
}

async function test(address: string | undefined, options: BrokerOptions): Promise<void> {
  if (options.list) {
    printCatalogue(
      BROKER_CASES.map(({ info }) => info),
      options,
    );
    return;
  }
  if (address === undefined) throw new CliError('CLI_USAGE', 'which broker? write HOST:PORT');
  const cases = selectCases(BROKER_CASES, options.case);
  const place = parseAddress(address);
  const target = options.home === undefined ? await targetOf(place, options) : await targetOfHome(place, options, options.home);
  const outputs = await prepareOutputs(options, 'broker');
  const interrupt = catchInterrupt();
  const progress = showProgress(options, cases.length);
  try {
    const report = await testBroker({
      target,
      cases,
      monotonic: () => performance.now(),
      nowMs: now(),
      parallel: options.parallel,
      timeoutMs: parseDurationMs(options.timeout)!,
      patienceMs: parseDurationMs(options.patience)!,
      signal: interrupt.signal,
      onStart: (info) => progress.started(info),
      onResult: (result) => progress.finished(result),
    });
    progress.stop();
    process.exitCode = await deliver(report, options, outputs);
  } finally {
    progress.stop();
    interrupt.release();
  }
}

/** `host`, `host:port`, `[address]`, `[address]:port`. */
function parseAddress(address: string): { host: string; port: number } {
  if (address.includes('@')) throw new CliError('CLI_USAGE', 'an address with user and password ends up in logs and process lists: write HOST:PORT');
  const match = /^(?:mqtts:\/\/)?(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]{1,253}))(?::(\d{1,5}))?\/?$/i.exec(address);
  const port = match?.[3] === undefined ? DEFAULT_PORT : Number(match[3]);
  if (!match || port < 1 || port > 65_535)
    throw new CliError('CLI_USAGE', `'${address.slice(0, 80)}' is no address: write HOST:PORT, or [ADDRESS]:PORT for IPv6`);
  return { host: match[1] ?? match[2]!, port };
}

async function targetOfHome(place: { host: string; port: number }, options: BrokerOptions, path: string): Promise<BrokerTarget> {
  const home = await openHome({ ...options, home: path }, 'refuse');
  const { projectId } = await home.projects.find(options.project);
  return homeTarget({ authority: await loadAuthority(home.certs), projectId, ...place, serverName: options.serverName ?? place.host, now });
}

async function targetOf(place: { host: string; port: number }, options: BrokerOptions): Promise<BrokerTarget> {
  const { clientCa, clientCaKey, revoke } = options;
  if ((clientCa === undefined) !== (clientCaKey === undefined) && clientCa === undefined)
    throw new CliError('CLI_USAGE', '--client-ca-key needs --client-ca');
  const certificates = clientCa === undefined ? undefined : await certificatesFrom(clientCa);
  const authority =
    certificates && clientCaKey !== undefined
      ? authorityFrom(certificates, privateKeyFrom((await readPrivateFile(clientCaKey)).toString('utf8'), clientCaKey))
      : undefined;
  const trust = options.ca === undefined ? certificates : await certificatesFrom(options.ca);
  const identity = (await pairOf(options.cert, options.key, '--cert and --key')) ?? (authority && madeUpIdentity(authority, now()));
  const revoked = await pairOf(options.revokedCert, options.revokedKey, '--revoked-cert and --revoked-key');
  const clientId = options.clientId ?? namesOf(identity).commonName ?? TEST_COMMON_NAME;
  return {
    ...place,
    serverName: options.serverName ?? place.host,
    ...(trust ? { trust } : {}),
    ...(authority ? { authority, stranger: () => Promise.resolve(strangerOf(authority, now())) } : {}),
    ...(identity ? { identity } : {}),
    ...(revoked ? { revoked: () => Promise.resolve(revoked) } : {}),
    ...(revoke === undefined ? {} : { revoke: (certificate) => runRevoke(revoke, certificate) }),
    ...(options.tlsOnly
      ? {}
      : {
          mqtt: {
            clientId,
            ownTopic: options.ownTopic ?? `${clientId}/handshake-test`,
            foreignTopic: options.foreignTopic!,
            foreignFilter: options.foreignTopic!,
          },
        }),
  };
}

async function certificatesFrom(path: string): Promise<X509Certificate[]> {
  return certificatesIn(await readFile(path), path).map((der) => parseDer(der, path));
}

async function pairOf(certificate: string | undefined, key: string | undefined, names: string): Promise<Credentials | undefined> {
  if (certificate === undefined && key === undefined) return undefined;
  if (certificate === undefined || key === undefined) throw new CliError('CLI_USAGE', `${names} go together`);
  const chain = await certificatesFrom(certificate);
  const privateKey = privateKeyFrom((await readPrivateFile(key)).toString('utf8'), key);
  if (!chain[0]!.checkPrivateKey(privateKey)) throw new CliError('CLI_USAGE', `${key} is not the key of ${certificate}`);
  return { chain: chain.map(({ raw }) => raw), key: privateKey };
}

/** Runs the user's command on a certificate; its failure ends the test with what it said. */
async function runRevoke(command: string, certificate: X509Certificate): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'thrum-revoke-'));
  try {
    const path = join(folder, 'cert.pem');
    await writeFile(path, certificate.toString(), { mode: 0o600 });
    const serial = certificate.serialNumber.toLowerCase();
    const [program, ...args] = splitCommand(command, '--revoke', ['cert', 'serial']).map((word) =>
      word.replaceAll('{cert}', path).replaceAll('{serial}', serial),
    );
    const child = spawn(program!, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said = `${said}${chunk.toString('utf8')}`.slice(-500);
    });
    await new Promise<void>((resolve, reject) => {
      child.once('error', (cause) => reject(new CliError('CLI_USAGE', `--revoke: ${cause.message}`, { cause })));
      child.once('close', (code) =>
        code === 0 ? resolve() : reject(new CliError('CLI_USAGE', `--revoke ended with ${code ?? 'a signal'}: ${said.trim()}`)),
      );
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
