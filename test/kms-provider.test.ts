/** The key rules, the same for keys of the home and for keys in a KMS on the wire; and what a KMS far away does to a broker. */
import * as sdk from '@aws-sdk/client-kms';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { arrivalOf, makeHome, NOW_MS, publish, type TestHome } from '../broker/broker.fixture.ts';
import { isConnection, KmsEngine, kmsProvider, localSource, ownerCaller, Projects, readProject, routeKeys, Sink, verifyProject, type Project, type ProjectKeys, type RemoteKeys } from '../broker/mod.ts';
import { faultProxy, httpAnswer, type FaultProxy } from './fault-proxy.fixture.ts';
import { ADMIN, serveKeys, type Served } from './kms/served.fixture.ts';

/** Within this time of a key being taken away nothing more may be written or read. */
const BITES_MS = 2_000;

interface Bench {
  readonly home: TestHome;
  readonly keys: ProjectKeys;
  /** An operation as the owner of the keys. */
  readonly call: (operation: string, input?: object) => Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

async function embedded(): Promise<Bench> {
  const home = await makeHome();
  const engine = new KmsEngine({ store: home.keys.store });
  const owner = ownerCaller((await engine.home()).accountId);
  return { home, keys: home.keys, call: async (operation, input = {}) => (await engine.call(operation, input, owner)) as Record<string, unknown>, close: () => home.remove() };
}

interface RemoteBench extends Bench {
  readonly proxy: FaultProxy;
  readonly remote: RemoteKeys;
  readonly served: Served;
  provider(config: sdk.KMSClientConfig): RemoteKeys;
}

async function onTheWire(): Promise<RemoteBench> {
  const home = await makeHome();
  const served = await serveKeys();
  const proxy = await faultProxy(served.server.port);
  const admin = await served.clientOf('admin', ADMIN);
  await served.clientOf('broker', ['console']);
  const { id, secret } = await served.principals.createAccessKey('broker');
  const provider = (config: sdk.KMSClientConfig): RemoteKeys =>
    kmsProvider({ endpoint: proxy.url, region: served.region, grantee: served.arnOf('broker'), config: { credentials: { accessKeyId: id, secretAccessKey: secret }, ...config } });
  const remote = provider({});
  return {
    home, served, proxy, remote, provider,
    keys: routeKeys(home.keys, remote),
    call: async (operation, input = {}) => {
      const Command = (sdk as unknown as Record<string, new (input: object) => Parameters<typeof admin.send>[0]>)[`${operation}Command`]!;
      return (await admin.send(new Command(input))) as unknown as Record<string, unknown>;
    },
    close: async () => {
      remote.close();
      await proxy.close();
      await served.close();
      await home.remove();
    },
  };
}

/** A project under a new key, and the broker's sink. */
interface Running {
  readonly project: Project;
  readonly projects: Projects;
  readonly KeyId: string;
  readonly sink: Sink;
  readonly refusals: (string | undefined)[];
  readonly holds: boolean[];
}

async function run({ home, keys, call }: Bench): Promise<Running> {
  const { KeyMetadata } = (await call('CreateKey')) as unknown as { KeyMetadata: { KeyId: string } };
  await call('CreateAlias', { AliasName: 'alias/plant', TargetKeyId: KeyMetadata.KeyId });
  const projects = new Projects(join(home.root, 'projects'), keys);
  const project = await projects.create('Plant', { key: 'alias/plant', nowMs: NOW_MS });
  const refusals: (string | undefined)[] = [];
  const holds: boolean[] = [];
  const sink = await Sink.open({
    directory: home.store, projects, keys,
    onFatal: (error) => { throw error; },
    onRefusal: (_project, error) => refusals.push((error as { code?: string } | undefined)?.code),
    onHold: (_project, held) => holds.push(held),
  });
  await sink.admit(project.projectId);
  return { project, projects, KeyId: KeyMetadata.KeyId, sink, refusals, holds };
}

async function sequences({ home, keys }: Bench, { projectId }: Project): Promise<number[]> {
  const found: number[] = [];
  for await (const item of readProject(localSource(join(home.store, projectId)), projectId, keys)) if (!isConnection(item)) found.push(item.batch.sequence);
  return found;
}

const until = (condition: () => boolean, timeout = BITES_MS): Promise<void> => vi.waitFor(() => expect(condition()).toBe(true), { timeout, interval: 10 });

describe.each([['of the home', embedded], ['in a KMS on the wire', onTheWire]] as const)('a key %s', { timeout: 60_000 }, (_where, make) => {
  let bench: Bench;
  let running: Running;
  beforeEach(async () => {
    bench = await make();
    running = await run(bench);
  });
  afterEach(async () => {
    await running.sink.close();
    await bench.close();
  });

  it('protects a project, which is written, read, and found by its name', async () => {
    const { project, projects, sink } = running;
    expect(await publish(sink, project.projectId, arrivalOf(0))).toBeUndefined();
    expect(await sequences(bench, project)).toEqual([0]);
    expect(await projects.find('Plant')).toEqual(project);
    expect(project).toMatchObject({ encryption: 'custom', customerId: expect.stringMatching(/^\d{12}$/) as string });
  });

  it('is used by one grant for the project, and by nothing else', async () => {
    const { KeyId, project } = running;
    const { Grants } = (await bench.call('ListGrants', { KeyId })) as unknown as { Grants: object[] };
    expect(Grants).toEqual([expect.objectContaining({
      Operations: ['Decrypt', 'DescribeKey', 'GenerateDataKey', 'ReEncryptFrom', 'ReEncryptTo'],
      Constraints: { EncryptionContextSubset: { 'thrum:project': project.projectId } },
    })]);
    const foreign = { 'thrum:purpose': 'segment', 'thrum:project': 'p-0000000000000000' };
    await expect(bench.keys.generateDataKey(project.keyId, foreign)).rejects.toMatchObject({ code: 'KEY_DENIED' });
    await expect(bench.keys.checkUse(project.keyId, foreign)).rejects.toMatchObject({ code: 'KEY_DENIED' });
  });

  it.each([
    ['disabled', 'DisableKey', 'EnableKey', 'KEY_DISABLED'],
    ['about to be deleted', 'ScheduleKeyDeletion', 'CancelKeyDeletion', 'KEY_DISABLED'],
  ])('that is %s bites within two seconds in writes and reads, and gives all back', async (_what, away, back, code) => {
    const { project, sink, KeyId, refusals } = running;
    expect(await publish(sink, project.projectId, arrivalOf(0))).toBeUndefined();
    await bench.call(away, { KeyId });
    await until(() => refusals.length === 1);
    expect(refusals).toEqual([code]);
    expect(await publish(sink, project.projectId, arrivalOf(1))).toMatchObject({ code });
    await expect(sink.admit(project.projectId)).rejects.toMatchObject({ code });
    await vi.waitFor(() => expect(sequences(bench, project)).rejects.toMatchObject({ code }), { timeout: BITES_MS });
    await bench.call(back, { KeyId });
    await bench.call('EnableKey', { KeyId });
    await until(() => refusals.length === 2, 10_000);
    expect(await publish(sink, project.projectId, arrivalOf(1))).toBeUndefined();
    expect(await sequences(bench, project)).toEqual([0, 1]);
  });

  it('whose grant is revoked bites within two seconds in writes and reads', async () => {
    const { project, sink, KeyId, refusals } = running;
    expect(await publish(sink, project.projectId, arrivalOf(0))).toBeUndefined();
    const { Grants } = (await bench.call('ListGrants', { KeyId })) as unknown as { Grants: [{ GrantId: string }] };
    await bench.call('RevokeGrant', { KeyId, GrantId: Grants[0].GrantId });
    await until(() => refusals.length === 1);
    expect(refusals).toEqual(['KEY_DENIED']);
    expect(await publish(sink, project.projectId, arrivalOf(1))).toMatchObject({ code: 'KEY_DENIED' });
    await vi.waitFor(() => expect(sequences(bench, project)).rejects.toMatchObject({ code: 'KEY_DENIED' }), { timeout: BITES_MS });
  });

  it('bites in a read that is under way', async () => {
    const { project, sink, KeyId } = running;
    for (let n = 0; n < 40; n++) expect(await publish(sink, project.projectId, arrivalOf(n))).toBeUndefined();
    await bench.call('DisableKey', { KeyId });
    const { projectId } = project;
    await bench.call('EnableKey', { KeyId });
    const reading = readProject(localSource(join(bench.home.store, projectId)), projectId, bench.keys);
    await reading.next();
    await bench.call('DisableKey', { KeyId });
    const disabledMs = performance.now();
    const slowly = async (): Promise<void> => {
      for (;;) {
        if ((await reading.next()).done) throw new Error('the read came to its end');
        await new Promise((resolve) => setTimeout(resolve, 100)); // a reader takes its time
      }
    };
    await expect(slowly()).rejects.toMatchObject({ code: 'KEY_DISABLED' });
    expect(performance.now() - disabledMs).toBeLessThan(BITES_MS);
  });

  it('may rotate: what was written before is read after, and data keys are wrapped anew', async () => {
    const { project, sink, KeyId } = running;
    expect(await publish(sink, project.projectId, arrivalOf(0))).toBeUndefined();
    const context = { 'thrum:project': project.projectId };
    const { plaintext, wrapped, keyId } = await bench.keys.generateDataKey(project.keyId, context);
    await bench.call('RotateKeyOnDemand', { KeyId });
    expect(await sequences(bench, project)).toEqual([0]);
    const again = await bench.keys.reEncrypt(wrapped, context, keyId, keyId);
    expect(again.wrapped).not.toEqual(wrapped);
    expect(await bench.keys.decrypt(again.wrapped, context, again.keyId)).toEqual(plaintext);
  });

  it('opens nothing in another context, under another key, or when a byte was altered', async () => {
    const { project } = running;
    const context = { 'thrum:project': project.projectId, a: '1' };
    const { wrapped, keyId } = await bench.keys.generateDataKey(project.keyId, context);
    await expect(bench.keys.decrypt(wrapped, { ...context, a: '2' }, keyId)).rejects.toMatchObject({ code: 'KEY_CIPHERTEXT' });
    wrapped[wrapped.length - 1]! ^= 1;
    await expect(bench.keys.decrypt(wrapped, context, keyId)).rejects.toMatchObject({ code: 'KEY_CIPHERTEXT' });
  });

  it('is not needed any more once its grant is retired, which may be done twice', async () => {
    const { projects, project, KeyId } = running;
    await projects.retireGrant(project.projectId);
    await projects.retireGrant(project.projectId);
    expect(await bench.call('ListGrants', { KeyId })).toMatchObject({ Grants: [] });
  });

  it('that is not there makes no project', async () => {
    await expect(running.projects.create('Other', { key: 'alias/none', nowMs: NOW_MS })).rejects.toMatchObject({ code: 'KEY_NOT_FOUND' });
    expect(await running.projects.ids()).toHaveLength(1);
  });
});

describe('a KMS far away', { timeout: 60_000 }, () => {
  let bench: RemoteBench;
  let running: Running;
  beforeEach(async () => {
    bench = await onTheWire();
    running = await run(bench);
  });
  afterEach(async () => {
    bench.proxy.set('none');
    await running.sink.close();
    await bench.close();
  });

  it.each([
    ['throttles', { answer: httpAnswer('400 Bad Request', '{"__type":"ThrottlingException","message":"Rate exceeded"}') }],
    ['has a fault inside', { answer: httpAnswer('500 Internal Server Error', '{"__type":"KMSInternalException"}') }],
    ['answers nonsense', { answer: httpAnswer('200 OK', '{"Plaintext":"AAAA","CiphertextBlob":""}') }],
    ['answers what is no JSON', { answer: httpAnswer('200 OK', '<html>') }],
    ['cuts connections in the middle', 'cut'],
    ['cannot be reached', 'refuse'],
  ] as const)('and %s for a moment costs a moment', async (_what, fault) => {
    const context = { 'thrum:project': running.project.projectId };
    bench.proxy.set(fault);
    const asked = bench.remote.generateDataKey(running.project.keyId, context);
    await new Promise((resolve) => setTimeout(resolve, 300)); // some tries fail
    bench.proxy.set('none');
    expect((await asked).plaintext).toHaveLength(32);
  });

  it('and is down for a while makes publishes wait; nothing is lost, nothing comes twice', async () => {
    const { sink, project, holds, refusals } = running;
    expect(await publish(sink, project.projectId, arrivalOf(0))).toBeUndefined();
    bench.proxy.set('refuse');
    await until(() => holds.length === 1, 5_000);
    let answered = 0;
    const waiting = [1, 2, 3].map(async (n) => {
      const error = await publish(sink, project.projectId, arrivalOf(n));
      answered += 1;
      return error;
    });
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(answered).toBe(0);
    bench.proxy.set('none');
    expect(await Promise.all(waiting)).toEqual([undefined, undefined, undefined]);
    expect([holds, refusals]).toEqual([[true, false], []]);
    expect(await sequences(bench, project)).toEqual([0, 1, 2, 3]);
  });

  it('and is silent for long refuses in the end, and takes again by itself', async () => {
    const { sink, project, refusals } = running;
    expect(await publish(sink, project.projectId, arrivalOf(0))).toBeUndefined();
    bench.proxy.set('silent');
    await until(() => running.holds.length === 1, 5_000);
    const held = publish(sink, project.projectId, arrivalOf(1));
    await until(() => refusals.length === 1, 15_000);
    expect(refusals).toEqual(['KEY_UNREACHABLE']);
    expect(await held).toMatchObject({ code: 'KEY_UNREACHABLE' });
    bench.proxy.set('none');
    await until(() => refusals.length === 2, 5_000);
    expect(await publish(sink, project.projectId, arrivalOf(1))).toBeUndefined(); // as its gateway sends it again
    await sink.close();
    expect(await sequences(bench, project)).toEqual([0, 1]);
    expect((await verifyProject(localSource(join(bench.home.store, project.projectId)), project.projectId, bench.keys, { inUse: false })).findings).toEqual([]);
  });

  it('and is slow, but within its time, holds nothing up for good', async () => {
    const { sink, project, refusals } = running;
    bench.proxy.set({ slowMs: 300 });
    for (let n = 0; n < 5; n++) expect(await publish(sink, project.projectId, arrivalOf(n))).toBeUndefined();
    expect(refusals).toEqual([]);
  });

  it('whose clock differs is spoken to with its own time', async () => {
    const skewed = bench.provider({ systemClockOffset: -3_600_000 });
    expect(await skewed.describeKey(running.project.keyId)).toMatchObject({ state: 'Enabled' });
    skewed.close();
  });

  it('that does not know the credentials says so at once', async () => {
    const stranger = bench.provider({ credentials: { accessKeyId: 'AKIAAAAAAAAAAAAAAAAA', secretAccessKey: 'x' } });
    await expect(stranger.describeKey(running.project.keyId)).rejects.toMatchObject({ code: 'KEY_DENIED', message: expect.stringContaining('credentials') as string });
    stranger.close();
  });
});
