/**
 * Certificates as load: from a claim to an identity of one's own, and from one certificate to the next, over MQTT as
 * docs/provisioning.md has it. The new identity is used from the next connect on.
 */
import { createRequest, readHandout, type IdentityRequest } from '../../certs/mod.ts';
import { ClientFailure } from './client/failure.ts';
import { contextOf, trustedBy } from './identities.ts';
import type { Member } from './member.ts';
import type { Step } from './scenario.ts';
import { StageOver, type StageContext } from './stage-context.ts';
import { leave } from './steps.ts';

const ANSWER_MS = 30_000;
const MAX_ANSWER_BYTES = 64 * 1024;

/** Ends what connection there is, connects with the claim, asks for a certificate for a key of its own, and disconnects. Needs a connect after it. */
export async function claimIdentity(member: Member, { handoutDir }: Step & { kind: 'claim' }, context: StageContext): Promise<void> {
  leave(member, 'disconnect');
  const { certificatePem, keyPem } = await readHandout(handoutDir);
  const own = member.identity;
  member.identity = contextOf(member.group.tls, await trustedBy(member.group.tls, context.options.authorityPem), { certificatePem, keyPem }, handoutDir);
  await timed(member, 'claimed', context, async () => {
    const broker = context.options.scenario.brokers.values().next().value!;
    await member.client.connect({ broker, context: member.identity!.context, verify: member.group.tls.verify, session: undefined, keepsSession: false, localAddress: undefined, timeoutMs: ANSWER_MS });
    await exchange(member, 'claim', context);
    member.client.disconnect();
  }).finally(() => (member.identity = own));
}

/** Asks for the next certificate over the connection that stands. */
export async function rotateIdentity(member: Member, context: StageContext): Promise<void> {
  await timed(member, 'rotated', context, () => exchange(member, 'cert', context));
}

async function timed(member: Member, counter: 'claimed' | 'rotated', context: StageContext, work: () => Promise<void>): Promise<void> {
  const beganUs = context.options.now();
  try {
    await work();
  } catch (error) {
    if (error instanceof ClientFailure && error.kind === 'abandoned') {
      leave(member, 'cut');
      throw new StageOver();
    }
    if (error instanceof ClientFailure) {
      member.measures.counters.identityFailed += 1;
      member.measures.countError(`identity.${error.kind}`);
      leave(member, 'cut');
    }
    throw error;
  }
  member.measures.counters[counter] += 1;
  member.measures.time('identity', context.options.now() - beganUs);
}

/** Request and answer under `thrum/<project>/<gateway>/<channel>/`. */
async function exchange(member: Member, channel: 'claim' | 'cert', context: StageContext): Promise<void> {
  const { names, client, group } = member;
  const prefix = `thrum/${names.project}/${names.gateway}/${channel}`;
  const request: IdentityRequest = { role: 'gateway', projectId: names.project, gatewayId: names.gateway };
  const { requestPem, keyPem } = await createRequest(request);
  const topics = [`${prefix}/issued`, `${prefix}/refused`];
  await client.subscribe(topics, 1);
  const answer = answerOf(member, topics);
  client.request(`${prefix}/request`, Buffer.from(requestPem));
  const { topic, payload } = await answer;
  if (topic !== topics[0]) throw new ClientFailure(refusalOf(payload));
  const certificatePem = payload.toString('utf8');
  const trusted = await trustedBy(group.tls, context.options.authorityPem);
  try {
    member.nextIdentity = contextOf(group.tls, trusted, { certificatePem, keyPem }, names.client);
  } catch {
    throw new ClientFailure('garbage'); // no certificate, or one of another key
  }
}

/** `refused.CLAIM_TAKEN`, or `refused` when the broker does not say why. */
function refusalOf(payload: Buffer): string {
  const [, code] = /"code": ?"([A-Z_]{1,40})"/.exec(payload.toString('latin1', 0, 1_024)) ?? [];
  return code === undefined ? 'refused' : `refused.${code}`;
}

function answerOf(member: Member, topics: readonly string[]): Promise<{ readonly topic: string; readonly payload: Buffer }> {
  return new Promise((resolve, reject) => {
    const patience = setTimeout(() => fail('timeout'), ANSWER_MS);
    const finish = (settle: () => void): void => {
      clearTimeout(patience);
      member.exchange = undefined;
      settle();
    };
    const fail = (kind: string): void => finish(() => reject(new ClientFailure(kind)));
    member.exchange = {
      topics,
      fail,
      answer: (topic, payload) => finish(() => (payload.length > MAX_ANSWER_BYTES ? reject(new ClientFailure('too-long')) : resolve({ topic, payload: Buffer.from(payload) }))),
    };
  });
}
