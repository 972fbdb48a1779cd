/** What is around every event, and the names in it: the owner's when they are asked for, else ids. */
import type { ExportProject, Place } from '../entry.ts';
import { eventIdOf } from './event-id.ts';
import type { EventBody, MonitronEvent } from './event.ts';

/** Who exports, and how. */
export interface StreamSettings {
  /** 12 digits. */
  readonly accountId: string;
  /** Names of project, sites, assets and positions are the owner's words: they stay inside unless this says otherwise. */
  readonly withNames: boolean;
}

/** A top-level domain that leads nowhere, so that what follows a link meets no stranger's server. */
const CONSOLE = 'https://thrum.invalid';

interface PositionFields {
  readonly siteName: string;
  readonly assetName: string;
  readonly positionName: string;
  readonly assetPositionURL: string;
  readonly assetPositionId: string;
}

export function positionOf({ projectId }: ExportProject, sensorId: string, place: Place | undefined, { withNames }: StreamSettings): PositionFields {
  const named = withNames ? place : undefined;
  return {
    siteName: named?.siteName ?? projectId,
    assetName: named?.assetName ?? sensorId,
    positionName: named?.positionName ?? sensorId,
    assetPositionURL: `${CONSOLE}/projects/${projectId}/positions/${sensorId}`,
    assetPositionId: sensorId,
  };
}

export function gatewayOf({ projectId, gatewaySites }: ExportProject, gatewayId: string, { withNames }: StreamSettings): { siteName: string; gatewayName: string; gatewayListURL: string; gateway: { physicalId: string } } {
  return {
    siteName: (withNames ? gatewaySites.get(gatewayId) : undefined) ?? projectId,
    gatewayName: gatewayId,
    gatewayListURL: `${CONSOLE}/projects/${projectId}/gateways`,
    gateway: { physicalId: gatewayId },
  };
}

/** `cause` names what the event follows from, within the project and the type of event. */
export function envelopeOf({ projectId, projectName }: ExportProject, body: EventBody, receivedMs: number, cause: string, { accountId, withNames }: StreamSettings): MonitronEvent {
  return {
    timestamp: new Date(receivedMs).toISOString().replace('T', ' ').replace('Z', ''),
    eventId: eventIdOf(projectId, body.eventType, cause),
    version: '2.0',
    accountId,
    projectName: withNames ? projectName : projectId,
    projectId,
    ...body,
  };
}
