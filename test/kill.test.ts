import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { randomStream } from '../sensors/mod.ts';
import { start, withFolder, type Running } from './cli.ts';
import { expectAllStoredOnce, fleetHomeIn, fleetOf, stop } from './fleet-home.fixture.ts';
import { storedMessages } from './store-contents.ts';

const ROUNDS = 20;
const ENOUGH_MESSAGES = 100;
const FLEET = fleetOf({ seed: 5, gateways: 2, sensors: 8, machines: 4 });

it(`stores every measurement exactly once although broker and gateways are killed ${ROUNDS} times each`, { timeout: 180_000 }, async () => {
  await withFolder(async (folder) => {
    const place = await fleetHomeIn(folder, FLEET);
    const commands = [place.broker, ...place.gateways.map((gateway) => [...gateway, '--verbose'])];
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
    while ((await storedMessages(place.home)).length <= ENOUGH_MESSAGES) await delay(100);
    for (const one of [...running.slice(1), running[0]!]) await stop(one);
    await expectAllStoredOnce(place, ENOUGH_MESSAGES);
  });
});
