import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createAuthority, type Authority } from './authority.ts';
import { issueIdentities } from './issue.ts';
import { findGatewayIdentities } from './list.ts';
import type { IdentityRequest } from './profiles.ts';

const nowMs = Date.UTC(2026, 4, 6);
let root: string;
let authority: Authority;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'thrum-issue-'));
  authority = await createAuthority(root, { nowMs });
});
afterEach(() => rm(root, { recursive: true, force: true }));

function gateways(count: number): IdentityRequest[] {
  return Array.from({ length: count }, (_, index) => ({ role: 'gateway', projectId: 'p', gatewayId: String(index).padStart(16, '0') }));
}

describe('many identities', () => {
  it('are issued in the order they were asked for, each with its own files', async () => {
    const told: number[] = [];
    const issued = await issueIdentities(authority, [...gateways(150), { role: 'operator', name: 'ada' }], nowMs, (done) => told.push(done));
    expect(told.at(-1)).toBe(151);
    expect(await readdir(join(root, 'gateways'))).toHaveLength(150);
    const found = await findGatewayIdentities(root, 'p', nowMs);
    for (const [index, { gatewayId }] of (gateways(150) as { gatewayId: string }[]).entries()) expect(found.get(gatewayId)).toEqual(issued[index]);
    expect(issued[150]).toMatchObject({ role: 'operator' });
  });

  it('are not begun when one of them is not allowed', async () => {
    for (const wrong of [{ role: 'operator', name: '' }, { role: 'operator', name: 'ada', keyType: 'rsa-512' }, { role: 'operator', name: 'ada', lifetimeDays: 0 }]) {
      await expect(issueIdentities(authority, [...gateways(3), wrong as IdentityRequest], nowMs)).rejects.toMatchObject({ code: 'CERTS_BAD_REQUEST' });
    }
    expect(await readdir(root)).toEqual(['ca']);
  });

  it('end where progress is told to stop, and those there are whole', async () => {
    const stop = new Error('stop');
    await expect(issueIdentities(authority, gateways(1000), nowMs, () => { throw stop; })).rejects.toBe(stop);
    const names = await readdir(join(root, 'gateways'));
    expect([64, 128]).toContain(names.length);
    for (const name of names) expect((await readdir(join(root, 'gateways', name))).sort()).toEqual(['cert.pem', 'key.pem']);
  });
});
