/** What tests of the wire share: a served key service with a principal, requests signed by hand. Not part of the face. */
import { createHash, createHmac } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import type { KmsServer } from './server.ts';

export const REGION = 'us-east-1';
export const KEY = { id: 'AKIAIOSFODNN7EXAMPLE', secret: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };

interface RawRequest {
  readonly method?: string;
  readonly path?: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
}

interface RawAnswer {
  readonly status: number;
  readonly type: string | undefined;
  readonly message: string | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface SigningWish {
  readonly operation?: string;
  readonly body?: string;
  readonly timeMs: number;
  readonly id?: string;
  readonly secret?: string;
  readonly region?: string;
  readonly service?: string;
  readonly scopeDate?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly unsigned?: Readonly<Record<string, string>>;
  readonly leaveOut?: readonly string[];
}

/**
 * A request signed by the book (AWS's "Create a signed request"), by code that shares nothing with what checks it: each
 * part can be made wrong before it is signed, which no SDK would do.
 */
export function sign(server: Pick<KmsServer, 'port'>, wish: SigningWish): RawRequest & { readonly headers: Record<string, string> } {
  const { operation = 'GenerateRandom', body = '{"NumberOfBytes":4}', timeMs, id = KEY.id, secret = KEY.secret, region = REGION, service = 'kms' } = wish;
  const date = `${new Date(timeMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
  const all: Record<string, string> = {
    'content-type': 'application/x-amz-json-1.1', host: `127.0.0.1:${server.port}`, 'x-amz-date': date, 'x-amz-target': `TrentService.${operation}`, ...wish.headers,
  };
  const names = Object.keys(all).filter((name) => !wish.leaveOut?.includes(name)).sort();
  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
  const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
  const canonical = ['POST', '/', '', ...names.map((name) => `${name}:${all[name]!}`), '', names.join(';'), sha256(body)].join('\n');
  const scope = [wish.scopeDate ?? date.slice(0, 8), region, service, 'aws4_request'];
  const key = scope.reduce<string | Buffer>(hmac, `AWS4${secret}`);
  const signature = hmac(key, ['AWS4-HMAC-SHA256', date, scope.join('/'), sha256(canonical)].join('\n')).toString('hex');
  return { headers: { ...all, ...wish.unsigned, authorization: `AWS4-HMAC-SHA256 Credential=${id}/${scope.join('/')}, SignedHeaders=${names.join(';')}, Signature=${signature}` }, body };
}

/** Sends a request as it stands, and reads the answer. */
export function send(server: Pick<KmsServer, 'port'>, { method = 'POST', path = '/', headers, body }: RawRequest): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ host: '127.0.0.1', port: server.port, method, path, agent: false, headers: headers as Record<string, string | string[]> }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('error', reject);
      response.on('end', () => {
        const parsed = text === '' ? {} : (JSON.parse(text) as { __type?: string; message?: string });
        resolve({ status: response.statusCode ?? 0, type: parsed.__type, message: parsed.message, headers: response.headers });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
