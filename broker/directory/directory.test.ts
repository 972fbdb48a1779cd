import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { keysOf, makeHome, makeProject, type TestHome } from '../broker.fixture.ts';
import { contentsOf, trailIn } from '../audit/audit.fixture.ts';
import type { Project } from '../projects.ts';
import { Directory, newestVersion, type DirectoryEntries } from './directory.ts';

let home: TestHome;
let project: Project;

const directoryOf = (): Directory => new Directory({ directory: join(home.root, 'places'), keys: keysOf(home.root) });

function entries(...numbers: number[]): DirectoryEntries {
  return {
    sensors: numbers.map((n) => ({ sensorId: n.toString(16).padStart(16, '0'), siteName: 'Secret site', assetName: `Pump ${n}`, positionName: 'drive end', isoClass: 'CLASS2' as const })),
    gateways: numbers.map((n) => ({ gatewayId: n.toString(16).padStart(16, 'f'), siteName: 'Secret site' })),
  };
}

beforeAll(async () => {
  home = await makeHome();
  project = await makeProject(home);
});
afterAll(() => home.remove());

it('gives back what was put, adds to it, and leaves nothing of it readable on disk', async () => {
  const directory = directoryOf();
  const { projectId } = await makeProject(home, 'Other');
  const other = await home.projects.read(projectId);
  expect(await directory.read(projectId)).toEqual({ version: 0, sensors: [], gateways: [] });
  await directory.put(other, entries(1));
  await directory.put(other, entries(2, 1));
  const { version, sensors, gateways } = await directoryOf().read(projectId);
  expect({ version, sensors, gateways }).toEqual({ version: 2, ...entries(1, 2) });
  const bytes = await readFile(directory.pathOf(projectId));
  for (const text of ['Secret', 'Pump', '0000000000000001']) expect(bytes.includes(text)).toBe(false);
});

it('writes nothing when all stands there already, and takes out what is gone', async () => {
  const directory = directoryOf();
  await directory.put(project, entries(1, 2));
  const before = await readFile(directory.pathOf(project.projectId));
  expect((await directory.put(project, entries(2))).version).toBe(1);
  expect(await readFile(directory.pathOf(project.projectId))).toEqual(before);
  const gone = await directory.remove(project, [entries(1).sensors[0]!.sensorId, entries(1).gateways[0]!.gatewayId]);
  expect(gone).toEqual({ version: 2, ...entries(2) });
});

it('refuses entries that are none, and names with sensitive text unless they are allowed', async () => {
  const directory = directoryOf();
  const with1 = (more: object): DirectoryEntries => ({ gateways: [], sensors: [{ ...entries(9).sensors[0]!, ...more }] });
  await expect(directory.put(project, with1({ sensorId: 'nope' }))).rejects.toMatchObject({ code: 'DIRECTORY_BAD_ENTRY', message: expect.stringContaining('sensor 1') as string });
  await expect(directory.put(project, with1({ siteName: 'a\u001b[2J' }))).rejects.toMatchObject({ code: 'DIRECTORY_BAD_ENTRY' });
  const sensitive = with1({ assetName: 'ask jane@example.com' });
  await expect(directory.put(project, sensitive)).rejects.toMatchObject({ code: 'SENSITIVE_TEXT', message: expect.not.stringContaining('jane') as string });
  await directory.put(project, sensitive, { allowSensitiveText: true });
});

it('finds every altered byte, and a table of another project', async () => {
  const directory = directoryOf();
  const path = directory.pathOf(project.projectId);
  const original = await readFile(path);
  for (let at = 0; at < original.length; at++) {
    const altered = Buffer.from(original);
    altered[at]! ^= 1 << (at % 8);
    await writeFile(path, altered);
    await expect(directory.read(project.projectId), `byte ${at}`).rejects.toThrow();
  }
  const other = await makeProject(home, 'Third');
  await directory.put(other, entries(3));
  await writeFile(path, await readFile(directory.pathOf(other.projectId)));
  await expect(directory.read(project.projectId)).rejects.toMatchObject({ code: 'DIRECTORY_DAMAGED' });
  await writeFile(path, original);
});

it('shows an older copy by the version that the audit trail knows', async () => {
  const trail = trailIn(home.root);
  const directory = new Directory({ directory: join(home.root, 'places'), keys: home.keys, audit: trail.record });
  const made = await makeProject(home, 'Fourth');
  await directory.put(made, entries(1));
  const old = await readFile(directory.pathOf(made.projectId));
  await directory.put(made, entries(2));
  await trail.flush();
  await writeFile(directory.pathOf(made.projectId), old);
  expect(await newestVersion(trail.records(), made.projectId)).toBe(2);
  expect((await directory.read(made.projectId)).version).toBe(1);
  for (const record of (await contentsOf(trail)).records) expect(JSON.stringify(record)).not.toContain('Secret');
  await trail.close();
});

it('is gone when the project’s key is', async () => {
  const made = await makeProject(home, 'Fifth', (await home.keys.createKey({ owner: 'customer' })).keyId);
  await directoryOf().put(made, entries(1));
  await home.keys.disableKey(made.keyId);
  await expect(directoryOf().read(made.projectId)).rejects.toMatchObject({ code: 'KEY_DISABLED' });
});
