/**
 * What the tester baits its traps with: an authority that the device trusts, the device's own identity, and server
 * certificates of any make below that authority. Files are written once, private; nothing of it is to be trusted elsewhere.
 */
import { X509Certificate, createPrivateKey, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { certificatePem, commonNameDer } from '../../certificate-builder.ts';
import { readCertificate } from '../../certificate-reader.ts';
import { CertsError } from '../../errors.ts';
import { keyIdentifier, subjectAltName, type Extension, type SubjectAltName } from '../../extensions.ts';
import { privateKeyPem, spkiDer } from '../../key-pair.ts';
import { parseCertificate } from '../../pem.ts';
import { makePrivateDirectory, readPrivateFile, writePrivateFile } from '../../private-file.ts';
import { authorityExtensions, ecKeys, endEntityExtensions, forgeCertificate, rsaKeys, type ForgedCertificate, type Issuer, type Keys, type Recipe } from '../forged-certificate.ts';
import { revocationListDer } from './revocation.ts';

const DAY_MS = 86_400_000;
/** Serial number that the revocation list names. */
export const REVOKED_SERIAL = Buffer.from('4d'.repeat(16), 'hex');

/** A server's key and chain, as node:tls takes them. */
export interface ServerIdentity {
  readonly chain: readonly Buffer[];
  readonly privateKey: KeyObject;
}

export interface BaitFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly crl: string;
}

export interface BaitOptions {
  /** Where the files go; made if need be. */
  readonly directory: string;
  readonly nowMs: number;
  /** Host that the device connects to: a DNS name or an IP address. */
  readonly host: string;
  /** An authority that the device trusts already; without it one is made. */
  readonly authority?: { readonly certificatePath: string; readonly keyPath: string };
}

export class Bait {
  readonly files: BaitFiles;
  readonly host: string;
  readonly nowMs: number;
  readonly root: Issuer;
  readonly rootPem: string;
  /** One P-256 key for most servers: making keys takes longer than the cases do. */
  readonly serverKeys: Keys;
  readonly #rsa = new Map<number, Keys>();

  private constructor(host: string, nowMs: number, files: BaitFiles, root: Issuer, rootPem: string, serverKeys: Keys) {
    this.files = files;
    this.host = host;
    this.nowMs = nowMs;
    this.root = root;
    this.rootPem = rootPem;
    this.serverKeys = serverKeys;
  }

  /** Makes authority and device identity and writes their files. CERTS_… errors for files that cannot be read or written. */
  static async make(options: BaitOptions): Promise<Bait> {
    const { directory, nowMs } = options;
    await makePrivateDirectory(directory);
    const [root, rootPem] = options.authority ? await readRoot(options.authority) : makeRoot(nowMs);
    const files = { ca: join(directory, 'ca.pem'), cert: join(directory, 'device.pem'), key: join(directory, 'device.key'), crl: join(directory, 'crl.pem') };
    const device = forgeCertificate({
      subjectDer: commonNameDer(DEVICE_ID),
      issuer: root,
      notBeforeMs: nowMs - DAY_MS,
      notAfterMs: nowMs + 30 * DAY_MS,
      extensions: endEntityExtensions('clientAuth'),
    });
    await writePrivateFile(files.ca, rootPem);
    await writePrivateFile(files.cert, certificatePem(device.der));
    await writePrivateFile(files.key, privateKeyPem(device.privateKey));
    await writePrivateFile(files.crl, pemOf('X509 CRL', revocationListDer(root, [REVOKED_SERIAL], nowMs)));
    return new Bait(options.host, nowMs, files, root, rootPem, ecKeys('P-256'));
  }

  /** The same authority and device, for a device that connects to another name of the same host. */
  forHost(host: string): Bait {
    return new Bait(host, this.nowMs, this.files, this.root, this.rootPem, this.serverKeys);
  }

  /** What the host is, as a certificate names it. */
  get hostName(): SubjectAltName {
    return { type: isIP(this.host) === 0 ? 'dns' : 'ip', value: this.host };
  }

  /** An honest server's certificate, but for what `lie` says. */
  server(lie: Partial<Recipe> = {}, names: readonly SubjectAltName[] = [this.hostName]): ForgedCertificate {
    return forgeCertificate({
      subjectDer: commonNameDer('thrum handshake tester'),
      keys: this.serverKeys,
      issuer: this.root,
      notBeforeMs: this.nowMs - DAY_MS,
      notAfterMs: this.nowMs + 30 * DAY_MS,
      extensions: [...endEntityExtensions('serverAuth'), ...namesExtension(names)],
      ...lie,
    });
  }

  /** An authority below `issuer` (the root unless given), honest but for what `lie` says. */
  intermediate(lie: Partial<Recipe> = {}): ForgedCertificate {
    return forgeCertificate({
      subjectDer: commonNameDer('thrum handshake tester intermediate'),
      issuer: this.root,
      notBeforeMs: this.nowMs - DAY_MS,
      notAfterMs: this.nowMs + 30 * DAY_MS,
      extensions: authorityExtensions(),
      ...lie,
    });
  }

  rsa(bits: number): Keys {
    const keys = this.#rsa.get(bits) ?? rsaKeys(bits);
    this.#rsa.set(bits, keys);
    return keys;
  }
}

/** Common name of the identity that a device may use, and a client id for it. */
export const DEVICE_ID = 'thrum-tested-device';

/** Subject alternative names; nothing when there are none. */
export function namesExtension(names: readonly SubjectAltName[]): Extension[] {
  return names.length === 0 ? [] : [subjectAltName(names)];
}

/** What a server sends: its own certificate first. */
export function identityOf(leaf: ForgedCertificate, ...above: readonly ForgedCertificate[]): ServerIdentity {
  return { chain: [leaf.der, ...above.map(({ der }) => der)], privateKey: leaf.privateKey };
}

function makeRoot(nowMs: number): [Issuer, string] {
  const root = forgeCertificate({
    subjectDer: commonNameDer('thrum handshake tester, for tests only'),
    notBeforeMs: nowMs - 2 * DAY_MS,
    notAfterMs: nowMs + 60 * DAY_MS,
    extensions: authorityExtensions(),
  });
  return [root, certificatePem(root.der)];
}

async function readRoot({ certificatePath, keyPath }: { certificatePath: string; keyPath: string }): Promise<[Issuer, string]> {
  let pem: string;
  try {
    pem = await readFile(certificatePath, 'utf8');
  } catch (cause) {
    throw new CertsError('CERTS_UNREADABLE', `${certificatePath} cannot be read; give the PEM certificate of an authority that the device trusts`, { cause });
  }
  const certificate: X509Certificate = parseCertificate(pem, certificatePath);
  const content = readCertificate(certificate);
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(await readPrivateFile(keyPath));
  } catch (cause) {
    if (cause instanceof CertsError) throw cause;
    throw new CertsError('CERTS_UNREADABLE', `${keyPath} holds no unencrypted PEM private key`, { cause });
  }
  if (!certificate.ca) throw new CertsError('CERTS_BAD_REQUEST', `${certificatePath} is not the certificate of an authority`);
  if (!certificate.checkPrivateKey(privateKey)) throw new CertsError('CERTS_KEY_MISMATCH', `${keyPath} is not the key of ${certificatePath}`);
  const identifier = content.subjectKeyIdentifier === undefined ? keyIdentifier(spkiDer(certificate.publicKey)) : Buffer.from(content.subjectKeyIdentifier, 'hex');
  return [{ privateKey, subjectDer: content.subjectDer, keyIdentifier: identifier }, pem];
}

/** DER as PEM with any label. */
export function pemOf(label: string, der: Uint8Array): string {
  const lines = Buffer.from(der).toString('base64').match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
