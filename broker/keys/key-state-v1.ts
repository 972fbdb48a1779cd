/** Key state as version 1 wrote it, and what it becomes in version 2; it is written so at the next change. */
import { z } from 'zod';
import type { KeyState } from './key-state.ts';

export const keyStateV1 = z.strictObject({
  version: z.literal(1),
  keys: z.array(
    z.strictObject({
      keyId: z.uuid(),
      owner: z.enum(['service', 'customer']),
      state: z.enum(['Enabled', 'Disabled']),
      description: z.string(),
      createdMs: z.number(),
      materials: z.array(z.strictObject({ materialId: z.string(), secret: z.string(), createdMs: z.number() })),
    }),
  ),
  aliases: z.record(z.string(), z.string()),
});

/**
 * Service-owned keys, then one a project and switched by the owner, are of the home's account; one that was switched off
 * becomes the customer's, who could not switch it on otherwise. `empty` gives what version 1 did not have.
 */
export function upgradeFromV1(old: z.infer<typeof keyStateV1>, empty: KeyState): KeyState {
  const createdMs = new Map(old.keys.map((key) => [key.keyId, key.createdMs]));
  return {
    ...empty,
    keys: old.keys.map((key) => {
      if (key.owner === 'customer') return key;
      return key.state === 'Disabled' ? { ...key, owner: 'customer' as const } : { ...key, customerId: empty.accountId };
    }),
    aliases: Object.fromEntries(
      Object.entries(old.aliases).map(([alias, keyId]) => [alias, { keyId, createdMs: createdMs.get(keyId) ?? 0, updatedMs: createdMs.get(keyId) ?? 0 }]),
    ),
  };
}
