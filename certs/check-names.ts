/** Checks of the names in a certificate: subject, and subject alternative names of each kind. */

import { isIP } from 'node:net';

import { finding, type Finding } from './check-catalogue.ts';
import type { CheckedCertificate } from './check-reader.ts';
import { EXTENSION_OID, type SubjectAltName } from './extensions.ts';
import { COMMON_NAME_CHARS_MAX } from './names.ts';

const LABEL = /^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$/;
const DNS_CHARS_MAX = 253;
/** So many names are looked at one by one; a certificate with more is told about those. */
const NAMES_CHECKED_MAX = 1000;

/** Findings of the names. */
export function checkNames(certificate: CheckedCertificate): Finding[] {
  const names = (certificate.names ?? []).slice(0, NAMES_CHECKED_MAX);
  return [...checkSubject(certificate, names), ...checkPresence(certificate), ...names.flatMap(checkName)];
}

function checkSubject({ subject, kind }: CheckedCertificate, names: readonly SubjectAltName[]): Finding[] {
  const found: Finding[] = [];
  const common = subject.filter(({ type }) => type === 'CN').map(({ value }) => value);
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  const strange = subject.find(({ value }) => /[\x00-\x1f\x7f]/.test(value));
  if (strange) found.push(finding('name-control-character', `its subject has a control character in ${strange.type}`));
  if (common.length > 1) found.push(finding('common-name-repeated', `its subject has ${common.length} common names`));
  const long = common.find((value) => value.length > COMMON_NAME_CHARS_MAX);
  if (long !== undefined) found.push(finding('common-name-too-long', `its common name has ${long.length} characters, more than ${COMMON_NAME_CHARS_MAX}`));
  const unnamed = kind === 'server' && common.find((value) => !names.some((name) => name.value.toLowerCase() === value.toLowerCase()));
  if (unnamed) found.push(finding('common-name-not-in-names', `its common name ${unnamed.slice(0, 80)} is not among its alternative names`));
  return found;
}

function checkPresence({ subject, names, kind, extensions }: CheckedCertificate): Finding[] {
  const isCritical = extensions.some(({ oid, critical }) => oid === EXTENSION_OID.subjectAltName && critical);
  const found: Finding[] = [];
  if (names?.length === 0) found.push(finding('names-empty', 'its list of alternative names is empty'));
  if (subject.length === 0) {
    if (kind === 'authority') found.push(finding('subject-empty-on-ca', 'it is an authority without a name'));
    else if (names === undefined) found.push(finding('subject-empty-without-names', 'it names nobody'));
    else if (!isCritical) found.push(finding('names-not-critical', 'its subject is empty, and its alternative names are not critical'));
  } else if (isCritical) {
    found.push(finding('names-critical', 'its alternative names are critical although it has a subject'));
  }
  if (kind === 'server' && names === undefined && subject.length > 0) found.push(finding('names-missing', 'it has no alternative names, where clients look for a server'));
  return found;
}

function checkName({ type, value }: SubjectAltName): Finding[] {
  const shown = value.slice(0, 80);
  switch (type) {
    case 'dns':
      return checkDnsName(value, shown);
    case 'ip':
      return isIP(value) === 0 ? [finding('ip-address-length', `an address in it has ${value.length / 2} octets, not 4 or 16`)] : [];
    case 'uri':
      return /^[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]+$/.test(value) ? [] : [finding('uri-not-absolute', `the URI ${shown} is not an absolute one`)];
    case 'email':
      return /^[\x21-\x3f\x41-\x7e]+@[A-Za-z0-9.-]+$/.test(value) ? [] : [finding('email-syntax', `${shown} is not an e-mail address`)];
    case 'other':
      return [];
  }
}

function checkDnsName(name: string, shown: string): Finding[] {
  if (isIP(name) !== 0) return [finding('dns-name-is-address', `the DNS name ${shown} is an address`)];
  const labels = name.split('.');
  const rest = labels[0] === '*' ? labels.slice(1) : labels;
  if (rest.some((label) => label.includes('*')) || (labels[0] === '*' && rest.length < 2)) {
    return [finding('dns-name-wildcard', `the DNS name ${shown} has a wildcard that is not the whole first label above a domain`)];
  }
  const isGood = name.length <= DNS_CHARS_MAX && rest.every((label) => LABEL.test(label));
  return isGood ? [] : [finding('dns-name-syntax', `${shown} is not a DNS name`)];
}
