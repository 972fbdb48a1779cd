/** An audit record: the shape of a CloudTrail record, so that tools made for those read these. */
import { randomUUID } from 'node:crypto';
import type { AuditEvent } from './event.ts';
import { plainText, redact, redactText, withoutDocuments } from './redact.ts';
import { RECORD_BYTES_MAX } from './trail-format.ts';

interface UserIdentity {
  readonly type: 'Root' | 'IAMUser' | 'Role' | 'Certificate' | 'Service' | 'Unknown';
  readonly principalId: string;
  readonly arn: string;
  readonly accountId: string;
  readonly userName?: string;
}

export interface AuditRecord {
  readonly eventVersion: '1.11';
  readonly userIdentity: UserIdentity;
  /** UTC, to the second, as CloudTrail writes it. */
  readonly eventTime: string;
  readonly eventSource: string;
  readonly eventName: string;
  readonly awsRegion: string;
  /** `local` where the caller was in the same process. */
  readonly sourceIPAddress: string;
  readonly userAgent: 'thrum';
  readonly errorCode?: string;
  readonly errorMessage?: string;
  readonly requestParameters: unknown;
  readonly responseElements: unknown;
  /** What only this trail has to say: repeats, omissions. */
  readonly additionalEventData?: Readonly<Record<string, unknown>>;
  readonly requestID: string;
  readonly eventID: string;
  readonly readOnly: boolean;
  readonly resources: readonly { readonly ARN: string; readonly accountId: string }[];
  readonly eventType: 'AwsApiCall' | 'AwsServiceEvent';
  readonly managementEvent: true;
  readonly recipientAccountId: string;
  readonly eventCategory: 'Management';
}

/** Whose trail it is. */
interface TrailOwner {
  /** 12 digits. */
  readonly accountId: string;
  readonly region: string;
}

/** An event with all that was known of it when it happened, bounded and without secrets: what waits to be written. */
export interface NotedEvent {
  readonly event: AuditEvent;
  readonly timeMs: number;
  readonly eventId: string;
  /** Of its record, about. */
  readonly bytes: number;
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** Stands for the home's owner, the root of the account, in an event whose reporter does not know the account. */
export const OWNER_PRINCIPAL = 'owner';

const NAME_CHARS_MAX = 256;
/** What a record has beside its event, and its header and tag in the file: about so much. */
const ENVELOPE_BYTES = 700;
const RESOURCES_MAX = 64;
const OMITTED = { omitted: 'too large for a record' };

/** Takes out of an event what must not be written down. */
export function noteEvent(event: AuditEvent, timeMs: number, extra?: Readonly<Record<string, unknown>>): NotedEvent {
  const name = (text: string): string => redactText(text).slice(0, NAME_CHARS_MAX);
  /** Whose it was and what it was about is told as it is: these are names that were given here. */
  const given = (text: string): string => plainText(text.slice(0, NAME_CHARS_MAX));
  const noted: AuditEvent = {
    eventSource: name(event.eventSource),
    eventName: name(event.eventName),
    principal: given(event.principal),
    sourceIpAddress: event.sourceIpAddress === undefined ? undefined : name(event.sourceIpAddress),
    requestParameters: redact(event.requestParameters) as Record<string, unknown>,
    ...(event.responseElements && { responseElements: redact(event.responseElements) as Record<string, unknown> }),
    ...(event.errorCode !== undefined && { errorCode: name(event.errorCode) }),
    ...(event.errorMessage !== undefined && { errorMessage: redactText(event.errorMessage) }),
    readOnly: event.readOnly,
    resources: event.resources.slice(0, RESOURCES_MAX).map(given),
  };
  const kept = bounded(noted);
  return { event: kept, timeMs, eventId: randomUUID(), bytes: bytesOf(kept) + ENVELOPE_BYTES, ...(extra && { extra }) };
}

/** Drops policies, then parameters, until the record fits, with room for what is added. */
function bounded(event: AuditEvent): AuditEvent {
  const fits = (one: AuditEvent): boolean => bytesOf(one) <= RECORD_BYTES_MAX - 4096;
  if (fits(event)) return event;
  const short = { ...event, requestParameters: withoutDocuments(event.requestParameters) };
  if (fits(short)) return short;
  const less = { ...event, requestParameters: OMITTED, ...(event.responseElements && { responseElements: OMITTED }) };
  return fits(less) ? less : { ...less, resources: less.resources.slice(0, 4), errorMessage: less.errorMessage?.slice(0, 256) ?? '' };
}

function bytesOf(event: AuditEvent): number {
  return Buffer.byteLength(JSON.stringify(event));
}

/** The record of a noted event. */
export function recordOf({ event, timeMs, eventId, extra }: NotedEvent, { accountId, region }: TrailOwner): AuditRecord {
  const { errorCode, errorMessage } = event;
  return {
    eventVersion: '1.11',
    userIdentity: identityOf(event.principal, accountId),
    eventTime: `${new Date(timeMs).toISOString().slice(0, 19)}Z`,
    eventSource: event.eventSource,
    eventName: event.eventName,
    awsRegion: region,
    sourceIPAddress: event.sourceIpAddress ?? 'local',
    userAgent: 'thrum',
    ...(errorCode !== undefined && { errorCode }),
    ...(errorMessage !== undefined && { errorMessage }),
    requestParameters: event.requestParameters,
    responseElements: event.responseElements ?? null,
    ...(extra && { additionalEventData: extra }),
    requestID: eventId,
    eventID: eventId,
    readOnly: event.readOnly,
    resources: event.resources.map((ARN) => ({ ARN, accountId })),
    eventType: event.eventSource === 'thrum' ? 'AwsServiceEvent' : 'AwsApiCall',
    managementEvent: true,
    recipientAccountId: accountId,
    eventCategory: 'Management',
  };
}

function identityOf(named: string, accountId: string): UserIdentity {
  const principal = named === OWNER_PRINCIPAL ? `arn:aws:iam::${accountId}:root` : named;
  const arn = /^arn:[^:]*:(?:iam|sts)::(\d{12}):(root$|user\/|role\/|assumed-role\/)(.*)$/.exec(principal);
  const common = { principalId: principal, arn: principal, accountId: arn?.[1] ?? accountId };
  if (arn?.[2] === 'root') return { type: 'Root', ...common };
  if (arn?.[2] === 'user/') return { type: 'IAMUser', ...common, userName: arn[3]! };
  if (arn) return { type: 'Role', ...common };
  if (principal.startsWith('certificate/')) return { type: 'Certificate', ...common };
  return { type: ['', 'unknown', 'anonymous'].includes(principal) ? 'Unknown' : 'Service', ...common };
}
