/**
 * What a certificate says, from its own octets. Node's `subject` and `subjectAltName` are texts for people, and names
 * in them can be made to look like other names (CVE-2021-44532); here each name is one decoded value.
 */

import type { X509Certificate } from 'node:crypto';

import { TAG } from './der.ts';
import { contentOf, derOf, membersOf, oidOf, readDer, tagOf, type DerValue } from './der-reader.ts';
import { EXTENDED_KEY_USAGE_OID, EXTENSION_OID, KEY_USAGES, type SubjectAltName } from './extensions.ts';
import { bytesToIp } from './ip-address.ts';

export interface NameAttribute {
  /** Short name such as 'CN', or the dotted OID. */
  readonly type: string;
  readonly value: string;
}

/** The decoded parts of a certificate that we look at. */
export interface CertificateContent {
  /** Lower-case hexadecimal of the content octets. */
  readonly serial: string;
  readonly signatureAlgorithmOid: string;
  readonly issuer: readonly NameAttribute[];
  readonly subject: readonly NameAttribute[];
  readonly issuerDer: Buffer;
  readonly subjectDer: Buffer;
  readonly spkiDer: Buffer;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly names: readonly SubjectAltName[];
  /** Names or dotted OIDs; undefined without the extension. */
  readonly extendedKeyUsage: readonly string[] | undefined;
  readonly keyUsage: readonly string[] | undefined;
  readonly basicConstraints: { readonly ca: boolean; readonly pathLength?: number } | undefined;
  /** Lower-case hexadecimal. */
  readonly subjectKeyIdentifier: string | undefined;
  /** Numbers of the TLS extensions that its server must use (RFC 7633). */
  readonly tlsFeatures: readonly number[];
}

const ATTRIBUTE_NAMES: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '1.2.840.113549.1.9.1': 'emailAddress',
  '0.9.2342.19200300.100.1.25': 'DC',
};

const USAGE_NAMES = new Map<string, string>(Object.entries(EXTENDED_KEY_USAGE_OID).map(([name, id]) => [id, name]));

/**
 * Decodes a certificate that node:crypto accepted (`certificate.raw`).
 * Throws Error when its structure is not RFC 5280's, an extension stands twice, or a text is not valid in its encoding.
 */
export function readCertificate(certificate: X509Certificate): CertificateContent {
  return readCertificateDer(certificate.raw);
}

/** As {@link readCertificate}, from DER that nobody has looked at, and much faster than node:crypto makes an object of it. */
export function readCertificateDer(der: Uint8Array): CertificateContent {
  const [tbs] = membersOf(readDer(der), TAG.sequence);
  const all = membersOf(tbs, TAG.sequence);
  const fields = all[0] !== undefined && tagOf(all[0]) === 0xa0 ? all.slice(1) : all;
  const [serial, algorithm, issuer, validity, subject, spki] = fields;
  const [notBefore, notAfter] = membersOf(validity, TAG.sequence);
  const wrapper = fields.find((field) => tagOf(field) === 0xa3);
  const extensions = decodeExtensions(wrapper === undefined ? [] : readRawExtensions(membersOf(wrapper, 0xa3)[0]));
  return {
    serial: contentOf(serial, TAG.integer).toString('hex').replace(/^00(?=.)/, ''),
    signatureAlgorithmOid: oidOf(membersOf(algorithm, TAG.sequence)[0]),
    issuer: readName(issuer),
    subject: readName(subject),
    issuerDer: derOf(issuer!),
    subjectDer: derOf(subject!),
    spkiDer: derOf(spki!),
    notBeforeMs: readTime(notBefore),
    notAfterMs: readTime(notAfter),
    names: readNames(extensions.get(EXTENSION_OID.subjectAltName)),
    extendedKeyUsage: readExtendedKeyUsage(extensions.get(EXTENSION_OID.extKeyUsage)),
    keyUsage: readKeyUsage(extensions.get(EXTENSION_OID.keyUsage)),
    basicConstraints: readBasicConstraints(extensions.get(EXTENSION_OID.basicConstraints)),
    subjectKeyIdentifier: readOctets(extensions.get(EXTENSION_OID.subjectKeyIdentifier)),
    tlsFeatures: readTlsFeatures(extensions.get(EXTENSION_OID.tlsFeature)),
  };
}

/** The one common name of a name; undefined when there is none or more than one. */
export function commonNameOf(name: readonly NameAttribute[]): string | undefined {
  const common = name.filter(({ type }) => type === 'CN');
  return common.length === 1 ? common[0]!.value : undefined;
}

/** An extension as it stands in a certificate or a request, undecoded. */
export interface RawExtension {
  readonly oid: string;
  readonly critical: boolean;
  /** What stands in its OCTET STRING. */
  readonly value: Buffer;
}

/** The extensions in an `Extensions` SEQUENCE, in their order, repeated ones too. Throws Error when one is malformed. */
export function readRawExtensions(extensions: DerValue | undefined): RawExtension[] {
  return membersOf(extensions, TAG.sequence).map((extension) => {
    const members = membersOf(extension, TAG.sequence);
    if (members.length < 2 || members.length > 3) throw new Error('malformed: an extension that is no triple');
    const critical = members.length === 3 && readBoolean(members[1]);
    return { oid: oidOf(members[0]), critical, value: contentOf(members.at(-1), TAG.octetString) };
  });
}

/** The known ones among `raw`, decoded, by their object identifiers. Throws Error when one stands twice. */
export function decodeExtensions(raw: readonly RawExtension[]): Map<string, DerValue> {
  const found = new Map<string, DerValue>();
  const seen = new Set<string>();
  for (const { oid, value } of raw) {
    if (seen.has(oid)) throw new Error(`malformed: extension ${oid} stands twice`);
    seen.add(oid);
    if (KNOWN_EXTENSIONS.has(oid)) found.set(oid, readDer(value));
  }
  return found;
}

function readBoolean(value: DerValue | undefined): boolean {
  const octets = contentOf(value, TAG.boolean);
  if (octets.length !== 1) throw new Error('malformed: a BOOLEAN that is not one octet');
  return octets[0] !== 0;
}

const KNOWN_EXTENSIONS = new Set<string>(Object.values(EXTENSION_OID));

/** The attributes of a Name, in their order. Throws Error. */
export function readName(name: DerValue | undefined): NameAttribute[] {
  return membersOf(name, TAG.sequence).flatMap((relative) =>
    membersOf(relative, TAG.set).map((attribute) => {
      const [type, value] = membersOf(attribute, TAG.sequence);
      const id = oidOf(type);
      return { type: ATTRIBUTE_NAMES[id] ?? id, value: readText(value) };
    }),
  );
}

function readText(value: DerValue | undefined): string {
  if (value === undefined) throw new Error('malformed: a name without a value');
  const tag = tagOf(value);
  const content = contentOf(value, tag);
  if (tag === TAG.bmpString) return Buffer.from(content).swap16().toString('utf16le');
  const latin = tag === TAG.printableString || tag === TAG.ia5String || tag === 0x14;
  return latin ? content.toString('latin1') : new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
}

/** A Time (RFC 5280, section 4.1.2.5) as ms since 1970. Throws Error for any other form. */
export function readTime(value: DerValue | undefined): number {
  const long = value !== undefined && tagOf(value) === TAG.generalizedTime;
  const text = contentOf(value, long ? TAG.generalizedTime : TAG.utcTime).toString('latin1');
  const full = long ? text : `${Number(text.slice(0, 2)) >= 50 ? '19' : '20'}${text}`;
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(full);
  if (parts === null) throw new Error('malformed: a time that is not YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ');
  const [year, month, day, hour, minute, second] = parts.slice(1);
  return Date.parse(`${year!}-${month!}-${day!}T${hour!}:${minute!}:${second!}Z`);
}

/** The names in a subject alternative name extension; none without it. Throws Error. */
export function readNames(value: DerValue | undefined): SubjectAltName[] {
  return value === undefined ? [] : membersOf(value, TAG.sequence).map(readGeneralName);
}

function readGeneralName(value: DerValue): SubjectAltName {
  const tag = tagOf(value);
  switch (tag) {
    case 0x81:
      return { type: 'email', value: contentOf(value, tag).toString('latin1') };
    case 0x82:
      return { type: 'dns', value: contentOf(value, tag).toString('latin1') };
    case 0x86:
      return { type: 'uri', value: contentOf(value, tag).toString('latin1') };
    case 0x87: {
      const bytes = contentOf(value, tag);
      return { type: 'ip', value: bytesToIp(bytes) ?? bytes.toString('hex') };
    }
    default:
      return { type: 'other', value: derOf(value).toString('hex') };
  }
}

/** Names or dotted object identifiers of an extended key usage extension. Throws Error. */
export function readExtendedKeyUsage(value: DerValue | undefined): string[] | undefined {
  if (value === undefined) return undefined;
  return membersOf(value, TAG.sequence).map((usage) => USAGE_NAMES.get(oidOf(usage)) ?? oidOf(usage));
}

/** The usages in a key usage extension. Throws Error. */
export function readKeyUsage(value: DerValue | undefined): string[] | undefined {
  if (value === undefined) return undefined;
  const bits = contentOf(value, TAG.bitString).subarray(1);
  return KEY_USAGES.filter((_, position) => ((bits[position >> 3] ?? 0) & (0x80 >> (position & 7))) !== 0);
}

/** Basic constraints. Throws Error. */
export function readBasicConstraints(value: DerValue | undefined): CertificateContent['basicConstraints'] {
  if (value === undefined) return undefined;
  const members = membersOf(value, TAG.sequence);
  const ca = members.some((member) => tagOf(member) === TAG.boolean && readBoolean(member));
  const length = members.find((member) => tagOf(member) === TAG.integer);
  if (length === undefined) return { ca };
  return { ca, pathLength: Number(`0x${contentOf(length, TAG.integer).toString('hex')}`) };
}

function readTlsFeatures(value: DerValue | undefined): number[] {
  return value === undefined ? [] : membersOf(value, TAG.sequence).map((feature) => Number(`0x${contentOf(feature, TAG.integer).toString('hex')}`));
}

function readOctets(value: DerValue | undefined): string | undefined {
  return value === undefined ? undefined : contentOf(value, TAG.octetString).toString('hex');
}
