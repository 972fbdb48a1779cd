/** What a home's store holds, held against what the sensors must have said: the sensors are pure, so they say it again. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isConnection, KeyService, localSource, Projects, readProject } from '../broker/mod.ts';
import { asSent, type SensorMessage } from '../frame/mod.ts';
import { Spool } from '../gateway/spool.ts';
import type { Sensor } from '../sensors/mod.ts';

/** All messages of all projects in a home, in the order of storing. */
export async function storedMessages(home: string): Promise<SensorMessage[]> {
  const keys = new KeyService(join(home, 'keys'), { kind: 'file' }, () => 0);
  const messages: SensorMessage[] = [];
  for (const { projectId } of await new Projects(join(home, 'projects'), keys).references()) {
    for await (const item of readProject(localSource(join(home, 'store', projectId)), projectId, keys)) if (!isConnection(item)) messages.push(...item.batch.messages);
  }
  return messages;
}

/** How many measurements each sensor has made, as the gateways' queues know it. All that they had must have been acknowledged. */
export async function measured(home: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const folder of await readdir(join(home, 'gateways'))) {
    const spool = await Spool.open(join(home, 'gateways', folder), 0);
    if (spool.pending.length > 0) throw new Error(`${spool.pending.length} batches are left in a queue`);
    for (const [sensorId, { sequence }] of Object.entries(spool.states)) counts.set(sensorId, sequence);
    await spool.close();
  }
  return counts;
}

/** What a sensor says in its first `measurements` measurements, as the wire carries it. */
export function messagesOf(sensor: Sensor, measurements: number): SensorMessage[] {
  const messages: SensorMessage[] = [];
  let state = sensor.initialState;
  while (state.sequence < measurements) {
    const result = sensor.measure(state);
    messages.push(...result.messages.map(asSent));
    state = result.state;
  }
  return messages;
}

/** A name for a message that no other message has. */
export function nameOf({ kind, sensorId, bootEpoch, sequence }: SensorMessage): string {
  return `${sensorId}/${bootEpoch}/${sequence}/${kind}`;
}

/** Both lists in the same order. */
export function sorted(messages: readonly SensorMessage[]): SensorMessage[] {
  return [...messages].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}
