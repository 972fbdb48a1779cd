/**
 * A certificate taken apart for checking, as gently as can be: what cannot be decoded is kept as it stands, so that one
 * fault does not hide the others.
 */

import { createPublicKey, type KeyObject } from 'node:crypto';

import {
  readBasicConstraints,
  readExtendedKeyUsage,
  readKeyUsage,
  readName,
  readNames,
  readRawExtensions,
  type NameAttribute,
  type RawExtension,
} from './certificate-reader.ts';
import { finding, type Finding } from './check-catalogue.ts';
import { TAG } from './der.ts';
import { contentOf, membersOf, oidOf, readDer, type DerValue } from './der-reader.ts';
import { EXTENSION_OID, type SubjectAltName } from './extensions.ts';
import { keyTypeOf } from './key-pair.ts';

/** A time as it is written. */
export interface WrittenTime {
  readonly isGeneralized: boolean;
  readonly text: string;
  /** NaN when the text is none. */
  readonly ms: number;
}

export interface CheckedCertificate {
  /** 1, 2 or 3; others as they stand. */
  readonly version: number;
  /** Content octets of the serial number. */
  readonly serial: Buffer;
  readonly innerAlgorithmDer: Buffer;
  readonly outerAlgorithmDer: Buffer;
  readonly algorithmOid: string;
  readonly issuerDer: Buffer;
  readonly subjectDer: Buffer;
  readonly issuer: readonly NameAttribute[];
  readonly subject: readonly NameAttribute[];
  readonly notBefore: WrittenTime;
  readonly notAfter: WrittenTime;
  /** Undefined when it cannot be read. */
  readonly publicKey: KeyObject | undefined;
  /** As in key-pair.ts; 'unreadable' when it cannot be read. */
  readonly keyType: string;
  readonly hasUniqueIdentifier: boolean;
  readonly extensions: readonly RawExtension[];
  /** Undefined without the extension, and when it is malformed. */
  readonly basicConstraints: { readonly ca: boolean; readonly pathLength?: number } | undefined;
  readonly keyUsage: readonly string[] | undefined;
  readonly extendedKeyUsage: readonly string[] | undefined;
  readonly names: readonly SubjectAltName[] | undefined;
  readonly kind: 'authority' | 'server' | 'client';
  /** What was found in taking it apart. */
  readonly findings: readonly Finding[];
}

/** Takes a certificate apart. Throws Error when it is not even shaped as one. */
export function takeApart(der: Uint8Array): CheckedCertificate {
  const [tbs, outerAlgorithm, signature, ...more] = membersOf(readDer(der), TAG.sequence);
  if (more.length > 0) throw new Error('malformed: more than a certificate');
  contentOf(signature, TAG.bitString);
  membersOf(outerAlgorithm, TAG.sequence);
  const all = membersOf(tbs, TAG.sequence);
  const wrapped = all[0]?.tag === 0xa0 ? contentOf(membersOf(all[0], 0xa0)[0], TAG.integer) : undefined;
  const [serial, algorithm, issuer, validity, subject, spki, ...optional] = wrapped ? all.slice(1) : all;
  const [notBefore, notAfter] = membersOf(validity, TAG.sequence);
  const wrapper = optional.find(({ tag }) => tag === 0xa3);
  const extensions = wrapper ? readRawExtensions(membersOf(wrapper, 0xa3)[0]) : [];
  const publicKey = keyIn(spki);
  const decoded = decodeAll(extensions);
  return {
    version: wrapped ? wrapped.readUIntBE(0, Math.min(wrapped.length, 6)) + 1 : 1,
    serial: contentOf(serial, TAG.integer),
    innerAlgorithmDer: algorithm!.der,
    outerAlgorithmDer: outerAlgorithm!.der,
    algorithmOid: oidOf(membersOf(algorithm, TAG.sequence)[0]),
    issuerDer: issuer!.der,
    subjectDer: subject!.der,
    issuer: readName(issuer),
    subject: readName(subject),
    notBefore: readWrittenTime(notBefore),
    notAfter: readWrittenTime(notAfter),
    publicKey,
    keyType: publicKey ? keyTypeOf(publicKey) : 'unreadable',
    hasUniqueIdentifier: optional.some(({ tag }) => tag === 0x81 || tag === 0x82),
    extensions,
    ...decoded,
    kind: kindOf(decoded),
  };
}

type Decoded = Pick<CheckedCertificate, 'basicConstraints' | 'keyUsage' | 'extendedKeyUsage' | 'names' | 'findings'>;

function decodeAll(extensions: readonly RawExtension[]): Decoded {
  const findings: Finding[] = [];
  const decode = <T>(oid: string, name: string, read: (value: DerValue) => T): T | undefined => {
    const raw = extensions.find((extension) => extension.oid === oid);
    if (raw === undefined) return undefined;
    try {
      return read(readDer(raw.value));
    } catch (error) {
      findings.push(finding('extension-malformed', `${name} cannot be decoded (${(error as Error).message})`));
      return undefined;
    }
  };
  return {
    basicConstraints: decode(EXTENSION_OID.basicConstraints, 'basic constraints', readBasicConstraints),
    keyUsage: decode(EXTENSION_OID.keyUsage, 'key usage', readKeyUsage),
    extendedKeyUsage: decode(EXTENSION_OID.extKeyUsage, 'extended key usage', readExtendedKeyUsage),
    names: decode(EXTENSION_OID.subjectAltName, 'subject alternative names', readNames),
    findings,
  };
}

function kindOf({ basicConstraints, extendedKeyUsage, names }: Decoded): CheckedCertificate['kind'] {
  if (basicConstraints?.ca) return 'authority';
  if (extendedKeyUsage?.includes('serverAuth')) return 'server';
  const isNamedAsHost = names?.some(({ type }) => type === 'dns' || type === 'ip') ?? false;
  return extendedKeyUsage === undefined && isNamedAsHost ? 'server' : 'client';
}

function keyIn(spki: DerValue | undefined): KeyObject | undefined {
  membersOf(spki, TAG.sequence);
  try {
    return createPublicKey({ key: spki!.der, format: 'der', type: 'spki' });
  } catch {
    return undefined; // told as the finding key-unreadable
  }
}

function readWrittenTime(value: DerValue | undefined): WrittenTime {
  const isGeneralized = value?.tag === TAG.generalizedTime;
  const text = contentOf(value, isGeneralized ? TAG.generalizedTime : TAG.utcTime).toString('latin1');
  const rest = '(\\d\\d)(\\d\\d)(\\d\\d)(\\d\\d)(\\d\\d)?(?:\\.\\d+)?(?:Z|[+-]\\d{4})?$';
  const parts = new RegExp(`^(\\d{${isGeneralized ? 4 : 2}})${rest}`).exec(text);
  if (parts === null) return { isGeneralized, text, ms: Number.NaN };
  const [, year = '', month, day, hour, minute, second = '00'] = parts;
  const full = isGeneralized ? year : `${Number(year) >= 50 ? '19' : '20'}${year}`;
  return { isGeneralized, text, ms: Date.parse(`${full}-${month!}-${day!}T${hour!}:${minute!}:${second}Z`) };
}
