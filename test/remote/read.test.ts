/** What several brokers brought to one bucket is read as one log, each batch once, and every alteration of it is found. */
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fillSegments, keysOf, makeHome, makeProject, type TestHome } from '../../broker/broker.fixture.ts';
import { isConnection, listLogs, openRemote, readLogs, rewrapLog, shredFrom, startUploader, verifyProject, type Project, type Remote, type SegmentSource } from '../../broker/mod.ts';
import { remoteSource } from '../../broker/remote/remote-source.ts';
import { objectKeysOf } from '../../broker/remote/remote.ts';
import { readWriterId } from '../../broker/remote/writer-id.ts';
import type { SegmentFile } from '../../broker/store/segment-files.ts';
import type { Verdict } from './fault-proxy.fixture.ts';
import { startServers, type Servers } from './servers.fixture.ts';

const random = (): number => 0.5;

let servers: Servers;
let remote: Remote;
let first: TestHome;
let second: TestHome;
let project: Project;

/** Two brokers' homes with the same keys and projects, and a store of its own each. */
beforeEach(async () => {
  servers = await startServers();
  remote = await openRemote(servers.address);
  first = await makeHome();
  project = await makeProject(first);
  second = await makeHome();
  for (const part of ['keys', 'projects']) await cp(join(first.root, part), join(second.root, part), { recursive: true });
});
afterEach(async () => {
  remote.close();
  await servers.close();
  await first.remove();
  await second.remove();
});

async function upload(home: TestHome): Promise<void> {
  const uploader = await startUploader({ remote, store: home.store, keep: false, random, hurry: 20, onTrouble: () => undefined });
  expect(await uploader.finish(30_000)).toBe(0);
}

async function stored(home: TestHome): Promise<number[]> {
  const logs = await listLogs(home.store, project.projectId, remote, random);
  const sequences: number[] = [];
  for await (const item of readLogs(logs.map(({ source }) => source), project.projectId, keysOf(first.root))) if (!isConnection(item)) sequences.push(item.batch.sequence);
  return sequences.sort((a, b) => a - b);
}

/** The writer's log as nobody but the bucket has it. */
async function remoteLog(home: TestHome): Promise<SegmentSource> {
  return remoteSource({ remote, projectId: project.projectId, writerId: (await readWriterId(join(home.store, project.projectId)))!, random });
}

async function findings(source: SegmentSource, inUse = false): Promise<string[]> {
  const { findings: found } = await verifyProject(source, project.projectId, first.keys, { inUse });
  return found.map(({ what }) => what);
}

async function objectOf(home: TestHome, file: SegmentFile): Promise<{ segment: string; key: string }> {
  return objectKeysOf(remote.address, project.projectId, (await readWriterId(join(home.store, project.projectId)))!, file);
}

describe('two brokers and one bucket', () => {
  it('give each batch once, also one that both stored, from either home, and from a home with an empty store', async () => {
    await fillSegments(first, project.projectId, [[0, 1], [2, 3]]);
    await fillSegments(second, project.projectId, [[3, 4], [1, 5]]);
    await upload(first);
    await upload(second);
    const third = await makeHome();
    for (const home of [first, second, third]) expect(await stored(home)).toEqual([0, 1, 2, 3, 4, 5]);
    await third.remove();
  });

  it('give what has not gone up yet too, at home', async () => {
    await fillSegments(first, project.projectId, [[0], [1]]);
    await upload(first);
    await fillSegments(first, project.projectId, [[2]]);
    await fillSegments(second, project.projectId, [[9]]);
    await upload(second);
    expect(await stored(first)).toEqual([0, 1, 2, 9]);
    expect(await stored(second)).toEqual([0, 1, 9]);
  });

  it('have a log each that checks without fault, at home and in the bucket', async () => {
    await fillSegments(first, project.projectId, [[0], [1], [2]]);
    await upload(first);
    const [own] = await listLogs(first.store, project.projectId, remote, random);
    expect(await findings(own!.source)).toEqual([]);
    expect(await findings(await remoteLog(first))).toEqual([]);
  });

  it('are said to be elsewhere when nobody says where', async () => {
    await fillSegments(first, project.projectId, [[0], [1]]);
    await upload(first);
    await expect(listLogs(first.store, project.projectId, undefined, random)).rejects.toMatchObject({ code: 'REMOTE_ADDRESS' });
  });
});

describe('an alteration in the bucket or the table', () => {
  let files: SegmentFile[];
  let log: SegmentSource;

  beforeEach(async () => {
    await fillSegments(first, project.projectId, [[0], [1], [2]]);
    await upload(first);
    log = await remoteLog(first);
    files = await log.list();
  });

  it('of any byte of a segment is found', async () => {
    const { segment } = await objectOf(first, files[1]!);
    const { bytes } = (await remote.bucket.get(segment))!;
    for (const at of [0, 100, 200, bytes.length - 1]) {
      const altered = Buffer.from(bytes);
      altered[at]! ^= 1;
      await remote.bucket.put(segment, altered);
      expect(await findings(await remoteLog(first)), `byte ${at}`).not.toEqual([]);
    }
  });

  it('that takes away a row, an object, or a key file is found', async () => {
    const rows = [];
    for await (const row of remote.table.list(project.projectId)) rows.push(row);
    await remote.table.remove(rows[1]!);
    expect((await findings(await remoteLog(first))).join()).toContain('segment 2 is missing');
    await remote.table.putNew(rows[1]!);
    await remote.table.remove(rows[2]!);
    expect((await findings(await remoteLog(first))).join()).toContain('its segment is missing');
    await remote.table.putNew(rows[2]!);
    expect(await findings(await remoteLog(first))).toEqual([]);
    const { segment, key } = await objectOf(first, files[0]!);
    await remote.bucket.remove(key);
    expect((await findings(await remoteLog(first))).join()).toContain('it is missing');
    await remote.bucket.remove(segment);
    expect((await findings(await remoteLog(first))).join()).toContain('it is missing');
  });

  it('that gives one writer another one’s segment is found', async () => {
    await fillSegments(second, project.projectId, [[7], [8], [9]]);
    await upload(second);
    const [, theirs] = await (await remoteLog(second)).list();
    const [from, to] = [await objectOf(second, theirs!), await objectOf(first, files[1]!)];
    for (const part of ['segment', 'key'] as const) await remote.bucket.put(to[part], (await remote.bucket.get(from[part]))!.bytes);
    expect(await findings(await remoteLog(first))).not.toEqual([]);
  });
});

describe('changes of what is in the bucket', () => {
  beforeEach(async () => {
    await fillSegments(first, project.projectId, [[0], [1], [2]]);
    await upload(first);
  });

  it('put data keys under another key, and the local copy’s with them', async () => {
    const { keyId } = await first.keys.createKey({ owner: 'customer' });
    await first.keys.grant(keyId, project.projectId);
    const [own] = await listLogs(first.store, project.projectId, remote, random);
    await rewrapLog({ source: own!.source, projectId: project.projectId, keyId, keys: first.keys });
    for (const source of [own!.source, await remoteLog(first)]) {
      for (const file of await source.list()) expect((await source.readKeyFile(file)).keyId).toBe(keyId);
      expect(await findings(source)).toEqual([]);
    }
    expect(await stored(first)).toEqual([0, 1, 2]);
  });

  it('refuse to overwrite a key file that somebody else changed meanwhile, and take theirs up', async () => {
    const log = await remoteLog(first);
    const [file] = await log.list();
    const { key } = await objectOf(first, file!);
    const mine = await log.readKeyFile(file!);
    const { bytes: theirs } = (await remote.bucket.get(key))!;
    let interfered = 0;
    servers.s3.decide = async ({ operation, headers }): Promise<Verdict> => {
      if (operation === 'PutObject' && headers['if-match'] !== undefined && interfered++ === 0) await remote.bucket.put(key, Buffer.concat([theirs, Buffer.from('x')]));
      return 'pass';
    };
    await log.replaceKeyFile(file!, { ...mine, keyId: 'another' });
    expect(servers.s3.seen.filter(({ operation, headers }) => operation === 'PutObject' && headers['if-match'] !== undefined)).toHaveLength(2);
    expect((await log.readKeyFile(file!)).keyId).toBe('another');
  });

  it('write segments anew without what is shredded, and a check of the rest finds no fault', async () => {
    const [own] = await listLogs(first.store, project.projectId, remote, random);
    await shredFrom({ source: own!.source, projectId: project.projectId, keyId: project.keyId, keys: first.keys }, { gateways: new Set(['00124b0000000001']), sensors: new Set() });
    expect(await stored(first)).toEqual([]);
    expect(await findings(own!.source)).toEqual([]);
    expect(await findings(await remoteLog(first))).toEqual([]);
  });

  it('refuse to overwrite a list of changes that somebody else wrote since it was read', async () => {
    const [mine, theirs] = [await remoteLog(first), await remoteLog(first)];
    expect(await mine.readAmendments()).toBeUndefined();
    await theirs.replaceAmendments(Buffer.from('theirs'));
    await expect(mine.replaceAmendments(Buffer.from('mine'))).rejects.toMatchObject({ code: 'REMOTE_CONFLICT' });
    expect(String(await mine.readAmendments())).toBe('theirs');
    await mine.replaceAmendments(Buffer.from('mine'));
    await mine.replaceAmendments(Buffer.from('mine again'));
    expect(String(await theirs.readAmendments())).toBe('mine again');
  });

  it('destroy a whole log', async () => {
    await (await remoteLog(first)).destroy();
    expect((await servers.everything()).includes('.seg')).toBe(false);
    for await (const row of remote.table.list(project.projectId)) expect(row).toBeUndefined();
  });
});
