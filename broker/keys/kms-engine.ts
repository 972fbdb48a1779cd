/**
 * The key service with the semantics of AWS KMS: `call` takes an operation's name, its input as the wire has it (blobs in
 * base64, times in seconds) and who calls, and gives its output in the same form. Promises: nothing is done that policies
 * and grants do not allow; a change is written as a whole or not at all, before it is answered; each call is told to the
 * audit trail, without plaintexts, ciphertexts and grant tokens.
 */
import type { AuditSink } from '../audit/event.ts';
import { KeyError } from '../errors.ts';
import type { KeyStore } from './key-store.ts';
import { aliasOperations } from './kms-aliases.ts';
import { auditEvent, UNKNOWN_OPERATION } from './kms-audit.ts';
import type { Call, Caller } from './kms-call.ts';
import { cryptoOperations } from './kms-crypto.ts';
import { KmsError } from './kms-error.ts';
import { grantOperations } from './kms-grants.ts';
import { keyOperations } from './kms-keys.ts';
import type { Operation } from './kms-operation.ts';
import { policyOperations } from './kms-policies.ts';
import { rotationOperations } from './kms-rotation.ts';
import { tagOperations } from './kms-tags.ts';

const OPERATIONS: ReadonlyMap<string, Operation> = new Map([
  ...keyOperations, ...aliasOperations, ...cryptoOperations, ...grantOperations, ...rotationOperations, ...policyOperations, ...tagOperations,
]);

/** Names of all operations, sorted. */
export const KMS_OPERATIONS: readonly string[] = [...OPERATIONS.keys()].sort();

/** What the audit trail calls an operation: one that there is not has no name of its own, since anybody could make up thousands. */
export function auditedName(operation: string): string {
  return OPERATIONS.has(operation) ? operation : UNKNOWN_OPERATION;
}

interface KmsEngineOptions {
  /** `KeyService.store` of the same home, or one of its own. */
  readonly store: KeyStore;
  readonly audit?: AuditSink;
}

export class KmsEngine {
  readonly #store: KeyStore;
  readonly #audit: AuditSink | undefined;

  constructor({ store, audit }: KmsEngineOptions) {
    this.#store = store;
    this.#audit = audit;
  }

  /** The account and region of the keys; makes the key store where there is none. */
  async home(): Promise<{ readonly accountId: string; readonly region: string }> {
    const { accountId, region } = await this.#store.readOrCreate();
    return { accountId, region };
  }

  /** Does one operation. Throws KmsError; what else is thrown is of the machine: a disk, a lock, a damaged file. */
  async call(operation: string, input: unknown, caller: Caller): Promise<object> {
    const resources = new Set<string>();
    try {
      const result = await this.#run(operation, input, caller, resources);
      this.#audit?.(auditEvent({ operation, eventName: auditedName(operation), input, caller, resources, result }));
      return result;
    } catch (error) {
      this.#audit?.(auditEvent({ operation, eventName: auditedName(operation), input, caller, resources, error }));
      throw error;
    }
  }

  async #run(operation: string, input: unknown, caller: Caller, resources: Set<string>): Promise<object> {
    const known = OPERATIONS.get(operation);
    if (!known) throw new KmsError('UnknownOperationException', '');
    if (known.kind === 'changes') {
      const change = known.start(input);
      return this.#store.update((state, nowMs) => {
        const call: Call = { state, nowMs, caller, resources };
        return change(call);
      }).catch(tooLarge);
    }
    const read = known.start(input);
    const state = await this.#store.readOrCreate();
    return read({ state, nowMs: this.#store.now(), caller, resources });
  }
}

/** The file's own limit, which tags, policies and grants can reach before the number of keys does. */
function tooLarge(error: unknown): never {
  if (error instanceof KeyError && error.code === 'KEY_BAD_REQUEST') throw new KmsError('LimitExceededException', error.message, { cause: error });
  throw error;
}
