/** What a case of the broker's catalogue works with, and the questions that many of them ask. */
import { PeerStop } from '../errors.ts';
import { fail, pass, warn, type CaseInfo, type Evidence, type Verdict } from '../model.ts';
import { goodHello, type HelloRecipe } from '../wire/client-hello.ts';
import { openTls, type ClientSettings, type Credentials } from '../wire/client.ts';
import { groupName, VERSION, versionName } from '../wire/names.ts';
import type { ServerHello } from '../wire/server-messages.ts';
import { suiteName } from '../wire/suites.ts';
import { attempt, connectPacket, endText, hangUp, isIn, type Attempt, type Entry } from './attempt.ts';
import type { BrokerTarget, MqttSettings, Names, TestAuthority } from './target.ts';

/** What was found out before the cases began. */
export interface Profile {
  /** TLS 1.2 and 1.3, as far as it speaks them, highest first. */
  readonly versions: readonly number[];
  /** Whether it asks for a client certificate. */
  readonly asksForCertificate: 'yes' | 'no' | 'unknown';
  /** The good identity, or the one made up; absent without authority and identity. */
  readonly identity: Credentials | undefined;
  /** Why the good identity was not let in; then nothing that needs it can be judged. */
  readonly controlFault: string | undefined;
}

export interface Context {
  readonly target: BrokerTarget;
  readonly profile: Profile;
  readonly evidence: Evidence;
  readonly names: Names;
  readonly nowMs: number;
  /** What was learned, for the report. */
  readonly facts: Map<string, string>;
  /** How long to wait for each message. */
  readonly timeoutMs: number;
  /** How long a broker may take to close what deserves it; past that it is not bounded. */
  readonly patienceMs: number;
}

export type Need = 'authority' | 'identity' | 'mqtt' | 'tls-1.2' | 'tls-1.3' | 'certificate-request' | 'stranger' | 'revoked' | 'revoke' | 'trust';

export interface BrokerCase {
  readonly info: CaseInfo;
  /** Without these it is not run, and says so. */
  readonly needs: readonly Need[];
  /**
   * `alone`: not side by side with others, for it measures or floods. `beside`: side by side with all, though it needs the
   * identity, for it never says CONNECT. `in turn`: one after another, as are by default the cases that need the identity, for
   * a broker closes the older of two connections with one client id.
   */
  readonly mode?: 'alone' | 'beside' | 'in turn';
  run(context: Context): Promise<Verdict>;
}

/** Settings for a connection in these versions, with the good identity where there is one. */
export function settingsFor(context: Context, versions: readonly number[], change: Partial<ClientSettings> = {}): ClientSettings {
  const { identity } = context.profile;
  return {
    hello: goodHello(versions, context.target.serverName),
    timeoutMs: context.timeoutMs,
    ...(identity ? { credentials: identity } : {}),
    ...change,
  };
}

/** The CONNECT of the good identity; nothing where there is no MQTT. */
export function goodConnect(context: Context): Buffer | undefined {
  return context.target.mqtt && connectPacket({ clientId: context.target.mqtt.clientId });
}

/** Tries to get in, in these versions. */
export async function tryIn(context: Context, versions: readonly number[], change: Partial<ClientSettings> = {}): Promise<Attempt> {
  return attempt(context.target, context.evidence, settingsFor(context, versions, change), goodConnect(context));
}

/** Gets in and hands over; the case's verdict when it cannot. */
export async function whenIn(
  context: Context,
  versions: readonly number[],
  change: Partial<ClientSettings>,
  work: (entry: Entry) => Promise<Verdict>,
): Promise<Verdict> {
  const result = await tryIn(context, versions, change);
  if (!isIn(result)) {
    hangUp(result);
    return fail(`the good identity did not get in: ${endText(result)}`);
  }
  try {
    return await work(result);
  } finally {
    hangUp(result);
  }
}

/** What a server made of a hello. */
export type HelloAnswer = { readonly hello: ServerHello } | { readonly stop: PeerStop };

/** Says a hello, hears the answer, hangs up. */
export async function askHello(context: Context, recipe: HelloRecipe, change: Partial<ClientSettings> = {}): Promise<HelloAnswer> {
  try {
    const client = await openTls(context.target.host, context.target.port, context.evidence, {
      timeoutMs: context.timeoutMs,
      ...change,
      hello: recipe,
    });
    try {
      return { hello: await client.sayHello() };
    } finally {
      client.transport.destroy();
    }
  } catch (error) {
    if (error instanceof PeerStop) return { stop: error };
    throw error;
  }
}

/** Passes when the hello is refused, in whatever way; fails when it is answered. */
export async function refusesHello(context: Context, recipe: HelloRecipe, change: Partial<ClientSettings> = {}): Promise<Verdict> {
  const answer = await askHello(context, recipe, change);
  if ('hello' in answer) return fail(`it agreed: ${chosenText(answer.hello)}`);
  return refusal(answer.stop);
}

/** Passes when the hello is answered and `judge` finds nothing. */
export async function takesHello(
  context: Context,
  recipe: HelloRecipe,
  change: Partial<ClientSettings> = {},
  judge: (hello: ServerHello) => Verdict = (hello) => pass(`it agreed: ${chosenText(hello)}`),
): Promise<Verdict> {
  const answer = await askHello(context, recipe, change);
  return 'hello' in answer ? judge(answer.hello) : fail(`it refused: ${answer.stop.message}`);
}

export function chosenText(hello: ServerHello): string {
  const group = hello.group === undefined ? '' : `, ${groupName(hello.group)}`;
  return `${versionName(hello.version)}, ${suiteName(hello.suite)}${group}`;
}

/** The verdict on a peer that stopped where it should. */
export function refusal(stop: PeerStop): Verdict {
  switch (stop.code) {
    case 'PEER_ALERT':
    case 'PEER_CLOSED':
    case 'PEER_RESET':
      return pass(`refused: ${stop.message}`);
    case 'PEER_SILENT':
      return warn(`neither refused nor accepted: ${stop.message}`);
    case 'PEER_MALFORMED':
      return fail(`it answered, against the protocol: ${stop.message}`);
    case 'PEER_UNREACHABLE':
      return fail(stop.message);
  }
}

/** The versions to ask a question in: those that the broker speaks. */
export function spoken(context: Context): readonly number[] {
  return context.profile.versions;
}

/** Runs a question once for each version and takes the worst answer. */
export async function inEachVersion(context: Context, ask: (version: number) => Promise<Verdict>, versions = spoken(context)): Promise<Verdict> {
  let worst: Verdict | undefined;
  for (const version of versions) {
    context.evidence.note(`in ${versionName(version)}`);
    const verdict = await ask(version);
    if (worst === undefined || RANK[verdict.outcome] > RANK[worst.outcome]) {
      worst = verdict.outcome === 'pass' ? verdict : { ...verdict, reason: `${versionName(version)}: ${verdict.reason}` };
    }
  }
  return worst ?? fail('it speaks neither TLS 1.2 nor TLS 1.3');
}

const RANK = { pass: 0, 'not-run': 1, warn: 2, fail: 3 } as const;

/** The authority, which a case that needs it has. */
export function authorityOf(context: Context): TestAuthority {
  return have(context.target.authority, 'authority');
}

export function mqttOf(context: Context): MqttSettings {
  return have(context.target.mqtt, 'mqtt');
}

export function identityOf(context: Context): Credentials {
  return have(context.profile.identity, 'identity');
}

function have<Thing>(thing: Thing | undefined, name: Need): Thing {
  if (thing === undefined) throw new Error(`the case did not say that it needs '${name}'`);
  return thing;
}

export { VERSION };
