import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { expect, it } from 'vitest';
import { KeyService, Projects } from '../broker/mod.ts';
import { frameOf } from '../frame/mod.ts';
import { createSensor, planFleet } from '../sensors/mod.ts';
import { start, thrum, withFolder } from './cli.ts';
import { messagesOf } from './store-contents.ts';

const PLAN = planFleet({
  seed: 1, sites: 2, gateways: 5, sensors: 60, machines: 20, faultShare: 0.3, intervalMs: 3_600_000, waveformEvery: 24, captureSamples: 8192, startMs: Date.UTC(2026, 0, 1),
});
const PROJECT = 'Secret plant seven';

async function filesUnder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** Everything that must not be found: as text, and ids and frames as the bytes they travel in. */
function secrets(projectId: string): Map<string, Buffer> {
  const found = new Map<string, Buffer>([['project name', Buffer.from(PROJECT)]]);
  for (const { name } of PLAN.sites) found.set(`site ${name}`, Buffer.from(name));
  for (const { gatewayId, sensors } of PLAN.gateways) {
    found.set(`gateway ${gatewayId} as text`, Buffer.from(gatewayId));
    found.set(`gateway ${gatewayId} as bytes`, Buffer.from(gatewayId, 'hex'));
    found.set(`topic of ${gatewayId}`, Buffer.from(`thrum/${projectId}/${gatewayId}`));
    for (const spec of sensors) {
      found.set(`sensor ${spec.name}`, Buffer.from(spec.name));
      found.set(`machine ${spec.machine.name}`, Buffer.from(spec.machine.name));
      found.set(`sensor ${spec.sensorId} as text`, Buffer.from(spec.sensorId));
      found.set(`sensor ${spec.sensorId} as bytes`, Buffer.from(spec.sensorId, 'hex'));
      for (const message of messagesOf(createSensor(spec), 2)) {
        const frame = Buffer.from(frameOf(message));
        const middle = frame.length >> 1;
        found.set(`${message.kind} ${message.sequence} of ${spec.sensorId}`, frame.subarray(middle, middle + 16));
      }
    }
  }
  for (const channel of ['/data', '/event', '/status', 'thrum/p-']) found.set(`topic part ${channel}`, Buffer.from(channel));
  return found;
}

it('leaves no name, topic, id or payload readable in any file of a home, nor in the names of its files', { timeout: 60_000 }, async () => {
  await withFolder(async (folder) => {
    const home = join(folder, 'home');
    expect(await thrum(['run', '--home', home, '--project', PROJECT, '--duration', '2s'])).toMatchObject({ exitCode: 0 });
    const [project] = await new Projects(join(home, 'projects'), new KeyService(join(home, 'keys'), { kind: 'file' }, () => 0)).references();
    // A gateway that cannot reach its broker: its queue on disk is full of measurements.
    const gateway = start(['gateway', '--home', home, '--project', PROJECT, '--url', 'mqtts://127.0.0.1:9', '--duration', '1s', '--json']);
    expect(await Promise.race([gateway.firstLine, gateway.exited])).toBeDefined();
    gateway.child.kill('SIGKILL');
    await gateway.exited;

    const files = (await filesUnder(home)).filter((path) => !relative(home, path).startsWith('certs'));
    expect(files.some((path) => path.endsWith('.spool'))).toBe(true);
    expect(files.some((path) => path.endsWith('.seg'))).toBe(true);
    const wanted = secrets(project!.projectId);
    const leaks: string[] = [];
    for (const path of files) {
      const bytes = await readFile(path);
      for (const [what, pattern] of wanted) {
        if (bytes.includes(pattern)) leaks.push(`${what} in ${relative(home, path)}`);
        if (relative(home, path).includes(pattern.toString('latin1'))) leaks.push(`${what} in the name of ${relative(home, path)}`);
      }
    }
    expect(leaks).toEqual([]);
  });
});
