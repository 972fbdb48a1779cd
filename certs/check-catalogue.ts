/**
 * What the check of a certificate can find: each finding's severity and its source. Ids are stable: programs and people
 * refer to them. docs/certificates.md lists them.
 */

export type Severity = 'error' | 'warning' | 'info';

export const FINDINGS = {
  malformed: { severity: 'error', source: 'RFC 5280, 4.1' },
  'version-not-3': { severity: 'error', source: 'RFC 5280, 4.1.2.1' },
  'serial-not-positive': { severity: 'error', source: 'RFC 5280, 4.1.2.2' },
  'serial-too-long': { severity: 'error', source: 'RFC 5280, 4.1.2.2' },
  'serial-encoding': { severity: 'error', source: 'X.690, 8.3.2' },
  'serial-low-entropy': { severity: 'warning', source: 'CA/B BR, 7.1' },
  'serial-sequential': { severity: 'warning', source: 'CA/B BR, 7.1' },
  'serial-repeated': { severity: 'error', source: 'RFC 5280, 4.1.2.2' },
  'signature-algorithm-differs': { severity: 'error', source: 'RFC 5280, 4.1.1.2' },
  'signature-algorithm-weak': { severity: 'error', source: 'RFC 9155, 3; RFC 6151, 2' },
  'signature-algorithm-weak-on-root': { severity: 'info', source: 'RFC 5280, 6.1' },
  'signature-algorithm-unknown': { severity: 'info', source: 'RFC 5280, 4.1.1.2' },
  'unique-identifier': { severity: 'warning', source: 'RFC 5280, 4.1.2.8' },
  'issuer-empty': { severity: 'error', source: 'RFC 5280, 4.1.2.4' },
  'validity-encoding': { severity: 'error', source: 'RFC 5280, 4.1.2.5' },
  'validity-order': { severity: 'error', source: 'RFC 5280, 4.1.2.5' },
  'not-yet-valid': { severity: 'error', source: 'RFC 5280, 4.1.2.5' },
  expired: { severity: 'error', source: 'RFC 5280, 4.1.2.5' },
  'lifetime-long': { severity: 'warning', source: 'CA/B BR, 6.3.2' },
  'key-unreadable': { severity: 'error', source: 'RFC 5280, 4.1.2.7' },
  'key-weak': { severity: 'error', source: 'CA/B BR, 6.1.1.3, 6.1.5, 6.1.6' },
  'extension-duplicate': { severity: 'error', source: 'RFC 5280, 4.2' },
  'extension-unknown-critical': { severity: 'error', source: 'RFC 5280, 4.2' },
  'extension-malformed': { severity: 'error', source: 'RFC 5280, 4.2' },
  'basic-constraints-not-critical': { severity: 'error', source: 'RFC 5280, 4.2.1.9' },
  'path-length-without-ca': { severity: 'error', source: 'RFC 5280, 4.2.1.9' },
  'key-usage-missing': { severity: 'warning', source: 'RFC 5280, 4.2.1.3' },
  'key-usage-missing-on-ca': { severity: 'error', source: 'RFC 5280, 4.2.1.3' },
  'key-usage-not-critical': { severity: 'warning', source: 'RFC 5280, 4.2.1.3' },
  'key-usage-empty': { severity: 'error', source: 'RFC 5280, 4.2.1.3' },
  'key-usage-cert-sign-without-ca': { severity: 'error', source: 'RFC 5280, 4.2.1.3' },
  'key-usage-ca-without-cert-sign': { severity: 'error', source: 'RFC 5280, 4.2.1.3' },
  'key-usage-without-signature': { severity: 'error', source: 'RFC 8446, 4.4.2.2' },
  'key-usage-unfit-key': { severity: 'error', source: 'RFC 8813, 3; RFC 8410, 5' },
  'extended-key-usage-missing': { severity: 'warning', source: 'RFC 5280, 4.2.1.12' },
  'extended-key-usage-empty': { severity: 'error', source: 'RFC 5280, 4.2.1.12' },
  'extended-key-usage-any': { severity: 'warning', source: 'RFC 5280, 4.2.1.12' },
  'extended-key-usage-both': { severity: 'info', source: 'RFC 5280, 4.2.1.12' },
  'subject-key-id-missing-on-ca': { severity: 'error', source: 'RFC 5280, 4.2.1.2' },
  'subject-key-id-missing': { severity: 'info', source: 'RFC 5280, 4.2.1.2' },
  'authority-key-id-missing': { severity: 'error', source: 'RFC 5280, 4.2.1.1' },
  'key-id-critical': { severity: 'error', source: 'RFC 5280, 4.2.1.1, 4.2.1.2' },
  'no-revocation-pointer': { severity: 'info', source: 'RFC 5280, 4.2.1.13, 4.2.2.1' },
  'self-signed-leaf': { severity: 'warning', source: 'RFC 5280, 3.2' },
  'subject-empty-on-ca': { severity: 'error', source: 'RFC 5280, 4.1.2.6' },
  'subject-empty-without-names': { severity: 'error', source: 'RFC 5280, 4.1.2.6' },
  'common-name-too-long': { severity: 'error', source: 'RFC 5280, A.1 (ub-common-name)' },
  'common-name-repeated': { severity: 'warning', source: 'CA/B BR, 7.1.4.3' },
  'common-name-not-in-names': { severity: 'warning', source: 'CA/B BR, 7.1.4.3' },
  'name-control-character': { severity: 'error', source: 'RFC 5280, 7' },
  'names-missing': { severity: 'error', source: 'RFC 9525, 4.1' },
  'names-empty': { severity: 'error', source: 'RFC 5280, 4.2.1.6' },
  'names-not-critical': { severity: 'error', source: 'RFC 5280, 4.2.1.6' },
  'names-critical': { severity: 'warning', source: 'RFC 5280, 4.2.1.6' },
  'dns-name-syntax': { severity: 'error', source: 'RFC 5280, 4.2.1.6; RFC 1034, 3.5' },
  'dns-name-is-address': { severity: 'error', source: 'CA/B BR, 7.1.4.2' },
  'dns-name-wildcard': { severity: 'error', source: 'RFC 9525, 6.3' },
  'ip-address-length': { severity: 'error', source: 'RFC 5280, 4.2.1.6' },
  'uri-not-absolute': { severity: 'error', source: 'RFC 5280, 4.2.1.6' },
  'email-syntax': { severity: 'error', source: 'RFC 5280, 4.2.1.6' },
  'thrum-identity': { severity: 'error', source: 'thrum, profiles' },
  'thrum-usage': { severity: 'error', source: 'thrum, profiles' },
  'thrum-names': { severity: 'error', source: 'thrum, profiles' },
  'thrum-lifetime': { severity: 'error', source: 'thrum, profiles' },
  'thrum-key': { severity: 'error', source: 'thrum, profiles' },
} as const satisfies Readonly<Record<string, { severity: Severity; source: string }>>;

export type FindingId = keyof typeof FINDINGS;

/** One thing that is not as it should be, or worth knowing. */
export interface Finding {
  readonly id: FindingId;
  readonly severity: Severity;
  /** What it is about, in this certificate. */
  readonly sentence: string;
  /** Where the rule stands. */
  readonly source: string;
}

/** A finding with the severity and source of its id. Characters that do not print are shown as '?'. */
export function finding(id: FindingId, sentence: string): Finding {
  return { id, severity: FINDINGS[id].severity, sentence: sentence.replaceAll(/[^\x20-\x7e]/g, '?'), source: FINDINGS[id].source };
}
