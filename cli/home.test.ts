import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { revokeCertificates } from '../certs/mod.ts';
import { now } from './clock.ts';
import { ensureAuthority, ensureServerIdentity, openHome } from './home.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'thrum-home-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('keeps a broker’s identity for as long as it is good, and makes another when it was revoked', async () => {
  const home = await openHome({ home: join(folder, 'home') }, 'create');
  const authority = await ensureAuthority(home);
  const first = await ensureServerIdentity(home, authority, 'localhost');
  expect((await ensureServerIdentity(home, authority, 'localhost')).serial).toBe(first.serial);
  await revokeCertificates(home.certs, { target: first.serial, reason: 'keyCompromise' }, now());
  const second = await ensureServerIdentity(home, authority, 'localhost');
  expect(second.serial).not.toBe(first.serial);
  expect((await ensureServerIdentity(home, authority, 'localhost')).serial).toBe(second.serial);
});
