/** Segments go to bucket and table whole, once, and past every fault; local copies go only after. Real servers, real sockets. */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fillSegments, makeHome, makeProject, storeFiles, type TestHome } from '../../broker/broker.fixture.ts';
import { openRemote, startUploader, type Remote } from '../../broker/mod.ts';
import { objectKeysOf } from '../../broker/remote/remote.ts';
import type { Row } from '../../broker/remote/table.ts';
import { PART_BYTES } from '../../broker/remote/upload.ts';
import { readWriterId } from '../../broker/remote/writer-id.ts';
import { listSegments, type SegmentFile } from '../../broker/store/segment-files.ts';
import type { Seen, Verdict } from './fault-proxy.fixture.ts';
import { startServers, type Servers } from './servers.fixture.ts';

const HURRY = 20;
/** Long enough for a busy machine; short where a server is silent. */
const REQUEST_MS = 20_000;
const SILENT_MS = 3_000;
const GRACE_MS = 60_000;

let home: TestHome;
let projectId: string;
let directory: string;
let servers: Servers;
let remote: Remote;
let troubles: (string | undefined)[];

beforeEach(async () => {
  home = await makeHome();
  ({ projectId } = await makeProject(home));
  directory = join(home.store, projectId);
  troubles = [];
});
afterEach(async () => {
  remote.close();
  await servers.close();
  await home.remove();
});

async function serve(kind?: 's3' | 'documented s3', requestMs = REQUEST_MS): Promise<void> {
  servers = await startServers(kind);
  remote = await openRemote(servers.address, requestMs);
}

/** Brings up all that is closed, and returns how many segments stayed behind. */
async function upload(keep = false, graceMs = GRACE_MS): Promise<number> {
  const uploader = await startUploader({ remote, store: home.store, keep, random: () => 0.5, hurry: HURRY, onTrouble: (error) => troubles.push(error?.message) });
  return uploader.finish(graceMs);
}

async function rows(): Promise<Row[]> {
  const found: Row[] = [];
  for await (const row of remote.table.list(projectId)) found.push(row);
  return found;
}

/** A segment long enough for several parts. Its bytes stand for sealed ones: nobody looks into them here. */
async function addLongSegment(ordinal: number): Promise<SegmentFile> {
  const segmentId = randomBytes(16).toString('hex');
  const stem = join(directory, `${String(ordinal).padStart(12, '0')}-${segmentId}`);
  await mkdir(directory, { recursive: true });
  await writeFile(`${stem}.key`, randomBytes(200));
  await writeFile(`${stem}.seg`, randomBytes(PART_BYTES + 1000));
  return { ordinal, segmentId, path: `${stem}.seg`, keyPath: `${stem}.key` };
}

/** What is in the bucket is what was on disk, and there is one row for it. */
async function expectThere(file: SegmentFile, bytes: Buffer, keyBytes: Buffer): Promise<void> {
  const writerId = (await readWriterId(directory))!;
  const keys = objectKeysOf(remote.address, projectId, writerId, file);
  expect((await remote.bucket.get(keys.segment))?.bytes.equals(bytes)).toBe(true);
  expect((await remote.bucket.get(keys.key))?.bytes.equals(keyBytes)).toBe(true);
  expect((await rows()).filter(({ ordinal }) => ordinal === file.ordinal)).toEqual([
    { projectId, writerId, ordinal: file.ordinal, segmentId: file.segmentId, bytes: bytes.length, rewritten: false },
  ]);
}

/** The first request of an operation, counted from `which`, meets a fault; every other passes. */
function once(operation: string, verdict: Verdict, times = 1): (seen: Seen) => Verdict {
  let left = times;
  return (seen) => (seen.operation === operation && left-- > 0 ? verdict : 'pass');
}

describe('segments in bucket and table', () => {
  it('go up under their writer, and local copies go once each has its row, but for the newest', async () => {
    await serve();
    await fillSegments(home, projectId, [[0, 1], [2], [3]]);
    const before = await listSegments(directory);
    const bytes = await Promise.all(before.map(({ path }) => readFile(path)));
    const keys = await Promise.all(before.map(({ keyPath }) => readFile(keyPath)));
    expect(await upload()).toBe(0);
    expect(await readWriterId(directory)).toBe(before[0]!.segmentId);
    for (const [index, file] of before.entries()) await expectThere(file, bytes[index]!, keys[index]!);
    expect(await storeFiles(home, projectId, '.seg')).toEqual([before[2]!.path]);
    expect(await storeFiles(home, projectId, '.key')).toEqual([before[2]!.keyPath]);
    expect(troubles).toEqual([]);
  });

  it('stay here too when told to', async () => {
    await serve();
    await fillSegments(home, projectId, [[0], [1]]);
    expect(await upload(true)).toBe(0);
    expect(await storeFiles(home, projectId, '.seg')).toHaveLength(2);
    expect(await rows()).toHaveLength(2);
  });

  it('let the log go on where it was: nothing is stored twice, and the next start brings up what followed', async () => {
    await serve();
    await fillSegments(home, projectId, [[0], [1]]);
    await upload();
    await fillSegments(home, projectId, [[0, 1, 2]]);
    expect(await upload()).toBe(0);
    expect((await rows()).map(({ ordinal }) => ordinal)).toEqual([1, 2, 3]);
    expect(await storeFiles(home, projectId, '.seg')).toHaveLength(1);
  });

  it('give up a local copy whose removal was cut short', async () => {
    await serve();
    await fillSegments(home, projectId, [[0], [1]]);
    await upload(true);
    await rm((await listSegments(directory))[0]!.keyPath);
    expect(await upload()).toBe(0);
    expect(await storeFiles(home, projectId, '.seg')).toHaveLength(1);
  });

  it('show no names, gateways or times in bucket and table', async () => {
    await serve();
    await fillSegments(home, projectId, [[0, 1]]);
    await upload();
    const all = await servers.everything();
    for (const secret of ['Mill', '00124b0000000001', '00124b00000000aa']) expect(all.includes(secret)).toBe(false);
    for (const secret of ['00124b0000000001', '00124b00000000aa']) expect(all.includes(Buffer.from(secret, 'hex'))).toBe(false);
  });

  it('are refused by the table when a copied store writes under the same name, and stay here', async () => {
    await serve();
    await fillSegments(home, projectId, [[0]]);
    await upload(true);
    const copied = await readFile(join(directory, 'writer'));
    await rm(directory, { recursive: true });
    await fillSegments(home, projectId, [[1], [2]]);
    await writeFile(join(directory, 'writer'), copied);
    expect(await upload()).toBe(2);
    expect(troubles.join()).toContain('another broker has stored segment 1');
    expect(await storeFiles(home, projectId, '.seg')).toHaveLength(2);
  });
});

describe.each(['s3', 'documented s3'] as const)('a long segment on a server as %s', (kind) => {
  const faults: [string, (seen: Seen) => Verdict][] = [
    ['nothing', () => 'pass'],
    ['500 at the key file', once('PutObject', { status: 500, code: 'InternalError' }, 3)],
    ['503 SlowDown at a part', once('UploadPart', { status: 503, code: 'SlowDown' }, 4)],
    ['a connection cut in the middle of a part', once('UploadPart', 'cut request', 2)],
    ['a lost answer to a part', once('UploadPart', 'cut before answer', 2)],
    ['an answer cut in its middle', once('CompleteMultipartUpload', 'cut in answer')],
    ['a lost answer to the completion, which is then asked for twice', once('CompleteMultipartUpload', 'cut before answer')],
    ['500 at the completion', once('CompleteMultipartUpload', { status: 500, code: 'InternalError' }, 2)],
    ['an upload that expired', once('UploadPart', { status: 404, code: 'NoSuchUpload' })],
    ['an upload that expired before its completion', once('CompleteMultipartUpload', { status: 404, code: 'NoSuchUpload' })],
    ['a byte altered on the way', once('UploadPart', 'corrupt')],
    ['a completion that meets another', once('CompleteMultipartUpload', { status: 409, code: 'ConditionalRequestConflict' })],
    ['silence at a part', once('UploadPart', 'silence')],
    ['credentials that have expired', once('CreateMultipartUpload', { status: 400, code: 'ExpiredToken' }, 2)],
    ['a permission taken away for a while', once('PutObject', { status: 403, code: 'AccessDenied' }, 3)],
  ];

  it.each(faults)('goes up past %s', { timeout: 90_000 }, async (what, decide) => {
    await serve(kind, what.startsWith('silence') ? SILENT_MS : REQUEST_MS);
    const file = await addLongSegment(1);
    await addLongSegment(2);
    const [bytes, keyBytes] = await Promise.all([readFile(file.path), readFile(file.keyPath)]);
    servers.s3.decide = decide;
    expect(await upload(true)).toBe(0);
    await expectThere(file, bytes, keyBytes);
    expect(troubles.at(-1)).toBeUndefined();
  });

  it('leaves no unfinished upload where the server can tell', async () => {
    await serve(kind);
    await addLongSegment(1);
    await addLongSegment(2);
    servers.s3.decide = once('UploadPart', { status: 404, code: 'NoSuchUpload' });
    await upload(true);
    expect(await remote.bucket.listUploads('')).toEqual([]);
  });
});

describe('the table', () => {
  it.each([
    ['throttles', once('PutItem', { status: 400, code: 'ProvisionedThroughputExceededException' }, 5)],
    ['fails', once('PutItem', { status: 500, code: 'InternalServerError' }, 3)],
    ['has done what its answer, which was lost, would have said', once('PutItem', 'cut before answer')],
    ['is silent', once('Query', 'silence')],
  ] satisfies [string, (seen: Seen) => Verdict][])('gets its one row although it %s', async (what, decide) => {
    await serve(undefined, what.includes('silent') ? SILENT_MS : REQUEST_MS);
    await fillSegments(home, projectId, [[0], [1]]);
    servers.dynamodb.decide = decide;
    expect(await upload()).toBe(0);
    expect((await rows()).map(({ ordinal }) => ordinal)).toEqual([1, 2]);
  });
});

describe('an outage', () => {
  it('keeps all here, is told once with its reason, and once when it is over', async () => {
    await serve();
    await fillSegments(home, projectId, [[0], [1]]);
    servers.s3.decide = () => ({ status: 503, code: 'SlowDown' });
    expect(await upload(false, 300)).toBe(2);
    expect(await storeFiles(home, projectId, '.seg')).toHaveLength(2);
    expect(await rows()).toEqual([]);
    expect(new Set(troubles).size).toBe(1);
    expect(troubles[0]).toContain('503 SlowDown');
    servers.s3.decide = () => 'pass';
    expect(await upload()).toBe(0);
  });
});
