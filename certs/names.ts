/**
 * The names that stand in certificates: what each may look like, and the URNs that carry identities. A name that passed
 * here has exactly one form, so comparing names is comparing strings.
 */

import { CertsError } from './errors.ts';

const PROJECT_ID = /^[a-z0-9-]{1,60}$/;
const GATEWAY_ID = /^[0-9a-f]{16}$/;
const OPERATOR_NAME = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;
const DNS_LABEL = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/;
const GATEWAY_URN = /^urn:thrum:project:([a-z0-9-]{1,60}):gateway:([0-9a-f]{16})$/;
const OPERATOR_URN = /^urn:thrum:operator:([A-Za-z0-9][A-Za-z0-9._@-]{0,63})$/;

/** Every URN of ours begins so. */
export const URN_PREFIX = 'urn:thrum:';

/** The longest common name (RFC 5280, appendix A: ub-common-name). */
export const COMMON_NAME_CHARS_MAX = 64;

/** `urn:thrum:project:<projectId>:gateway:<gatewayId>`. Throws CERTS_BAD_REQUEST when a part is malformed. */
export function gatewayUrn(projectId: string, gatewayId: string): string {
  check(PROJECT_ID, projectId, 'project id', '1 to 60 lower-case letters, digits and hyphens');
  check(GATEWAY_ID, gatewayId, 'gateway id', 'an EUI-64 as 16 lower-case hexadecimal digits');
  return `${URN_PREFIX}project:${projectId}:gateway:${gatewayId}`;
}

/** `urn:thrum:operator:<name>`. Throws CERTS_BAD_REQUEST when the name is malformed. */
export function operatorUrn(name: string): string {
  check(OPERATOR_NAME, name, 'operator name', '1 to 64 letters, digits and . _ @ -, beginning with a letter or digit');
  return `${URN_PREFIX}operator:${name}`;
}

/** What a URN of ours says; undefined for any other text. */
export function parseUrn(
  uri: string,
): { role: 'gateway'; projectId: string; gatewayId: string } | { role: 'operator'; name: string } | undefined {
  const gateway = GATEWAY_URN.exec(uri);
  if (gateway !== null) return { role: 'gateway', projectId: gateway[1]!, gatewayId: gateway[2]! };
  const operator = OPERATOR_URN.exec(uri);
  if (operator !== null) return { role: 'operator', name: operator[1]! };
  return undefined;
}

/**
 * A DNS name in lower case: labels of letters, digits and hyphens, 253 characters in all, `*` allowed as the whole
 * first label before at least two more. Throws CERTS_BAD_REQUEST for other text, also for an IPv4 address.
 */
export function dnsName(text: string): string {
  const name = asText(text).toLowerCase();
  const labels = name.split('.');
  const wildcard = labels.length > 2 && labels[0] === '*';
  const rest = wildcard ? labels.slice(1) : labels;
  const numericEnd = /^\d+$/.test(labels.at(-1)!);
  if (name.length > 253 || numericEnd || !rest.every((label) => DNS_LABEL.test(label))) {
    throw bad('DNS name', text, 'labels of letters, digits and hyphens joined by dots; put addresses in ipAddresses');
  }
  return name;
}

/**
 * A common name for an authority: 1 to 64 characters, no control, format or unassigned characters, no lone surrogates,
 * no space at either end. Throws CERTS_BAD_REQUEST.
 */
export function authorityName(text: string): string {
  const name = asText(text);
  if (name.length < 1 || name.length > COMMON_NAME_CHARS_MAX || /\p{C}/u.test(name) || name.trim() !== name) {
    throw bad('authority name', text, '1 to 64 printable characters');
  }
  return name;
}

/** The error for a value that a request got wrong; shows at most 80 characters of it. */
export function bad(what: string, value: unknown, wanted: string): CertsError {
  const shown = typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : String(value).slice(0, 80);
  return new CertsError('CERTS_BAD_REQUEST', `${what} ${shown} is not allowed; use ${wanted}`);
}

function check(pattern: RegExp, value: string, what: string, wanted: string): void {
  if (typeof value !== 'string' || !pattern.test(value)) throw bad(what, value, wanted);
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
