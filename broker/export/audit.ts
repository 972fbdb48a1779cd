/** An export as the audit trail tells it: what left, in which form, and its digest; not what it said, nor names of places. */
import { projectArn } from '../access/actions.ts';
import type { AuditEvent } from '../audit/event.ts';
import type { ExportSummary } from './export.ts';
import { namesPlace, type Selection } from './selection.ts';

interface ExportedData {
  /** ARN of who exports. */
  readonly principal: string;
  readonly projectIds: readonly string[];
  readonly selection: Selection;
  readonly withNames: boolean;
  readonly summary: ExportSummary;
}

/** The event `ExportData`, also of an export that failed on the way. */
export function exportEvent({ principal, projectIds, selection, withNames, summary }: ExportedData): AuditEvent {
  const { sensorId, gatewayId, fromMs, toMs, kind, limit } = selection;
  const { format, rows, bytes, sha256, complete } = summary;
  return {
    eventSource: 'thrum',
    eventName: 'ExportData',
    principal,
    sourceIpAddress: undefined,
    requestParameters: {
      format,
      withNames,
      byPlace: namesPlace(selection),
      ...(fromMs === undefined ? {} : { from: new Date(fromMs).toISOString() }),
      ...(toMs === undefined ? {} : { to: new Date(toMs).toISOString() }),
      ...Object.fromEntries(Object.entries({ sensorId, gatewayId, kind, limit }).filter(([, value]) => value !== undefined)),
    },
    responseElements: { rows, bytes, sha256 },
    ...(complete ? {} : { errorCode: 'ExportIncomplete', errorMessage: 'the export ended before it was whole; what is counted here had left by then' }),
    readOnly: true,
    resources: projectIds.map(projectArn),
  };
}
