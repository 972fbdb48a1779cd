/** docs/store.md is enough: a reader of homes and queues written from it alone finds what ours does. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { thrum, withFolder } from '../cli.ts';
import { decode, type Decoded } from './frame-decoder.ts';
import { asJson, withByte } from './frame-writer.ts';
import { Damage, readHome, readSpool } from './store-reader.ts';

const RUN = ['--duration', '2s', '--sites', '1', '--gateways', '2', '--sensors', '6', '--machines', '3', '--capture-samples', '1024', '--json', '--quiet'];

async function run(home: string, env: Readonly<Record<string, string>> = {}): Promise<void> {
  expect(await thrum(['run', '--home', home, ...RUN], { env })).toMatchObject({ exitCode: 0 });
}

/** The home's messages as `thrum store export` writes them, and as the independent reader finds them. */
async function bothAccounts(home: string, passphrase?: string): Promise<{ exported: unknown[]; found: unknown[] }> {
  const env = passphrase === undefined ? {} : { THRUM_PASSPHRASE: passphrase };
  const { stdout } = await thrum(['store', 'export', '--format', 'ndjson', '--home', home], { env });
  const exported = stdout.trimEnd().split('\n').map((line): unknown => JSON.parse(line));
  const found = readHome(home, passphrase).flatMap(({ segments }) => segments).flatMap(({ entries }) => entries).flatMap(({ payload, receivedMs }) => {
    const { gatewayId, messages } = decode(payload) as { gatewayId: string; messages: Decoded[] };
    return messages.map((message) => asJson({ gatewayId, receivedTime: new Date(receivedMs).toISOString(), ...message }));
  });
  return { exported, found };
}

function expectOneHistory({ exported, found }: { exported: unknown[]; found: unknown[] }): void {
  expect(found.length).toBeGreaterThan(20);
  expect(new Set(found.map((message) => (message as { kind: string }).kind))).toEqual(new Set(['measurement', 'waveform', 'event']));
  expect(found).toEqual(exported);
}

describe('a reader written from docs/store.md', () => {
  it('finds what `thrum store export` finds, over two runs, in the store and in the gateways’ queues', { timeout: 60_000 }, async () => {
    await withFolder(async (home) => {
      await run(home);
      await run(home);
      expectOneHistory(await bothAccounts(home));
      const [project, ...others] = readHome(home);
      expect(others).toEqual([]);
      expect(project).toMatchObject({ document: { name: 'demo' }, segments: [{ sealed: true, ordinal: 1 }, { sealed: true, ordinal: 2 }] });

      const stored = new Set(project!.segments.flatMap(({ entries }) => entries).map(({ payload }) => payload.toString('hex')));
      for (const gateway of await readdir(join(home, 'gateways'))) {
        const { acknowledged, batches } = readSpool(join(home, 'gateways', gateway));
        expect(batches.length).toBeGreaterThan(3);
        for (const { about, frame } of batches) {
          const { bootEpoch, sequence } = decode(frame);
          expect(about).toMatchObject({ bootEpoch, sequence });
          expect(acknowledged).toContainEqual({ bootEpoch, sequence });
          expect(stored).toContain(frame.toString('hex'));
        }
      }
    });
  });

  it('opens a home that a passphrase protects, and only with that passphrase', { timeout: 60_000 }, async () => {
    const passphrase = 'caf\u0065\u0301 and a half ½'; // neither form is what NFKC makes of it
    await withFolder(async (home) => {
      await run(home, { THRUM_PASSPHRASE: passphrase });
      expect(await readdir(join(home, 'keys'))).not.toContain('root.key');
      expectOneHistory(await bothAccounts(home, passphrase));
      expect(() => readHome(home, `${passphrase}.`)).toThrow(Damage);
    });
  });

  it('notices a flipped byte in any file of keys, project, store, or queue', { timeout: 120_000 }, async () => {
    await withFolder(async (home) => {
      await run(home);
      await run(home);
      const files = (await readdir(home, { recursive: true })).filter((name) => /^(keys|projects|store|gateways)\/.*(keystore|\.key|\.project|\.seg|\.spool)$/.test(name));
      expect(files.length).toBeGreaterThanOrEqual(11);
      const missed: string[] = [];
      for (const name of files) {
        const path = join(home, name);
        const good = await readFile(path);
        const read = (): unknown => (name.startsWith('gateways') ? readSpool(join(path, '..')) : readHome(home));
        read();
        const step = Math.max(1, Math.floor(good.length / 150));
        for (let place = 0; place < good.length; place += place < 220 ? 1 : step) {
          await writeFile(path, withByte(good, place, (byte) => byte ^ 0x04));
          try {
            read();
            missed.push(`${name} at ${place}`);
          } catch (error) {
            if (!(error instanceof Damage)) throw error;
          }
        }
        await writeFile(path, good);
      }
      expect(missed).toEqual([]);
    });
  });
});
