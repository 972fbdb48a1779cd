/**
 * The same batches, encrypted, stored durably by this store, by LMDB and by SQLite: batch after batch in one thread, each
 * waited for until it is on disk. The others get each payload sealed with AES-256-GCM, under its number as key.
 */
import { createCipheriv, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { open } from 'lmdb';
import { systemDisk } from '../../broker/store/disk.ts';
import { encodeGroup, maxGroupLength } from '../../broker/store/group.ts';
import { makeDurableDirectory } from '../../broker/store/segment-files.ts';
import { NO_SEGMENT } from '../../broker/store/segment-format.ts';
import { SegmentWriter } from '../../broker/store/segment-writer.ts';
import { isQuick } from '../quick.ts';
import { batchMaker, BENCH_FOLDER, withPlace } from './place.ts';

export interface PeerFigures {
  readonly name: string;
  readonly payloadBytes: number;
  readonly batchesPerCommit: number;
  readonly commitsPerS: number;
  readonly MBPerS: number;
}

/** Takes payloads and resolves once they are on disk. */
interface Peer {
  readonly name: string;
  readonly store: (payloads: readonly Buffer[]) => Promise<void> | void;
  readonly close: () => Promise<void> | void;
}

const SECONDS = isQuick ? 0.2 : 3;

export async function measurePeers(say: (line: string) => void): Promise<PeerFigures[]> {
  const figures: PeerFigures[] = [];
  for (const payloadBytes of [256, 4096]) for (const batchesPerCommit of [1, 50]) {
    const make = batchMaker(payloadBytes);
    const measure = async ({ name, store, close }: Peer): Promise<void> => {
      let commits = 0;
      let bytes = 0;
      const startMs = performance.now();
      while (performance.now() - startMs < SECONDS * 1000) {
        const payloads = Array.from({ length: batchesPerCommit }, () => make().payload);
        await store(payloads);
        commits += 1;
        for (const { length } of payloads) bytes += length;
      }
      const seconds = (performance.now() - startMs) / 1000;
      await close();
      figures.push({ name, payloadBytes, batchesPerCommit, commitsPerS: commits / seconds, MBPerS: bytes / 1e6 / seconds });
    };
    await measureOwn(measure);
    await inFolder(async (folder) => measure(lmdb(folder)));
    await inFolder(async (folder) => {
      const peer = await sqlite(folder);
      if (peer) await measure(peer);
    });
  }
  if (!figures.some(({ name }) => name === 'SQLite')) say(`SQLite is left out: Node ${process.version} does not bring it along (24 does)`);
  return figures;
}

async function measureOwn(measure: (peer: Peer) => Promise<void>): Promise<void> {
  await withPlace(async ({ store, directory, projectId, keyId, keys }) => {
    await makeDurableDirectory(store);
    await makeDurableDirectory(directory);
    const writer = await SegmentWriter.create(systemDisk, { directory, projectId, keyId, ordinal: 1, previous: NO_SEGMENT, snapshot: Buffer.from('{}') }, keys);
    await measure({
      name: 'thrum',
      store: (payloads) => {
        const entries = payloads.map((payload) => ({ receivedMs: 1_790_000_000_000, channel: 'data' as const, payload }));
        const group = Buffer.allocUnsafe(maxGroupLength(entries));
        return writer.append(group.subarray(0, encodeGroup(entries, group)));
      },
      close: () => writer.seal(),
    });
  });
}

function lmdb(folder: string): Peer {
  const database = open({ path: join(folder, 'lmdb'), encoding: 'binary', keyEncoding: 'uint32' });
  const seal = sealer();
  return {
    name: 'LMDB',
    store: async (payloads) => {
      for (const payload of payloads) {
        const { number, sealed } = seal(payload);
        void database.put(number, sealed);
      }
      await database.flushed;
    },
    close: () => database.close(),
  };
}

/** What is used of `node:sqlite`, which the types of Node 20 do not know. */
interface SqliteModule {
  readonly DatabaseSync: new (path: string) => {
    exec(sql: string): void;
    prepare(sql: string): { run(...values: unknown[]): void };
    close(): void;
  };
}

async function sqlite(folder: string): Promise<Peer | undefined> {
  const name = 'node:sqlite';
  const found = await (import(name) as Promise<SqliteModule>).catch(() => undefined);
  if (!found) return undefined;
  const database = new found.DatabaseSync(join(folder, 'sqlite'));
  database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE batches (number INTEGER PRIMARY KEY, sealed BLOB) STRICT');
  const insert = database.prepare('INSERT INTO batches VALUES (?, ?)');
  const seal = sealer();
  return {
    name: 'SQLite',
    store: (payloads) => {
      database.exec('BEGIN');
      for (const payload of payloads) {
        const { number, sealed } = seal(payload);
        insert.run(number, sealed);
      }
      database.exec('COMMIT');
    },
    close: () => database.close(),
  };
}

function sealer(): (payload: Buffer) => { readonly number: number; readonly sealed: Buffer } {
  const key = randomBytes(32);
  let next = 0;
  return (payload) => {
    const number = next++;
    const nonce = Buffer.alloc(12);
    nonce.writeUInt32BE(number, 8);
    const cipher = createCipheriv('aes-256-gcm', key, nonce);
    return { number, sealed: Buffer.concat([cipher.update(payload), cipher.final(), cipher.getAuthTag()]) };
  };
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(BENCH_FOLDER, 'thrum-bench-store-'));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
