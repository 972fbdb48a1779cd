/**
 * Where a case's source can be read: the section of an RFC at rfc-editor.org, other documents at their publisher's.
 * Promises: an address is https and made of the source's digits and letters only; a source that is not known has none.
 */

const RFC = /^RFC\s?(\d{1,5})(?:,?\s+(?:(?:sections?|sec\.|§|appendix)\s*)?([A-Z]|[A-Z]?\.?\d+(?:\.\d+)*)(?=$|[\s,;:)(]))?/i;
const NIST = /^(?:NIST\s)?SP\s?800-(\d{1,3})([A-QS-Z])?(?:\s?(?:r|rev\.?\s?)(\d))?/i;

/** Patterns in the order of trial, and the address for what they match. */
const PUBLISHERS: readonly (readonly [RegExp, (match: RegExpExecArray) => string])[] = [
  [RFC, ([, number, section]) => `https://www.rfc-editor.org/rfc/rfc${number!}.html${section === undefined ? '' : anchor(section)}`],
  [/^BCP\s?(\d{1,3})/i, ([, number]) => `https://www.rfc-editor.org/info/bcp${number!}`],
  [/^draft-[a-z0-9-]+/, ([name]) => `https://datatracker.ietf.org/doc/${name}/`],
  [/^MQTT\s?5/i, () => 'https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html'],
  [/^MQTT/i, () => 'https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html'],
  [NIST, ([, number, letter, revision]) => `https://csrc.nist.gov/pubs/sp/800/${[number!, letter?.toLowerCase(), revision && `r${revision}`].filter(Boolean).join('/')}/final`],
  [/^FIPS\s(?:PUB\s)?(\d{3})(?:-(\d))?/i, ([, number, revision]) => `https://csrc.nist.gov/pubs/fips/${number!}${revision === undefined ? '' : `-${revision}`}/final`],
  [/^CVE-(\d{4}-\d{4,7})/i, ([, number]) => `https://nvd.nist.gov/vuln/detail/CVE-${number!}`],
  [/^CWE-(\d{1,5})/i, ([, number]) => `https://cwe.mitre.org/data/definitions/${number!}.html`],
  [/^AWS IoT (?:Core )?Device Advisor/i, () => 'https://docs.aws.amazon.com/iot/latest/developerguide/device-advisor-tests.html'],
  [/^AWS IoT/i, () => 'https://docs.aws.amazon.com/iot/latest/developerguide/transport-security.html'],
  [/^(?:CA\/Browser Forum|CA\/B|CABF)/i, () => 'https://cabforum.org/working-groups/server/baseline-requirements/requirements/'],
  [/^(?:ITU-T )?X\.(509|690|680)/i, ([, number]) => `https://www.itu.int/rec/T-REC-X.${number!}`],
];

/** The address of a source such as `RFC 8446 4.1.2`, or undefined. */
export function sourceUrl(source: string): string | undefined {
  for (const [pattern, address] of PUBLISHERS) {
    const match = pattern.exec(source.trim());
    if (match) return address(match);
  }
  return undefined;
}

/** Sections with a letter first are appendices: `D.5` → `#appendix-D.5`. */
function anchor(section: string): string {
  return /^[a-z]/i.test(section) ? `#appendix-${section[0]!.toUpperCase()}${section.slice(1)}` : `#section-${section}`;
}
