/** One client of a group with all that a run keeps of it, and the group it belongs to. */
import type { LoadClient } from './client/client.ts';
import type { ClientIdentity, ClientNames } from './identities.ts';
import type { Measures } from './measures.ts';
import type { Publication } from './publication.ts';
import type { PublishTemplate } from './publish-template.ts';
import type { ClientGroup, ConnectStep, PublishStep, Qos } from './scenario.ts';
import type { Stream } from './streams.ts';
import type { Subscriber } from './subscriber.ts';

/** How a group fares, for whoever tunes its rate. */
export interface Fortune {
  connecting: number;
  /** Connects and publishes that failed, since the start. */
  failures: number;
}

/** Clients of a group that are this worker's. */
export interface Squad {
  readonly fortune: Fortune;
  readonly group: ClientGroup;
  /** Of the interval so far. */
  readonly measures: Measures;
  readonly members: readonly Member[];
}

export interface Member {
  readonly client: LoadClient;
  readonly names: ClientNames;
  readonly measures: Measures;
  readonly fortune: Fortune;
  readonly group: ClientGroup;
  identity: ClientIdentity | undefined;
  /** For the next connect, when it is not the present one. */
  nextIdentity: ClientIdentity | undefined;
  /** A TLS session that can be resumed. */
  session: Buffer | undefined;
  /** How it connected, while it wants to be connected. */
  connection: { readonly step: ConnectStep; readonly broker: string } | undefined;
  /** Counts up whenever it connects or leaves: whoever connects for it meanwhile has nothing more to do. */
  turn: number;
  /** A lost connection is being made anew. */
  isReconnecting: boolean;
  subscriptions: readonly { readonly filters: readonly string[]; readonly qos: Qos }[];
  subscriber: Subscriber | undefined;
  publication: Publication | undefined;
  /** By index. */
  readonly streams: Stream[];
  templates: Map<PublishStep, readonly PublishTemplate[]> | undefined;
  /** Waits for an answer on these topics. */
  exchange: { readonly topics: readonly string[]; answer(topic: string, payload: Buffer): void; fail(kind: string): void } | undefined;
  readingTimer: NodeJS.Timeout | undefined;
}
