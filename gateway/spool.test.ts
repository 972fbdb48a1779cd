import { cp, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { sealSpoolRecord, spoolChain, spoolHeader, spoolKeys, type FirmwareStates, type SpooledBatch } from './spool-format.ts';
import { Spool } from './spool.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const SENSOR = '0200000000000001';
const GATEWAY = '0011223344556677';

let root: string;
let folders = 0;
const opened = new Set<Spool>();

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'thrum-spool-'));
});
afterEach(async () => {
  for (const spool of opened) await spool.close().catch(() => undefined);
  opened.clear();
});
afterAll(() => rm(root, { recursive: true, force: true }));

const folder = (): string => join(root, `queue-${(folders += 1)}`);

async function open(directory: string, nowMs = NOW_MS): Promise<Spool> {
  const spool = await Spool.open(directory, nowMs);
  opened.add(spool);
  return spool;
}

function states(sequence: number, sensorId = SENSOR): FirmwareStates {
  return { [sensorId]: { bootEpoch: 0, sequence, zone: 'B' } };
}

/** Puts a batch whose frame says which it is. */
function put(spool: Spool, text: string, sequence = 0, channel: 'data' | 'event' = 'data'): Promise<SpooledBatch> {
  return spool.put(channel, (bootEpoch, number) => Buffer.from(`${GATEWAY} ${text} ${bootEpoch}/${number}`), states(sequence));
}

/** What a kill of the process leaves on disk: the folder without its holder. */
async function killed(directory: string): Promise<string> {
  const copy = folder();
  await cp(directory, copy, { recursive: true });
  await rm(join(copy, 'lock'), { force: true });
  return copy;
}

async function spoolFiles(directory: string): Promise<string[]> {
  return (await readdir(directory)).filter((name) => name.endsWith('.spool')).sort();
}

async function onlyFile(directory: string): Promise<string> {
  const names = await spoolFiles(directory);
  expect(names).toHaveLength(1);
  return join(directory, names[0]!);
}

const texts = (spool: Spool): string[] => spool.pending.map(({ frame }) => frame.toString().split(' ')[1]!);

describe('a queue on disk', () => {
  it('keeps what put returned, in order and under its numbers, over a kill at any moment', async () => {
    const directory = folder();
    const spool = await open(directory);
    const kept: SpooledBatch[] = [];
    for (const text of ['one', 'two', 'three']) {
      kept.push(await put(spool, text, kept.length + 1, text === 'two' ? 'event' : 'data'));
      const again = await open(await killed(directory));
      expect(again.pending).toEqual(kept);
      expect(again.states).toEqual(states(kept.length));
      expect(again.pendingBytes).toBe(kept.reduce((sum, { frame }) => sum + frame.length, 0));
    }
    expect(kept.map(({ sequence }) => sequence)).toEqual([0, 1, 2]);
  });

  it('forgets what was acknowledged once closed, and after a kill at most resends it under the same number', async () => {
    const directory = folder();
    const spool = await open(directory);
    const one = await put(spool, 'one');
    const two = await put(spool, 'two');
    spool.acknowledge(one);
    spool.acknowledge(one);
    expect(spool.pending).toEqual([two]);
    expect((await open(await killed(directory))).pending).toEqual([one, two]);
    const three = await put(spool, 'three');
    expect((await open(await killed(directory))).pending).toEqual([two, three]);
    spool.acknowledge(three);
    await spool.close();
    const again = await open(directory);
    expect(again.pending).toEqual([two]);
    expect(again.pendingBytes).toBe(two.frame.length);
  });

  it('gives a boot epoch that grows with every start, also when the clock goes back or stands still', async () => {
    const directory = folder();
    let last = 0;
    for (const nowMs of [NOW_MS, NOW_MS, 0, NOW_MS - 86_400_000, NOW_MS + 3_600_000, 5]) {
      const spool = await open(directory, nowMs);
      expect(spool.bootEpoch).toBeGreaterThan(last);
      expect(await put(spool, 'x')).toMatchObject({ bootEpoch: spool.bootEpoch, sequence: 0 });
      last = spool.bootEpoch;
      await spool.close();
    }
    expect((await open(folder(), NOW_MS)).bootEpoch).toBe(NOW_MS / 1000);
  });

  it('keeps the newest state of each sensor, also of those that said nothing since', async () => {
    const directory = folder();
    const spool = await open(directory);
    await spool.put('data', () => Buffer.from('a'), { ...states(4), ...states(9, '0200000000000002') });
    await spool.put('data', () => Buffer.from('b'), states(5));
    const expected = { ...states(5), ...states(9, '0200000000000002') };
    const again = await open(await killed(directory));
    expect(again.states).toEqual(expected);
    await again.close();
    await spool.close();
    expect((await open(directory)).states).toEqual(expected);
  });

  it('has nothing readable on disk: no frame, no gateway, no sensor', async () => {
    const directory = folder();
    const spool = await open(directory);
    await put(spool, 'confidential');
    await spool.close();
    const names = await readdir(directory);
    for (const name of names) {
      const bytes = await readFile(join(directory, name));
      const text = `${name} ${bytes.toString('latin1')}`;
      for (const secret of ['confidential', GATEWAY, SENSOR, 'sequence', 'zone']) expect(text).not.toContain(secret);
      for (const id of [GATEWAY, SENSOR]) expect(bytes.includes(Buffer.from(id, 'hex'))).toBe(false);
    }
  });

  it.skipIf(process.platform === 'win32')('is open to its owner only', async () => {
    const directory = join(folder(), 'deeper');
    const spool = await open(directory);
    await put(spool, 'one');
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    const names = await readdir(directory);
    expect(names.sort()).toEqual(['000000000001.spool', 'lock', 'spool.key']);
    for (const name of names) expect((await stat(join(directory, name))).mode & 0o777).toBe(0o600);
  });

  it('has one holder at a time', async () => {
    const directory = folder();
    const spool = await open(directory);
    await expect(Spool.open(directory, NOW_MS)).rejects.toMatchObject({ code: 'LOCK_HELD' });
    await put(spool, 'still mine');
    await spool.close();
    expect(texts(await open(directory))).toEqual(['still']);
  });

  it('takes nothing once closed, and closes twice without complaint', async () => {
    const spool = await open(folder());
    await spool.close();
    await expect(put(spool, 'late')).rejects.toMatchObject({ code: 'GATEWAY_STOPPED' });
    expect(spool.pending).toEqual([]);
    await spool.close();
  });

  it('takes no batch for kept whose frame could not be built, and goes on with the next under the same number', async () => {
    const directory = folder();
    const spool = await open(directory);
    const broken = (): Buffer => {
      throw new Error('no frame');
    };
    await expect(spool.put('data', broken, states(1))).rejects.toThrow('no frame');
    expect(await put(spool, 'next')).toMatchObject({ sequence: 0 });
    expect(texts(await open(await killed(directory)))).toEqual(['next']);
  });
});

describe('a damaged queue', () => {
  /** A folder with three batches, and the bytes of its file after each. */
  async function threeBatches(): Promise<{ directory: string; path: string; bytes: Buffer; ends: number[] }> {
    const directory = folder();
    const spool = await open(directory);
    const path = await onlyFile(directory);
    const ends: number[] = [(await stat(path)).size];
    for (const [index, text] of ['one', 'two', 'three'].entries()) {
      await put(spool, text, index + 1);
      ends.push((await stat(path)).size);
    }
    const copy = await killed(directory);
    await spool.close();
    const copied = await onlyFile(copy);
    return { directory: copy, path: copied, bytes: await readFile(copied), ends };
  }

  /** Opens a copy of the folder whose file holds `bytes`: what is pending, or the error. */
  async function reading(directory: string, bytes: Buffer): Promise<string[] | Error> {
    for (const name of await spoolFiles(directory)) await rm(join(directory, name));
    await writeFile(join(directory, '000000000001.spool'), bytes, { mode: 0o600 });
    try {
      const spool = await Spool.open(directory, NOW_MS);
      await spool.close();
      return texts(spool);
    } catch (error) {
      return error as Error;
    }
  }

  it('loses nothing but the last batch when its end was torn off, at whatever byte', async () => {
    const { directory, bytes, ends } = await threeBatches();
    for (let length = ends[2]!; length <= bytes.length; length++) {
      const expected = length === bytes.length ? ['one', 'two', 'three'] : ['one', 'two'];
      expect(await reading(directory, bytes.subarray(0, length)), `${length} bytes`).toEqual(expected);
    }
  });

  it('goes on after a torn end: what is put then is kept', async () => {
    const { directory, path, bytes } = await threeBatches();
    await truncate(path, bytes.length - 3);
    const spool = await open(directory);
    await put(spool, 'four');
    await spool.close();
    expect(texts(await open(directory))).toEqual(['one', 'two', 'four']);
  });

  it('is never read wrong: every flipped byte is named, or the torn end it looks like is left out', async () => {
    const { directory, bytes, ends } = await threeBatches();
    const whole = ['one', 'two', 'three'];
    for (let at = 0; at < bytes.length; at++) {
      const flipped = Buffer.from(bytes);
      flipped[at]! ^= 1 << (at % 8);
      const result = await reading(directory, flipped);
      if (result instanceof Error) {
        expect(result, `byte ${at}`).toMatchObject({ code: 'SPOOL_DAMAGED', message: expect.stringContaining('000000000001.spool') as unknown });
      } else expect(result, `byte ${at}`).toEqual(whole.slice(0, ends.findLastIndex((end) => end <= at)));
    }
  });

  it('is refused when a record is missing, out of place, or from another file', async () => {
    const { directory, bytes, ends } = await threeBatches();
    const other = (await threeBatches()).bytes;
    const part = (from: Buffer, first: number, last: number): Buffer => from.subarray(ends[first], ends[last]);
    const start = bytes.subarray(0, ends[0]);
    const forgeries = {
      missing: [start, part(bytes, 1, 3)],
      swapped: [start, part(bytes, 1, 2), part(bytes, 0, 1), part(bytes, 2, 3)],
      repeated: [start, part(bytes, 0, 1), part(bytes, 0, 3)],
      foreign: [start, part(bytes, 0, 1), part(other, 1, 2), part(bytes, 2, 3)],
    };
    for (const [name, parts] of Object.entries(forgeries)) {
      expect(await reading(directory, Buffer.concat(parts)), name).toMatchObject({ code: 'SPOOL_DAMAGED' });
    }
  });

  it('is refused when a record claims to be larger than any can be, even with the right checksum', async () => {
    const { directory, bytes, ends } = await threeBatches();
    bytes.writeUInt32LE(0x7fff_ffff, ends[0]);
    bytes.writeUInt32LE(crc32(bytes.subarray(ends[0], ends[0]! + 12)), ends[0]! + 12);
    expect(await reading(directory, bytes)).toMatchObject({ code: 'SPOOL_DAMAGED' });
  });

  it('is left as it is, and its lock given back, so that its owner may look', async () => {
    const { directory, path, bytes } = await threeBatches();
    bytes[bytes.length - 40]! ^= 1;
    await writeFile(path, bytes);
    for (let attempt = 0; attempt < 2; attempt++) {
      await expect(Spool.open(directory, NOW_MS)).rejects.toMatchObject({ code: 'SPOOL_DAMAGED' });
    }
    expect(await readFile(path)).toEqual(bytes);
  });

  it('is refused with the key’s path when its key was cut short, without touching the batches', async () => {
    const { directory, path, bytes } = await threeBatches();
    await truncate(join(directory, 'spool.key'), 30);
    await expect(Spool.open(directory, NOW_MS)).rejects.toMatchObject({ code: 'SPOOL_DAMAGED', message: expect.stringContaining('spool.key') as unknown });
    expect(await readFile(path)).toEqual(bytes);
  });

  it('opens empty after its file was moved away under another name in the same folder, as the error advises', async () => {
    const { directory, path, bytes } = await threeBatches();
    await cp(path, join(directory, 'damaged.spool'));
    await cp(path, join(directory, '7 old.spool'));
    const spool = await open(directory);
    expect(texts(spool)).toEqual(['one', 'two', 'three']);
    expect(await readFile(join(directory, 'damaged.spool'))).toEqual(bytes);
  });
});

describe('the file of a queue', () => {
  const BIG = 512 * 1024;
  /** Writes a queue of small batches that nobody acknowledged. */
  async function writeQueue(directory: string, count: number): Promise<void> {
    await (await open(directory)).close();
    const spoolKey = Buffer.from((await readFile(join(directory, 'spool.key'), 'utf8')).trim(), 'hex');
    const header = spoolHeader(randomBytes(16));
    const keys = spoolKeys(spoolKey, header);
    const parts = [header];
    let chain = spoolChain(header);
    for (let number = 0; number < count; number++) {
      const batch = { bootEpoch: 1, sequence: number, channel: 'data', frame: Buffer.alloc(40) } as const;
      const record = sealSpoolRecord({ type: 'batch', batch, states: {} }, number, chain, keys);
      parts.push(record.header, record.sealed);
      chain = record.chain;
    }
    await writeFile(await onlyFile(directory), Buffer.concat(parts));
  }

  const digest = ({ frame }: SpooledBatch): string => createHash('sha256').update(frame).digest('hex');
  const big = (spool: Spool, sequence: number): Promise<SpooledBatch> => spool.put('data', () => Buffer.alloc(BIG, sequence), states(sequence));

  it('is rewritten with what is still needed, and shrinks, while nothing is lost', async () => {
    const directory = folder();
    const spool = await open(directory);
    const kept = await big(spool, 1);
    let largest = 0;
    for (let sequence = 2; sequence < 20; sequence++) {
      spool.acknowledge(await big(spool, sequence));
      const path = await onlyFile(directory);
      largest = Math.max(largest, (await stat(path)).size);
    }
    expect(largest).toBeLessThan(8 * BIG);
    const last = await big(spool, 20);
    const again = await open(await killed(directory));
    expect([digest(again.pending[0]!), digest(again.pending.at(-1)!)]).toEqual([digest(kept), digest(last)]);
    expect(again.states).toEqual(states(20));
    await spool.close();
    expect((await open(directory)).pending.map(digest)).toEqual([kept, last].map(digest));
  });

  it('is not rewritten with every put however many small batches wait', async () => {
    const directory = folder();
    await writeQueue(directory, 40_000);
    const spool = await open(directory);
    expect(spool.pending).toHaveLength(40_000);
    const before = await spoolFiles(directory);
    for (let count = 0; count < 20; count++) await spool.put('data', () => Buffer.alloc(40), states(count));
    expect(await spoolFiles(directory)).toEqual(before);
  });

  it('replaces an older one that a kill left beside it, and half-written ones', async () => {
    const directory = folder();
    const spool = await open(directory);
    const older = await onlyFile(directory);
    await put(spool, 'one');
    const before = await readFile(older);
    await spool.close();
    const next = await open(directory);
    await put(next, 'two');
    await next.close();
    await writeFile(older, before, { mode: 0o600 });
    await writeFile(join(directory, '.000000000003.spool.0123456789abcdef.tmp'), before, { mode: 0o600 });
    const again = await open(directory);
    expect(texts(again)).toEqual(['one', 'two']);
    await again.close();
    expect((await readdir(directory)).sort()).toEqual(['000000000003.spool', 'spool.key']);
  });
});

/** Mounts a file system of 1 MiB where that is allowed. */
function smallDisk(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined;
  const at = execFileSync('mktemp', ['-d', join(tmpdir(), 'thrum-disk-XXXXXX')]).toString().trim();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', at], { stdio: 'ignore' });
    return at;
  } catch {
    execFileSync('rmdir', [at]);
    return undefined;
  }
}

const disk = smallDisk();
afterAll(() => {
  if (disk === undefined) return;
  execFileSync('umount', [disk]);
  execFileSync('rmdir', [disk]);
});

describe.skipIf(disk === undefined)('a full disk', () => {
  it('is said plainly, and what was put before is still there', async () => {
    const directory = join(disk!, 'queue');
    const spool = await open(directory);
    let kept = 0;
    const fill = async (): Promise<void> => {
      for (; kept < 100; kept++) await spool.put('data', () => Buffer.alloc(60_000, kept), states(kept + 1));
    };
    await expect(fill()).rejects.toMatchObject({ code: 'SPOOL_FAILED', message: expect.stringMatching(/queue.*the disk is full/) as unknown });
    expect(kept).toBeGreaterThan(5);
    expect(spool.pending).toHaveLength(kept);
    expect(spool.states).toEqual(states(kept));
    await expect(put(spool, 'more')).rejects.toMatchObject({ code: expect.stringMatching(/SPOOL_FAILED|GATEWAY_STOPPED/) as unknown });
    await spool.close();

    const elsewhere = await open(await killed(directory));
    expect(elsewhere.pending.map(({ frame }) => frame[0])).toEqual(Array.from({ length: kept }, (_, index) => index));
    expect(elsewhere.states).toEqual(states(kept));
  });

  it('is said at the start too, and leaves the queue as it was', async () => {
    const directory = join(disk!, 'queue');
    await expect(Spool.open(directory, NOW_MS)).rejects.toMatchObject({ code: 'SPOOL_FAILED', message: expect.stringContaining('disk is full') as unknown });
    expect(await readdir(directory)).not.toContain('lock');
    expect((await readdir(directory)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});
