/** Cases with many connections at once: what is hostile to one must not be paid by all. */
import { fail, pass, warn, type Verdict } from '../model.ts';
import { PeerStop } from '../errors.ts';
import { goodHello } from '../wire/client-hello.ts';
import { TlsClient } from '../wire/client.ts';
import { VERSION } from '../wire/names.ts';
import { Transport } from '../wire/transport.ts';
import { endText, hangUp, isIn } from './attempt.ts';
import { tryIn, type BrokerCase, type Context } from './context.ts';
import { Evidence } from '../model.ts';

const AT_ONCE = 100;
const HALF_OPEN = 100;

/** How many of so many handshakes at once come as far as the server's Finished, or its demand for a certificate. */
async function handshakesAtOnce(context: Context, count: number): Promise<{ done: number; slowestMs: number; fault: string | undefined }> {
  const { target, timeoutMs, evidence } = context;
  const startMs = evidence.elapsedMs;
  let slowestMs = 0;
  let fault: string | undefined;
  const outcomes = await Promise.all(
    Array.from({ length: count }, async () => {
      let transport: Transport | undefined;
      try {
        transport = await Transport.open(target.host, target.port, 2 * timeoutMs);
        // What each of a hundred says is not worth keeping.
        const silent = new Evidence(() => 0);
        const client = new TlsClient(transport, silent, {
          hello: goodHello([VERSION.tls13, VERSION.tls12], target.serverName),
          timeoutMs: 2 * timeoutMs,
        });
        await client.sayHello();
        slowestMs = Math.max(slowestMs, evidence.elapsedMs - startMs);
        return true;
      } catch (error) {
        if (!(error instanceof PeerStop)) throw error;
        fault ??= error.message;
        return false;
      } finally {
        transport?.destroy();
      }
    }),
  );
  return { done: outcomes.filter(Boolean).length, slowestMs, fault };
}

const manyHandshakes: BrokerCase = {
  info: {
    id: 'mqtt.many-handshakes',
    family: 'after-handshake',
    title: `${AT_ONCE} handshakes at once are all answered`,
    offered: `${AT_ONCE} connections at once, each with a ClientHello`,
    expected: `${AT_ONCE} ServerHellos`,
    sources: ['CWE-400'],
    severity: 'medium',
  },
  needs: [],
  mode: 'alone',
  run: async (context) => {
    context.evidence.sent(`${AT_ONCE} ClientHellos`);
    const { done, slowestMs, fault } = await handshakesAtOnce(context, AT_ONCE);
    context.evidence.received(`${done} ServerHellos, the last after ${slowestMs.toFixed(0)} ms`);
    return done === AT_ONCE
      ? pass(`all answered within ${slowestMs.toFixed(0)} ms`)
      : fail(`${AT_ONCE - done} were not: ${fault ?? 'no reason given'}`);
  },
};

const halfOpen: BrokerCase = {
  info: {
    id: 'mqtt.half-open',
    family: 'after-handshake',
    title: `${HALF_OPEN} handshakes that stand still keep nobody out`,
    offered: `${HALF_OPEN} connections that stop after their ClientHello, then one good client`,
    expected: 'the good client is let in',
    sources: ['CWE-400', 'MQTT 3.1.1 5.4.8'],
    severity: 'medium',
  },
  needs: [],
  mode: 'alone',
  run: async (context) => {
    const { target, timeoutMs } = context;
    const open: Transport[] = [];
    try {
      for (let index = 0; index < HALF_OPEN; index++) {
        const transport = await Transport.open(target.host, target.port, timeoutMs);
        open.push(transport);
        await new TlsClient(transport, new Evidence(() => 0), {
          hello: goodHello([VERSION.tls13, VERSION.tls12], target.serverName),
          timeoutMs,
        }).sayHello();
      }
      return await stillServes(context);
    } catch (error) {
      if (!(error instanceof PeerStop)) throw error;
      return warn(`only ${open.length - 1} stood open, the next was not answered: ${error.message}`);
    } finally {
      for (const transport of open) transport.destroy();
    }
  },
};

/** Last of all: after everything that was done to it, the broker serves as before. */
const survived: BrokerCase = {
  info: {
    id: 'mqtt.still-serves',
    family: 'after-handshake',
    title: 'After all that, it still serves',
    offered: 'a good client, after all other cases',
    expected: 'it is let in, or at least answered',
    sources: ['CWE-248'],
    severity: 'critical',
  },
  needs: [],
  mode: 'alone',
  run: stillServes,
};

async function stillServes(context: Context): Promise<Verdict> {
  if (context.profile.identity && context.profile.controlFault === undefined) {
    const result = await tryIn(context, context.profile.versions.slice(0, 1));
    hangUp(result);
    return isIn(result) ? pass('the good client was let in') : fail(`the good client was not let in: ${endText(result)}`);
  }
  const { done, fault } = await handshakesAtOnce(context, 1);
  return done === 1 ? pass('it answers') : fail(`it does not answer: ${fault ?? 'no reason given'}`);
}

export const LOAD_CASES: readonly BrokerCase[] = [manyHandshakes, halfOpen, survived];
