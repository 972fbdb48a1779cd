/** What stands in a project's table of places, and what may. */
import { z } from 'zod';
import { DirectoryError } from '../errors.ts';

/** Entries of a table, sensors and gateways each; and bytes of its JSON, so that it can be read again (certs/private-file.ts). */
export const ENTRIES_MAX = 100_000;
export const TABLE_BYTES_MAX = 15 * 2 ** 20;

const id = z.string().regex(/^[0-9a-f]{16}$/, '16 lower-case hexadecimal digits');
const name = z.string().regex(/^[^\p{C}]{1,60}$/u, '1 to 60 printable characters');

const sensorPlace = z.strictObject({
  sensorId: id,
  siteName: name,
  assetName: name,
  positionName: name,
  /** Class of the machine after ISO 20816. */
  isoClass: z.enum(['CLASS1', 'CLASS2', 'CLASS3', 'CLASS4']).optional(),
});
const gatewaySite = z.strictObject({ gatewayId: id, siteName: name });

export type SensorPlace = z.infer<typeof sensorPlace>;
export type GatewaySite = z.infer<typeof gatewaySite>;

/** Where sensors and gateways are. */
export interface DirectoryEntries {
  readonly sensors: readonly SensorPlace[];
  readonly gateways: readonly GatewaySite[];
}

/** A project's table; `version` grows by one with every change, 0 where there is none. */
export interface Places extends DirectoryEntries {
  readonly version: number;
}

export const NO_PLACES: Places = { version: 0, sensors: [], gateways: [] };

const places = z.strictObject({
  version: z.number().int().positive(),
  sensors: z.array(sensorPlace).max(ENTRIES_MAX),
  gateways: z.array(gatewaySite).max(ENTRIES_MAX),
});

/** Throws a ZodError or SyntaxError for what is no table. */
export function parsePlaces(json: string): Places {
  return places.parse(JSON.parse(json));
}

/** Throws DIRECTORY_BAD_ENTRY for what cannot be written down; says which entry. */
export function checkEntries({ sensors, gateways }: DirectoryEntries): void {
  for (const [kind, schema, list] of [['sensor', sensorPlace, sensors], ['gateway', gatewaySite, gateways]] as const) {
    for (const [index, entry] of list.entries()) {
      const issue = schema.safeParse(entry).error?.issues[0];
      if (issue) throw new DirectoryError('DIRECTORY_BAD_ENTRY', `${kind} ${index + 1} of the directory: ${issue.path.join('.')}: ${issue.message}`);
    }
  }
}

/** The table with these entries in place of those of the same ids; the same object when nothing is different. */
export function merged(table: Places, { sensors, gateways }: DirectoryEntries): Places {
  const before = { sensors: new Map(table.sensors.map((one) => [one.sensorId, one])), gateways: new Map(table.gateways.map((one) => [one.gatewayId, one])) };
  const isSame = sensors.every((one) => equal(before.sensors.get(one.sensorId), one)) && gateways.every((one) => equal(before.gateways.get(one.gatewayId), one));
  if (isSame) return table;
  for (const one of sensors) before.sensors.set(one.sensorId, one);
  for (const one of gateways) before.gateways.set(one.gatewayId, one);
  return next(table, [...before.sensors.values()], [...before.gateways.values()]);
}

/** The table without these sensors and gateways; the same object when none of them is in it. */
export function without(table: Places, ids: ReadonlySet<string>): Places {
  const sensors = table.sensors.filter(({ sensorId }) => !ids.has(sensorId));
  const gateways = table.gateways.filter(({ gatewayId }) => !ids.has(gatewayId));
  return sensors.length === table.sensors.length && gateways.length === table.gateways.length ? table : next(table, sensors, gateways);
}

function next(table: Places, sensors: SensorPlace[], gateways: GatewaySite[]): Places {
  if (sensors.length > ENTRIES_MAX || gateways.length > ENTRIES_MAX) {
    throw new DirectoryError('DIRECTORY_FULL', `a project's directory has at most ${ENTRIES_MAX} sensors and as many gateways: use another project for more`);
  }
  return { version: table.version + 1, sensors, gateways };
}

function equal(a: object | undefined, b: object): boolean {
  return a !== undefined && JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());
}
