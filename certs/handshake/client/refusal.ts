/**
 * Whether a device refuses a server that lies. Refused is: an alert, or the connection closed before any MQTT byte; a
 * device that has sent as much as the first byte after the handshake has believed the lie.
 */
import type { TlsOptions } from 'node:tls';
import { fail, notRun, pass, warn, type CaseInfo, type Severity, type Verdict } from '../model.ts';
import type { Bait, ServerIdentity } from './bait.ts';
import type { CaseContext, ClientCase } from './case.ts';
import { firstWord, type DeviceConnection, type Handshake } from './connection.ts';

const SILENCE_MS = 5_000;

/** The first connection that brings a ClientHello: some clients knock first to see whether somebody listens. */
export async function connectionWithHello(context: CaseContext): Promise<DeviceConnection | undefined> {
  for (;;) {
    const connection = await context.nextConnection();
    if (connection === undefined) return undefined;
    if (await connection.hello()) return connection;
    connection.destroy();
  }
}

export interface Lie {
  readonly id: string;
  readonly title: string;
  readonly offered: string;
  readonly sources: readonly string[];
  readonly severity: Severity;
  /** What believing it comes to: `warn` where the specifications leave it to the client. */
  readonly believed?: { readonly outcome: 'warn'; readonly because: string };
  readonly host?: 'dns' | 'ip';
  /** The server of the lie; a text is why the case cannot be put to this device. */
  readonly server: (bait: Bait) => LyingServer | string;
}

export interface LyingServer extends ServerIdentity {
  readonly options?: TlsOptions;
  readonly stapleDer?: Buffer;
}

/** A case of a server with a lie in its certificate, to be refused. */
export function refusalCase(lie: Lie): ClientCase {
  const info: CaseInfo = {
    id: lie.id,
    family: 'tls-server',
    title: lie.title,
    offered: lie.offered,
    expected: 'an alert, or the connection closed before any MQTT byte',
    sources: lie.sources,
    severity: lie.severity,
  };
  return { info, ...(lie.host ? { host: lie.host } : {}), serve: (context) => serveLie(context, lie) };
}

async function serveLie(context: CaseContext, lie: Lie): Promise<Verdict> {
  const server = lie.server(context.bait);
  if (typeof server === 'string') return notRun(server);
  const connection = await connectionWithHello(context);
  if (!connection) return notRun('the device did not connect');
  context.evidence.sent(lie.offered);
  const handshake = await connection.startTls(server, server.options, server.stapleDer);
  const verdict = await judgeRefusal(context, handshake);
  connection.destroy();
  return verdict.outcome === 'fail' && lie.believed ? warn(`${verdict.reason}: ${lie.believed.because}`) : verdict;
}

/** Judges what a device made of a handshake that it should not have accepted. */
export async function judgeRefusal(context: CaseContext, handshake: Handshake): Promise<Verdict> {
  if (handshake.kind === 'alert') return pass(`refused with alert ${handshake.alert}`);
  if (handshake.kind === 'closed') return pass('closed the connection during the handshake');
  if (handshake.kind === 'timeout') return warn('neither went on nor refused within 10 s');
  if (handshake.kind === 'impossible') return notRun(`this cannot be put to the device: ${handshake.why}`);
  const word = await firstWord(handshake.socket, SILENCE_MS);
  if (word.kind === 'alert') {
    context.evidence.received(`alert ${word.alert}`);
    return pass(`refused after the handshake with alert ${word.alert}`);
  }
  context.evidence.received({ data: 'MQTT bytes', closed: 'the device closed the connection', silence: 'nothing' }[word.kind]);
  if (word.kind === 'closed') return pass('closed the connection after the handshake, before any MQTT byte');
  if (word.kind === 'silence') return warn('kept the connection open without a word for 5 s: it neither refused nor went on');
  return fail('went on and sent MQTT');
}
