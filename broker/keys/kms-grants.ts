/** Operations on grants: made, listed, given up by who may (retire), taken away by who manages the key (revoke). */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { grantOfToken, isAsStrict, newGrantToken } from './grants.ts';
import { keyArn } from './key-index.ts';
import { bytesOf } from './key-room.ts';
import { GRANT_OPERATIONS, MAX_GRANT_BYTES_PER_KEY, MAX_GRANTS_PER_KEY, type Grant, type KeyRecord, type KeyState } from './key-state.ts';
import { allow, mustBeEnabled, resolveKey, stopDryRun, type Call } from './kms-call.ts';
import { invalid, KmsError } from './kms-error.ts';
import { flag, grantTokens, keyId, limit, marker, stringMap, text } from './kms-input.ts';
import { changes, pageOf, reads, seconds, withKey, without, type Operation } from './kms-operation.ts';
import { ownerPrincipal } from './principals.ts';

const PRINCIPAL = /^arn:aws:(iam::\d{12}:(root|(user|role)\/[\w+=,.@/-]+)|sts::\d{12}:(assumed-role|federated-user)\/[\w+=,.@/-]+)$/;

const NAME = /^[a-zA-Z0-9:/_-]+$/;

const principal = text(1, 256);
const grantId = text(1, 128);
/** Pairs and characters as in AWS KMS; it bounds names only by what a context may have, here there is a little room for eight of them. */
const CONSTRAINT_LIMITS = { pairs: 8, valueChars: 384, bytes: 4_096 } as const;
/** An empty one asks for nothing, and would count as a constraint where a policy wants one. */
const constraint = stringMap(CONSTRAINT_LIMITS.pairs, CONSTRAINT_LIMITS.valueChars, CONSTRAINT_LIMITS.bytes)
  .refine((pairs) => Object.keys(pairs).length > 0, 'Member must have length greater than or equal to 1')
  .optional();
/** Members that narrow a grant in ways which are not enforced here: refused, since passing them over would widen it. */
const unsupported = z.unknown().optional();

const createInput = z.object({
  KeyId: keyId,
  GranteePrincipal: principal.optional(),
  RetiringPrincipal: principal.optional(),
  Operations: z.array(z.enum(GRANT_OPERATIONS)).min(1).max(50),
  Constraints: z.object({ EncryptionContextSubset: constraint, EncryptionContextEquals: constraint, SourceArn: unsupported }).optional(),
  Name: text(1, 256).refine((name) => NAME.test(name), `Member must satisfy regular expression pattern: ${NAME.source}`).optional(),
  GrantTokens: grantTokens,
  DryRun: flag,
  GranteeServicePrincipal: unsupported,
  RetiringServicePrincipal: unsupported,
});
type CreateInput = z.output<typeof createInput>;

type Wish = Omit<Grant, 'grantId' | 'tokenSecret' | 'createdMs'>;

function wishOf(input: CreateInput): Wish {
  if (input.GranteeServicePrincipal !== undefined || input.RetiringServicePrincipal !== undefined || input.Constraints?.SourceArn !== undefined) {
    throw new KmsError('UnsupportedOperationException', 'Grants to service principals and SourceArn constraints are not supported here');
  }
  if (input.GranteePrincipal === undefined) throw invalid('Either GranteePrincipal or GranteeServicePrincipal must be specified.');
  const strange = [input.GranteePrincipal, input.RetiringPrincipal].find((one) => one !== undefined && !PRINCIPAL.test(one));
  if (strange !== undefined) throw new KmsError('InvalidArnException', `ARN does not refer to a valid principal: ${strange}`);
  const { EncryptionContextSubset: subset, EncryptionContextEquals: equals } = input.Constraints ?? {};
  return {
    grantee: input.GranteePrincipal,
    operations: [...new Set(input.Operations)].sort(),
    ...(input.Name === undefined ? {} : { name: input.Name }),
    ...(input.RetiringPrincipal === undefined ? {} : { retiring: input.RetiringPrincipal }),
    ...(subset === undefined ? {} : { subset: Object.entries(subset).sort() }),
    ...(equals === undefined ? {} : { equals: Object.entries(equals).sort() }),
  };
}

function createGrant(call: Call, input: CreateInput): { state: KeyState; result: object } {
  const { state, nowMs } = call;
  const wish = wishOf(input);
  const key = resolveKey(call, input.KeyId, 'no aliases');
  const facts = {
    'kms:GranteePrincipal': wish.grantee,
    'kms:GrantOperations': wish.operations,
    'kms:GrantIsForAWSResource': 'false',
    ...(wish.retiring === undefined ? {} : { 'kms:RetiringPrincipal': wish.retiring }),
    ...(wish.equals ? { 'kms:GrantConstraintType': 'EncryptionContextEquals' } : wish.subset ? { 'kms:GrantConstraintType': 'EncryptionContextSubset' } : {}),
  };
  allow(call, 'kms:CreateGrant', { key, facts, grantFits: (by) => isAsStrict(wish, by) });
  mustBeEnabled(call, key);
  for (const token of input.GrantTokens ?? []) grantOfToken(state, token);
  const same = wish.name === undefined ? undefined : key.grants?.find((grant) => isSame(grant, wish));
  if (!same && (key.grants?.length ?? 0) >= MAX_GRANTS_PER_KEY) {
    throw new KmsError('LimitExceededException', `A key has at most ${MAX_GRANTS_PER_KEY} grants: retire or revoke some`);
  }
  const grant: Grant = { ...wish, grantId: randomBytes(32).toString('hex'), tokenSecret: randomBytes(32).toString('base64'), createdMs: nowMs };
  const grants = [...(key.grants ?? []), grant];
  if (!same && bytesOf(grants) > MAX_GRANT_BYTES_PER_KEY) {
    throw new KmsError('LimitExceededException', `The grants of a key take at most ${MAX_GRANT_BYTES_PER_KEY} bytes: retire or revoke some`);
  }
  stopDryRun(input.DryRun);
  if (same) return { state, result: { GrantToken: newGrantToken(key.keyId, same), GrantId: same.grantId } };
  const next = withKey(state, key, { ...key, grants });
  return { state: next, result: { GrantToken: newGrantToken(key.keyId, grant), GrantId: grant.grantId } };
}

/** Whether a grant is what was asked for before under the same name: then it is not made again. */
function isSame(grant: Grant, wish: Wish): boolean {
  const told = ({ name, grantee, retiring, operations, subset, equals }: Wish): string => JSON.stringify([name, grantee, retiring ?? null, operations, subset ?? null, equals ?? null]);
  return told(grant) === told(wish);
}

function entryOf(state: KeyState, key: KeyRecord, grant: Grant): object {
  const constraints = {
    ...(grant.subset ? { EncryptionContextSubset: Object.fromEntries(grant.subset) } : {}),
    ...(grant.equals ? { EncryptionContextEquals: Object.fromEntries(grant.equals) } : {}),
  };
  return {
    KeyId: keyArn(state, key.keyId),
    GrantId: grant.grantId,
    Name: grant.name ?? '',
    CreationDate: seconds(grant.createdMs),
    GranteePrincipal: grant.grantee,
    ...(grant.retiring === undefined ? {} : { RetiringPrincipal: grant.retiring }),
    IssuingAccount: ownerPrincipal(state.accountId),
    Operations: grant.operations,
    ...(Object.keys(constraints).length === 0 ? {} : { Constraints: constraints }),
  };
}

const listInput = z.object({ KeyId: keyId, GrantId: grantId.optional(), GranteePrincipal: principal.optional(), Limit: limit(100), Marker: marker });

function listGrants(call: Call, input: z.output<typeof listInput>): object {
  const key = resolveKey(call, input.KeyId, 'no aliases');
  allow(call, 'kms:ListGrants', { key });
  const wanted = (key.grants ?? []).filter(
    (grant) => (input.GrantId === undefined || grant.grantId === input.GrantId) && (input.GranteePrincipal === undefined || grant.grantee === input.GranteePrincipal),
  );
  const { items, more } = pageOf(wanted, (grant) => grant.grantId, input.Limit ?? 50, input.Marker);
  return { Grants: items.map((grant) => entryOf(call.state, key, grant)), ...more };
}

const retirableInput = z.object({ RetiringPrincipal: principal, Limit: limit(100), Marker: marker });

function listRetirable(call: Call, input: z.output<typeof retirableInput>): object {
  allow(call, 'kms:ListRetirableGrants', {});
  const all = call.state.keys.flatMap((key) => (key.grants ?? []).filter((grant) => grant.retiring === input.RetiringPrincipal).map((grant) => ({ key, grant })));
  const { items, more } = pageOf(all, ({ grant }) => grant.grantId, input.Limit ?? 50, input.Marker);
  return { Grants: items.map(({ key, grant }) => entryOf(call.state, key, grant)), ...more };
}

const retireInput = z.object({ GrantToken: text(1, 8192).optional(), KeyId: keyId.optional(), GrantId: grantId.optional(), DryRun: flag });

function retireGrant(call: Call, input: z.output<typeof retireInput>): { state: KeyState; result: object } {
  const { key, grant } = toRetire(call, input);
  call.resources.add(keyArn(call.state, key.keyId));
  const entitled = call.caller.principalArn === grant.retiring;
  allow(call, 'kms:RetireGrant', { key, entitled, grantFits: (one) => one === grant });
  stopDryRun(input.DryRun);
  return { state: withKey(call.state, key, withoutGrant(key, grant)), result: {} };
}

function toRetire(call: Call, { GrantToken, KeyId, GrantId }: z.output<typeof retireInput>): { readonly key: KeyRecord; readonly grant: Grant } {
  if (GrantToken !== undefined && KeyId === undefined && GrantId === undefined) return grantOfToken(call.state, GrantToken);
  if (GrantToken !== undefined || KeyId === undefined || GrantId === undefined) throw invalid('Specify either the grant token, or the key ARN and the grant ID.');
  const key = resolveKey(call, KeyId, 'no aliases');
  return { key, grant: grantIn(key, GrantId) };
}

function grantIn(key: KeyRecord, id: string): Grant {
  const grant = key.grants?.find((one) => one.grantId === id);
  if (!grant) throw new KmsError('InvalidGrantIdException', `Grant ID ${id} is not found on this key`);
  return grant;
}

function withoutGrant(key: KeyRecord, grant: Grant): KeyRecord {
  const grants = (key.grants ?? []).filter((one) => one !== grant);
  return grants.length === 0 ? without(key, 'grants') : { ...key, grants };
}

export const grantOperations: readonly (readonly [string, Operation])[] = [
  ['CreateGrant', changes(createInput, createGrant)],
  ['ListGrants', reads(listInput, listGrants)],
  ['ListRetirableGrants', reads(retirableInput, listRetirable)],
  ['RetireGrant', changes(retireInput, retireGrant)],
  ['RevokeGrant', changes(z.object({ KeyId: keyId, GrantId: grantId, DryRun: flag }), (call, input) => {
    const key = resolveKey(call, input.KeyId, 'no aliases');
    allow(call, 'kms:RevokeGrant', { key });
    const grant = grantIn(key, input.GrantId);
    stopDryRun(input.DryRun);
    return { state: withKey(call.state, key, withoutGrant(key, grant)), result: {} };
  })],
];
