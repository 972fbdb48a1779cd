/**
 * `npm run bench:certs`: how long it takes to issue identities to a fleet, and to find them again. `-- --json` prints JSON
 * only, `-- --count N` issues another number than 10,000.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority, findGatewayIdentities, findIdentity, issueIdentities, listIdentities, type KeyType } from '../../certs/mod.ts';
import { now } from '../../cli/clock.ts';

interface Figures {
  readonly keyType: KeyType;
  readonly identities: number;
  readonly issueS: number;
  readonly issuedPerS: number;
  readonly listS: number;
  readonly findS: number;
  readonly findAllS: number;
}

const asJson = process.argv.includes('--json');
const at = process.argv.indexOf('--count');
const fleet = at < 0 ? 10_000 : Number(process.argv[at + 1]);
const PROJECT = 'bench';

const seconds = async (work: () => Promise<unknown>): Promise<number> => {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
};

async function measure(keyType: KeyType, identities: number): Promise<Figures> {
  const directory = await mkdtemp(join(tmpdir(), 'thrum-bench-certs-'));
  try {
    const authority = await createAuthority(directory, { nowMs: now() });
    const idOf = (index: number): string => index.toString(16).padStart(16, '0');
    const requests = Array.from({ length: identities }, (_, index) => ({ role: 'gateway', projectId: PROJECT, gatewayId: idOf(index), keyType }) as const);
    const issueS = await seconds(() => issueIdentities(authority, requests, now()));
    const listS = await seconds(() => listIdentities(directory));
    const findS = await seconds(() => findIdentity(directory, { role: 'gateway', projectId: PROJECT, gatewayId: idOf(identities >> 1) }, now()));
    const findAllS = await seconds(() => findGatewayIdentities(directory, PROJECT, now()));
    return { keyType, identities, issueS, issuedPerS: identities / issueS, listS, findS, findAllS };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

const figures: Figures[] = [];
for (const [keyType, share] of [['ec-p256', 1], ['ed25519', 1], ['rsa-2048', 0.005]] as const) {
  process.stderr.write(`issuing with keys of type ${keyType} …\n`);
  figures.push(await measure(keyType, Math.max(1, Math.round(fleet * share))));
}
const result = { node: process.version, cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, figures };

if (asJson) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
else {
  const rows = figures.map((one) => [one.keyType.padEnd(10), String(one.identities).padStart(12), ...[one.issueS.toFixed(1), one.issuedPerS.toFixed(0), one.listS.toFixed(2), one.findS.toFixed(2), one.findAllS.toFixed(2)].map((text) => text.padStart(12))].join(''));
  const heading = `${'key'.padEnd(10)}${['identities', 'issue s', 'issued/s', 'list s', 'find s', 'find all s'].map((text) => text.padStart(12)).join('')}`;
  process.stdout.write(`${[`Node ${result.node}, ${result.cores} × ${result.cpu}`, '', heading, ...rows].join('\n')}\n`);
}
