/** What a home's store holds, held against what the sensors must have said: the sensors are pure, so they say it again. */
import { join } from 'node:path';
import { isConnection, KeyService, localSource, Projects, readProject } from '../broker/mod.ts';
import { asSent, type SensorMessage } from '../frame/mod.ts';
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
