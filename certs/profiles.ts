/**
 * What each kind of certificate may do and how long: key usage, extended key usage, names, lifetimes. Anything a
 * request can get wrong is found here, before a key is made.
 */

import { CertsError } from './errors.ts';
import {
  basicConstraints,
  extKeyUsage,
  keyIdentifier,
  keyUsage,
  subjectAltName,
  type ExtendedKeyUsage,
  type Extension,
  type SubjectAltName,
} from './extensions.ts';
import { bytesToIp, ipToBytes } from './ip-address.ts';
import { COMMON_NAME_CHARS_MAX, bad, dnsName, gatewayUrn, operatorUrn } from './names.ts';
import type { KeyType } from './key-pair.ts';

export const ROLES = ['server', 'gateway', 'operator'] as const;

export type Role = (typeof ROLES)[number];

/** What any request may say. */
export interface CommonRequest {
  /** Default 'ec-p256'. */
  readonly keyType?: KeyType;
  /** At least a minute, at most 3650; fractions are allowed. Default by role: server 397, gateway and operator 365. */
  readonly lifetimeDays?: number;
  /** Start of validity, milliseconds since 1970. Default: now less 5 minutes, for clocks that run slow. */
  readonly notBeforeMs?: number;
}

export interface GatewayRequest extends CommonRequest {
  readonly role: 'gateway';
  /** 1 to 60 lower-case letters, digits, hyphens. */
  readonly projectId: string;
  /** EUI-64 as 16 lower-case hexadecimal digits. */
  readonly gatewayId: string;
}

export interface ServerRequest extends CommonRequest {
  readonly role: 'server';
  /** With neither list given: localhost, 127.0.0.1 and ::1. At most 100 names in all. */
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
}

export interface OperatorRequest extends CommonRequest {
  readonly role: 'operator';
  /** 1 to 64 letters, digits and . _ @ - */
  readonly name: string;
}

export type IdentityRequest = GatewayRequest | ServerRequest | OperatorRequest;

/** What a checked request comes to. */
export interface Profile {
  readonly commonName: string;
  /** Everything but the key identifiers, which need the keys. */
  readonly extensions: readonly Extension[];
}

export interface Validity {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

export const DAY_MS = 86_400_000;
/** Validity begins five minutes back, for clocks that run slow. */
export const SKEW_MS = 300_000;
export const LIFETIME_MIN_MS = 60_000;
/** The longest lifetime of an identity, in days. */
export const LIFETIME_DAYS_MAX = 3650;
const SERVER_NAMES_MAX = 100;
const CA_LIFETIME_DAYS = 3650;
const ISSUING_LIFETIME_DAYS = 1826;
const DEFAULT_LIFETIME_DAYS: Readonly<Record<Role, number>> = { server: 397, gateway: 365, operator: 365 };

/** Profile of a root: signs intermediates and revocation lists; no authority below an intermediate. */
export function rootProfile(commonName: string): Profile {
  return { commonName, extensions: [basicConstraints({ ca: true, pathLength: 1 }), keyUsage(['keyCertSign', 'cRLSign'])] };
}

/**
 * Profile of an intermediate: signs identities and revocation lists, and no authority below it. Its name carries digits of
 * its key's identifier, so that no two intermediates have the same name.
 */
export function issuingProfile(spki: Uint8Array): Profile {
  const digits = keyIdentifier(spki).toString('hex').slice(0, 16);
  return {
    commonName: `thrum issuing authority ${digits}`,
    extensions: [basicConstraints({ ca: true, pathLength: 0 }), keyUsage(['keyCertSign', 'cRLSign'])],
  };
}

/**
 * Profile of an identity. Servers get serverAuth only, gateways and operators clientAuth only.
 * Throws CERTS_BAD_REQUEST for an unknown role or a malformed name.
 */
export function identityProfile(request: IdentityRequest): Profile {
  switch (request.role) {
    case 'gateway': {
      const uri = gatewayUrn(request.projectId, request.gatewayId);
      return endEntity(request.gatewayId, 'clientAuth', [{ type: 'uri', value: uri }]);
    }
    case 'operator':
      return endEntity(request.name, 'clientAuth', [{ type: 'uri', value: operatorUrn(request.name) }]);
    case 'server': {
      const names = serverNames(request);
      const common = names.find(({ value }) => value.length <= COMMON_NAME_CHARS_MAX);
      if (common === undefined) throw bad('server name', names[0]?.value, 'at least one name of up to 64 characters');
      return endEntity(common.value, 'serverAuth', names);
    }
    default:
      throw bad('role', (request as { role: unknown }).role, `one of ${ROLES.join(', ')}`);
  }
}

/** Validity of an authority: 10 years from now, begun 5 minutes ago. */
export function authorityValidity(nowMs: number): Validity {
  return { notBeforeMs: checkedTime('time', nowMs) - SKEW_MS, notAfterMs: nowMs + CA_LIFETIME_DAYS * DAY_MS };
}

/**
 * Validity of an intermediate: 5 years from now, begun 5 minutes ago, never past its root (`rootEndMs`).
 * Throws CERTS_AUTHORITY_EXPIRED when the root is over.
 */
export function issuingValidity(nowMs: number, rootEndMs: number): Validity {
  if (checkedTime('time', nowMs) > rootEndMs) throw expired('root', rootEndMs, 'create a new authority in another directory');
  return { notBeforeMs: nowMs - SKEW_MS, notAfterMs: Math.min(nowMs + ISSUING_LIFETIME_DAYS * DAY_MS, rootEndMs) };
}

/**
 * Validity of an identity: begins at `notBeforeMs` or 5 minutes ago, ends `lifetimeDays` after `notBeforeMs` or now, but
 * never after its authority (`authorityEndMs`).
 * Throws CERTS_BAD_REQUEST for a lifetime or time out of range, CERTS_AUTHORITY_EXPIRED when the authority is over.
 */
export function identityValidity(request: IdentityRequest, nowMs: number, authorityEndMs: number): Validity {
  checkedTime('time', nowMs);
  const days = request.lifetimeDays ?? DEFAULT_LIFETIME_DAYS[request.role];
  // Certificates tell time in whole seconds, and take a while to reach who uses them.
  if (!(days * DAY_MS >= LIFETIME_MIN_MS && days <= LIFETIME_DAYS_MAX)) {
    throw bad('lifetime in days', days, `at least a minute (0.0007) and at most ${LIFETIME_DAYS_MAX}`);
  }
  const startMs = checkedTime('start of validity', request.notBeforeMs ?? nowMs);
  const notBeforeMs = request.notBeforeMs ?? nowMs - SKEW_MS;
  if (nowMs > authorityEndMs || notBeforeMs > authorityEndMs) {
    throw expired('authority', authorityEndMs, "'thrum certs rotate-issuing' makes a new intermediate if the root still lasts");
  }
  return { notBeforeMs, notAfterMs: Math.min(startMs + days * DAY_MS, authorityEndMs) };
}

function expired(what: string, endMs: number, remedy: string): CertsError {
  return new CertsError('CERTS_AUTHORITY_EXPIRED', `the ${what} ends ${new Date(endMs).toISOString()}; ${remedy}`);
}

function endEntity(commonName: string, usage: ExtendedKeyUsage, names: readonly SubjectAltName[]): Profile {
  return {
    commonName,
    extensions: [
      basicConstraints({ ca: false }),
      keyUsage(['digitalSignature']),
      extKeyUsage([usage]),
      subjectAltName(names),
    ],
  };
}

function serverNames({ dnsNames, ipAddresses }: ServerRequest): SubjectAltName[] {
  const given = dnsNames !== undefined || ipAddresses !== undefined;
  const dns = given ? (dnsNames ?? []) : ['localhost'];
  const ips = given ? (ipAddresses ?? []) : ['127.0.0.1', '::1'];
  const count = dns.length + ips.length;
  if (count < 1 || count > SERVER_NAMES_MAX) {
    throw bad('number of server names', count, `1 to ${SERVER_NAMES_MAX} DNS names and IP addresses`);
  }
  return [
    ...dns.map((value): SubjectAltName => ({ type: 'dns', value: dnsName(value) })),
    ...ips.map((value): SubjectAltName => ({ type: 'ip', value: canonicalIp(value) })),
  ];
}

function canonicalIp(text: string): string {
  const bytes = ipToBytes(text);
  if (bytes === undefined) throw bad('IP address', text, 'an IPv4 or IPv6 address without a zone');
  return bytesToIp(bytes)!;
}

function checkedTime(what: string, timeMs: number): number {
  if (!Number.isFinite(timeMs)) throw bad(what, timeMs, 'milliseconds since 1970');
  return timeMs;
}
