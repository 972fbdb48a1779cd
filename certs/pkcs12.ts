/**
 * PKCS #12 files (RFC 7292) with one private key, its certificate and what leads from it to the root. Contents are encrypted
 * with AES-256 under PBKDF2 (PBES2, RFC 8018, section 6.2), the whole is authenticated with HMAC-SHA-256, and both stretch
 * the passphrase alike. OpenSSL 1.1 and later, Java 8u301 and later, Windows and macOS read this form.
 */

import { createCipheriv, createHash, createHmac, pbkdf2, randomBytes, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';

import { TAG, contextConstructed, contextPrimitive, nullValue, octetString, oid, sequence, set, smallInteger, tlv, unsignedInteger } from './der.ts';
import { CertsError } from './errors.ts';

const stretch = promisify(pbkdf2);

/** Rounds of stretching, of the key and of the MAC: whoever guesses takes the cheaper way. */
const ITERATIONS = 100_000;
const PASSPHRASE_CHARS_MIN = 8;
const PASSPHRASE_CHARS_MAX = 1024;

const OID = {
  data: '1.2.840.113549.1.7.1',
  encryptedData: '1.2.840.113549.1.7.6',
  shroudedKeyBag: '1.2.840.113549.1.12.10.1.2',
  certificateBag: '1.2.840.113549.1.12.10.1.3',
  x509Certificate: '1.2.840.113549.1.9.22.1',
  friendlyName: '1.2.840.113549.1.9.20',
  localKeyId: '1.2.840.113549.1.9.21',
  pbes2: '1.2.840.113549.1.5.13',
  pbkdf2: '1.2.840.113549.1.5.12',
  hmacSha256: '1.2.840.113549.2.9',
  aes256Cbc: '2.16.840.1.101.3.4.1.42',
  sha256: '2.16.840.1.101.3.4.2.1',
} as const;

export interface Pkcs12Content {
  readonly privateKey: KeyObject;
  /** DER; the key's own first, then towards the root. */
  readonly certificates: readonly Uint8Array[];
  /** What readers call it. */
  readonly name: string;
}

/**
 * A PKCS #12 file as bytes. `passphrase` is 8 to 1024 printable ASCII characters: readers disagree about others.
 * Throws CERTS_BAD_REQUEST, without repeating the passphrase.
 */
export async function pkcs12(content: Pkcs12Content, passphrase: string): Promise<Buffer> {
  if (!/^[\x20-\x7e]*$/.test(passphrase) || passphrase.length < PASSPHRASE_CHARS_MIN || passphrase.length > PASSPHRASE_CHARS_MAX) {
    const wanted = `${PASSPHRASE_CHARS_MIN} to ${PASSPHRASE_CHARS_MAX} printable ASCII characters`;
    throw new CertsError('CERTS_BAD_REQUEST', `this passphrase is not allowed; use ${wanted}`);
  }
  const identifier = createHash('sha256').update(content.certificates[0]!).digest().subarray(0, 20);
  const marks = set(
    attribute(OID.friendlyName, tlv(TAG.bmpString, bmp(content.name))),
    attribute(OID.localKeyId, octetString(identifier)),
  );
  const keyDer = content.privateKey.export({ type: 'pkcs8', format: 'der' });
  const [algorithm, encryptedKey] = await encrypt(keyDer, passphrase);
  const keyBag = bag(OID.shroudedKeyBag, sequence(algorithm, octetString(encryptedKey)), marks);
  const bags = content.certificates.map((der, index) =>
    bag(OID.certificateBag, sequence(oid(OID.x509Certificate), contextConstructed(0, octetString(der))), ...(index === 0 ? [marks] : [])),
  );
  const safe = sequence(await encryptedInfo(sequence(...bags), passphrase), dataInfo(sequence(keyBag)));
  return sequence(smallInteger(3), dataInfo(safe), mac(safe, passphrase));
}

function bag(id: string, valueDer: Uint8Array, ...attributes: readonly Uint8Array[]): Buffer {
  return sequence(oid(id), contextConstructed(0, valueDer), ...attributes);
}

function attribute(id: string, valueDer: Uint8Array): Buffer {
  return sequence(oid(id), set(valueDer));
}

function dataInfo(der: Uint8Array): Buffer {
  return sequence(oid(OID.data), contextConstructed(0, octetString(der)));
}

async function encryptedInfo(der: Uint8Array, passphrase: string): Promise<Buffer> {
  const [algorithm, encrypted] = await encrypt(der, passphrase);
  const content = sequence(oid(OID.data), algorithm, contextPrimitive(0, encrypted));
  return sequence(oid(OID.encryptedData), contextConstructed(0, sequence(smallInteger(0), content)));
}

/** The AlgorithmIdentifier of PBES2, and the encrypted bytes. */
async function encrypt(plaintext: Uint8Array, passphrase: string): Promise<[Buffer, Buffer]> {
  const [salt, iv] = [randomBytes(16), randomBytes(16)];
  const key = await stretch(passphrase, salt, ITERATIONS, 32, 'sha256');
  const cipher = createCipheriv('aes-256-cbc', key, iv);
  const encrypted = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  const derivation = sequence(oid(OID.pbkdf2), sequence(octetString(salt), integer(ITERATIONS), sequence(oid(OID.hmacSha256), nullValue())));
  const algorithm = sequence(oid(OID.pbes2), sequence(derivation, sequence(oid(OID.aes256Cbc), octetString(iv))));
  return [algorithm, encrypted];
}

/** MacData (RFC 7292, section 4), with SHA-256. */
function mac(der: Uint8Array, passphrase: string): Buffer {
  const salt = randomBytes(16);
  const digest = createHmac('sha256', macKey(passphrase, salt)).update(der).digest();
  const info = sequence(sequence(oid(OID.sha256), nullValue()), octetString(digest));
  return sequence(info, octetString(salt), integer(ITERATIONS));
}

/** RFC 7292, appendix B.2, for 32 bytes of SHA-256, which is its case of one block. */
function macKey(passphrase: string, salt: Uint8Array): Buffer {
  const blockBytes = 64;
  const purpose = Buffer.alloc(blockBytes, 3); // appendix B.3: a key for a MAC
  const filled = (bytes: Uint8Array): Buffer => Buffer.alloc(Math.ceil(bytes.length / blockBytes) * blockBytes, bytes);
  let key: Buffer = Buffer.concat([purpose, filled(salt), filled(Buffer.concat([bmp(passphrase), Buffer.alloc(2)]))]);
  for (let round = 0; round < ITERATIONS; round++) key = createHash('sha256').update(key).digest();
  return key;
}

function bmp(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16();
}

function integer(value: number): Buffer {
  const magnitude = Buffer.alloc(4);
  magnitude.writeUInt32BE(value);
  return unsignedInteger(magnitude);
}
