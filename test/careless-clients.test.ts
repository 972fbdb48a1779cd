/** Each lie of the client tester, told to devices that believe it: a lie that nobody can fall for proves nothing. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CLIENT_CASES } from '../certs/handshake/mod.ts';
import { CarelessTest, inParallel } from './devices/careless-test.ts';
import { believeEverything, believeOldVersions } from './devices/careless-tls.ts';

let tester: CarelessTest;
beforeAll(async () => {
  tester = await CarelessTest.open(new Date().getTime()); // certificates begin and end by the real clock
});
afterAll(() => tester.close());

const HOSTS = ['localhost', '127.0.0.1', 'device.localhost', 'a.b.localhost', 'a.b.c.localhost'];
/** Lies that a client may believe, more or less; the reason that each gives says why. */
const ONLY_WARNED = [
  'name.cn-only', 'name.wildcard-top', 'name.wildcard-partial', 'name.ip-cn',
  'cert.no-digital-signature', 'cert.ca-as-server', 'cert.revoked-crl', 'cert.revoked-staple', 'cert.must-staple',
  'tls-1.2.extension', 'tls-1.3.extension', 'tls-1.3.encrypted-extension', 'weak-cipher.static-rsa-cbc', 'weak-cipher.static-rsa',
];

it('catches a device that believes every server, by every single lie', { timeout: 60_000 }, async () => {
  const lies = CLIENT_CASES.filter(({ info }) => info.family === 'tls-server' && info.expected.startsWith('an alert'));
  expect(lies.length).toBeGreaterThan(80);
  const results = await inParallel(lies, 24, async (one) => tester.tryHosts(one, HOSTS, /tls-1\.[01]$/.test(one.info.id) ? believeOldVersions : believeEverything));
  const named = (outcome: string): string[] => results.filter((result) => result.outcome === outcome).map(({ info }) => info.id.replace('tls-server.', ''));
  const missed = results.filter(({ outcome }) => outcome === 'pass' || outcome === 'not-run').map(({ info, reason }) => `${info.id}: ${reason}`);
  expect(missed).toEqual([]);
  expect(named('warn').sort()).toEqual([...ONLY_WARNED].sort());
});
