/** Connections that are lost or stall at each step: a device comes again, later, or ends and says so; it does not hang. */
import { fail, notRun, pass, warn, type CaseInfo, type Severity, type Verdict } from '../model.ts';
import { identityOf } from './bait.ts';
import type { CaseContext, ClientCase } from './case.ts';
import type { DeviceConnection } from './connection.ts';
import { ENDED_CONTENT } from './device.ts';
import { connectionWithHello } from './refusal.ts';
import { openSession } from './session.ts';

/** A device that has neither come again nor ended by then hangs. */
const COME_AGAIN_MS = 45_000;
/** More connections than that in two seconds are a tight loop. */
const LOOP_CONNECTIONS = 10;
const LOOP_MS = 2_000;
/** The longest that a device may wait for a server that says nothing. */
const SILENT_SERVER_MS = 90_000;

interface Loss {
  readonly id: string;
  readonly title: string;
  readonly severity?: Severity;
  /** Leads the device to the step and cuts; false when the device did not come so far. */
  readonly lose: (context: CaseContext) => Promise<boolean>;
}

function lossCase({ id, title, severity = 'medium', lose }: Loss): ClientCase {
  const info: CaseInfo = {
    id: `tls-server.reset.${id}`,
    family: 'tls-server',
    title,
    offered: 'a TCP reset at that step',
    expected: 'the device comes again, but not at once and over and over, or ends with an error',
    sources: ['RFC 9293 3.10.7', 'MQTT 3.1.1 4.8'],
    severity,
  };
  return { info, pace: 'slow', serve: async (context) => ((await lose(context)) ? afterLoss(context) : notRun('the device did not come so far')) };
}

async function afterLoss(context: CaseContext): Promise<Verdict> {
  const startMs = context.evidence.elapsedMs;
  for (let again = 1; again <= LOOP_CONNECTIONS; again++) {
    const leftMs = again === 1 ? COME_AGAIN_MS : LOOP_MS - (context.evidence.elapsedMs - startMs);
    const next = await context.nextConnection(leftMs);
    if (!next) return again === 1 ? neverAgain(context) : pass('comes again, with pauses');
    next.destroy();
    if (context.evidence.elapsedMs - startMs > LOOP_MS) return pass(`comes again after ${((next.acceptedAtMs - startMs) / 1_000).toFixed(1)} s`);
  }
  return fail(`comes again ${LOOP_CONNECTIONS} times within ${LOOP_MS / 1_000} s`);
}

async function neverAgain(context: CaseContext): Promise<Verdict> {
  await context.deviceEnded(1_000);
  const ending = context.deviceEnding();
  if (ending === undefined) return fail(`neither came again nor ended within ${COME_AGAIN_MS / 1_000} s`);
  return ending === ENDED_CONTENT ? fail('ended as if all were well') : pass(ending);
}

const resetHello = async (context: CaseContext, cut: (connection: DeviceConnection) => void | Promise<void>): Promise<boolean> => {
  const connection = await connectionWithHello(context);
  if (!connection) return false;
  await cut(connection);
  connection.reset();
  return true;
};

/** The first half of a ServerHello. */
function halfServerHello(connection: DeviceConnection): Promise<void> {
  return new Promise((resolve) => connection.socket.write(Buffer.from('160303007a020000760303', 'hex'), () => resolve()));
}

export const LOSS_CASES: readonly ClientCase[] = [
  lossCase({
    id: 'accept', title: 'Reset right after the TCP connection',
    lose: async (context) => {
      const connection = await context.nextConnection();
      connection?.reset();
      return connection !== undefined;
    },
  }),
  lossCase({ id: 'client-hello', title: 'Reset after ClientHello', lose: (context) => resetHello(context, () => undefined) }),
  lossCase({ id: 'server-hello', title: 'Reset in the middle of ServerHello', lose: (context) => resetHello(context, halfServerHello) }),
  lossCase({
    id: 'finished', title: 'Reset after Finished',
    lose: async (context) => {
      const connection = await connectionWithHello(context);
      if (!connection) return false;
      const handshake = await connection.startTls(identityOf(context.bait.server()));
      connection.reset();
      return handshake.kind === 'done';
    },
  }),
  lossCase({
    id: 'connect', title: 'Reset after CONNECT',
    lose: async (context) => {
      const session = await openSession(context);
      session?.reset();
      return session !== undefined;
    },
  }),
  {
    info: { id: 'tls-server.slow', family: 'tls-server', title: 'A server that takes its time', offered: 'ServerHello after three seconds', expected: 'the device waits and goes on', sources: ['RFC 9325 3.1'], severity: 'medium' },
    serve: async (context) => {
      const connection = await connectionWithHello(context);
      if (!connection) return notRun('the device did not connect');
      if (await connection.closed(3_000)) return fail('gave up within three seconds');
      const handshake = await connection.startTls(identityOf(context.bait.server()));
      return handshake.kind === 'done' ? pass('waited and went on') : fail(`did not go on: ${handshake.kind}`);
    },
  },
  {
    info: { id: 'tls-server.silent', family: 'tls-server', title: 'A server that never answers', offered: 'nothing after ClientHello', expected: `the device gives up by itself within ${SILENT_SERVER_MS / 1_000} s`, sources: ['CWE-400'], severity: 'medium' },
    pace: 'slow',
    serve: async (context) => {
      const connection = await connectionWithHello(context);
      if (!connection) return notRun('the device did not connect');
      if (context.leftMs() < SILENT_SERVER_MS) return notRun(`needs ${SILENT_SERVER_MS / 1_000} s (--slow-timeout)`);
      const ended = new Promise<boolean>((resolve) => connection.socket.once('end', () => resolve(true)));
      connection.socket.resume();
      const gone = await Promise.race([ended, connection.closed(SILENT_SERVER_MS)]);
      const seconds = ((context.evidence.elapsedMs - connection.acceptedAtMs) / 1_000).toFixed(0);
      return gone ? pass(`gave up after ${seconds} s`) : warn(`still waits after ${seconds} s: a server that stalls stops the device`);
    },
  },
  {
    info: { id: 'tls-server.swapped', family: 'tls-server', title: 'Another certificate at the next connection', offered: 'the right name and authority, another key', expected: 'whatever the device was built for: one that pins its server refuses', sources: ['OWASP Pinning Cheat Sheet'], severity: 'info' },
    pace: 'slow',
    serve: async (context) => {
      const first = await openSession(context);
      if (!first) return notRun('the device did not come as far as CONNECT');
      first.accept();
      await first.find((packet): packet is never => packet.cmd === 'disconnect', 200);
      first.reset();
      const connection = await connectionWithHello(context);
      if (!connection) return notRun('the device did not come again');
      const handshake = await connection.startTls(identityOf(context.bait.server({ keys: context.bait.rsa(2048) })));
      return pass(handshake.kind === 'done' ? 'takes another key of the same authority' : 'refuses another key: it pins');
    },
  },
];
