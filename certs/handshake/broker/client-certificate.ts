/** Cases about the certificate of the client: who should not be let in, and who should though it looks unusual. */
import { fail, notRun, pass, warn, type Severity, type Verdict } from '../model.ts';
import type { Attempt } from './attempt.ts';
import { endText, hangUp, isIn } from './attempt.ts';
import { inEachVersion, tryIn, type BrokerCase, type Context, type Need } from './context.ts';
import type { ClientSettings, Credentials } from '../wire/client.ts';

/** What a case says of itself, shortly. */
export interface Claim {
  readonly id: string;
  readonly title: string;
  readonly offered: string;
  readonly sources: readonly string[];
  readonly severity: Severity;
  readonly needs?: readonly Need[];
}

type Offer = (context: Context, version: number) => Credentials | Partial<ClientSettings>;

/** A case in which the client must be refused; TLS is where that should happen. */
export function refused(claim: Claim, expected: string, offer: Offer): BrokerCase {
  return certificateCase(claim, `${expected}, or a close`, async (context, version) =>
    judgeRefusal(await tryIn(context, [version], settingsOf(offer(context, version)))),
  );
}

/** A case in which the client must be let in. */
export function letIn(claim: Claim, offer: Offer, whenNot: 'fail' | 'warn' = 'fail'): BrokerCase {
  return certificateCase(claim, 'the client is let in', async (context, version) => {
    const result = await tryIn(context, [version], settingsOf(offer(context, version)));
    hangUp(result);
    if (isIn(result)) return pass('it was let in');
    return whenNot === 'fail' ? fail(`it was not let in: ${endText(result)}`) : warn(`it was not let in: ${endText(result)}`);
  });
}

/** A case in which either is right, so long as there is an answer; what it was goes into the facts. */
export function reported(claim: Claim, fact: string, offer: Offer): BrokerCase {
  return certificateCase(claim, 'an answer, whichever', async (context, version) => {
    const result = await tryIn(context, [version], settingsOf(offer(context, version)));
    hangUp(result);
    if (result.end === 'stopped' && result.stop.code === 'PEER_SILENT') return fail(`no answer: ${result.stop.message}`);
    context.facts.set(fact, isIn(result) ? 'let in' : `refused: ${endText(result)}`);
    return pass(isIn(result) ? 'it was let in' : `refused: ${endText(result)}`);
  });
}

function certificateCase(claim: Claim, expected: string, ask: (context: Context, version: number) => Promise<Verdict>): BrokerCase {
  const { id, title, offered, sources, severity, needs = ['authority', 'identity', 'certificate-request'] } = claim;
  return {
    info: { id: `client-certificate.${id}`, family: 'client-certificate', title, offered, expected, sources, severity },
    needs,
    run: (context) => inEachVersion(context, (version) => ask(context, version)),
  };
}

function settingsOf(offer: Credentials | Partial<ClientSettings>): Partial<ClientSettings> {
  return 'chain' in offer ? { credentials: offer } : offer;
}

/** Whether a refusal is one: by TLS, or at least by MQTT. */
export function judgeRefusal(result: Attempt): Verdict {
  hangUp(result);
  if (isIn(result)) return fail('it was let in');
  if (result.end === 'connack') return warn(`TLS let it in; refused by MQTT only: ${endText(result)}`);
  switch (result.stop.code) {
    case 'PEER_ALERT':
    case 'PEER_CLOSED':
    case 'PEER_RESET':
      return pass(`refused: ${result.stop.message}`);
    case 'PEER_SILENT':
      return warn(`neither refused nor let in: ${result.stop.message}`);
    case 'PEER_MALFORMED':
      return notRun(`it could not be offered: ${result.stop.message}`);
    case 'PEER_UNREACHABLE':
      return fail(result.stop.message);
  }
}
