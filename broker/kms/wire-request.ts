/**
 * One HTTP request of the KMS wire: its form is checked before anything of it is used. Promises: bounded memory; no header
 * that decides anything is there twice, so that nobody reads it otherwise than it was signed.
 */
import type { IncomingMessage } from 'node:http';
import { WireError } from './wire-error.ts';

/** Room for the longest key policy, escaped as JSON; nothing that KMS takes is longer. */
export const MAX_BODY_BYTES = 256 * 1024;

const CONTENT_TYPE = 'application/x-amz-json-1.1';
const TARGET = /^TrentService\.([A-Za-z]{1,64})$/;
/** What a request is decided by. */
const SINGLE = /^(host|authorization|content-.*|transfer-encoding|date|x-amz-.*)$/;

export interface WireRequest {
  readonly operation: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Reads and checks a request's form. Throws a WireError; what follows of the body is then for the caller to drop. */
export async function readRequest(request: IncomingMessage): Promise<WireRequest> {
  if (request.url !== '/') throw new WireError('UnknownOperationException', 'Requests go to /.', 404);
  if (request.method !== 'POST') throw new WireError('UnknownOperationException', 'Requests are POST.', 405);
  const headers = singleHeaders(request.rawHeaders);
  const operation = operationOf(headers['x-amz-target']);
  if (operation === undefined || headers['content-type']?.split(';')[0]!.trim().toLowerCase() !== CONTENT_TYPE) {
    throw new WireError('UnknownOperationException', `A request has Content-Type: ${CONTENT_TYPE} and X-Amz-Target: TrentService.Operation.`);
  }
  return { operation, headers, body: await readBody(request) };
}

/** The operation that the header X-Amz-Target names, once and in the form it has; undefined where it does not. */
export function operationOf(target: string | readonly string[] | undefined): string | undefined {
  return typeof target === 'string' ? TARGET.exec(target)?.[1] : undefined;
}

/** The JSON of a request; an empty body is an empty input. */
export function inputOf(body: Buffer): unknown {
  if (body.length === 0) return {};
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body);
    return JSON.parse(text) as unknown;
  } catch {
    throw new WireError('SerializationException', 'The request is not JSON in UTF-8.');
  }
}

function singleHeaders(raw: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  for (let n = 0; n < raw.length; n += 2) {
    const name = raw[n]!.toLowerCase();
    if (name in headers && SINGLE.test(name)) throw new WireError('SerializationException', `The header ${name.slice(0, 64)} is there twice.`);
    headers[name] = name in headers ? `${headers[name]!},${raw[n + 1]!}` : raw[n + 1]!;
  }
  return headers;
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) throw tooLarge();
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function tooLarge(): WireError {
  return new WireError('RequestEntityTooLargeException', `A request has at most ${MAX_BODY_BYTES} bytes.`, 413);
}
