/** What the tests of the KMS engine share: a key store in a temporary directory, a clock to set, callers with policies. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { authorize } from '../access/evaluate.ts';
import type { PolicyDocument } from '../access/policy.ts';
import type { AuditEvent } from '../audit/event.ts';
import { DAY_MS } from './key-due.ts';
import { KeyService } from './key-service.ts';
import type { Caller } from './kms-call.ts';
import { KmsEngine } from './kms-engine.ts';
import { KmsError } from './kms-error.ts';
import { ownerCaller } from './principals.ts';

export const START_MS = 1_760_000_000_000;

export interface TestKms {
  readonly directory: string;
  readonly keys: KeyService;
  readonly owner: Caller;
  readonly accountId: string;
  readonly events: AuditEvent[];
  /** Calls as the home's owner, or as another. */
  call(operation: string, input?: object, caller?: Caller): Promise<Answer>;
  /** The name of the refusal; fails when there is none. */
  refusal(operation: string, input: object, caller?: Caller): Promise<string>;
  /** Makes a key; gives its id and ARN. */
  key(input?: object): Promise<{ readonly id: string; readonly arn: string }>;
  user(name: string, ...policies: PolicyDocument[]): Caller;
  passDays(days: number): void;
  passMs(ms: number): void;
  /** An engine of its own on the same files, as another process has it. */
  elsewhere(): KeyService;
  remove(): Promise<void>;
}

/** What an operation answers, as far as tests look into it. */
export type Answer = Readonly<Record<string, never>> & {
  readonly CiphertextBlob: string;
  readonly Plaintext: string;
  readonly GrantId: string;
  readonly GrantToken: string;
  readonly NextMarker?: string;
  readonly KeyMaterialId: string;
  readonly Policy: string;
};

export async function makeKms(): Promise<TestKms> {
  const directory = await mkdtemp(join(tmpdir(), 'thrum-kms-'));
  let nowMs = START_MS;
  const service = (): KeyService => new KeyService(join(directory, 'keys'), { kind: 'file' }, () => nowMs);
  const keys = service();
  const events: AuditEvent[] = [];
  const engine = new KmsEngine({ store: keys.store, audit: (event) => events.push(event) });
  const { accountId } = await engine.home();
  const owner = ownerCaller(accountId);
  const call = async (operation: string, input: object = {}, caller = owner): Promise<Answer> => (await engine.call(operation, input, caller)) as Answer;
  return {
    directory,
    keys,
    owner,
    accountId,
    events,
    call,
    refusal: async (operation, input, caller) => {
      const error = await call(operation, input, caller).then(() => undefined, (cause: unknown) => cause);
      if (!(error instanceof KmsError)) throw new Error(`${operation} was not refused: ${String(error)}`);
      return error.type;
    },
    key: async (input = {}) => {
      const { KeyMetadata } = (await call('CreateKey', input)) as unknown as { KeyMetadata: { KeyId: string; Arn: string } };
      return { id: KeyMetadata.KeyId, arn: KeyMetadata.Arn };
    },
    user: (name, ...policies) => ({
      principalArn: `arn:aws:iam::${accountId}:user/${name}`,
      authorize: (request, ofResource) => authorize(request, policies.map((document, n) => ({ name: `policy ${n}`, document })), ofResource),
    }),
    passDays: (days) => void (nowMs += days * DAY_MS),
    passMs: (ms) => void (nowMs += ms),
    elsewhere: service,
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

/** A policy that allows (or denies) actions on everything. */
export function policy(actions: string | readonly string[], Effect: 'Allow' | 'Deny' = 'Allow', Condition?: Record<string, Record<string, string>>): PolicyDocument {
  return { Version: '2012-10-17', Statement: { Effect, Action: actions, Resource: '*', ...(Condition ? { Condition } : {}) } };
}

export function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
