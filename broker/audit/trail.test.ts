import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ACCOUNT, contentsOf, eventOf, NOW_MS, trailIn, withHome } from './audit.fixture.ts';
import { EVENT_BYTES_AT_ONCE } from './flood.ts';
import { REFUSAL_WINDOW_MS, REFUSALS_MAX, STRANGERS_MAX } from './refusals.ts';
import { RECORD_BYTES_MAX } from './trail-format.ts';

const iso = (ms: number): string => new Date(ms).toISOString();
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

it('gives back what was recorded, in order, in the shape of CloudTrail', async () => {
  await withHome(async (root) => {
    const trail = trailIn(root);
    trail.record(eventOf(1));
    trail.record(eventOf(2, { errorCode: 'AccessDenied', errorMessage: 'not allowed', sourceIpAddress: '192.0.2.7', readOnly: true }));
    await trail.flush();
    const { records, faults } = await contentsOf(trailIn(root));
    expect(faults).toEqual([]);
    expect(records[0]).toMatchObject({
      eventVersion: '1.11', eventTime: '2025-10-09T08:53:20Z', eventSource: 'thrum', eventName: 'Event1', awsRegion: 'us-east-1', sourceIPAddress: 'local',
      userIdentity: { type: 'Root', accountId: '123456789012' }, requestParameters: { number: 1 }, responseElements: null, readOnly: false,
      resources: [{ ARN: 'arn:thrum:store:::project/p-0000000000000001', accountId: '123456789012' }], recipientAccountId: '123456789012',
    });
    expect(records[0]).not.toHaveProperty('errorCode');
    expect(records[1]).toMatchObject({ errorCode: 'AccessDenied', errorMessage: 'not allowed', sourceIPAddress: '192.0.2.7', readOnly: true });
    expect(records[0]!.eventID).not.toBe(records[1]!.eventID);
  });
});

it('goes on where another trail object ended, without gaps', async () => {
  await withHome(async (root) => {
    for (let number = 1; number <= 3; number++) {
      const trail = trailIn(root);
      trail.record(eventOf(number));
      await trail.close();
    }
    expect(await contentsOf(trailIn(root))).toMatchObject({ names: ['Event1', 'Event2', 'Event3'], faults: [] });
    expect((await readdir(join(root, 'audit'))).filter((name) => name.endsWith('.audit'))).toHaveLength(1);
  });
});

it('leaves nothing of a record readable in its files, and no file but for their owner', async () => {
  await withHome(async (root) => {
    const trail = trailIn(root);
    trail.record(eventOf(1, { eventName: 'VerySecretName' }));
    await trail.close();
    for (const name of await readdir(join(root, 'audit'))) {
      expect((await readFile(join(root, 'audit', name))).includes('VerySecretName')).toBe(false);
    }
  });
});

it('takes an event without waiting, also while the trail cannot be written, and tells the gap when it can again', async () => {
  await withHome(async (root) => {
    const trail = trailIn(root, { queueMax: 4 });
    trail.record(eventOf(0));
    await trail.flush();
    await rename(join(root, 'audit'), join(root, 'away'));
    await writeFile(join(root, 'audit'), 'a file where the folder was'); // every write fails from now on
    for (let number = 1; number <= 10; number++) trail.record(eventOf(number));
    await expect(trail.flush()).rejects.toThrow();
    expect(trail.trouble).toBeDefined();
    await rm(join(root, 'audit'));
    await rename(join(root, 'away'), join(root, 'audit'));
    await trail.flush();
    const { names, records, faults } = await contentsOf(trailIn(root));
    expect(faults).toEqual([]);
    expect(names).toEqual(['Event0', 'AuditRecordsLost', 'Event1', 'Event2', 'Event3', 'Event4']);
    expect(records[1]).toMatchObject({ requestParameters: { records: 6 }, errorMessage: expect.stringContaining('could not be written') as string });
  });
});

/** A disk of 64 kB; false where none can be made. */
function mountSmallDisk(directory: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', directory], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

it('survives a full disk: nobody waits for it, and once there is room the trail says what is missing', async ({ skip }) => {
  await withHome(async (root) => {
    const directory = join(root, 'audit');
    await mkdir(directory);
    if (!mountSmallDisk(directory)) return skip();
    try {
      const trail = trailIn(root, { queueMax: 4 });
      trail.record(eventOf(0));
      await trail.flush();
      let written = 0;
      await writeFile(join(directory, 'filler'), Buffer.alloc(2 ** 20)).catch((error: unknown) => expect(error).toMatchObject({ code: 'ENOSPC' }));
      for (let number = 1; number <= 500; number++) {
        trail.record(eventOf(number));
        await trail.flush().then(() => (written = number), () => undefined);
      }
      expect(trail.trouble).toBeDefined();
      expect(written).toBeLessThan(500);
      expect((await contentsOf(trailIn(root))).faults).toEqual([]);
      await rm(join(directory, 'filler'));
      await trail.flush();
      const { names, records, faults } = await contentsOf(trailIn(root));
      expect(faults).toEqual([]);
      expect(new Set(names).size).toBe(names.length); // nothing twice
      const lost = records.find(({ eventName }) => eventName === 'AuditRecordsLost');
      expect((lost?.requestParameters as { records: number }).records + names.length - 1).toBe(501);
    } finally {
      execFileSync('umount', [directory]);
    }
  });
});

it('writes equal refusals down once and counts the rest; of too many different ones it counts the rest too', async () => {
  await withHome(async (root) => {
    let nowMs = NOW_MS;
    const trail = trailIn(root, { now: () => nowMs });
    const refused = (principal: string): void => trail.record(eventOf(1, { eventName: 'Admit', errorCode: 'ADMISSION_REVOKED', principal }));
    for (let i = 0; i < 1000; i++) refused('certificate/aa');
    for (let i = 0; i < 1000; i++) refused(`certificate/${i}`);
    await trail.flush();
    expect((await contentsOf(trail)).names).toHaveLength(REFUSALS_MAX);
    nowMs += REFUSAL_WINDOW_MS;
    refused('certificate/aa');
    await trail.flush();
    const { records } = await contentsOf(trail);
    expect(records.slice(REFUSALS_MAX).map(({ additionalEventData, userIdentity }) => [userIdentity.arn, additionalEventData?.['repeats']])).toEqual([
      ['certificate/aa', 999], ['unknown', 1000 - (REFUSALS_MAX - 1)], ['certificate/aa', undefined],
    ]);
  });
});

it('keeps who was refused apart from strangers, however many they are', async () => {
  await withHome(async (root) => {
    let nowMs = NOW_MS;
    const trail = trailIn(root, { now: () => nowMs });
    const refused = (principal: string, eventName: string): void => trail.record(eventOf(1, { eventName, errorCode: 'AccessDenied', principal }));
    for (let i = 0; i < 1000; i++) refused(i % 2 === 0 ? 'anonymous' : 'unknown', `Invented${i}`);
    for (let i = 0; i < 3; i++) refused('arn:aws:iam::123456789012:user/ana', 'Decrypt');
    nowMs += REFUSAL_WINDOW_MS;
    trail.record(eventOf(2));
    await trail.flush();
    const { records } = await contentsOf(trail);
    const told = records.map(({ eventName, userIdentity, additionalEventData }) => [eventName, userIdentity.arn, additionalEventData?.['repeats']]);
    expect(told).toHaveLength(STRANGERS_MAX + 1 + 3);
    expect(told).toContainEqual(['Decrypt', 'arn:aws:iam::123456789012:user/ana', undefined]);
    expect(told).toContainEqual(['Decrypt', 'arn:aws:iam::123456789012:user/ana', 2]);
    expect(told.filter(([, , repeats]) => repeats === 1000 - STRANGERS_MAX)).toHaveLength(1);
  });
});

it('writes down so many bytes of one kind of event, counts the rest as one, and goes on with other kinds', async () => {
  await withHome(async (root) => {
    let nowMs = NOW_MS;
    const trail = trailIn(root, { now: () => nowMs, queueMax: 100_000 });
    const large = { note: ' x'.repeat(400), more: Array(10).fill(' y'.repeat(400)) };
    let recorded = 0;
    for (; recorded * 8000 < EVENT_BYTES_AT_ONCE + 2 ** 20; recorded++) trail.record(eventOf(1, { eventName: 'Decrypt', requestParameters: large }));
    trail.record(eventOf(2, { eventName: 'DisableKey' }));
    nowMs += REFUSAL_WINDOW_MS;
    trail.record(eventOf(3, { eventName: 'Decrypt' }));
    await trail.flush();
    const { records, names, faults } = await contentsOf(trail);
    expect(faults).toEqual([]);
    const written = names.filter((name) => name === 'Decrypt').length;
    expect(names.slice(-3)).toEqual(['DisableKey', 'AuditRecordsLost', 'Decrypt']);
    const lost = recorded + 1 - written;
    expect(lost).toBeGreaterThan(0);
    expect(records.at(-2)).toMatchObject({ requestParameters: { records: lost, from: iso(NOW_MS), until: iso(NOW_MS), events: { Decrypt: lost } }, errorCode: 'AuditRecordsLost' });
    const bytes = (await Promise.all((await readdir(join(root, 'audit'))).map((name) => stat(join(root, 'audit', name))))).reduce((sum, { size }) => sum + size, 0);
    expect(bytes).toBeLessThan(EVENT_BYTES_AT_ONCE * 1.1);
  });
});

it('writes down no secret, however it is reported, and no record that could not be read again', async () => {
  await withHome(async (root) => {
    const trail = trailIn(root);
    trail.record(eventOf(1, {
      requestParameters: {
        Plaintext: 'c2VjcmV0', CiphertextBlob: 'AQIC', GrantTokens: ['tok'], passphrase: 'open sesame', nested: { 'client-secret': 'x', blob: Buffer.alloc(9) }, url: 'https://me:hunter2@host/', keyId: 'k-1',
        __proto__: { evil: true },
      },
      errorCode: 'X', errorMessage: 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.sig \u001b[2J',
    }));
    trail.record(eventOf(2, { principal: '\u{10ffff}"\\\u0007'.repeat(5000), resources: Array.from({ length: 999 }, () => '"\ud800\u0001'.repeat(999)), requestParameters: Object.fromEntries(Array.from({ length: 99 }, (_, i) => [`k${i}`, '\u0001'.repeat(9999)])) }));
    const loop: Record<string, unknown> = {};
    loop['loop'] = loop;
    trail.record(eventOf(3, { requestParameters: loop }));
    trail.record({ ...eventOf(4), requestParameters: { get secret(): never { throw new Error('no'); } } });
    await trail.flush();
    const { records, faults, names } = await contentsOf(trailIn(root));
    expect(faults).toEqual([]);
    const [first] = records.filter(({ eventName }) => eventName === 'Event1');
    expect(first?.requestParameters).toEqual({
      Plaintext: '[redacted]', CiphertextBlob: '[redacted]', GrantTokens: '[redacted]', passphrase: '[redacted]', nested: { 'client-secret': '[redacted]', blob: '[9 bytes]' },
      url: '[redacted: credentials in a URL]', keyId: 'k-1',
    });
    expect(first?.errorMessage).toBe('[redacted: token]');
    expect(names).toContain('AuditRecordsLost'); // the one that throws
    for (const record of records) expect(Buffer.byteLength(JSON.stringify(record))).toBeLessThan(RECORD_BYTES_MAX);
  });
});

it('keeps a policy whole, and its hash, and takes out of it only what holds a credential', async () => {
  await withHome(async (root) => {
    const trail = trailIn(root);
    const statement = (Sid: string, more: object = {}): object => ({ Sid, Effect: 'Deny', Principal: { AWS: `arn:aws:iam::${ACCOUNT}:user/pwd=alice` }, Action: 'kms:*', Resource: '*', ...more });
    const textOf = (...Statement: object[]): string => JSON.stringify({ Version: '2012-10-17', Statement }, null, 2);
    const whole = textOf(...Array.from({ length: 40 }, (_, n) => statement(`S${n}`)), statement('last', { Condition: { StringEquals: { 'aws:PrincipalArn': ['password=hunter2', 'x'] } } }));
    const long = textOf(...Array.from({ length: 90 }, (_, n) => statement(`S${n}`.padEnd(120))));
    expect(long.length).toBeLessThan(32_768);
    for (const [number, text] of [whole, long, 'no policy password=hunter2', '['.repeat(30_000)].entries()) {
      trail.record(eventOf(number, { eventName: 'PutKeyPolicy', requestParameters: { keyId: 'k-1', policy: text } }));
      trail.record(eventOf(number, { eventName: 'AttachUserPolicy', requestParameters: { userName: 'pwd=alice', policyDocument: text } }));
    }
    trail.record(eventOf(9, { eventName: 'Deep', requestParameters: { policy: `${'['.repeat(9000)}${']'.repeat(9000)}` } }));
    await trail.flush();
    const { records, faults } = await contentsOf(trail);
    expect(faults).toEqual([]);
    const told = records.map(({ requestParameters }) => requestParameters as Record<string, string>);
    expect(told[0]).toEqual({ keyId: 'k-1', policy: JSON.stringify(JSON.parse(whole)).replace('password=hunter2', '[redacted: secret]'), policySha256: sha256(whole) });
    expect(told[1]).toMatchObject({ userName: 'pwd=alice', policyDocument: told[0]?.['policy'], policyDocumentSha256: sha256(whole) });
    expect(told[2]).toEqual({ keyId: 'k-1', policy: '[omitted: too large for a record]', policySha256: sha256(long) });
    expect(told[4]).toMatchObject({ policy: '[redacted: secret]' });
    expect(told[8]?.['policy']).toBe(`${'['.repeat(16)}"[too deep]"${']'.repeat(16)}`);
    expect(JSON.stringify(told)).not.toContain('hunter2');
  });
});

it('never takes a principal or a key for a credential', async () => {
  await withHome(async (root) => {
    const trail = trailIn(root);
    const arn = `arn:aws:iam::${ACCOUNT}:user/pwd=alice`;
    trail.record(eventOf(1, {
      principal: arn, resources: [arn], errorCode: 'AccessDeniedException', errorMessage: `User: ${arn} is not authorized`, requestParameters: { granteePrincipal: arn, note: `${arn} has password=hunter2` },
    }));
    await trail.flush();
    const [record] = (await contentsOf(trail)).records;
    expect(record).toMatchObject({
      userIdentity: { arn, userName: 'pwd=alice' }, resources: [{ ARN: arn }], errorMessage: `User: ${arn} is not authorized`, requestParameters: { granteePrincipal: arn, note: '[redacted: secret]' },
    });
  });
});

it('keeps the checkpoints of each project', async () => {
  await withHome(async (root) => {
    const trail = trailIn(root);
    const checkpoint = { projectId: 'p-1', segmentId: 'ab'.repeat(16), ordinal: 3, records: 17, chainHex: 'cd'.repeat(32) };
    trail.recordCheckpoint({ ...checkpoint, projectId: 'p-2' });
    trail.recordCheckpoint(checkpoint);
    await trail.flush();
    expect(await trailIn(root).checkpoints('p-1')).toEqual([checkpoint]);
  });
});

it('refuses a wrong passphrase instead of calling the trail altered, and writes nothing under it', async () => {
  await withHome(async (root) => {
    const opened = (passphrase: string): ReturnType<typeof trailIn> => trailIn(root, { source: { kind: 'passphrase', passphrase } });
    const trail = opened('right');
    trail.record(eventOf(1));
    await trail.close();
    await expect(contentsOf(opened('wrong'))).rejects.toMatchObject({ code: 'KEY_PASSPHRASE' });
    await expect(contentsOf(trailIn(root))).rejects.toMatchObject({ code: 'KEYSTORE_DAMAGED' });
    const wrong = opened('wrong');
    wrong.record(eventOf(2));
    await expect(wrong.flush()).rejects.toMatchObject({ code: 'KEY_PASSPHRASE' });
    expect(await contentsOf(opened('right'))).toMatchObject({ names: ['Event1'], faults: [] });
  });
});
