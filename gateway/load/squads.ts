/** The clients that are a worker's: made from the scenario, with their identities. */
import { LoadClient, type ClientHost } from './client/client.ts';
import { identityMaker, type IdentityMaker } from './identities.ts';
import type { Member, Squad } from './member.ts';
import { Measures } from './measures.ts';
import type { ClientGroup, Scenario } from './scenario.ts';
import type { RunSettings, WorkerPlan } from './run-plan.ts';
import { fillIn } from './topics.ts';

/** Identities that are made side by side: the thread pool makes keys. */
const SIDE_BY_SIDE = 8;

/**
 * EUI-64 of the gateway that a client plays: a block of its own, marked as locally administered, and the client's number
 * within the run.
 */
export function gatewayIdOf(number: number): string {
  return `024c4f4144${number.toString(16).padStart(6, '0')}`;
}

/** Numbers of the first clients of each group: clients are numbered through the run. */
function firstNumbers({ groups }: Scenario): Map<string, number> {
  const first = new Map<string, number>();
  let next = 0;
  for (const { name, count } of groups.values()) {
    first.set(name, next);
    next += count;
  }
  return first;
}

/** This worker's clients of all groups, without identities yet. */
export function musterSquads({ scenario, settings, part, parts }: WorkerPlan, host: ClientHost): Map<string, Squad> {
  const first = firstNumbers(scenario);
  const squads = new Map<string, Squad>();
  for (const group of scenario.groups.values()) {
    const squad = { group, fortune: { connecting: 0, failures: 0 }, measures: new Measures() };
    const members: Member[] = [];
    for (let n = part; n < group.count; n += parts) members.push(newMember(squad, n, first.get(group.name)! + n, settings.projectId, host));
    squads.set(group.name, { ...squad, members });
  }
  return squads;
}

function newMember({ group, fortune, measures }: Omit<Squad, 'members'>, n: number, number: number, project: string, host: ClientHost): Member {
  const gateway = gatewayIdOf(number);
  const client = fillIn(group.clientId, { n, group: group.name, gateway });
  const names = { n, group: group.name, client, gateway, project };
  const { mqttVersion, cleanSession, sessionExpiryS, keepAliveS, will } = group;
  const settings = {
    clientId: client,
    mqttVersion,
    cleanSession,
    sessionExpiryS,
    keepAliveS,
    ...(will && { will: { ...will, topic: fillIn(will.topic, names), payload: Buffer.from(fillIn(will.payload, names)) } }),
  };
  return {
    client: new LoadClient(number, settings, host), names, group, fortune, measures,
    identity: undefined, nextIdentity: undefined, session: undefined, connection: undefined, turn: 0, isReconnecting: false, subscriptions: [], subscriber: undefined,
    publication: undefined, streams: [], templates: undefined, exchange: undefined, readingTimer: undefined,
  };
}

/** Gives each client of the squads its identity. Throws LOAD_IDENTITY, CertsError. */
export async function identifySquads(squads: ReadonlyMap<string, Squad>, { scenario, settings }: WorkerPlan, nowMs: number, progress: (prepared: number) => void): Promise<void> {
  if (![...scenario.brokers.values()].some(({ transport }) => transport === 'tls' || transport === 'wss')) return;
  let prepared = 0;
  for (const { group, members } of squads.values()) {
    if (members.length === 0) continue;
    const maker = await identityMaker(group, settings.authorityPem, settings.authorityDirectory, nowMs);
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < members.length) {
        await identify(members[next++]!, maker);
        progress(++prepared);
      }
    };
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, lane));
  }
}

async function identify(member: Member, maker: IdentityMaker): Promise<void> {
  member.identity = await maker.identify(member.names);
}

/** A shard's clients of all these groups. */
export function clientsOf(groups: Iterable<ClientGroup>, { index, of }: RunSettings['shard']): number {
  let clients = 0;
  for (const { count } of groups) clients += Math.ceil(Math.max(0, count - (index - 1)) / of);
  return clients;
}
