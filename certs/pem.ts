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

/** A certificate in DER. Throws CERTS_BAD_PEM, naming `source`. */
export function parseDer(der: Uint8Array, source: string): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch (cause) {
    throw new CertsError('CERTS_BAD_PEM', `${source} cannot be decoded; fetch it anew`, { cause });
  }
}

/** The longest file of certificates taken apart. */
const CERTIFICATES_MAX = 10_000;

/**
 * The DER of each certificate in a file, PEM or DER. What is in a block is not looked at, only that it is base64.
 * Throws CERTS_BAD_PEM, naming `source`, when there is none, a block is damaged, or there are more than 10,000.
 */
export function certificatesIn(bytes: Uint8Array, source: string): Uint8Array[] {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file[0] === 0x30 && !file.includes('-----BEGIN CERTIFICATE-----')) return [file];
  const text = file.toString('latin1');
  const begun = text.split('-----BEGIN CERTIFICATE-----').length - 1;
  const blocks = certificateBlocks(text, CERTIFICATES_MAX);
  if (begun === 0) throw new CertsError('CERTS_BAD_PEM', `${source} holds no certificate in PEM or DER form`);
  if (blocks.length < begun) {
    const reason = begun > CERTIFICATES_MAX ? `more than ${CERTIFICATES_MAX} certificates` : `a certificate without its end (${begun} begun, ${blocks.length} whole)`;
    throw new CertsError('CERTS_BAD_PEM', `${source} holds ${reason}; fetch it anew`);
  }
  return blocks.map((block, index) => {
    const body = block.replaceAll(/-----[A-Z ]+-----|\s/g, '');
    const der = Buffer.from(body, 'base64');
    if (der.toString('base64') !== body) throw new CertsError('CERTS_BAD_PEM', `${source}: certificate ${index + 1} is not whole base64; fetch it anew`);
    return der;
  });
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
