import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { createSensor, planFleet, randomStream } from '../sensors/mod.ts';
import { freePort, start, thrum, withFolder, type Running } from './cli.ts';
import { measured, messagesOf, sorted, storedMessages } from './store-contents.ts';

const ROUNDS = 20;
const ENOUGH_MESSAGES = 100;
const FLEET = ['--seed', '5', '--sites', '1', '--gateways', '2', '--sensors', '8', '--machines', '4', '--capture-samples', '1024', '--waveform-every', '6', '--speed', '36000'];
const PLAN = planFleet({
  seed: 5, sites: 1, gateways: 2, sensors: 8, machines: 4, faultShare: 0.3, intervalMs: 3_600_000, waveformEvery: 6, captureSamples: 1024, startMs: Date.UTC(2026, 0, 1),
});

it(`stores every measurement exactly once although broker and gateways are killed ${ROUNDS} times each`, { timeout: 180_000 }, async () => {
  await withFolder(async (folder) => {
    const home = join(folder, 'home');
    const port = String(await freePort());
    const commands = [
      ['broker', '--home', home, '--port', port],
      ...['1', '2'].map((number) => ['gateway', '--number', number, '--home', home, '--url', `mqtts://localhost:${port}`, '--verbose', ...FLEET]),
    ];
    const broker = start(commands[0]!);
    await broker.firstLine;
    const running: Running[] = [broker, start(commands[1]!), start(commands[2]!)];
    const random = randomStream(11, 'kill');
    for (let round = 0; round < ROUNDS; round++) {
      for (const victim of [0, 1 + (round % 2)]) {
        await delay(100 + random.uniform() * 500); // the random moment at which the process is killed
        running[victim]!.child.kill('SIGKILL');
        const { exitCode, stderr } = await running[victim]!.exited;
        expect(exitCode, `process ${victim} ended by itself: ${stderr}`).toBeNull();
        running[victim] = start(commands[victim]!);
      }
    }
    for (const { firstLine } of running) await firstLine; // they are up, and listen to signals
    // On a loaded machine each of them was killed before it had said much: what is left in peace goes on to a number worth comparing.
    while ((await storedMessages(home)).length <= ENOUGH_MESSAGES) await delay(100);
    for (const gateway of running.slice(1)) gateway.child.kill('SIGTERM');
    for (const gateway of running.slice(1)) expect((await gateway.exited).exitCode).toBe(0);
    running[0]!.child.kill('SIGTERM');
    expect((await running[0]!.exited).exitCode).toBe(0);

    const counts = await measured(home);
    const expected = PLAN.gateways.flatMap(({ sensors }) => sensors.flatMap((spec) => messagesOf(createSensor(spec), counts.get(spec.sensorId) ?? 0)));
    expect(expected.length).toBeGreaterThan(ENOUGH_MESSAGES);
    expect(sorted(await storedMessages(home))).toEqual(sorted(expected));
    const verification = await thrum(['store', 'verify', '--home', home]);
    expect(verification).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('all as they were written') as string });
  });
});
