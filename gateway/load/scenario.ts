/**
 * A load test as data: groups of clients, and stages that come one after another. In each stage groups live side by
 * side, each client a small life of steps. Durations are ms, rates per second; whoever reads YAML or options has
 * checked names and ranges (scenario/parse.ts). Docs: docs/load-scenarios.md.
 */

export interface Scenario {
  readonly name: string;
  /** By name; the first is where clients connect that name none. */
  readonly brokers: ReadonlyMap<string, Broker>;
  readonly groups: ReadonlyMap<string, ClientGroup>;
  readonly stages: readonly Stage[];
  /** Conditions on the whole run, `p99<50ms`. */
  readonly assertions: readonly string[];
  /** How long subscribers may wait for the last messages once the stages are over. */
  readonly settleMs: number;
}

export interface Broker {
  readonly transport: 'tls' | 'tcp' | 'wss' | 'ws';
  readonly host: string;
  readonly port: number;
  /** Of a WebSocket. */
  readonly path: string;
}

/** Clients of one kind. Client n of a group has the id that `clientId` makes of n, from 0. */
export interface ClientGroup {
  readonly name: string;
  readonly count: number;
  /** With `{n}` (index in the group), `{group}` or `{gateway}` (EUI-64 of a simulated gateway). */
  readonly clientId: string;
  readonly identity: IdentitySource;
  readonly tls: TlsSettings;
  readonly mqttVersion: 4 | 5;
  readonly cleanSession: boolean;
  /** MQTT 5: how long the broker keeps the session. */
  readonly sessionExpiryS: number;
  readonly keepAliveS: number;
  readonly will?: { readonly topic: string; readonly payload: string; readonly qos: Qos; readonly retain: boolean };
  /** Addresses of this machine that clients connect from, in turn. */
  readonly localAddresses: readonly string[];
  /** A slow consumer reads for so long, and then does not for so long. */
  readonly reading?: { readonly onMs: number; readonly offMs: number };
}

export type Qos = 0 | 1 | 2;

export interface TlsSettings {
  /** Whether the broker's certificate is verified. */
  readonly verify: boolean;
  /** Authorities that may have signed it, PEM; undefined: the home's. */
  readonly authorityFile?: string;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly maxVersion: 'TLSv1.2' | 'TLSv1.3';
  /** As OpenSSL writes them; undefined: Node.js's own. */
  readonly ciphers?: string;
  /** Groups for the key exchange, as OpenSSL writes them. */
  readonly groups?: string;
  /** Whether a client that connects again resumes its session. */
  readonly resume: boolean;
}

export type IdentitySource =
  /** No certificate. */
  | { readonly kind: 'none' }
  /** One certificate for all. */
  | { readonly kind: 'shared'; readonly certificateFile: string; readonly keyFile: string }
  /** A file each: paths with `{n}`, `{client}`, `{gateway}`. */
  | { readonly kind: 'files'; readonly certificateFile: string; readonly keyFile: string }
  /** Lines `client id,certificate file,key file`, paths from the manifest's folder. */
  | { readonly kind: 'manifest'; readonly file: string }
  /**
   * Made before the start, signed by the home's authority, never on disk; key types in turn. An operator's name is the
   * client's id, without `operator-` at its begin. `fault` makes them wrong on purpose.
   */
  | {
      readonly kind: 'mint';
      readonly role: 'gateway' | 'operator';
      readonly keyTypes: readonly string[];
      readonly lifetimeMs: number;
      readonly fault?: 'expired' | 'not-yet-valid' | 'other-authority' | 'server';
    };

export interface Stage {
  readonly name: string;
  /** Longest that it may take; lives that last longer are ended. */
  readonly limitMs: number;
  readonly lives: readonly Life[];
  readonly assertions: readonly string[];
  readonly search?: Search;
}

/** What each client of a group does in a stage. */
export interface Life {
  readonly clients: string;
  /** When each client begins. */
  readonly start: Start;
  readonly steps: readonly Step[];
  /** How often the steps are lived; Infinity: until the stage's limit. */
  readonly repeat: number;
}

export type Start =
  | { readonly kind: 'at-once' }
  /** Evenly over so long. */
  | { readonly kind: 'spread'; readonly overMs: number }
  | { readonly kind: 'rate'; readonly perS: number }
  /** As fast as the broker answers: fewer when it is slow or refuses. */
  | { readonly kind: 'self-tuning'; readonly atMostPerS: number };

export type Step =
  | ConnectStep
  | { readonly kind: 'subscribe'; readonly filters: readonly string[]; readonly qos: Qos; readonly check: boolean }
  | { readonly kind: 'unsubscribe'; readonly filters: readonly string[] }
  | PublishStep
  /** Evenly spread: client n of N waits forMs + spreadMs · n / N. */
  | { readonly kind: 'wait'; readonly forMs: number; readonly spreadMs: number }
  /** Ends the connection without a word, as a power cut does. */
  | { readonly kind: 'cut' }
  | { readonly kind: 'disconnect' }
  /** From a claim's certificate to an identity of its own, which it uses from then on. */
  | { readonly kind: 'claim'; readonly handoutDir: string }
  /** A new certificate for the same client, asked for over its connection; used from the next connect on. */
  | { readonly kind: 'rotate' };

export interface ConnectStep {
  readonly kind: 'connect';
  /** Names of brokers: client n connects to the n-th of them, in turn. */
  readonly brokers: readonly string[];
  readonly timeoutMs: number;
  /** Tries in all before the life ends; between tries it waits longer each time, half of it at random. */
  readonly tries: number;
  /** `accepted`, `refused`, or a kind of error that must come: `tls.alert.certificate_expired`. A prefix will do. */
  readonly expect: string;
}

export interface PublishStep {
  readonly kind: 'publish';
  /** With `{client}`, `{n}`, `{group}`, `{gateway}`, `{project}`. */
  readonly topic: string;
  readonly qos: Qos;
  readonly retain: boolean;
  readonly payload: Payload;
  readonly pace: Pace;
  /** How many each client publishes, or for how long. */
  readonly end: { readonly kind: 'count'; readonly messages: number } | { readonly kind: 'duration'; readonly forMs: number };
  /** Most that a client has in flight; open-loop messages wait for room with their time running. */
  readonly window: number;
}

export type Payload =
  /** Batches of simulated measurements, as gateways send them; about so many bytes. */
  | { readonly kind: 'frames'; readonly bytes: number }
  | { readonly kind: 'fixed'; readonly bytes: number }
  | { readonly kind: 'random'; readonly bytes: number }
  /** Text with `{client}`, `{n}`, `{sequence}`, `{timestampMs}`, `{random}`; such messages are not checked. */
  | { readonly kind: 'template'; readonly text: string };

export type Pace =
  /** Open loop, a constant rate of the whole group. */
  | { readonly kind: 'rate'; readonly perS: number }
  /** Open loop: from one rate to another, in a line. */
  | { readonly kind: 'ramp'; readonly fromPerS: number; readonly toPerS: number; readonly overMs: number }
  /** Open loop: so many equal steps from one rate to another. */
  | { readonly kind: 'steps'; readonly fromPerS: number; readonly toPerS: number; readonly steps: number; readonly overMs: number }
  /** Open loop, a spike at the end of each period. */
  | { readonly kind: 'spikes'; readonly basePerS: number; readonly spikePerS: number; readonly periodMs: number; readonly spikeMs: number }
  /** Open loop: the rate that the stage's search tries. */
  | { readonly kind: 'searched' }
  /** Open loop: adds rate while acknowledgements come, and backs off when they stay out. */
  | { readonly kind: 'self-tuning'; readonly atMostPerS: number }
  /** Closed loop: the window is kept full. */
  | { readonly kind: 'closed' };

/** Looks for the highest rate at which the objective holds. */
export interface Search {
  readonly objective: readonly string[];
  readonly fromPerS: number;
  readonly toPerS: number;
  readonly trialMs: number;
  /** Ends when the rate is known within this part of it. */
  readonly precision: number;
  /** How often the found rate must hold, and the next above it miss. */
  readonly confirmations: number;
}
