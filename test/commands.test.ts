import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { batchOf, encodeWav, frameOf, frameToJson, decodeFrame, type SensorMessage } from '../frame/mod.ts';
import { createSensor, planFleet } from '../sensors/mod.ts';
import { MAIN, makeFolder, start, thrum, withFolder } from './cli.ts';

const PLAN = planFleet({
  seed: 1, sites: 1, gateways: 1, sensors: 2, machines: 1, faultShare: 1, intervalMs: 3_600_000, waveformEvery: 1, captureSamples: 256, startMs: Date.UTC(2026, 0, 1),
});
const SENSOR = createSensor(PLAN.gateways[0]!.sensors[0]!);

describe('thrum frame inspect', () => {
  it('prints a frame field by field, and of a broken one what can be told, with exit code 2', async () => {
    const input = Buffer.from(frameOf(SENSOR.measure(SENSOR.initialState).messages[0]!)).toString('hex');
    const good = await thrum(['frame', 'inspect'], { input });
    expect(good).toMatchObject({ exitCode: 0, stderr: '' });
    expect(good.stdout).toMatch(/^offset +bytes +field +value\n0 +21 +version, kind +2, measurement\n/);
    const broken = await thrum(['frame', 'inspect', '--json'], { input: input.replace(/..$/, (last) => (last === '00' ? '01' : '00')) });
    expect(broken).toMatchObject({ exitCode: 2, stderr: 'thrum: checksum does not match\n' });
    expect(JSON.parse(broken.stdout)).toMatchObject({ error: { code: 'FRAME_CHECKSUM' }, fields: expect.arrayContaining([{ offset: 0, length: 1, name: 'version, kind', value: '2, measurement' }]) as unknown });
  });
});

describe('thrum frame bench', () => {
  it('prints an array with the figures of each file in each mode', { timeout: 60_000 }, async () => {
    await withFolder(async (folder) => {
      const file = join(folder, 'one.wav');
      await writeFile(file, encodeWav([Int16Array.from({ length: 3000 }, (_, i) => Math.round(900 * Math.sin(i / 7)) + ((i * 7919) % 23))], 12_000));
      const { exitCode, stdout } = await thrum(['frame', 'bench', file, '--json']);
      expect(exitCode).toBe(0);
      const figures = JSON.parse(stdout) as Record<string, unknown>[];
      expect(figures.map((one) => [one['file'], one['mode'], one['kernel'], one['rawBytes']])).toEqual([[file, 'tight', 'wasm', 6000], [file, 'fast', 'wasm', 6000]]);
      for (const one of figures) {
        for (const name of ['bytes', 'encodeMBps', 'decodeMBps']) expect(one[name], name).toBeGreaterThan(0);
        expect(one['bytes']).toBeLessThan(6000);
      }
    });
  });

  it('refuses what is no recording, with the file\'s name', async () => {
    await withFolder(async (folder) => {
      const file = join(folder, 'text.wav');
      await writeFile(file, 'no recording');
      expect(await thrum(['frame', 'bench', file])).toMatchObject({ exitCode: 2, stdout: '', stderr: `thrum: ${file}: not a WAV file: it does not begin with RIFF … WAVE\n` });
      expect(await thrum(['frame', 'bench', join(folder, 'none.wav')])).toMatchObject({ exitCode: 2, stdout: '' });
    });
  });
});

describe('thrum frame decode', () => {
  const messages: readonly SensorMessage[] = SENSOR.measure(SENSOR.initialState).messages;
  const frames = [...messages.map(frameOf), batchOf({ gatewayId: PLAN.gateways[0]!.gatewayId, bootEpoch: 1, sequence: 2 }, messages.map(frameOf))];

  it('prints every kind of frame as JSON, from a file and from hexadecimal digits', { timeout: 30_000 }, async () => {
    await withFolder(async (folder) => {
      for (const frame of frames) {
        const expected: unknown = JSON.parse(JSON.stringify(frameToJson(decodeFrame(frame))));
        await writeFile(join(folder, 'frame'), frame);
        const fromFile = await thrum(['frame', 'decode', join(folder, 'frame')]);
        const fromHex = await thrum(['frame', 'decode'], { input: Buffer.from(frame).toString('hex').replaceAll(/(.{60})/g, '$1\n') });
        expect([fromFile.exitCode, fromHex.exitCode]).toEqual([0, 0]);
        expect(JSON.parse(fromFile.stdout)).toEqual(expected);
        expect(JSON.parse(fromHex.stdout)).toEqual(expected);
      }
    });
  });
});

describe('in a home with a run in it', () => {
  let home = '';
  let folder = '';

  beforeAll(async () => {
    folder = await makeFolder();
    home = join(folder, 'home');
    const { exitCode, stderr } = await thrum(['run', '--home', home, '--project', 'Plant 7', '--sites', '1', '--gateways', '1', '--sensors', '2', '--machines', '1', '--capture-samples', '256', '--waveform-every', '3', '--duration', '2s', '--quiet']);
    if (exitCode !== 0) throw new Error(stderr);
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  const json = async (args: readonly string[]): Promise<unknown> => {
    const { exitCode, stdout, stderr } = await thrum([...args, '--home', home, '--json']);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    return JSON.parse(stdout);
  };

  it('projects without a key of the owner’s are under the service-owned key, one for the owner', async () => {
    const [project] = (await json(['project', 'list'])) as { projectId: string; name: string; encryption: string; keyId: string }[];
    expect(project).toMatchObject({ name: 'Plant 7', encryption: 'service' });
    expect(await json(['project', 'show', 'Plant 7'])).toEqual(project);
    expect(await json(['keys', 'describe', project!.keyId])).toMatchObject({ owner: 'service', state: 'Enabled' });
    await json(['project', 'create', 'Plant 8']);
    const keys = ((await json(['project', 'list'])) as { keyId: string }[]).map(({ keyId }) => keyId);
    expect(new Set(keys).size).toBe(1);
  });

  it('a project name is taken once, and has 1 to 60 printable characters', async () => {
    expect(await thrum(['project', 'create', 'Plant 7', '--home', home])).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('there is a project named') as string });
    for (const name of ['', 'x'.repeat(61), 'a\tb', '\u001b[31mred']) {
      expect(await thrum(['project', 'create', name, '--home', home])).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('1 to 60 printable characters') as string });
    }
  });

  it('CSV and NDJSON agree on what was measured', async () => {
    const [csv, ndjson] = [join(folder, 'm.csv'), join(folder, 'm.ndjson')];
    expect(await thrum(['store', 'export', '--home', home, '--format', 'csv', '--out', csv])).toMatchObject({ exitCode: 0 });
    expect(await thrum(['store', 'export', '--home', home, '--format', 'ndjson', '--kind', 'measurement', '--out', ndjson])).toMatchObject({ exitCode: 0 });
    const [header, ...rows] = (await readFile(csv, 'utf8')).trim().split('\r\n').map((line) => line.split(','));
    const lines = (await readFile(ndjson, 'utf8')).trim().split('\n').map((line) => JSON.parse(line) as { sensorId: string; sequence: number; temperatureC: number; velocityMmPerS: { totalRms: number } });
    expect(rows.length).toBeGreaterThan(4);
    const column = (name: string): number => header!.indexOf(name);
    expect(rows.map((row) => [row[column('sensorId')], Number(row[column('sequence')]), Number(row[column('temperatureC')]), Number(row[column('velocity10To1000HzTotalRmsMmPerS')])])).toEqual(
      lines.map(({ sensorId, sequence, temperatureC, velocityMmPerS }) => [sensorId, sequence, temperatureC, velocityMmPerS.totalRms]),
    );
  });

  it('a limit counts what the format holds, and a format refuses what it cannot hold', async () => {
    const limited = await thrum(['store', 'export', '--home', home, '--format', 'csv', '--limit', '3']);
    expect(limited.stdout.trim().split('\n')).toHaveLength(1 + 3);
    expect(await thrum(['store', 'export', '--home', home, '--format', 'csv', '--kind', 'waveform'])).toMatchObject({ exitCode: 2, stdout: '' });
  });

  it('identities can be issued, listed and shown', async () => {
    const issued = (await json(['certs', 'issue', 'gateway', '--project', 'Plant 7', '--gateway', '70b3d5e75e000001'])) as { serial: string; certificatePath: string };
    const listed = (await json(['certs', 'list'])) as { role: string; serial: string; subject: string }[];
    expect(listed.map(({ role }) => role).sort()).toEqual(['gateway', 'gateway', 'server']);
    expect(listed.find(({ serial }) => serial === issued.serial)).toMatchObject({ subject: '70b3d5e75e000001' });
    const { exitCode, stdout } = await thrum(['certs', 'show', issued.certificatePath, '--json']);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ identity: { role: 'gateway', gatewayId: '70b3d5e75e000001' } });
    expect(await thrum(['certs', 'issue', 'gateway', '--project', 'Plant 7', '--gateway', 'NOT-AN-EUI', '--home', home])).toMatchObject({ exitCode: 2 });
    expect(await thrum(['certs', 'init', '--home', home])).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('already') as string });
  });

  it('a run that listens on all addresses reaches its own broker', { timeout: 30_000 }, async () => {
    const args = ['run', '--home', home, '--project', 'Plant 7', '--host', '0.0.0.0', '--sites', '1', '--gateways', '1', '--sensors', '2', '--machines', '1', '--capture-samples', '256', '--duration', '1s', '--quiet'];
    expect(await thrum(args)).toMatchObject({ exitCode: 0 });
  });

  it('a project file that was removed is missed by the check', async () => {
    const [name] = (await readdir(join(home, 'projects'))).filter((one) => existsSync(join(home, 'store', one.replace('.project', ''))));
    const path = join(home, 'projects', name!);
    const before = await readFile(path);
    await rm(path);
    expect(await thrum(['store', 'verify', '--home', home])).toMatchObject({ exitCode: 1, stdout: expect.stringContaining('its project file is missing') as string });
    await writeFile(path, before, { mode: 0o600 });
    expect(await thrum(['store', 'verify', '--home', home])).toMatchObject({ exitCode: 0 });
  });

  it('two commands that make the same home at once make one project', { timeout: 30_000 }, async () => {
    const fresh = join(folder, 'fresh');
    const made = await Promise.all([1, 2, 3].map(() => thrum(['project', 'create', 'P', '--home', fresh])));
    expect(made.map(({ exitCode }) => exitCode).sort()).toEqual([0, 2, 2]);
    expect(JSON.parse((await thrum(['project', 'list', '--home', fresh, '--json'])).stdout)).toHaveLength(1);
  });

  it('a check whose reader has gone keeps its exit code, and a listing ends quietly', async () => {
    const piped = (command: string): { status: number | null; stderr: string } =>
      spawnSync('bash', ['-c', `${process.execPath} ${MAIN} ${command} --home '${home}' | true; exit \${PIPESTATUS[0]}`], { encoding: 'utf8' });
    expect(piped('store read')).toMatchObject({ status: 0, stderr: '' });
    const [projectId] = (await readdir(join(home, 'store'))).filter((name) => name.startsWith('p-'));
    const segment = join(home, 'store', projectId!, (await readdir(join(home, 'store', projectId!))).filter((name) => name.endsWith('.seg')).sort()[0]!);
    const before = await readFile(segment);
    await writeFile(segment, before.subarray(0, -1));
    expect(piped('store verify')).toMatchObject({ status: 1 });
    await writeFile(segment, before);
  });

  it('a run for a month does not end at once', { timeout: 30_000 }, async () => {
    const run = start(['run', '--home', home, '--project', 'Plant 7', '--sites', '1', '--gateways', '1', '--sensors', '2', '--machines', '1', '--capture-samples', '256', '--duration', '30d']);
    expect(await run.firstLine).toMatch(/gateways/); // what it says after five seconds of running
    run.child.kill('SIGINT');
    expect((await run.exited).exitCode).toBe(0);
  });

  it('Ctrl-C while a fleet waits for a broker that is not there ends it within the hurried drain', { timeout: 30_000 }, async () => {
    const fleet = start(['fleet', '--home', home, '--project', 'Plant 7', '--url', 'mqtts://127.0.0.1:9', '--seed', '9', '--sites', '1', '--gateways', '1', '--sensors', '2', '--machines', '1', '--capture-samples', '256', '--duration', '1s']);
    await fleet.firstLine; // after five seconds: it is draining
    fleet.child.kill('SIGINT');
    const { exitCode, stdout } = await fleet.exited;
    expect({ exitCode, stdout }).toMatchObject({ exitCode: 3, stdout: expect.stringContaining('NOT all messages are acknowledged') as string });
  });

  it.each(['broker', 'run', 'fleet'])('thrum %s ends at the first signal while it has nothing to undo', { timeout: 30_000 }, async (command) => {
    const pipe = join(folder, `passphrase-${command}`);
    spawnSync('mkfifo', ['-m', '600', pipe]);
    const more = command === 'fleet' ? ['--url', 'mqtts://127.0.0.1:9'] : ['--port', '0'];
    const { child, exited } = start([command, '--home', home, '--passphrase-file', pipe, ...more]);
    const writer = await open(pipe, 'w'); // opens when the command has begun to read
    child.kill('SIGTERM');
    await exited;
    await writer.close();
    expect(child.signalCode).toBe('SIGTERM');
  });

  it('a run that is interrupted while it makes identities ends there, and leaves a whole store', { timeout: 60_000 }, async () => {
    const large = join(folder, 'large');
    const run = start(['run', '--home', large, '--sites', '1', '--gateways', '20000', '--sensors', '20000', '--machines', '10000', '--quiet']);
    await vi.waitFor(async () => expect(await readdir(join(large, 'certs', 'gateways'))).not.toEqual([]), { timeout: 30_000 });
    run.child.kill('SIGINT');
    expect(await run.exited).toMatchObject({ exitCode: 130, stdout: '', stderr: 'thrum: interrupted\n' });
    expect(await thrum(['store', 'verify', '--home', large])).toMatchObject({ exitCode: 0 });
  });

  it('a run that is interrupted still ends with its report', async () => {
    const run = start(['run', '--home', home, '--project', 'Plant 7', '--sites', '1', '--gateways', '1', '--sensors', '2', '--machines', '1', '--capture-samples', '256', '--duration', '60s']);
    await run.firstLine;
    run.child.kill('SIGINT');
    const { exitCode, stdout } = await run.exited;
    expect({ exitCode, last: stdout.trim().split('\n').at(-1) }).toMatchObject({ exitCode: 0, last: expect.stringMatching(/stored exactly once\.$/) as string });
  });
});
