/** Where segments are kept when not on one machine: a bucket, a prefix in it, a table, and what they are called there. */
import { RemoteError } from '../errors.ts';

export interface RemoteAddress {
  readonly bucket: string;
  /** Path in the bucket, without slashes at its ends; may be empty. */
  readonly prefix: string;
  readonly table: string;
  /** Undefined: what the AWS SDK finds (AWS_REGION, profile). */
  readonly region: string | undefined;
  /** Undefined: Amazon's. */
  readonly s3Endpoint: string | undefined;
  readonly dynamodbEndpoint: string | undefined;
}

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
/** Leaves room for the rest of an object's key, which has 1,024 bytes at most. */
const PREFIX = /^(?:[A-Za-z0-9!_.*'()-]+(?:\/[A-Za-z0-9!_.*'()-]+)*)?$/;
const MAX_PREFIX_CHARS = 512;
const TABLE = /^[A-Za-z0-9_.-]{3,255}$/;

/** `s3://bucket/prefix`. REMOTE_ADDRESS when it is not one. */
export function parseBucketUrl(url: string): { readonly bucket: string; readonly prefix: string } {
  const match = /^s3:\/\/([^/]+)(?:\/(.*?))?\/?$/.exec(url);
  const [bucket, prefix] = [match?.[1] ?? '', match?.[2] ?? ''];
  if (!BUCKET.test(bucket) || !PREFIX.test(prefix) || prefix.length > MAX_PREFIX_CHARS || prefix.split('/').some((part) => /^\.+$/.test(part))) {
    throw new RemoteError('REMOTE_ADDRESS', `'${url}' names no bucket: write s3://bucket/prefix`);
  }
  return { bucket, prefix };
}

/** REMOTE_ADDRESS unless it is a name that a table can have. */
export function checkTableName(name: string): string {
  if (!TABLE.test(name)) throw new RemoteError('REMOTE_ADDRESS', `'${name}' is no name of a table: 3 to 255 letters, digits, and _ . -`);
  return name;
}

/** `http(s)://host:port`, without credentials: those come from the environment. REMOTE_ADDRESS otherwise. */
export function checkEndpoint(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !['http:', 'https:'].includes(parsed.protocol) || parsed.username !== '' || parsed.password !== '' || parsed.search !== '' || parsed.hash !== '') {
    throw new RemoteError('REMOTE_ADDRESS', 'an endpoint is written http://host:port or https://host:port, without credentials');
  }
  return url;
}

/** What a project's part of the bucket begins with. */
export function projectPrefix({ prefix }: RemoteAddress, projectId: string): string {
  return prefix === '' ? `${projectId}/` : `${prefix}/${projectId}/`;
}

/** For messages. */
export function urlOf({ bucket }: RemoteAddress, key: string): string {
  return `s3://${bucket}/${key}`;
}
