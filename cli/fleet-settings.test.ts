import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fleetSettings, planSettings, runDuration } from './fleet-settings.ts';
import { parseDurationMs, parseSpeed } from './values.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'thrum-test-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function fromFile(text: string, options: object = {}): Promise<Awaited<ReturnType<typeof fleetSettings>>> {
  const fleet = join(folder, 'fleet.yaml');
  await writeFile(fleet, text);
  return fleetSettings({ ...options, fleet });
}

describe('fleet settings', () => {
  it('without anything said are 1 project’s 2 sites, 5 gateways, 60 sensors on 20 machines', async () => {
    expect(await fleetSettings({})).toMatchObject({ sites: 2, gateways: 5, sensors: 60, machines: 20, seed: 1 });
  });

  it('come from the file where it says something, and from options where they are given', async () => {
    const settings = await fromFile('sensors: 40\nmachines: 10\nspeed: 60\ninterval: 30m\n', { sensors: 30 });
    expect(settings).toMatchObject({ sensors: 30, machines: 10, speed: '60', gateways: 5 });
    expect(planSettings(settings).intervalMs).toBe(1_800_000);
  });

  it('have a speed that can be used, however it is written', async () => {
    for (const speed of ['1e-7', '1e21', '"2000000000"']) await expect(fromFile(`speed: ${speed}\n`)).rejects.toMatchObject({ code: 'FLEET_FILE' });
  });

  it('may be an empty file', async () => {
    expect(await fromFile('')).toEqual(await fleetSettings({}));
    expect(await fromFile('# nothing yet\n')).toEqual(await fleetSettings({}));
  });

  it('end a run after 20 s, unless real or simulated time is given', async () => {
    expect(runDuration(await fleetSettings({}))).toBe('20s');
    expect(runDuration(await fleetSettings({ duration: '5m' }))).toBe('5m');
    expect(runDuration(await fleetSettings({ simulate: '365d' }))).toBeUndefined();
    expect(runDuration(await fleetSettings({ simulate: '365d', duration: '5m' }))).toBe('5m');
  });
});

describe('written values', () => {
  it.each([['90s', 90_000], ['1.5h', 5_400_000], ['365d', 31_536_000_000], ['250ms', 250], ['0s', undefined], ['20', undefined], ['-1s', undefined], ['1 h', undefined], ['', undefined], ['1e3s', undefined]])('the duration %j is %s ms', (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms);
  });

  it.each([['max', Infinity], ['60', 60], ['1000000000', 1e9], ['1000000001', undefined], ['99999999999999999999', undefined], ['0.5', 0.5], ['0', undefined], ['-1', undefined], ['fast', undefined], ['', undefined]])('the speed %j is %s', (text, factor) => {
    expect(parseSpeed(text)).toBe(factor);
  });
});
