/** Cases about connections that are open when their certificate is revoked. */
import { X509Certificate } from 'node:crypto';
import { fail, pass, warn } from '../model.ts';
import { endText, hangUp, isIn } from './attempt.ts';
import { freshIdentity } from './client-identities.ts';
import { tryIn, type BrokerCase } from './context.ts';
import { closesWithin } from './raw.ts';

/** What is promised here; others need longer, and a client must learn of it some time. */
const PROMPT_MS = 5_000;

export const REVOCATION_CASES: readonly BrokerCase[] = [
  {
    info: {
      id: 'mqtt.revoked-connection',
      family: 'after-handshake',
      title: 'An open connection ends when its certificate is revoked',
      offered: 'a client that is in, whose certificate is then revoked',
      expected: 'a close within seconds',
      sources: ['RFC 5280 3.3', 'MQTT 3.1.1 5.4.9'],
      severity: 'high',
    },
    needs: ['authority', 'identity', 'mqtt', 'revoke'],
    mode: 'alone',
    run: async (context) => {
      const victim = await freshIdentity(context);
      const result = await tryIn(context, context.profile.versions.slice(0, 1), { credentials: victim });
      if (!isIn(result)) return fail(`the identity did not get in before it was revoked: ${endText(result)}`);
      try {
        context.evidence.note('the certificate is revoked');
        await context.target.revoke!(new X509Certificate(Buffer.from(victim.chain[0]!)));
        const closedMs = await closesWithin(result.client.transport, context.patienceMs, () => context.evidence.elapsedMs);
        if (closedMs === undefined) return fail(`still open ${context.patienceMs / 1000} s after: it can go on until it disconnects by itself`);
        const text = `closed ${(closedMs / 1000).toFixed(2)} s after`;
        return closedMs <= PROMPT_MS ? pass(text) : warn(text);
      } finally {
        hangUp(result);
      }
    },
  },
];
