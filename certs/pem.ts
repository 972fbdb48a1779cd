/**
 * Certificates from PEM text: one place that turns text into an X509Certificate or into an error that names the source.
 */

import { X509Certificate } from 'node:crypto';

import { CertsError, type CertsErrorCode } from './errors.ts';

/** The longest text looked at: a certificate is about 1 kB, a long chain about 20. */
const PEM_CHARS_MAX = 1024 * 1024;

/**
 * The first certificate in a PEM text. `source` names it in the error, whose code is `code`: CERTS_BAD_PEM unless the
 * caller read it from a file of ours.
 */
export function parseCertificate(
  pem: string,
  source: string,
  code: CertsErrorCode = 'CERTS_BAD_PEM',
): X509Certificate {
  if (typeof pem !== 'string' || pem.length > PEM_CHARS_MAX || !pem.includes('-----BEGIN CERTIFICATE-----')) {
    const hint = /PRIVATE KEY-----/.test(pem) ? ' (it holds a private key)' : '';
    throw new CertsError(code, `${source} holds no PEM certificate${hint}; give a file with BEGIN CERTIFICATE`);
  }
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new CertsError(code, `${source} holds a PEM certificate that cannot be decoded; fetch it anew`, { cause });
  }
}

/** Each certificate block of a PEM text, as it stands there; at most `most` of them are looked at. */
export function certificateBlocks(pem: string, most: number): string[] {
  const blocks: string[] = [];
  for (const [block] of pem.matchAll(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g)) {
    if (blocks.length === most) break;
    blocks.push(block);
  }
  return blocks;
}
