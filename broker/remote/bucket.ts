/**
 * An S3-compatible bucket: the few operations that segments need. Each is one try; errors are RemoteErrors. New objects are
 * written under If-None-Match, replaced ones under If-Match; a server that says it has no such conditions is asked without.
 * Every body goes with its SHA-256, and with its MD5 for servers that know only that.
 */
import type { S3 } from '@aws-sdk/client-s3';
import { RemoteError } from '../errors.ts';
import type { RemoteAddress } from './address.ts';
import { withDigests, type ObjectState } from './digest.ts';
import { multipartOf, type Multipart } from './multipart.ts';
import { ask, clientOptions, hushSdk, type Refusal } from './request.ts';

/** Longest object that is read whole: a key file, a list of amendments. */
const MAX_WHOLE_BYTES = 64 * 2 ** 20;

/** What a write came to: not written when its condition did not hold; gone when its upload in parts is not known any more. */
export type Written = 'written' | 'not written' | 'gone';

export interface Bucket extends Multipart {
  /** REMOTE_MISSING when there is no such bucket. */
  check(): Promise<void>;
  /** Undefined when there is no such object. */
  head(key: string): Promise<ObjectState | undefined>;
  /** A whole small object. */
  get(key: string): Promise<{ readonly bytes: Buffer; readonly etag: string } | undefined>;
  /** Fewer bytes than `length` only where the object ends. */
  getRange(key: string, offset: number, length: number): Promise<Buffer | undefined>;
  /** Not written when there is one. */
  putNew(key: string, bytes: Uint8Array): Promise<Written>;
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** Not written when the object there is another than that of `etag`. */
  replace(key: string, bytes: Uint8Array, etag: string): Promise<Written>;
  remove(key: string): Promise<void>;
  list(prefix: string): AsyncGenerator<string>;
  close(): void;
}

/** Loads the SDK. `requestMs`: the longest that one request may take. */
export async function openBucket(address: RemoteAddress, requestMs: number): Promise<Bucket> {
  hushSdk();
  const { S3: Client } = await import('@aws-sdk/client-s3');
  const client = new Client({
    ...clientOptions(address.region, address.s3Endpoint, requestMs),
    forcePathStyle: address.s3Endpoint !== undefined,
    requestChecksumCalculation: 'WHEN_REQUIRED', // we send our own
    responseChecksumValidation: 'WHEN_REQUIRED', // what is read authenticates itself
  });
  const place = `bucket ${address.bucket}${address.s3Endpoint === undefined ? '' : ` at ${address.s3Endpoint}`}`;
  return bucketOf(client, address, place);
}

function bucketOf(client: S3, { bucket: name, prefix }: RemoteAddress, place: string): Bucket {
  const at = (Key: string): { Bucket: string; Key: string } => ({ Bucket: name, Key });
  const write = conditionalWrites(place);
  return {
    // Not HeadBucket: what is wrong is told in a body, which that has not. Nothing is listed.
    check: () => ask(place, async () => { await client.listObjectsV2({ Bucket: name, Prefix: `${prefix}/check/`, MaxKeys: 1 }); }),
    head: (key) => ask(place, () => headOf(client, at(key)), isMissing),
    get: (key) => ask(place, () => getWhole(client, at(key), place), isMissing),
    getRange: (key, offset, length) =>
      ask(place, async () => {
        const { Body, ContentLength } = await client.getObject({ ...at(key), Range: `bytes=${offset}-${offset + length - 1}` });
        return complete(await Body!.transformToByteArray(), ContentLength, place);
      }, (refusal) => (refusal.status === 416 ? [Buffer.alloc(0)] : isMissing(refusal))),
    putNew: (key, bytes) => write((condition) => client.putObject({ ...at(key), ...withDigests(bytes), ...(condition && { IfNoneMatch: '*' }) })),
    put: (key, bytes) => ask(place, async () => { await client.putObject({ ...at(key), ...withDigests(bytes) }); }),
    replace: (key, bytes, etag) => write((condition) => client.putObject({ ...at(key), ...withDigests(bytes), ...(condition && { IfMatch: etag }) })),
    remove: (key) => ask(place, async () => { await client.deleteObject(at(key)); }, isMissing),
    list: (prefix) => listObjects(client, name, prefix, place),
    ...multipartOf(client, name, place, write),
    close: () => client.destroy(),
  };
}

/** A missing bucket is told by another name. */
function isMissing({ name, status }: Refusal): readonly [undefined] | undefined {
  return name === 'NoSuchKey' || name === 'NotFound' || (status === 404 && name !== 'NoSuchBucket') ? [undefined] : undefined;
}

async function headOf(client: S3, at: { Bucket: string; Key: string }): Promise<ObjectState> {
  const { ContentLength = 0, ETag = '', ChecksumSHA256, ServerSideEncryption = 'AES256' } = await client.headObject({ ...at, ChecksumMode: 'ENABLED' });
  return { bytes: ContentLength, etag: ETag, sha256: ChecksumSHA256, opaqueEtag: ServerSideEncryption !== 'AES256' };
}

async function getWhole(client: S3, at: { Bucket: string; Key: string }, place: string): Promise<{ bytes: Buffer; etag: string }> {
  const { Body, ETag = '', ContentLength = 0 } = await client.getObject(at);
  if (ContentLength > MAX_WHOLE_BYTES) throw new RemoteError('REMOTE_FAILED', `${place}: ${at.Key} is longer (${ContentLength} B) than what is read whole`);
  return { bytes: complete(await Body!.transformToByteArray(), ContentLength, place), etag: ETag };
}

/** A connection that is cut may look like an end. */
function complete(bytes: Uint8Array, expected: number | undefined, place: string): Buffer {
  if (expected !== undefined && bytes.length !== expected) throw new RemoteError('REMOTE_UNREACHABLE', `${place}: an answer was cut short`);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

async function* listObjects(client: S3, Bucket: string, Prefix: string, place: string): AsyncGenerator<string> {
  for (let token: string | undefined, more = true; more; more = token !== undefined) {
    const page = await ask(place, () => client.listObjectsV2({ Bucket, Prefix, ...(token === undefined ? {} : { ContinuationToken: token }) }));
    for (const { Key } of page.Contents ?? []) if (Key !== undefined) yield Key;
    token = page.NextContinuationToken;
  }
}

export type ConditionalWrite = (request: (condition: boolean) => Promise<unknown>) => Promise<Written>;

/** Remembers when the server has no conditional writes (501): names that are never used twice do without. */
function conditionalWrites(place: string): ConditionalWrite {
  let has = true;
  return async (request) => {
    for (;;) {
      const condition = has;
      const result = await ask<Written | 'without'>(place, async () => {
        await request(condition);
        return 'written';
      }, ({ name, status }) => (status === 412 ? ['not written'] : name === 'NoSuchUpload' ? ['gone'] : status === 501 && condition ? ['without'] : undefined));
      if (result !== 'without') return result;
      has = false;
    }
  };
}
