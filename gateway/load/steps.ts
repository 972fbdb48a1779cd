/** What each step of a life does. A step that fails throws a ClientFailure, counted where it happens; the life then ends. */
import { ClientFailure } from './client/failure.ts';
import type { ConnectTimes } from './client/client.ts';
import type { Member } from './member.ts';
import type { ConnectStep, Qos } from './scenario.ts';
import { StageOver, TakenOver, type StageContext } from './stage-context.ts';
import { Subscriber } from './subscriber.ts';

/** Failures that mean that the broker said no. */
const REFUSALS = /^(tls\.alert\.|mqtt\.connack\.|mqtt\.disconnect\.|closed|tcp\.reset)/;
const BACKOFF_MS = { first: 250, most: 30_000 } as const;

/** Tries to connect until it succeeds, the tries are used up, or the stage ends. `dueUs`: when it was to begin. */
export async function connect(member: Member, step: ConnectStep, dueUs: number, context: StageContext): Promise<void> {
  const fromUs = Math.min(dueUs, context.options.now()); // tries and waits between them are part of the time
  const broker = step.brokers[member.names.n % step.brokers.length]!;
  const turn = takeTurn(member);
  member.connection = undefined;
  for (let attempt = 1; ; attempt++) {
    context.check();
    if (member.turn !== turn) throw new TakenOver();
    try {
      await connectOnce(member, step, broker, fromUs, context);
      break;
    } catch (error) {
      if (!(error instanceof ClientFailure) || context.isOver) throw error;
      // A refusal that must come is not tried again.
      if (attempt >= step.tries || step.expect !== 'accepted') throw error;
      await context.sleep(backoffMs(attempt, context.options.random));
    }
  }
  member.connection = { step, broker };
  if (member.group.reading) startReading(member);
}

/** Ends the connecting of whoever was at it. */
function takeTurn(member: Member): number {
  if (!member.client.connected) member.client.abandon('abandoned');
  member.isReconnecting = false;
  return ++member.turn;
}

function backoffMs(attempt: number, random: () => number): number {
  const longest = Math.min(BACKOFF_MS.most, BACKOFF_MS.first * 2 ** (attempt - 1));
  return longest / 2 + (random() * longest) / 2;
}

async function connectOnce(member: Member, step: ConnectStep, brokerName: string, dueUs: number, context: StageContext): Promise<void> {
  const { client, measures, group } = member;
  const broker = context.options.scenario.brokers.get(brokerName)!;
  const { counters } = measures;
  const isTls = broker.transport === 'tls' || broker.transport === 'wss';
  if (member.nextIdentity) {
    member.identity = member.nextIdentity;
    member.nextIdentity = undefined;
    member.session = undefined;
  }
  end(member, 'cut');
  counters.connects += 1;
  member.fortune.connecting += 1;
  let times: ConnectTimes;
  try {
    times = await client.connect({
      broker,
      context: isTls ? member.identity!.context : undefined,
      verify: group.tls.verify,
      session: group.tls.resume ? member.session : undefined,
      keepsSession: group.tls.resume && isTls,
      localAddress: group.localAddresses.length > 0 ? group.localAddresses[member.names.n % group.localAddresses.length] : undefined,
      timeoutMs: step.timeoutMs,
    });
  } catch (error) {
    throw countFailure(member, step, error);
  } finally {
    member.fortune.connecting -= 1;
  }
  if (step.expect !== 'accepted') {
    counters.unexpectedlyAccepted += 1;
    measures.countError('unexpectedly-accepted');
    client.disconnect();
    throw new ClientFailure('unexpectedly-accepted');
  }
  countConnected(member, times, dueUs, isTls);
  if (isTls) context.options.onBroker(brokerName, group.tls.verify, client.socket);
  await restoreSubscriptions(member, times.sessionPresent, context);
}

/** The error to throw on, counted. */
function countFailure({ measures, fortune }: Member, { expect }: ConnectStep, error: unknown): unknown {
  if (!(error instanceof ClientFailure)) return error;
  const { kind } = error;
  const { counters } = measures;
  if (kind === 'abandoned') {
    counters.connectsAbandoned += 1;
    return new StageOver();
  }
  const isExpected = expect === 'refused' ? REFUSALS.test(kind) : expect !== 'accepted' && kind.startsWith(expect);
  counters[isExpected ? 'refusedAsExpected' : 'connectFailed'] += 1;
  if (!isExpected) fortune.failures += 1;
  measures.countError(isExpected ? `expected.${kind}` : kind);
  return error;
}

function countConnected(member: Member, times: ConnectTimes, dueUs: number, isTls: boolean): void {
  const { measures, client, identity } = member;
  measures.counters.connected += 1;
  measures.time('connect', times.connackUs - Math.min(dueUs, times.beganUs));
  measures.time('tcp', times.tcpUs - times.beganUs);
  if (isTls) measures.time('tls', times.tlsUs - times.tcpUs);
  measures.time('connack', times.connackUs - times.readyUs);
  const { socket } = client;
  if (!isTls || !socket) return;
  const { name } = socket.getCipher();
  const { name: exchange = 'no group' } = socket.getEphemeralKeyInfo() as { name?: string };
  measures.countHandshake([socket.getProtocol(), socket.isSessionReused() ? 'resumed' : 'full', exchange, name, identity!.kind].join(', '));
}

/** What an earlier connection had subscribed to, unless the broker has kept it. */
async function restoreSubscriptions(member: Member, sessionPresent: boolean, context: StageContext): Promise<void> {
  if (member.subscriptions.length === 0) return;
  if (!sessionPresent) for (const { filters, qos } of member.subscriptions) await sendSubscribe(member, filters, qos, context);
  member.subscriber?.renew(context.options.now());
}

export async function subscribe(member: Member, filters: readonly string[], qos: Qos, check: boolean, context: StageContext): Promise<void> {
  await sendSubscribe(member, filters, qos, context);
  // A life that repeats subscribes to the same again.
  member.subscriptions = [...without(member.subscriptions, filters), { filters, qos }];
  if (!check) return;
  const nowUs = context.options.now();
  if (member.subscriber) member.subscriber.widen(filters, nowUs);
  else member.subscriber = new Subscriber(member.client.number, filters, nowUs);
}

/** The error to throw on, counted: a lost connection has been counted as that. */
function subscribeFailure({ measures, client }: Member, error: unknown): Error {
  if (!(error instanceof ClientFailure)) return error as Error;
  if (error.kind === 'abandoned') return new StageOver();
  measures.counters.subscribeFailed += 1;
  if (client.connected) measures.countError(error.kind);
  return error;
}

async function sendSubscribe(member: Member, filters: readonly string[], qos: Qos, context: StageContext): Promise<void> {
  const { measures, client } = member;
  const beganUs = context.options.now();
  await client.subscribe(filters, qos).catch((error: unknown) => Promise.reject(subscribeFailure(member, error)));
  measures.counters.subscribed += 1;
  measures.time('subscribe', context.options.now() - beganUs);
}

export async function unsubscribe(member: Member, filters: readonly string[]): Promise<void> {
  await member.client.unsubscribe(filters).catch((error: unknown) => Promise.reject(subscribeFailure(member, error)));
  member.subscriptions = without(member.subscriptions, filters);
  member.subscriber?.narrow(filters);
}

/** Subscriptions to all but these filters. */
function without(subscriptions: Member['subscriptions'], filters: readonly string[]): Member['subscriptions'] {
  return subscriptions.map(({ filters: own, qos }) => ({ filters: own.filter((filter) => !filters.includes(filter)), qos })).filter(({ filters: own }) => own.length > 0);
}

/** Ends the connection, politely or not, and whatever was connecting. */
export function leave(member: Member, how: 'cut' | 'disconnect'): void {
  takeTurn(member);
  member.connection = undefined;
  end(member, how);
}

/** Ends the connection if one stands, with all that ends with it. */
function end(member: Member, how: 'cut' | 'disconnect'): void {
  const { client, measures } = member;
  clearTimeout(member.readingTimer);
  if (!client.connected) return;
  measures.counters[how === 'cut' ? 'cut' : 'disconnected'] += 1;
  if (how === 'cut') client.cut();
  else client.disconnect();
  forgetSubscriptions(member);
}

/** What the broker forgets with the connection. A session that begins clean is kept for nobody: the next connect throws it away. */
export function forgetSubscriptions({ group, subscriber }: Pick<Member, 'group' | 'subscriber'>): void {
  const isKept = !group.cleanSession && (group.mqttVersion === 4 || group.sessionExpiryS > 0);
  if (!isKept) subscriber?.interrupt();
}

/** A slow consumer: reads for a while, and then does not. */
function startReading(member: Member, reading: 'on' | 'off' = 'on'): void {
  const { client, group } = member;
  clearTimeout(member.readingTimer);
  client.setReading(reading);
  const { onMs, offMs } = group.reading!;
  const [forMs, next] = reading === 'on' ? ([onMs, 'off'] as const) : ([offMs, 'on'] as const);
  member.readingTimer = setTimeout(() => startReading(member, next), forMs).unref();
}
