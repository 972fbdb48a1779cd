/** What is remembered of a home's principals, and the exact form in which it is written down. Parsed once here, then trusted. */
import { z } from 'zod';
import { AccessError } from '../errors.ts';
import { SealedFile, type SealedFilePlace } from '../sealed-file.ts';
import { readKeptPolicy, type PolicyDocument } from './policy.ts';
import { READY_POLICIES } from './ready-policies.ts';

export const MAX_PRINCIPALS = 1000;
export const MAX_POLICIES = 10;
export const MAX_ACCESS_KEYS = 2;

/** IAM's characters; `root` is the account itself. */
const NAME = /^[A-Za-z0-9+=,.@_-]{1,64}$/;

const name = z.string().regex(NAME);
const timeMs = z.number().int().nonnegative();
const principal = z.strictObject({
  name,
  createdMs: timeMs,
  /** A ready-made policy has no text here: the one that comes with thrum counts. */
  policies: z.array(z.strictObject({ name, text: z.string().optional() })).max(MAX_POLICIES),
  accessKeys: z.array(z.strictObject({ id: z.string().regex(/^AKIA[A-Z2-7]{16}$/), secret: z.string().regex(/^[A-Za-z0-9+/]{40}$/), createdMs: timeMs })).max(MAX_ACCESS_KEYS),
  secondFactor: z
    .strictObject({ secret: z.base64(), lastStep: z.number().int().min(-1), wrongInARow: z.number().int().nonnegative(), lockedUntilMs: timeMs })
    .optional(),
});
const registry = z.strictObject({ version: z.literal(1), principals: z.array(principal).max(MAX_PRINCIPALS) });

export type PrincipalRecord = z.infer<typeof principal>;
export type Registry = z.infer<typeof registry>;

export function openRegistry(place: SealedFilePlace): SealedFile<Registry> {
  const kind = {
    name: 'file of principals',
    magic: 'THRUMIAM',
    info: 'thrum principals v1',
    empty: { version: 1 as const, principals: [] },
    parse: (json: string) => registry.parse(JSON.parse(json)),
    fault: (what: 'damaged' | 'full', message: string, cause?: unknown) => new AccessError(what === 'damaged' ? 'ACCESS_DAMAGED' : 'ACCESS_BAD_REQUEST', message, { cause }),
  };
  return new SealedFile<Registry>(kind, place);
}

/** Throws ACCESS_BAD_REQUEST for what cannot name a principal or a policy. */
export function checkName(what: 'principal' | 'policy', text: string): void {
  if (!NAME.test(text) || text === 'root') {
    throw new AccessError('ACCESS_BAD_REQUEST', `a ${what}'s name has 1 to 64 letters, digits and + = , . @ _ -, and is not 'root'`);
  }
}

const documents = new WeakMap<object, PolicyDocument>();

/** The document of an attached policy; read once for each version of the file. */
export function documentOf(attached: PrincipalRecord['policies'][number]): PolicyDocument {
  const ready = attached.text === undefined ? READY_POLICIES.get(attached.name) : documents.get(attached);
  if (ready) return ready;
  // A ready-made policy of another version of thrum: refused as a whole, since it may be one that denies.
  if (attached.text === undefined) throw new AccessError('ACCESS_DAMAGED', `this version has no ready-made policy '${attached.name}': detach it`);
  const document = readKeptPolicy(attached.text, 'identity');
  documents.set(attached, document);
  return document;
}
