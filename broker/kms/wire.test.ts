/** The wire of the key service, below its operations: signatures that do not hold, requests that are no requests, limits. */
import { createHash } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { createConnection } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AuditEvent } from '../audit/event.ts';
import { rateLimit } from '../rate-limit.ts';
import { KEY, REGION, send, sign, type SigningWish } from './kms.fixture.ts';
import { startKmsServer, type KmsServer, type KmsServerOptions } from './server.ts';
import { MAX_BODY_BYTES } from './wire-request.ts';

const NOW_MS = 1_760_000_000_000;
const ANA = 'arn:aws:iam::111122223333:user/ana';

let server: KmsServer;
/** What reached the operations. */
let calls: { readonly operation: string; readonly input: unknown; readonly principal: string }[];
let audited: AuditEvent[];
let faults: unknown[];

async function serve(options: Partial<KmsServerOptions> = {}): Promise<void> {
  server = await startKmsServer({
    engine: {
      call: (operation, input, caller) => {
        calls.push({ operation, input, principal: caller.principalArn });
        return Promise.resolve({ Plaintext: 'AAAAAA==' });
      },
    },
    region: REGION,
    findAccessKey: (id) => Promise.resolve(id === KEY.id ? { arn: ANA, policies: [], secondFactor: false, secret: KEY.secret } : undefined),
    host: '127.0.0.1',
    port: 0,
    now: () => NOW_MS,
    audit: (event) => audited.push(event),
    onFault: (error) => faults.push(error),
    ...options,
  });
}

beforeEach(async () => {
  [calls, audited, faults] = [[], [], []];
  await serve();
});
afterEach(() => server.close());

const ask = (wish: Partial<SigningWish> = {}): ReturnType<typeof send> => send(server, sign(server, { timeMs: NOW_MS, ...wish }));

it('a request that is signed by the book is answered, and has an id', async () => {
  const answer = await ask();
  expect(answer).toMatchObject({ status: 200, type: undefined });
  expect(answer.headers['x-amzn-requestid']).toMatch(/^[0-9a-f-]{36}$/);
  expect(answer.headers['content-type']).toBe('application/x-amz-json-1.1');
  expect(calls).toEqual([{ operation: 'GenerateRandom', input: { NumberOfBytes: 4 }, principal: ANA }]);
});

it.each<[string, Partial<SigningWish>]>([
  ['five minutes old', { timeMs: NOW_MS - 300_000 }],
  ['five minutes early', { timeMs: NOW_MS + 300_000 }],
  ['with the hash of its body', { headers: { 'x-amz-content-sha256': createHash('sha256').update('{}').digest('hex') }, body: '{}' }],
  ['without a body', { body: '' }],
])('a request %s is answered', async (_what, wish) => {
  expect((await ask(wish)).status).toBe(200);
});

describe('a signature does not hold', () => {
  const WRONG = 'InvalidSignatureException';
  it.each<[string, Partial<SigningWish>, string, RegExp]>([
    ['with another secret', { secret: 'x'.repeat(40) }, WRONG, /does not match/],
    ['of an access key that nobody has', { id: 'AKIAAAAAAAAAAAAAAAAA' }, 'UnrecognizedClientException', /token .* invalid/],
    ['of an access key called __proto__', { id: '__proto__' }, 'UnrecognizedClientException', /token .* invalid/],
    ['more than five minutes old: it could be a replay', { timeMs: NOW_MS - 301_000 }, WRONG, /^Signature expired: 20251009T084819Z is now earlier than 20251009T084820Z \(20251009T085320Z - 5 min\.\)$/],
    ['more than five minutes early', { timeMs: NOW_MS + 301_000 }, WRONG, /^Signature not yet current/],
    ['for another region', { region: 'eu-west-1' }, WRONG, /valid region/],
    ['for another service', { service: 's3' }, WRONG, /correct service: 'kms'/],
    ['for another day', { scopeDate: '20251008' }, WRONG, /does not match YYYYMMDD/],
    ['that leaves out the host', { leaveOut: ['host'] }, WRONG, /'host' must be signed/],
    ['that leaves out the operation', { leaveOut: ['x-amz-target'] }, WRONG, /'x-amz-target' must be signed/],
    ['that leaves out the date', { leaveOut: ['x-amz-date'] }, WRONG, /'x-amz-date' must be signed/],
    ['with a session token, as there are no sessions', { headers: { 'x-amz-security-token': 'x' } }, 'UnrecognizedClientException', /token .* invalid/],
  ])('%s', async (_what, wish, type, message) => {
    const answer = await ask(wish);
    expect(answer).toMatchObject({ status: 400, type });
    expect(answer.message).toMatch(message);
    expect(answer.headers['x-amzn-errortype']).toBe(type);
    expect(calls).toEqual([]);
    expect(audited).toEqual([expect.objectContaining({ eventName: 'GenerateRandom', errorCode: type, principal: 'anonymous', sourceIpAddress: '127.0.0.1' })]);
    expect(JSON.stringify([answer, audited])).not.toContain(KEY.secret);
  });

  it('over anything that was altered after it was signed', async () => {
    const signed = sign(server, { timeMs: NOW_MS, headers: { 'x-amz-meta': 'a b' } });
    const flipped = signed.headers['authorization']!.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
    const altered: [string, Parameters<typeof send>[1]][] = [
      ['body', { ...signed, body: '{"NumberOfBytes":5}' }],
      ['body cut off', { ...signed, body: '' }],
      ['operation', { ...signed, headers: { ...signed.headers, 'x-amz-target': 'TrentService.Decrypt' } }],
      ['date', { ...signed, headers: { ...signed.headers, 'x-amz-date': '20251009T085321Z' } }],
      ['host', { ...signed, headers: { ...signed.headers, host: 'kms.example.com' } }],
      ['a further signed header', { ...signed, headers: { ...signed.headers, 'x-amz-meta': 'ab' } }],
      ['signature', { ...signed, headers: { ...signed.headers, authorization: flipped } }],
      ['names of signed headers', { ...signed, headers: { ...signed.headers, authorization: signed.headers['authorization']!.replace(';x-amz-meta', '') } }],
      ['a signed header that is not there', { ...signed, headers: { ...signed.headers, authorization: signed.headers['authorization']!.replace('x-amz-meta', 'x-amz-more') } }],
      ['hash of the body', { ...signed, headers: { ...signed.headers, 'x-amz-content-sha256': '0'.repeat(64) } }],
    ];
    for (const [what, request] of altered) expect(await send(server, request), what).toMatchObject({ status: 400, type: WRONG });
    expect(calls).toEqual([]);
    expect((await send(server, signed)).status).toBe(200);
  });

  it.each([
    ['no Authorization', undefined, 'MissingAuthenticationTokenException'],
    ['another kind of it', 'Basic YW5hOmFuYQ==', 'MissingAuthenticationTokenException'],
    ['another algorithm', 'AWS4-ECDSA-P256-SHA256 Credential=a', 'IncompleteSignatureException'],
    ['no fields', 'AWS4-HMAC-SHA256 ', 'IncompleteSignatureException'],
    ['no signature', 'AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host', 'IncompleteSignatureException'],
    ['a scope that is too short', `AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=${'0'.repeat(64)}`, 'IncompleteSignatureException'],
    ['a field twice', 'AWS4-HMAC-SHA256 Credential=a/b/c/d/e, Credential=a/b/c/d/e', 'IncompleteSignatureException'],
    ['a signature that is none', 'AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=0', 'InvalidSignatureException'],
  ])('with %s', async (_what, authorization, type) => {
    const { headers, body } = sign(server, { timeMs: NOW_MS });
    const others = Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'authorization'));
    expect(await send(server, { headers: authorization === undefined ? others : { ...others, authorization }, body: body! })).toMatchObject({ status: 400, type });
    expect(calls).toEqual([]);
  });

  it.each(['', 'yesterday', '20251399T999999Z', '2025-10-09T08:53:20Z', '20251009T085320+0100'])('with the date %j', async (date) => {
    const { status, type } = await ask({ headers: { 'x-amz-date': date }, scopeDate: date.slice(0, 8) || 'x' });
    expect([status, calls]).toEqual([400, []]);
    expect(['IncompleteSignatureException', 'InvalidSignatureException']).toContain(type);
  });
});

it('names of operations that there are not are one name in the audit trail, signed or not', async () => {
  for (const operation of ['Aaaa', 'Bbbb', 'constructor']) await ask({ operation, secret: 'x'.repeat(40) });
  expect(audited.map(({ eventName, requestParameters }) => [eventName, requestParameters])).toEqual(['Aaaa', 'Bbbb', 'constructor'].map((operation) => ['UnknownOperation', { operation }]));
});

describe('what is no request', () => {
  it.each<[string, Parameters<typeof send>[1], number]>([
    ['GET', { method: 'GET', headers: {} }, 405],
    ['PUT', { method: 'PUT', headers: {}, body: '{}' }, 405],
    ['another path', { path: '/keys', headers: {}, body: '{}' }, 404],
    ['a query, as presigned requests have', { path: '/?X-Amz-Signature=00', headers: {}, body: '{}' }, 404],
    ['no operation', { headers: { 'content-type': 'application/x-amz-json-1.1' }, body: '{}' }, 400],
    ['another service’s operation', { headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'DynamoDB_20120810.ListTables' }, body: '{}' }, 400],
    ['an operation that is no name', { headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'TrentService.__proto__' }, body: '{}' }, 400],
    ['another content type', { headers: { 'content-type': 'application/json', 'x-amz-target': 'TrentService.ListKeys' }, body: '{}' }, 400],
  ])('%s', async (_what, request, status) => {
    expect(await send(server, request)).toMatchObject({ status, type: 'UnknownOperationException' });
    expect(calls).toEqual([]);
    expect(audited).toEqual([expect.objectContaining({ errorCode: 'UnknownOperationException', principal: 'anonymous', sourceIpAddress: '127.0.0.1' })]);
  });

  it.each(['{', 'null,', '\u0000', '{"a":1}{"b":2}'])('a body such as %j, though it is signed', async (body) => {
    expect(await ask({ body })).toMatchObject({ status: 400, type: 'SerializationException' });
    expect(calls).toEqual([]);
    expect(audited).toEqual([expect.objectContaining({ eventName: 'GenerateRandom', errorCode: 'SerializationException', principal: ANA })]);
  });

  it.each([
    ['CreateKey', { Description: 'Mill 4111 1111 1111 1111' }, "'description'", 'card number'],
    ['UpdateKeyDescription', { KeyId: 'k', Description: 'ask jane.doe@example.com' }, "'description'", 'e-mail address'],
    ['CreateKey', { Tags: [{ TagKey: 'site', TagValue: 'north' }, { TagKey: 'password', TagValue: 'hunter2' }] }, "'tags.2.member'", 'secret'],
    ['TagResource', { KeyId: 'k', Tags: [{ TagKey: 'owner', TagValue: 'jane.doe@example.com' }] }, "'tags.1.member'", 'e-mail address'],
    ['CreateAlias', { AliasName: 'alias/4111111111111111', TargetKeyId: 'k' }, "'aliasName'", 'card number'],
  ])('%s with a text that should not be kept: %j', async (operation, input, member, kind) => {
    const answer = await ask({ operation, body: JSON.stringify(input) });
    expect(answer).toMatchObject({ status: 400, type: 'ValidationException' });
    expect(answer.message).toContain(member);
    expect(answer.message).toContain(kind);
    expect(calls).toEqual([]);
    expect(audited).toEqual([expect.objectContaining({ eventName: operation, principal: ANA, errorCode: 'ValidationException' })]);
    expect(JSON.stringify([answer, audited])).not.toMatch(/4111|jane|hunter2/);
  });

  it('and what names nothing is left to its operation, whatever its form', async () => {
    for (const [operation, input] of [['Encrypt', { KeyId: 'k', EncryptionContext: { owner: 'jane.doe@example.com' } }], ['TagResource', { Tags: [null, 7, { TagKey: 'site', TagValue: 'north' }] }], ['CreateKey', null]] as const) {
      expect((await ask({ operation, body: JSON.stringify(input) })).status).toBe(200);
    }
  });

  it('headers that decide, twice: two readers could read them differently', async () => {
    const { headers, body } = sign(server, { timeMs: NOW_MS });
    for (const name of ['x-amz-target', 'x-amz-date', 'authorization', 'content-type']) {
      const answer = await send(server, { headers: { ...headers, [name]: [headers[name]!, headers[name]!] }, body: body! });
      expect(answer.status, name).toBe(400);
    }
    expect(calls).toEqual([]);
    expect(audited.map(({ principal, errorCode }) => [principal, errorCode])).toEqual(Array(4).fill(['anonymous', 'SerializationException']));
  });

  it.each([
    ['both a length and chunks', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n'],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 30\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a line folded', 'POST / HTTP/1.1\r\nHost: a\r\nX-Amz-Target: a\r\n b\r\n\r\n'],
    ['a space before the colon', 'POST / HTTP/1.1\r\nHost : a\r\n\r\n'],
    ['a bare line feed in a header', 'POST / HTTP/1.1\r\nHost: a\r\nX: a\nY: b\r\n\r\n'],
    ['no host', 'POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n'],
    ['TLS', Buffer.from('160301020001000100', 'hex').toString('latin1')],
    ['noise', '\u0000\u0001\u0002\r\n\r\n'],
  ])('%s on the connection', async (_what, bytes) => {
    const text = await talk(bytes);
    expect(text.startsWith('HTTP/1.1 400')).toBe(true);
    expect(text.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(text.toLowerCase()).toContain('connection: close');
    expect(calls).toEqual([]);
  });
});

/** Sends bytes and reads until the other side closes. */
async function talk(bytes: string): Promise<string> {
  const socket = createConnection(server.port, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString()));
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(Buffer.from(bytes, 'latin1'));
  await once(socket, 'close');
  return text;
}

describe('too much', () => {
  it('of a body is refused before it is there, whether its length was told or not', async () => {
    const head = `POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-amz-json-1.1\r\nX-Amz-Target: TrentService.Encrypt\r\n`;
    expect(await talk(`${head}Content-Length: ${MAX_BODY_BYTES + 1}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 413 /);
    const chunk = `${MAX_BODY_BYTES.toString(16)}\r\n${'x'.repeat(MAX_BODY_BYTES)}\r\n`;
    expect(await talk(`${head}Transfer-Encoding: chunked\r\n\r\n${chunk}1\r\nx\r\n`)).toMatch(/^HTTP\/1\.1 413 /);
    expect(calls).toEqual([]);
    expect(audited.map(({ eventName, errorCode }) => [eventName, errorCode])).toEqual(Array(2).fill(['Encrypt', 'RequestEntityTooLargeException']));
  });

  it('of headers is refused', async () => {
    expect(await talk(`POST / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(17 * 1024)}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431 /);
  });

  it('of time for headers, for a body, or for the first byte ends the connection', async () => {
    await server.close();
    await serve({ limits: { headersMs: 100, requestMs: 200, checkMs: 20 } });
    const slow = ['', 'POST / HTTP/1.1\r\nHost: a\r\nX-A', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-amz-json-1.1\r\nX-Amz-Target: TrentService.Encrypt\r\nContent-Length: 10\r\n\r\n{"a'];
    await Promise.all(slow.map((bytes) => talk(bytes)));
    expect([calls, faults, audited]).toEqual([[], [], []]);
  });

  it('of requests by one caller is throttled, by its name and not its address', async () => {
    await server.close();
    await serve({ limits: { requestsPerS: 3 } });
    const answers = await Promise.all([1, 2, 3, 4, 5].map(() => ask()));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(3);
    expect(answers.filter(({ type }) => type === 'ThrottlingException')).toHaveLength(2);
    expect(audited).toEqual([1, 2].map(() => expect.objectContaining({ errorCode: 'ThrottlingException', principal: ANA }) as unknown));
  });

  it('of connections are not taken', async () => {
    await server.close();
    await serve({ limits: { connections: 2 } });
    const sockets = [1, 2].map(() => createConnection(server.port, '127.0.0.1'));
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    expect(await talk('')).toBe('');
    for (const socket of sockets) socket.destroy();
  });
});

it('a limit of 2 a second gives 2 at once, one more after half a second, and never more than 2', () => {
  const within = rateLimit(2);
  const at = (timesMs: number[]): boolean[] => timesMs.map((timeMs) => within('a', timeMs));
  expect(at([0, 0, 0, 499, 500, 500])).toEqual([true, true, false, false, true, false]);
  expect(at([60_000, 60_000, 60_000])).toEqual([true, true, false]);
  expect(within('b', 60_000)).toBe(true);
  expect(at([59_000])).toEqual([false]);
});

it('a fault inside is answered with 500 and nothing of it, and told to the server’s owner', async () => {
  await server.close();
  await serve({ engine: { call: () => Promise.reject(new Error('secret /path')) } });
  const answer = await ask();
  expect(answer).toMatchObject({ status: 500, type: 'KMSInternalException' });
  expect(answer.message).not.toContain('secret');
  expect(faults).toHaveLength(1);
});

it('closing lets what is under way end, and takes nothing more', async () => {
  await server.close();
  const events = new EventEmitter();
  const call = async (): Promise<object> => {
    events.emit('begun');
    await once(events, 'finish');
    return {};
  };
  await serve({ engine: { call } });
  const begun = once(events, 'begun');
  const answer = ask();
  await begun;
  const closed = server.close();
  events.emit('finish');
  expect(await answer).toMatchObject({ status: 200, headers: { connection: 'close' } });
  await closed;
  await expect(ask()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});
