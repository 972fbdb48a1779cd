/** What the audit trail is told of clients: let in, refused, cut off. */
import { projectArn } from '../access/actions.ts';
import type { Connection } from '../connection.ts';
import type { AuditEvent } from './event.ts';

/** `Connect`: at the door; `Admit`: as an MQTT client; `Publish`; `CloseRevoked`: the end of a connection whose certificate was revoked. */
export type ClientEventName = 'Connect' | 'Admit' | 'Publish' | 'CloseRevoked';

export interface ClientEventDetails {
  /** Undefined for strangers. */
  readonly connection?: Pick<Connection, 'peer' | 'name' | 'address'> | undefined;
  readonly address?: string | undefined;
  readonly clientId?: string | undefined;
  /** Why it was refused, or cut off. */
  readonly error?: Error | undefined;
}

export function clientEvent(eventName: ClientEventName, { connection, address, clientId, error }: ClientEventDetails): AuditEvent {
  const peer = connection?.peer;
  const projectId = peer && peer.role !== 'operator' ? peer.projectId : undefined;
  const gatewayId = peer && peer.role !== 'operator' ? peer.gatewayId : undefined;
  return {
    eventSource: 'thrum',
    eventName,
    principal: connection ? `certificate/${connection.name.serial}` : 'unknown',
    sourceIpAddress: connection?.address ?? address,
    requestParameters: { role: peer?.role, projectId, gatewayId, clientId },
    ...(error && { errorCode: (error as { code?: string }).code ?? error.name, errorMessage: error.message }),
    readOnly: false,
    resources: projectId === undefined ? [] : [projectArn(projectId)],
  };
}
