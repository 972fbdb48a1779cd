/**
 * A proxy between a client and a real server, with faults on demand: it sees each request, and says whether it passes, is
 * answered by the proxy, or is cut at any place. In front of a bucket it also does what S3 documents and s3rver lacks:
 * conditional writes, checksums that are looked at, uploads that can be listed and aborted.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request as send, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export interface Seen {
  /** From 0, over all requests. */
  readonly number: number;
  /** `PutObject`, `UploadPart` … of S3; `PutItem`, `Query` … of DynamoDB. */
  readonly operation: string;
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
}

export type Verdict =
  | 'pass'
  /** The connection ends while the request is being sent; the server sees nothing of it. */
  | 'cut request'
  /** The server does it; the connection ends before, or in the middle of, the answer. */
  | 'cut before answer'
  | 'cut in answer'
  /** One byte of the body is another. */
  | 'corrupt'
  /** No answer at all. */
  | 'silence'
  /** The server does it; then this is called, and the connection ends without an answer. */
  | { readonly afterwards: () => void }
  | { readonly status: number; readonly code: string };

export interface FaultProxy {
  readonly url: string;
  /** What was asked, in order. */
  readonly seen: readonly Seen[];
  /** Decides from now on. */
  decide: (seen: Seen) => Verdict | Promise<Verdict>;
  close(): Promise<void>;
}

export async function startFaultProxy(target: number, kind: 's3' | 'documented s3' | 'dynamodb'): Promise<FaultProxy> {
  const sockets = new Set<Socket>();
  const rules = kind === 'documented s3' ? documentedS3() : undefined;
  const seen: Seen[] = [];
  const proxy: FaultProxy = { url: '', seen, decide: () => 'pass', close };
  const server = createServer((incoming, answer) => {
    const one = { number: seen.length, operation: kind === 'dynamodb' ? tableOperation(incoming) : bucketOperation(incoming), method: incoming.method!, path: incoming.url!, headers: incoming.headers };
    seen.push(one);
    handle(incoming, answer, one).catch(() => incoming.socket.destroy());
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(proxy, { url: `http://127.0.0.1:${(server.address() as { port: number }).port}` });

  async function close(): Promise<void> {
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  }

  async function handle(incoming: IncomingMessage, answer: ServerResponse, one: Seen): Promise<void> {
    const verdict = await proxy.decide(one);
    if (verdict === 'cut request') {
      await Promise.race([once(incoming, 'data'), once(incoming, 'end')]);
      incoming.socket.destroy();
      return;
    }
    const body = await bodyOf(incoming);
    if (verdict === 'silence') return;
    if (typeof verdict === 'object' && 'status' in verdict) {
      refuse(answer, kind, verdict.status, verdict.code);
      return;
    }
    if (verdict === 'corrupt' && body.length > 0) body[body.length >> 1]! ^= 1;
    const refusal = rules?.before(one, body);
    if (refusal && 'code' in refusal) {
      refuse(answer, kind, refusal.status, refusal.code);
      return;
    }
    if (refusal) {
      answer.writeHead(refusal.status, { 'content-type': 'application/xml' }).end(refusal.xml);
      return;
    }
    const reply = await forward(target, incoming, body);
    rules?.after(one, reply);
    if (typeof verdict === 'object') verdict.afterwards();
    if (verdict === 'cut before answer' || typeof verdict === 'object') {
      incoming.socket.destroy();
      return;
    }
    const headers = { ...reply.headers };
    delete headers['transfer-encoding'];
    answer.writeHead(reply.status, { ...headers, ...(one.method === 'HEAD' ? {} : { 'content-length': String(reply.body.length) }) });
    if (verdict !== 'cut in answer') {
      answer.end(one.method === 'HEAD' ? undefined : reply.body);
      return;
    }
    answer.flushHeaders();
    answer.write(reply.body.subarray(0, reply.body.length >> 1), () => incoming.socket.destroy());
  }
}

interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

async function forward(port: number, incoming: IncomingMessage, body: Buffer): Promise<Reply> {
  const headers = { ...incoming.headers };
  delete headers['expect'];
  const outgoing = send({ host: '127.0.0.1', port, method: incoming.method, path: incoming.url, headers });
  outgoing.end(body);
  const [reply] = (await once(outgoing, 'response')) as [IncomingMessage];
  return { status: reply.statusCode!, headers: reply.headers, body: await bodyOf(reply) };
}

async function bodyOf(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function refuse(answer: ServerResponse, kind: string, status: number, code: string): void {
  if (kind === 'dynamodb') answer.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${code}`, message: 'no' }));
  else answer.writeHead(status, { 'content-type': 'application/xml' }).end(`<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>no</Message><RequestId>1</RequestId></Error>`);
}

function tableOperation({ headers }: IncomingMessage): string {
  return String(headers['x-amz-target']).split('.')[1] ?? '';
}

function bucketOperation({ method, url }: IncomingMessage): string {
  const { pathname, searchParams } = new URL(url!, 'http://s3');
  const inObject = pathname.split('/').length > 2 && pathname.split('/')[2] !== '';
  if (searchParams.has('uploads')) return method === 'POST' ? 'CreateMultipartUpload' : 'ListMultipartUploads';
  if (searchParams.has('uploadId')) return { PUT: 'UploadPart', POST: 'CompleteMultipartUpload', DELETE: 'AbortMultipartUpload' }[method!] ?? '';
  if (!inObject) return method === 'HEAD' ? 'HeadBucket' : 'ListObjectsV2';
  return { PUT: 'PutObject', GET: 'GetObject', HEAD: 'HeadObject', DELETE: 'DeleteObject' }[method!] ?? '';
}

interface Rules {
  before(one: Seen, body: Buffer): { readonly status: number; readonly code: string } | { readonly status: number; readonly xml: string } | undefined;
  after(one: Seen, reply: Reply): void;
}

/** All goes through this proxy, so it knows what objects and uploads there are. */
function documentedS3(): Rules {
  const etags = new Map<string, string>();
  const uploads = new Map<string, string>();
  const of = ({ path }: Seen): { key: string; uploadId: string } => {
    const { pathname, searchParams } = new URL(path, 'http://s3');
    return { key: decodeURIComponent(pathname.split('/').slice(2).join('/')), uploadId: searchParams.get('uploadId') ?? '' };
  };
  return {
    before: (one, body) => {
      const { key, uploadId } = of(one);
      const { operation, headers } = one;
      if (operation === 'ListMultipartUploads') return { status: 200, xml: listing(uploads) };
      if (uploadId !== '' && !uploads.has(uploadId)) return { status: 404, code: 'NoSuchUpload' };
      if (operation === 'AbortMultipartUpload' && uploads.delete(uploadId)) return { status: 204, xml: '' };
      if (operation !== 'PutObject' && operation !== 'UploadPart' && operation !== 'CompleteMultipartUpload') return undefined;
      if (headers['if-none-match'] === '*' && etags.has(key)) return { status: 412, code: 'PreconditionFailed' };
      if (headers['if-match'] !== undefined && headers['if-match'] !== etags.get(key)) return { status: 412, code: 'PreconditionFailed' };
      if (operation === 'CompleteMultipartUpload') return undefined;
      const differs = (header: string, algorithm: string): boolean => headers[header] !== undefined && headers[header] !== createHash(algorithm).update(body).digest('base64');
      return differs('content-md5', 'md5') || differs('x-amz-checksum-sha256', 'sha256') ? { status: 400, code: 'BadDigest' } : undefined;
    },
    after: (one, { status, headers, body }) => {
      if (status >= 300) return;
      const { key, uploadId } = of(one);
      if (one.operation === 'PutObject') etags.set(key, String(headers.etag));
      if (one.operation === 'DeleteObject') etags.delete(key);
      if (one.operation === 'CreateMultipartUpload') uploads.set(/<UploadId>([^<]+)/.exec(String(body))![1]!, key);
      if (one.operation === 'CompleteMultipartUpload') {
        uploads.delete(uploadId);
        etags.set(key, /<ETag>([^<]+)/.exec(String(body))?.[1]?.replaceAll('&quot;', '"') ?? '');
      }
    },
  };
}

function listing(uploads: ReadonlyMap<string, string>): string {
  const entries = [...uploads].map(([id, key]) => `<Upload><Key>${key}</Key><UploadId>${id}</UploadId></Upload>`);
  return `<?xml version="1.0" encoding="UTF-8"?>\n<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>${entries.join('')}</ListMultipartUploadsResult>`;
}
