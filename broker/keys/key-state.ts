/** What the key service remembers, and the exact form in which it is written down. Parsed once here, then trusted. */
import { z } from 'zod';

/** As in AWS KMS. */
export const MAX_DESCRIPTION_CHARS = 8192;

const material = z.strictObject({
  materialId: z.string().regex(/^[0-9a-f]{64}$/),
  /** 32 bytes, base64. */
  secret: z.string().regex(/^[A-Za-z0-9+/]{43}=$/),
  createdMs: z.number().int().nonnegative(),
});

const keyRecord = z.strictObject({
  keyId: z.uuid(),
  /** `service`: made for one project that brought no key; `customer`: made, named and controlled by the owner. */
  owner: z.enum(['service', 'customer']),
  state: z.enum(['Enabled', 'Disabled']),
  description: z.string().max(MAX_DESCRIPTION_CHARS),
  createdMs: z.number().int().nonnegative(),
  /** Newest last: it encrypts; the older ones still decrypt. */
  materials: z.array(material).min(1),
});

const keyState = z.strictObject({
  version: z.literal(1),
  keys: z.array(keyRecord),
  /** `alias/…` to key id. */
  aliases: z.record(z.string(), z.string()),
});

export type KeyRecord = z.infer<typeof keyRecord>;
export type KeyState = z.infer<typeof keyState>;

export const emptyKeyState: KeyState = { version: 1, keys: [], aliases: {} };

/** Parses the decrypted file; throws a ZodError when it is not a key state. */
export function parseKeyState(json: string): KeyState {
  return keyState.parse(JSON.parse(json));
}
