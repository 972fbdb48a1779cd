/**
 * Runs the catalogue against a broker: looks at it first, then asks each case for which everything is there. Cases that need
 * the one identity come one after another, the rest side by side; what floods or measures runs alone at the end.
 */
import { PeerStop } from '../errors.ts';
import { Evidence, fail, notRun, type CaseResult, type HandshakeReport, type Verdict } from '../model.ts';
import { goodHello } from '../wire/client-hello.ts';
import { openTls } from '../wire/client.ts';
import { groupName, VERSION, versionName } from '../wire/names.ts';
import { suiteName } from '../wire/suites.ts';
import { endText, hangUp, isIn } from './attempt.ts';
import { tryIn, type BrokerCase, type Context, type Need, type Profile } from './context.ts';
import { madeUpIdentity, namesOf, type BrokerTarget } from './target.ts';

export interface RunOptions {
  readonly target: BrokerTarget;
  readonly cases: readonly BrokerCase[];
  /** For durations: a clock in ms that only goes forward. */
  readonly monotonic: () => number;
  /** For certificates: ms since 1970. */
  readonly nowMs: number;
  readonly timeoutMs?: number;
  readonly patienceMs?: number;
  /** Cases side by side; 1 for a server that serves one connection at a time. */
  readonly parallel?: number;
  readonly signal?: AbortSignal;
  readonly onStart?: (info: BrokerCase['info']) => void;
  readonly onResult?: (result: CaseResult) => void;
}

const DEFAULT_TIMEOUT_MS = 4_000;
const DEFAULT_PATIENCE_MS = 20_000;
const DEFAULT_PARALLEL = 8;

/** Asks all cases and reports. Rejects with PEER_UNREACHABLE when nobody is there, and with the signal's reason. */
export async function testBroker(options: RunOptions): Promise<HandshakeReport> {
  const { target, cases, monotonic, nowMs, signal } = options;
  const startMs = monotonic();
  const facts = new Map<string, string>();
  const base = {
    target,
    facts,
    nowMs,
    timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    patienceMs: options.patienceMs ?? DEFAULT_PATIENCE_MS,
  };
  const profile = await look({ ...base, evidence: new Evidence(monotonic) });
  const results = new Map<string, CaseResult>();
  const ask = async (one: BrokerCase): Promise<void> => {
    signal?.throwIfAborted();
    options.onStart?.(one.info);
    const evidence = new Evidence(monotonic);
    const context: Context = { ...base, profile, evidence, names: namesOf(profile.identity) };
    const verdict = await judge(one, context);
    const result: CaseResult = { info: one.info, ...verdict, evidence: evidence.steps, durationMs: Math.round(evidence.elapsedMs) };
    results.set(one.info.id, result);
    options.onResult?.(result);
  };
  const lanes = lanesOf(cases, target);
  const parallel = options.parallel ?? DEFAULT_PARALLEL;
  if (parallel === 1) await inTurn([...lanes.inTurn, ...lanes.sideBySide], ask);
  else await Promise.all([inTurn(lanes.inTurn, ask), sideBySide(lanes.sideBySide, parallel - 1, ask)]);
  await inTurn(lanes.alone, ask);
  return {
    format: 'thrum handshake report',
    version: 1,
    subject: 'broker',
    target: `${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}`,
    startedAt: new Date(nowMs).toISOString(),
    durationMs: Math.round(monotonic() - startMs),
    facts: Object.fromEntries(facts),
    results: cases.flatMap(({ info }) => results.get(info.id) ?? []),
  };
}

function lanesOf(cases: readonly BrokerCase[], target: BrokerTarget): Record<'inTurn' | 'sideBySide' | 'alone', BrokerCase[]> {
  const lanes = { inTurn: [] as BrokerCase[], sideBySide: [] as BrokerCase[], alone: [] as BrokerCase[] };
  for (const one of cases) {
    // Without MQTT there are no client ids to get into each other's way.
    const saysConnect = one.mode === 'in turn' || (one.needs.includes('identity') && one.mode !== 'beside');
    const collides = saysConnect && target.mqtt !== undefined;
    lanes[one.mode === 'alone' ? 'alone' : collides ? 'inTurn' : 'sideBySide'].push(one);
  }
  return lanes;
}

async function inTurn(cases: readonly BrokerCase[], ask: (one: BrokerCase) => Promise<void>): Promise<void> {
  for (const one of cases) await ask(one);
}

async function sideBySide(cases: readonly BrokerCase[], count: number, ask: (one: BrokerCase) => Promise<void>): Promise<void> {
  const queue = [...cases];
  const lane = async (): Promise<void> => {
    for (let next = queue.shift(); next; next = queue.shift()) await ask(next);
  };
  await Promise.all(Array.from({ length: count }, lane));
}

async function judge(one: BrokerCase, context: Context): Promise<Verdict> {
  const missing = one.needs.map((need) => lack(need, context, one.info.id)).find((reason) => reason !== undefined);
  if (missing !== undefined) return notRun(missing);
  try {
    return await one.run(context);
  } catch (error) {
    if (error instanceof PeerStop) return fail(`it ended unexpectedly: ${error.message}`);
    // Some things cannot be made with every key, such as a signature of SHA-512 with RSA 1024.
    if (error instanceof Error && /^ERR_(OSSL|CRYPTO)/.test((error as NodeJS.ErrnoException).code ?? ''))
      return notRun(`it could not be offered: ${error.message}`);
    throw error;
  }
}

/** Why a need is not met; undefined when it is. */
function lack(need: Need, { target, profile }: Context, id: string): string | undefined {
  const speaks = (version: number): string | undefined =>
    profile.versions.includes(version) ? undefined : `the broker does not speak ${versionName(version)}`;
  switch (need) {
    case 'tls-1.2':
      return speaks(VERSION.tls12);
    case 'tls-1.3':
      return speaks(VERSION.tls13);
    case 'authority':
      return target.authority ? undefined : 'it needs an authority that the broker trusts for clients (--client-ca and --client-ca-key, or --home)';
    case 'identity':
      if (!profile.identity) return 'it needs an identity that the broker lets in (--cert and --key), or an authority to make one';
      return profile.controlFault !== undefined && id !== 'client-certificate.good'
        ? `the good identity is not let in: ${profile.controlFault}`
        : undefined;
    case 'mqtt':
      return target.mqtt ? undefined : 'there is no MQTT behind this TLS (--tls-only)';
    case 'certificate-request':
      return profile.asksForCertificate === 'no' ? 'the broker asks for no client certificate: see client-certificate.none' : undefined;
    case 'stranger':
      return target.stranger ? undefined : 'it needs a second identity (an authority to make one)';
    case 'revoked':
      return target.revoked ? undefined : 'it needs an identity that is on the broker’s revocation list (--revoked-cert and --revoked-key)';
    case 'revoke':
      return target.revoke ? undefined : 'it needs a way to revoke (--revoke COMMAND, or --home)';
    case 'trust':
      return target.trust ? undefined : 'it needs the authority that clients trust (--ca)';
  }
}

/** What the broker speaks, whether it asks for a certificate, and whether the good identity gets in. */
async function look(base: Omit<Context, 'profile' | 'names'>): Promise<Profile> {
  const { target, facts, evidence, timeoutMs, nowMs } = base;
  const identity = target.identity ?? (target.authority ? madeUpIdentity(target.authority, nowMs) : undefined);
  const versions: number[] = [];
  let asksForCertificate: Profile['asksForCertificate'] = 'unknown';
  for (const version of [VERSION.tls13, VERSION.tls12]) {
    const client = await openTls(target.host, target.port, evidence, { hello: goodHello([version], target.serverName), timeoutMs });
    try {
      await client.handshake();
    } catch (error) {
      if (!(error instanceof PeerStop)) throw error;
    } finally {
      client.transport.destroy();
    }
    if (client.serverHello?.version !== version) continue;
    versions.push(version);
    facts.set(
      `chosen in ${versionName(version)}`,
      `${suiteName(client.serverHello.suite)}${client.group === undefined ? '' : `, ${groupName(client.group)}`}`,
    );
    if (client.certificateRequest) asksForCertificate = 'yes';
    else if (client.serverChain.length > 0 && asksForCertificate === 'unknown') asksForCertificate = 'no';
  }
  facts.set('versions', versions.map(versionName).join(', ') || 'neither TLS 1.2 nor TLS 1.3');
  facts.set('asks for a client certificate', asksForCertificate);
  const profile: Profile = { versions, asksForCertificate, identity, controlFault: undefined };
  if (!identity || versions.length === 0) return profile;
  const control = await tryIn({ ...base, profile, names: namesOf(identity) }, versions.slice(0, 1));
  hangUp(control);
  return { ...profile, controlFault: isIn(control) ? undefined : endText(control) };
}
