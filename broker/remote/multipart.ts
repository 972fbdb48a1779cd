/** Uploads in parts. A server may not know one any more: it expired, was aborted, or is done. */
import type { S3 } from '@aws-sdk/client-s3';
import type { ConditionalWrite, Written } from './bucket.ts';
import { withDigests } from './digest.ts';
import { ask, type Refusal } from './request.ts';

export interface UploadedPart {
  /** From 1. */
  readonly PartNumber: number;
  readonly ETag: string;
  readonly ChecksumSHA256: string;
}

export interface Multipart {
  beginUpload(key: string): Promise<string>;
  /** Undefined when the upload is not known any more. */
  putPart(key: string, uploadId: string, partNumber: number, bytes: Uint8Array): Promise<UploadedPart | undefined>;
  /** Not written when `isNew` and there is an object of that name. */
  completeUpload(key: string, uploadId: string, parts: readonly UploadedPart[], isNew: boolean): Promise<Written>;
  /** Nothing happens when it is not known, or the server has no such request. */
  abortUpload(key: string, uploadId: string): Promise<void>;
  /** Unfinished ones, up to a thousand; none where the server cannot tell. */
  listUploads(prefix: string): Promise<readonly { readonly key: string; readonly uploadId: string }[]>;
}

export function multipartOf(client: S3, Bucket: string, place: string, write: ConditionalWrite): Multipart {
  return {
    beginUpload: (Key) => ask(place, async () => (await client.createMultipartUpload({ Bucket, Key, ChecksumAlgorithm: 'SHA256' })).UploadId!),
    putPart: (Key, UploadId, PartNumber, bytes) =>
      ask<UploadedPart | undefined>(place, async () => {
        const body = withDigests(bytes);
        const { ETag = '' } = await client.uploadPart({ Bucket, Key, UploadId, PartNumber, ...body });
        return { PartNumber, ETag, ChecksumSHA256: body.ChecksumSHA256 };
      }, isGone),
    completeUpload: (Key, UploadId, parts, isNew) => {
      const MultipartUpload = { Parts: [...parts] };
      return write(async (condition) => {
        await client.completeMultipartUpload({ Bucket, Key, UploadId, MultipartUpload, ...(condition && isNew && { IfNoneMatch: '*' }) });
      });
    },
    abortUpload: (Key, UploadId) => ask(place, async () => { await client.abortMultipartUpload({ Bucket, Key, UploadId }); }, (refusal) => isGone(refusal) ?? (lacks(refusal) ? [undefined] : undefined)),
    listUploads: (Prefix) =>
      ask<{ key: string; uploadId: string }[]>(place, async () => {
        const { Uploads = [] } = await client.listMultipartUploads({ Bucket, Prefix });
        return Uploads.flatMap(({ Key, UploadId }) => (Key !== undefined && UploadId !== undefined ? [{ key: Key, uploadId: UploadId }] : []));
      }, (refusal) => (lacks(refusal) ? [[]] : undefined)),
  };
}

function isGone({ name }: Refusal): readonly [undefined] | undefined {
  return name === 'NoSuchUpload' ? [undefined] : undefined;
}

function lacks({ status }: Refusal): boolean {
  return status === 501 || status === 405;
}
