/**
 * Signature Version 4 of a request, checked by signing the request again with the secret that its access key has here.
 * Promises: what was not signed is not believed; a request is good for five minutes either way; signatures are compared
 * in constant time; no error tells anything of a secret. Within its five minutes a request can be sent again, as with AWS.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { WireError } from './wire-error.ts';

const ALGORITHM = 'AWS4-HMAC-SHA256';
const SERVICE = 'kms';
const SKEW_MS = 5 * 60_000;
const MAX_SIGNED_HEADERS = 64;
/** Without these a signature would not say to whom, when, or for what operation. */
const MUST_BE_SIGNED = ['host', 'x-amz-date', 'x-amz-target'];
const WRONG = 'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.';
const UNKNOWN = 'The security token included in the request is invalid.';

export interface SignedRequest {
  /** By names in lower case, each once. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

interface SignatureRules<Found> {
  readonly region: string;
  readonly nowMs: number;
  /** Who has an access key, and its secret; undefined where nobody has. */
  readonly findAccessKey: (id: string) => Promise<Found | undefined>;
}

/** Who signed `POST /`. Throws a WireError with AWS's name for what is wrong. */
export async function verifySignature<Found extends { readonly secret: string }>(request: SignedRequest, rules: SignatureRules<Found>): Promise<Found> {
  const { headers, body } = request;
  const claim = readClaim(headers['authorization']);
  const date = headers['x-amz-date'];
  if (date === undefined) throw new WireError('IncompleteSignatureException', "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.");
  checkScope(claim, date, rules.region);
  checkTime(date, rules.nowMs);
  checkSignedHeaders(claim.signedHeaders, headers);
  const hash = headers['x-amz-content-sha256'];
  if (hash !== undefined && hash !== createHash('sha256').update(body).digest('hex')) throw new WireError('InvalidSignatureException', WRONG);
  if (headers['x-amz-security-token'] !== undefined) throw new WireError('UnrecognizedClientException', UNKNOWN); // there are no sessions here
  const found = await rules.findAccessKey(claim.accessKeyId);
  if (!found) throw new WireError('UnrecognizedClientException', UNKNOWN);
  const expected = await signatureOf(request, claim, timeOf(date)!, found.secret);
  if (!timingSafeEqual(Buffer.from(expected, 'hex'), Buffer.from(claim.signature, 'hex'))) throw new WireError('InvalidSignatureException', WRONG);
  return found;
}

/** What the Authorization header says, before any of it is believed. */
interface Claim {
  readonly accessKeyId: string;
  readonly scope: { readonly date: string; readonly region: string; readonly service: string; readonly end: string };
  readonly signedHeaders: readonly string[];
  /** 64 hex digits. */
  readonly signature: string;
}

function readClaim(header: string | undefined): Claim {
  if (header === undefined || !header.startsWith('AWS4-')) throw new WireError('MissingAuthenticationTokenException', 'Missing Authentication Token');
  const incomplete = (what: string): WireError => new WireError('IncompleteSignatureException', what);
  if (!header.startsWith(`${ALGORITHM} `)) throw incomplete(`Unsupported AWS 'algorithm': this service takes ${ALGORITHM}.`);
  const fields = new Map<string, string>();
  for (const field of header.slice(ALGORITHM.length).split(',')) {
    const [name, ...value] = field.trim().split('=');
    if (fields.has(name!)) throw incomplete('Authorization header has a parameter twice.');
    fields.set(name!, value.join('='));
  }
  const missing = ['Credential', 'Signature', 'SignedHeaders'].filter((name) => !fields.get(name));
  if (missing.length > 0) throw incomplete(missing.map((name) => `Authorization header requires '${name}' parameter.`).join(' '));
  const [accessKeyId, date, region, service, end, ...more] = fields.get('Credential')!.split('/');
  if (!accessKeyId || !date || !region || !service || !end || more.length > 0) throw incomplete('Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.');
  const signature = fields.get('Signature')!;
  if (!/^[0-9a-f]{64}$/.test(signature)) throw new WireError('InvalidSignatureException', WRONG);
  return { accessKeyId, scope: { date, region, service, end }, signedHeaders: fields.get('SignedHeaders')!.split(';'), signature };
}

function checkScope({ scope }: Claim, date: string, region: string): void {
  const wrong = (message: string): WireError => new WireError('InvalidSignatureException', message);
  if (scope.region !== region) throw wrong(`Credential should be scoped to a valid region, not '${scope.region.slice(0, 64)}'.`);
  if (scope.service !== SERVICE) throw wrong(`Credential should be scoped to correct service: '${SERVICE}'.`);
  if (scope.end !== 'aws4_request') throw wrong("Credential should be scoped with a valid terminator: 'aws4_request'.");
  if (scope.date !== date.slice(0, 8)) throw wrong('Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.');
}

function checkTime(date: string, nowMs: number): void {
  const time = timeOf(date);
  if (!time) throw new WireError('IncompleteSignatureException', "Date must be in ISO-8601 'basic format'.");
  const now = basicTime(nowMs);
  if (time.getTime() < nowMs - SKEW_MS) throw new WireError('InvalidSignatureException', `Signature expired: ${date} is now earlier than ${basicTime(nowMs - SKEW_MS)} (${now} - 5 min.)`);
  if (time.getTime() > nowMs + SKEW_MS) throw new WireError('InvalidSignatureException', `Signature not yet current: ${date} is still later than ${basicTime(nowMs + SKEW_MS)} (${now} + 5 min.)`);
}

function checkSignedHeaders(signed: readonly string[], headers: SignedRequest['headers']): void {
  const missing = MUST_BE_SIGNED.filter((name) => !signed.includes(name));
  if (missing.length > 0) throw new WireError('InvalidSignatureException', `'${missing.join("', '")}' must be signed. See SignedHeaders in the Authorization header.`);
  const orderly = signed.length <= MAX_SIGNED_HEADERS && new Set(signed).size === signed.length && signed.every((name) => Object.hasOwn(headers, name) && name !== 'authorization');
  if (!orderly) throw new WireError('InvalidSignatureException', WRONG);
}

async function signatureOf({ headers, body }: SignedRequest, claim: Claim, signingDate: Date, secret: string): Promise<string> {
  const { SignatureV4 } = await import('@smithy/signature-v4'); // only where keys are served
  const signer = new SignatureV4({
    service: SERVICE,
    region: claim.scope.region,
    credentials: { accessKeyId: claim.accessKeyId, secretAccessKey: secret },
    sha256: Sha256,
    applyChecksum: false, // the header that has it is signed if the client signed it
  });
  const signed = Object.fromEntries(claim.signedHeaders.map((name) => [name, headers[name]!]));
  const request = { method: 'POST', protocol: 'https:', hostname: '', path: '/', query: {}, headers: signed, body };
  const again = await signer.sign(request, { signingDate, signableHeaders: new Set(claim.signedHeaders) });
  return /Signature=([0-9a-f]{64})$/.exec(again.headers['authorization'] ?? '')![1]!;
}

/** `20261125T070000Z`, and nothing else; undefined where it is no time. */
function timeOf(date: string): Date | undefined {
  const match = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/.exec(date);
  const time = match && new Date(`${match[1]!}-${match[2]!}-${match[3]!}T${match[4]!}:${match[5]!}:${match[6]!}Z`);
  return time && basicTime(time.getTime()) === date ? time : undefined;
}

function basicTime(ms: number): string {
  return Number.isNaN(ms) ? '' : `${new Date(ms).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
}

/** SHA-256 and its HMAC in the form that the signer takes. */
class Sha256 {
  readonly #hash: ReturnType<typeof createHash | typeof createHmac>;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret));
  }

  update(chunk: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(bytesOf(chunk));
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }
}

function bytesOf(data: string | ArrayBuffer | ArrayBufferView): Buffer {
  if (typeof data === 'string') return Buffer.from(data);
  return ArrayBuffer.isView(data) ? Buffer.from(data.buffer, data.byteOffset, data.byteLength) : Buffer.from(data);
}
