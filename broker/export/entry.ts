/** What exports are made of: stored batches and connections, the project they belong to, and the rows that messages become. */
import type { SensorMessage } from '../../frame/mod.ts';
import type { StoredBatch } from '../store/read.ts';

/** A gateway came or went, as the broker saw it. */
export interface StoredConnection {
  readonly channel: 'connection';
  readonly receivedMs: number;
  readonly gatewayId: string;
  readonly connected: boolean;
}

export type ExportEntry = StoredBatch | StoredConnection;

/** Where a sensor is mounted, in the owner's words. */
export interface Place {
  readonly siteName: string;
  readonly assetName: string;
  readonly positionName: string;
  /** Class of the machine after ISO 20816, as the service modelled spells it: CLASS1 to CLASS4. */
  readonly isoClass?: string | undefined;
}

/** Places by sensor id. */
export type Places = ReadonlyMap<string, Place>;

/** A project as exports see it. */
export interface ExportProject {
  readonly projectId: string;
  readonly projectName: string;
  readonly places: Places;
  /** Site names by gateway id. */
  readonly gatewaySites: ReadonlyMap<string, string>;
}

/** A table of places as an owner keeps it: each sensor's, and the site of each gateway. */
interface PlaceTable {
  readonly sensors: readonly (Place & { readonly sensorId: string })[];
  readonly gateways: readonly { readonly gatewayId: string; readonly siteName: string }[];
}

export function exportProject(projectId: string, projectName: string, { sensors, gateways }: PlaceTable): ExportProject {
  return {
    projectId,
    projectName,
    places: new Map(sensors.map(({ sensorId, ...place }) => [sensorId, place])),
    gatewaySites: new Map(gateways.map(({ gatewayId, siteName }) => [gatewayId, siteName])),
  };
}

/** An entry and whose it is. Entries come project by project, each project's in the order of storing. */
export interface ExportItem {
  readonly project: ExportProject;
  readonly entry: ExportEntry;
}

/** One message with all that is known of it. */
export interface ExportRow<Message extends SensorMessage = SensorMessage> {
  readonly message: Message;
  readonly gatewayId: string;
  readonly receivedMs: number;
  readonly place: Place | undefined;
}

/** Takes bytes in order; resolves when they are taken. */
export type WriteBytes = (bytes: Uint8Array) => Promise<void>;

/** A format that takes rows one by one. A promise is to be waited for before the next row. */
export interface RowWriter<Message extends SensorMessage = SensorMessage> {
  add(row: ExportRow<Message>): Promise<void> | undefined;
  /** Writes what is left. */
  finish(): Promise<void>;
}

export function isConnection(entry: ExportEntry): entry is StoredConnection {
  return 'connected' in entry;
}
