/** Checks of a certificate's fields: version, serial number, algorithms, validity, key. */

import { finding, type Finding } from './check-catalogue.ts';
import type { CheckedCertificate, WrittenTime } from './check-reader.ts';
import { DAY_MS } from './profiles.ts';
import { weaknessOf } from './weak-key.ts';

const SERIAL_OCTETS_MAX = 20;
const SERIAL_BITS_MIN = 64;
/** A random number of 128 bits has a run of 40 equal bits with a chance of 2^-32. */
const EQUAL_BITS_MAX = 40;
/** Largest step between serial numbers that looks like counting, not like chance. */
const COUNTING_STEP = 2n ** 32n;
const LIFETIME_DAYS_MAX = { authority: 25 * 366, server: 398, client: 3650 } as const;
/** Validity that begins a little before the issue does not make a certificate last longer. */
const SKEW_MS = 3_600_000;

const WEAK_ALGORITHMS: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.2': 'MD2 with RSA',
  '1.2.840.113549.1.1.4': 'MD5 with RSA',
  '1.2.840.113549.1.1.5': 'SHA-1 with RSA',
  '1.3.14.3.2.29': 'SHA-1 with RSA',
  '1.2.840.10040.4.3': 'SHA-1 with DSA',
  '1.2.840.10045.4.1': 'SHA-1 with ECDSA',
};
const KNOWN_ALGORITHMS = /^1\.2\.840\.113549\.1\.1\.1[0-3]$|^1\.2\.840\.10045\.4\.3\.[2-4]$|^1\.3\.101\.11[23]$/;

/** Findings of the fields. */
export function checkFields(certificate: CheckedCertificate, nowMs: number): Finding[] {
  return [...checkForm(certificate), ...checkSerial(certificate.serial), ...checkValidity(certificate, nowMs), ...checkKey(certificate)];
}

function checkForm(certificate: CheckedCertificate): Finding[] {
  const { version, issuer, hasUniqueIdentifier, innerAlgorithmDer, outerAlgorithmDer, algorithmOid, kind, issuerDer, subjectDer } = certificate;
  const found: Finding[] = [];
  if (version !== 3) found.push(finding('version-not-3', `its version is ${version}, not 3`));
  if (issuer.length === 0) found.push(finding('issuer-empty', 'it does not say who issued it'));
  if (hasUniqueIdentifier) found.push(finding('unique-identifier', 'it has a unique identifier, which nobody should make any more'));
  if (!innerAlgorithmDer.equals(outerAlgorithmDer)) found.push(finding('signature-algorithm-differs', 'the signature algorithm inside differs from the one outside'));
  const weak = WEAK_ALGORITHMS[algorithmOid];
  const isRoot = kind === 'authority' && issuerDer.equals(subjectDer);
  if (weak !== undefined && isRoot) found.push(finding('signature-algorithm-weak-on-root', `it is signed with ${weak}, by itself: nobody goes by that signature`));
  else if (weak !== undefined) found.push(finding('signature-algorithm-weak', `it is signed with ${weak}`));
  else if (!KNOWN_ALGORITHMS.test(algorithmOid)) found.push(finding('signature-algorithm-unknown', `it is signed with ${algorithmOid}, which this check does not know`));
  return found;
}

function checkSerial(serial: Buffer): Finding[] {
  const hex = serial.toString('hex');
  const first = serial[0] ?? 0;
  const found: Finding[] = [];
  if (serial.length === 0 || first >= 0x80 || /^0*$/.test(hex)) found.push(finding('serial-not-positive', `the serial number ${hex || '(empty)'} is not above zero`));
  if (serial.length > SERIAL_OCTETS_MAX) found.push(finding('serial-too-long', `the serial number has ${serial.length} octets, more than ${SERIAL_OCTETS_MAX}`));
  const second = serial[1] ?? 0;
  if (serial.length > 1 && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))) {
    found.push(finding('serial-encoding', `the serial number ${hex} is longer than it needs to be`));
  }
  const bits = BigInt(`0x0${hex}`).toString(2);
  if (bits.length < SERIAL_BITS_MIN - 8) found.push(finding('serial-low-entropy', `the serial number has ${bits.length} bits, too few for ${SERIAL_BITS_MIN} random ones`));
  else if (new RegExp(`0{${EQUAL_BITS_MAX}}|1{${EQUAL_BITS_MAX}}`).test(bits)) found.push(finding('serial-low-entropy', `the serial number ${hex} does not look random`));
  return found;
}

/** Findings between certificates of one issuer: serial numbers that repeat, or count. One list for each certificate. */
export function checkSerialsTogether(certificates: readonly (CheckedCertificate | undefined)[]): Finding[][] {
  const found: Finding[][] = certificates.map(() => []);
  const order = certificates.flatMap((certificate, index) =>
    certificate === undefined ? [] : [{ certificate, index, issuer: certificate.issuerDer.toString('hex'), serial: BigInt(`0x0${certificate.serial.toString('hex')}`) }],
  );
  order.sort((a, b) => (a.issuer === b.issuer ? (a.serial < b.serial ? -1 : 1) : a.issuer < b.issuer ? -1 : 1));
  for (const [place, next] of order.entries()) {
    const before = order[place - 1];
    if (before?.issuer !== next.issuer) continue;
    const step = next.serial - before.serial;
    const isSame = before.certificate.subjectDer.equals(next.certificate.subjectDer);
    if (step === 0n && !isSame) found[next.index]!.push(finding('serial-repeated', 'its issuer gave the same serial number to another certificate'));
    if (step > 0n && step < COUNTING_STEP) found[next.index]!.push(finding('serial-sequential', `its serial number is ${step} past another of the same issuer, as if counted`));
  }
  return found;
}

function checkValidity({ notBefore, notAfter, kind }: CheckedCertificate, nowMs: number): Finding[] {
  const found = [...checkTime('begins', notBefore), ...checkTime('ends', notAfter)];
  if (!(notAfter.ms >= notBefore.ms)) found.push(finding('validity-order', `it ends (${notAfter.text}) before it begins (${notBefore.text})`));
  if (notBefore.ms > nowMs) found.push(finding('not-yet-valid', `it begins only on ${day(notBefore.ms)}`));
  if (notAfter.ms < nowMs) found.push(finding('expired', `it ended on ${day(notAfter.ms)}`));
  const days = (notAfter.ms - notBefore.ms - SKEW_MS) / DAY_MS;
  const most = LIFETIME_DAYS_MAX[kind];
  if (days > most) found.push(finding('lifetime-long', `it lasts ${Math.floor(days)} days; ${most} are the most for ${kind === 'authority' ? 'an authority' : `a ${kind}`}`));
  return found;
}

function checkTime(what: string, { isGeneralized, text, ms }: WrittenTime): Finding[] {
  if (!(isGeneralized ? /^\d{14}Z$/ : /^\d{12}Z$/).test(text) || Number.isNaN(ms)) {
    return [finding('validity-encoding', `when it ${what} is written ${text}, not as ${isGeneralized ? 'YYYYMMDDHHMMSSZ' : 'YYMMDDHHMMSSZ'}`)];
  }
  if (isGeneralized && ms < Date.UTC(2050, 0, 1)) return [finding('validity-encoding', `when it ${what} is written as GeneralizedTime, which is for 2050 and later`)];
  return [];
}

function checkKey({ publicKey }: CheckedCertificate): Finding[] {
  if (publicKey === undefined) return [finding('key-unreadable', 'its public key cannot be read')];
  const weakness = weaknessOf(publicKey);
  return weakness === undefined ? [] : [finding('key-weak', `its key ${weakness}`)];
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
