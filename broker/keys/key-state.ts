/** What the key service remembers, and the exact form in which it is written down. Parsed once here, then trusted. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { keyStateV1, upgradeFromV1 } from './key-state-v1.ts';

/** As in AWS KMS. */
export const MAX_DESCRIPTION_CHARS = 8192;
export const MAX_POLICY_CHARS = 32_768;
export const MAX_TAGS = 50;
export const MAX_ALIASES_PER_KEY = 50;
export const MAX_ON_DEMAND_ROTATIONS = 25;
/** Ours: what fits into one sealed file (sealed-file.ts) with room for aliases, tags and grants. */
export const MAX_KEYS = 20_000;
export const MAX_GRANTS_PER_KEY = 5_000;
/** As JSON; 5,000 grants such as the broker has take 2.6 MB. Whoever may grant one key does not fill the file (key-room.ts). */
export const MAX_GRANT_BYTES_PER_KEY = 3 * 2 ** 20;
/** A key is rotated no more past it; 250 years at the shortest period. */
export const MAX_MATERIALS = 1_000;

export const ALIAS = /^alias\/[A-Za-z0-9/_-]{1,250}$/;
export const REGION = 'us-east-1';

/** Operations that a grant can give, as far as keys here have them. */
export const GRANT_OPERATIONS = [
  'CreateGrant', 'Decrypt', 'DescribeKey', 'Encrypt', 'GenerateDataKey', 'GenerateDataKeyWithoutPlaintext', 'ReEncryptFrom', 'ReEncryptTo', 'RetireGrant',
] as const;
export type GrantOperation = (typeof GRANT_OPERATIONS)[number];

const timeMs = z.number().int().nonnegative();
/** Names that others choose stand in pairs: as a name of an object `__proto__` would be lost. */
const pairs = z.array(z.tuple([z.string(), z.string()]));
const bytes32 = z.string().regex(/^[A-Za-z0-9+/]{43}=$/);

const material = z.strictObject({
  materialId: z.string().regex(/^[0-9a-f]{64}$/),
  /** 32 bytes, base64. */
  secret: bytes32,
  createdMs: timeMs,
  /** Why it was made; the first one was not made by a rotation. */
  rotation: z.enum(['AUTOMATIC', 'ON_DEMAND']).optional(),
});

const grant = z.strictObject({
  grantId: z.string().regex(/^[0-9a-f]{64}$/),
  /** Authenticates the grant's tokens (grant-token.ts), 32 bytes, base64. */
  tokenSecret: bytes32,
  name: z.string().optional(),
  grantee: z.string(),
  retiring: z.string().optional(),
  operations: z.array(z.enum(GRANT_OPERATIONS)).min(1),
  /** Pairs that an encryption context must have among its own. */
  subset: pairs.optional(),
  /** The pairs that it must consist of. */
  equals: pairs.optional(),
  createdMs: timeMs,
});

const keyRecord = z.strictObject({
  keyId: z.uuid(),
  /** `service`: the service's own, made for one customer; `customer`: made, named and controlled by its owner. */
  owner: z.enum(['service', 'customer']),
  /** Account of the customer whose data a service-owned key protects. */
  customerId: z.string().regex(/^\d{12}$/).optional(),
  state: z.enum(['Enabled', 'Disabled', 'PendingDeletion']),
  /** When a key that waits to be deleted is gone. */
  deletionMs: timeMs.optional(),
  description: z.string().max(MAX_DESCRIPTION_CHARS),
  createdMs: timeMs,
  /** Newest last: it encrypts; the older ones still decrypt. */
  materials: z.array(material).min(1).max(MAX_MATERIALS),
  /** Automatic rotation, where it is switched on. */
  rotation: z.strictObject({ periodDays: z.number().int().min(90).max(2560), nextMs: timeMs }).optional(),
  tags: pairs.max(MAX_TAGS).optional(),
  /** Policy document as it was put; without one the default (key-policy.ts) holds. */
  policy: z.string().max(MAX_POLICY_CHARS).optional(),
  grants: z.array(grant).max(MAX_GRANTS_PER_KEY).optional(),
});

const keyState = z.strictObject({
  version: z.literal(2),
  /** Of the home's owner; 12 digits. */
  accountId: z.string().regex(/^\d{12}$/),
  region: z.literal(REGION),
  keys: z.array(keyRecord).max(MAX_KEYS),
  aliases: z.record(z.string().regex(ALIAS), z.strictObject({ keyId: z.uuid(), createdMs: timeMs, updatedMs: timeMs })),
});

export type Material = z.infer<typeof material>;
export type Grant = z.infer<typeof grant>;
export type KeyRecord = z.infer<typeof keyRecord>;
export type KeyState = z.infer<typeof keyState>;

/** The state of a key store that is new; `salt` is that of its file, and with it the account's number. */
export function emptyKeyState(salt: Uint8Array): KeyState {
  return { version: 2, accountId: accountIdOf(salt), region: REGION, keys: [], aliases: {} };
}

/** Parses the decrypted file, one of version 1 too; throws a ZodError when it is not a key state. */
export function parseKeyState(json: string, salt: Uint8Array): KeyState {
  const document: unknown = JSON.parse(json);
  const old = (document as { version?: unknown } | null)?.version === 1;
  return keyState.parse(old ? upgradeFromV1(keyStateV1.parse(document), emptyKeyState(salt)) : document);
}

/** 12 digits that follow from a random salt, so that a store which has none written down yet always says the same. */
function accountIdOf(salt: Uint8Array): string {
  const hash = createHash('sha256').update('thrum account v1').update(salt).digest();
  return String(hash.readUIntBE(0, 6) % 10 ** 12).padStart(12, '0');
}
