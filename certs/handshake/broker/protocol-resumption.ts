/** Cases about resumed sessions and early data: what is remembered must not let anybody in who would be refused anew. */
import { X509Certificate } from 'node:crypto';
import { PeerStop } from '../errors.ts';
import { fail, pass, type Verdict } from '../model.ts';
import { goodHello, type HelloRecipe } from '../wire/client-hello.ts';
import { openTls, type ClientSettings, type Credentials, type Session } from '../wire/client.ts';
import { EXTENSION, VERSION } from '../wire/names.ts';
import { afterHandshake, endText, hangUp, isIn } from './attempt.ts';
import { goodConnect, inEachVersion, settingsFor, type BrokerCase, type Context } from './context.ts';
import { freshIdentity } from './client-identities.ts';

const TICKET_WAIT_MS = 500;

/** Gets in once with these settings and comes back with the sessions that the server gave. */
async function sessionsOf(context: Context, settings: ClientSettings): Promise<readonly Session[] | Verdict> {
  const client = await openTls(context.target.host, context.target.port, context.evidence, settings);
  await client.handshake();
  const result = await afterHandshake(client, goodConnect(context));
  if (!isIn(result)) {
    hangUp(result);
    return fail(`the good identity did not get in: ${endText(result)}`);
  }
  if (settings.hello.versions && client.sessions.length === 0) {
    // Tickets may come after the CONNACK.
    await client.read(TICKET_WAIT_MS).catch((error: unknown) => {
      if (!(error instanceof PeerStop)) throw error;
    });
  }
  await client.close();
  return client.sessions;
}

function firstHello(context: Context, version: number, how: 'ticket' | 'session-id'): HelloRecipe {
  const hello = goodHello([version], context.target.serverName);
  return version === VERSION.tls12 && how === 'ticket' ? { ...hello, ticket: Buffer.alloc(0) } : hello;
}

/** The hello and settings that resume a session. */
function resuming(context: Context, session: Session, bend: (ticket: Buffer) => Buffer = (ticket) => ticket): Partial<ClientSettings> {
  const hello = goodHello([session.version], context.target.serverName);
  if (session.version === VERSION.tls13) return { hello, resume: { ...session, ticket: bend(session.ticket) } };
  const byTicket = session.ticket !== undefined;
  const sessionId = byTicket ? Buffer.alloc(32, 0x5a) : session.sessionId;
  return { hello: { ...hello, sessionId, ...(byTicket ? { ticket: bend(session.ticket) } : {}) }, resume: session };
}

async function resume(
  context: Context,
  session: Session,
  change: { bend?: (ticket: Buffer) => Buffer; credentials?: Credentials } = {},
): Promise<{ resumed: boolean; in: boolean; text: string }> {
  const settings = settingsFor(context, [session.version], {
    ...resuming(context, session, change.bend),
    ...(change.credentials ? { credentials: change.credentials } : {}),
  });
  const client = await openTls(context.target.host, context.target.port, context.evidence, settings);
  try {
    await client.handshake();
  } catch (error) {
    client.transport.destroy();
    if (!(error instanceof PeerStop)) throw error;
    return { resumed: client.isResumed, in: false, text: error.message };
  }
  const result = await afterHandshake(client, goodConnect(context));
  hangUp(result);
  return { resumed: client.isResumed, in: isIn(result), text: endText(result) };
}

function resumption(id: string, title: string, version: number, how: 'ticket' | 'session-id', fact: string, sources: readonly string[]): BrokerCase {
  return {
    info: {
      id: `protocol.${id}`,
      family: 'protocol',
      title,
      offered: `a session, then a second connection that resumes it by ${how === 'ticket' ? 'ticket' : 'session id'}`,
      expected: 'a resumed session or a full handshake; the client is let in either way',
      sources,
      severity: 'info',
    },
    needs: ['identity', version === VERSION.tls12 ? 'tls-1.2' : 'tls-1.3'],
    run: async (context) => {
      const sessions = await sessionsOf(context, settingsFor(context, [version], { hello: firstHello(context, version, how) }));
      if ('outcome' in sessions) return sessions;
      const session = sessions.at(-1);
      if (!session) {
        context.facts.set(fact, 'not offered');
        return pass('it offers none');
      }
      const again = await resume(context, session);
      context.facts.set(fact, again.resumed ? 'yes' : 'no: full handshake');
      return again.in
        ? pass(again.resumed ? 'the session was resumed' : 'a full handshake was done')
        : fail(`who resumes is not let in: ${again.text}`);
    },
  };
}

const alteredTicket: BrokerCase = {
  info: {
    id: 'protocol.ticket-altered',
    family: 'protocol',
    title: 'A ticket with one bit flipped resumes nothing',
    offered: 'a session, then its ticket altered',
    expected: 'a full handshake, or a refusal',
    sources: ['RFC 5077 4', 'RFC 8446 4.2.11'],
    severity: 'critical',
  },
  needs: ['identity'],
  run: (context) =>
    inEachVersion(context, async (version) => {
      const sessions = await sessionsOf(context, settingsFor(context, [version], { hello: firstHello(context, version, 'ticket') }));
      if ('outcome' in sessions) return sessions;
      const session = sessions.find(({ ticket }) => ticket !== undefined);
      if (!session) return pass('it gives no tickets');
      const flip = (ticket: Buffer): Buffer => Buffer.from(ticket.map((octet, index) => (index === ticket.length >> 1 ? octet ^ 1 : octet)));
      const again = await resume(context, session, { bend: flip });
      return again.resumed ? fail('it was resumed') : pass(again.in ? 'a full handshake was done' : `refused: ${again.text}`);
    }),
};

const earlyData: BrokerCase = {
  info: {
    id: 'protocol.early-data',
    family: 'protocol',
    title: 'Early data (0-RTT) is not taken: an MQTT packet in it could be replayed',
    offered: 'TLS 1.3 with a ticket, and CONNECT as early data',
    expected: 'no early_data in EncryptedExtensions, and tickets that do not allow it',
    sources: ['RFC 8446 8', 'RFC 8446 E.5', 'RFC 9325 3.10'],
    severity: 'high',
  },
  needs: ['tls-1.3', 'identity'],
  run: async (context) => {
    const sessions = await sessionsOf(context, settingsFor(context, [VERSION.tls13]));
    if ('outcome' in sessions) return sessions;
    const session = sessions.at(-1);
    if (session?.version !== VERSION.tls13) return pass('it gives no tickets');
    const early = goodConnect(context) ?? Buffer.from('early');
    const client = await openTls(
      context.target.host,
      context.target.port,
      context.evidence,
      settingsFor(context, [VERSION.tls13], { resume: session, earlyData: early }),
    );
    try {
      await client.handshake();
    } catch (error) {
      if (!(error instanceof PeerStop)) throw error;
      if (!client.serverExtensions.has(EXTENSION.earlyData)) return pass(`not taken: ${error.message}`);
    } finally {
      client.transport.destroy();
    }
    if (client.serverExtensions.has(EXTENSION.earlyData)) return fail('it took the early data');
    return session.maxEarlyDataBytes > 0 ? fail(`its tickets allow ${session.maxEarlyDataBytes} bytes of early data`) : pass('it did not take it');
  },
};

const afterRevocation: BrokerCase = {
  info: {
    id: 'protocol.resumption-after-revocation',
    family: 'protocol',
    title: 'Who was revoked cannot resume a session from before',
    offered: 'a session, then the certificate is revoked, then its ticket',
    expected: 'certificate_revoked (44), another alert, or a close',
    sources: ['RFC 5280 3.3', 'RFC 8446 4.6.1'],
    severity: 'critical',
  },
  needs: ['authority', 'identity', 'revoke'],
  mode: 'alone',
  run: (context) =>
    inEachVersion(context, async (version) => {
      const victim = await freshIdentity(context);
      const sessions = await sessionsOf(
        context,
        settingsFor(context, [version], { hello: firstHello(context, version, 'ticket'), credentials: victim }),
      );
      if ('outcome' in sessions) return sessions;
      const session = sessions.at(-1);
      if (!session) return pass('it gives no sessions to resume');
      context.evidence.note('the certificate is revoked');
      await context.target.revoke!(new X509Certificate(Buffer.from(victim.chain[0]!)));
      return untilRefused(context, session, victim);
    }),
};

/** Revocation lists are read again at their own pace: a broker has some seconds. */
async function untilRefused(context: Context, session: Session, credentials: Credentials): Promise<Verdict> {
  const startMs = context.evidence.elapsedMs;
  for (;;) {
    const again = await resume(context, session, { credentials });
    const seconds = ((context.evidence.elapsedMs - startMs) / 1000).toFixed(1);
    if (!again.in) return pass(`refused after ${seconds} s: ${again.text}`);
    if (context.evidence.elapsedMs - startMs > context.patienceMs)
      return fail(`still let in after ${seconds} s${again.resumed ? ', by its old session' : ''}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export const RESUMPTION_CASES: readonly BrokerCase[] = [
  resumption('resumption-ticket-1.3', 'TLS 1.3: resumption by ticket', VERSION.tls13, 'ticket', 'resumption, TLS 1.3', ['RFC 8446 2.2']),
  resumption('resumption-ticket-1.2', 'TLS 1.2: resumption by ticket', VERSION.tls12, 'ticket', 'resumption by ticket, TLS 1.2', ['RFC 5077 3']),
  resumption('resumption-id-1.2', 'TLS 1.2: resumption by session id', VERSION.tls12, 'session-id', 'resumption by session id, TLS 1.2', [
    'RFC 5246 7.3',
  ]),
  alteredTicket,
  earlyData,
  afterRevocation,
];
