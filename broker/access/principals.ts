/**
 * The principals of a home: users with policies, access keys and a second factor, in one sealed file. Promises: a change
 * is there as a whole or not at all, also with several processes; secrets are given once, when they are made.
 */
import { randomBytes } from 'node:crypto';
import { AccessError } from '../errors.ts';
import type { SealedFile, SealedFilePlace } from '../sealed-file.ts';
import type { NamedPolicy } from './policy.ts';
import { readPolicy } from './policy.ts';
import { READY_POLICIES } from './ready-policies.ts';
import { checkName, documentOf, MAX_ACCESS_KEYS, MAX_POLICIES, MAX_PRINCIPALS, openRegistry, type PrincipalRecord, type Registry } from './registry.ts';
import { base32, judgeCode, newSecondFactor, otpauthUri, TOTP_SECRET_BYTES } from './totp.ts';

/** What may be told of a principal: everything but secrets. */
export interface PrincipalDescription {
  readonly name: string;
  readonly arn: string;
  readonly createdMs: number;
  readonly policies: readonly string[];
  readonly accessKeys: readonly { readonly id: string; readonly createdMs: number }[];
  readonly secondFactor: boolean;
}

/** A principal as decisions need it. */
export interface Identity {
  readonly arn: string;
  readonly policies: readonly NamedPolicy[];
  readonly secondFactor: boolean;
}

export interface AccessKeyPair {
  readonly id: string;
  readonly secret: string;
}

export class Principals {
  readonly #file: SealedFile<Registry>;
  readonly #accountId: string;
  readonly #now: () => number;

  constructor(place: SealedFilePlace, accountId: string, now: () => number) {
    this.#file = openRegistry(place);
    this.#accountId = accountId;
    this.#now = now;
  }

  /** ACCESS_BAD_REQUEST, ACCESS_EXISTS: names differ by more than case. */
  async create(name: string): Promise<PrincipalDescription> {
    checkName('principal', name);
    return this.#file.update((state) => {
      const same = state.principals.find((one) => one.name.toLowerCase() === name.toLowerCase());
      if (same) throw new AccessError('ACCESS_EXISTS', `there is a principal ${same.name} already: choose another name`);
      if (state.principals.length >= MAX_PRINCIPALS) throw new AccessError('ACCESS_BAD_REQUEST', `a home has at most ${MAX_PRINCIPALS} principals`);
      const made: PrincipalRecord = { name, createdMs: this.#now(), policies: [], accessKeys: [] };
      return { state: { ...state, principals: [...state.principals, made] }, result: this.#describe(made) };
    });
  }

  async list(): Promise<PrincipalDescription[]> {
    return (await this.#file.read()).principals.map((one) => this.#describe(one));
  }

  /** ACCESS_NOT_FOUND. */
  async describe(name: string): Promise<PrincipalDescription> {
    return this.#describe(find(await this.#file.read(), name));
  }

  /** Removes a principal and all that belongs to it; a later one of that name has nothing of it. ACCESS_NOT_FOUND. */
  async remove(name: string): Promise<void> {
    await this.#file.update((state) => {
      const gone = find(state, name);
      return { state: { ...state, principals: state.principals.filter((one) => one !== gone) }, result: undefined };
    });
  }

  /** Attaches a ready-made policy by its name, or a document under a name; one of that name is replaced. ACCESS_POLICY, ACCESS_NOT_FOUND. */
  async attach(name: string, policy: { readonly name: string; readonly text?: string }): Promise<PrincipalDescription> {
    checkName('policy', policy.name);
    if (policy.text !== undefined) readPolicy(policy.text, 'identity');
    if ((policy.text === undefined) !== READY_POLICIES.has(policy.name)) {
      const ready = [...READY_POLICIES.keys()].join(', ');
      throw policy.text === undefined
        ? new AccessError('ACCESS_NOT_FOUND', `there is no ready-made policy '${policy.name}': there are ${ready}; give a document of your own with --file`)
        : new AccessError('ACCESS_EXISTS', `'${policy.name}' is the name of a ready-made policy: choose another`);
    }
    return this.#change(name, (one) => {
      const policies = [...one.policies.filter((other) => other.name !== policy.name), policy];
      if (policies.length > MAX_POLICIES) throw new AccessError('ACCESS_BAD_REQUEST', `a principal has at most ${MAX_POLICIES} policies: detach one first`);
      return { ...one, policies };
    });
  }

  /** ACCESS_NOT_FOUND. */
  async detach(name: string, policy: string): Promise<PrincipalDescription> {
    return this.#change(name, (one) => {
      if (!one.policies.some((other) => other.name === policy)) throw new AccessError('ACCESS_NOT_FOUND', `${one.name} has no policy ${policy}`);
      return { ...one, policies: one.policies.filter((other) => other.name !== policy) };
    });
  }

  /** A new access key; nobody can be told its secret again. ACCESS_NOT_FOUND, ACCESS_BAD_REQUEST when there are two. */
  async createAccessKey(name: string): Promise<AccessKeyPair> {
    const made = { id: `AKIA${base32(randomBytes(10))}`, secret: randomBytes(30).toString('base64') };
    await this.#change(name, (one) => {
      if (one.accessKeys.length >= MAX_ACCESS_KEYS) throw new AccessError('ACCESS_BAD_REQUEST', `${one.name} has ${MAX_ACCESS_KEYS} access keys, which is the most: remove one first`);
      return { ...one, accessKeys: [...one.accessKeys, { ...made, createdMs: this.#now() }] };
    });
    return made;
  }

  /** ACCESS_NOT_FOUND. */
  async removeAccessKey(name: string, id: string): Promise<PrincipalDescription> {
    return this.#change(name, (one) => {
      if (!one.accessKeys.some((key) => key.id === id)) throw new AccessError('ACCESS_NOT_FOUND', `${one.name} has no access key ${id}`);
      return { ...one, accessKeys: one.accessKeys.filter((key) => key.id !== id) };
    });
  }

  /** A new second factor, in place of one that was there, as the URI that authenticator apps take; it is told once. ACCESS_NOT_FOUND. */
  async enableSecondFactor(name: string): Promise<string> {
    const factor = newSecondFactor(randomBytes(TOTP_SECRET_BYTES));
    await this.#change(name, (one) => ({ ...one, secondFactor: factor }));
    return otpauthUri(factor, name);
  }

  /** ACCESS_NOT_FOUND. */
  async disableSecondFactor(name: string): Promise<PrincipalDescription> {
    return this.#change(name, ({ name: same, createdMs, policies, accessKeys }) => ({ name: same, createdMs, policies, accessKeys }));
  }

  /** Takes a code of the second factor, which is used up by that. ACCESS_SECOND_FACTOR when it is not taken, ACCESS_NOT_FOUND. */
  async useCode(name: string, code: string): Promise<void> {
    const verdict = await this.#file.update((state) => {
      const before = find(state, name);
      if (!before.secondFactor) return { state, result: 'none' as const };
      const judged = judgeCode(before.secondFactor, code, this.#now());
      return { state: judged.factor === before.secondFactor ? state : replace(state, before, { ...before, secondFactor: judged.factor }), result: judged.verdict };
    });
    if (verdict === 'accepted') return;
    const why = {
      none: `${name} has no second factor: 'thrum access mfa enable ${name}' makes one`,
      wrong: 'the code is wrong, too old, or was used before: wait for the next one',
      locked: 'too many wrong codes: none is taken for 15 minutes',
    }[verdict];
    throw new AccessError('ACCESS_SECOND_FACTOR', why);
  }

  /** What decides about a principal. ACCESS_NOT_FOUND. */
  async identity(name: string): Promise<Identity> {
    return this.#identity(find(await this.#file.read(), name));
  }

  /** Whose access key it is, and its secret; undefined where there is none. */
  async findAccessKey(id: string): Promise<(Identity & { readonly secret: string }) | undefined> {
    for (const one of (await this.#file.read()).principals) {
      const key = one.accessKeys.find((other) => other.id === id);
      if (key) return { ...this.#identity(one), secret: key.secret };
    }
    return undefined;
  }

  /** The document of a policy that is attached. ACCESS_NOT_FOUND. */
  async policy(name: string, policy: string): Promise<NamedPolicy> {
    const found = (await this.identity(name)).policies.find((one) => one.name === policy);
    if (!found) throw new AccessError('ACCESS_NOT_FOUND', `${name} has no policy ${policy}`);
    return found;
  }

  async #change(name: string, change: (one: PrincipalRecord) => PrincipalRecord): Promise<PrincipalDescription> {
    return this.#file.update((state) => {
      const before = find(state, name);
      const after = change(before);
      return { state: replace(state, before, after), result: this.#describe(after) };
    });
  }

  #identity(one: PrincipalRecord): Identity {
    const policies = one.policies.map((attached) => ({ name: attached.name, document: documentOf(attached) }));
    return { arn: this.#arn(one), policies, secondFactor: one.secondFactor !== undefined };
  }

  #describe(one: PrincipalRecord): PrincipalDescription {
    return {
      name: one.name,
      arn: this.#arn(one),
      createdMs: one.createdMs,
      policies: one.policies.map((policy) => policy.name),
      accessKeys: one.accessKeys.map(({ id, createdMs }) => ({ id, createdMs })),
      secondFactor: one.secondFactor !== undefined,
    };
  }

  #arn({ name }: PrincipalRecord): string {
    return `arn:aws:iam::${this.#accountId}:user/${name}`;
  }
}

function find(state: Registry, name: string): PrincipalRecord {
  const found = state.principals.find((one) => one.name === name);
  if (!found) throw new AccessError('ACCESS_NOT_FOUND', `there is no principal '${name.slice(0, 64)}' in this home: 'thrum access principal list' shows those there are`);
  return found;
}

function replace(state: Registry, before: PrincipalRecord, after: PrincipalRecord): Registry {
  return { ...state, principals: state.principals.map((one) => (one === before ? after : one)) };
}
