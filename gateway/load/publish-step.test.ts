import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { Aedes } from 'aedes';
import { expect, it } from 'vitest';
import { clockOrigin, startClock } from './clock.ts';
import type { Member } from './member.ts';
import { Pacer } from './pacer.ts';
import { preparePublish, publish } from './publish-step.ts';
import { parseScenario } from './scenario/mod.ts';
import type { PublishStep } from './scenario.ts';
import { musterSquads } from './squads.ts';
import { StageContext } from './stage-context.ts';
import { MAX_BATCH_MESSAGES } from './stamp.ts';
import { connect } from './steps.ts';
import { workerHost } from './worker-host.ts';

it('a client that has no more numbers for its messages says so, after the last of them', async () => {
  const aedes = await Aedes.createBroker();
  const server = createServer((socket) => aedes.handle(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = clockOrigin(1_790_000_000_000);
  const now = startClock(origin);
  const pacer = new Pacer(now);
  const scenario = parseScenario({
    name: 't', brokers: { b: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}` }, clients: { c: { id: 'c-{n}' } },
    stages: [{ name: 's', groups: [{ clients: 'c', do: ['connect', { publish: { topic: 't', count: 5, rate: '1000/s' } }] }] }],
  });
  const settings = { authorityPem: undefined, authorityDirectory: undefined, projectId: 'p', workers: 1, shard: { index: 1, of: 1 } };
  const squads = musterSquads({ scenario, settings, part: 0, parts: 1, origin, runEpoch: 7 }, workerHost({ now, runEpoch: 7, memberOf: () => member, onLost: () => undefined }));
  const member: Member = squads.get('c')!.members[0]!;
  const context = new StageContext({
    scenario, stage: scenario.stages[0]!, startUs: now(), searched: undefined, now, random: () => 0, pacer, runEpoch: 7, authorityPem: undefined,
    onBroker: () => undefined, selfTuning: () => { throw new Error('nothing tunes itself'); },
  });
  const [connecting, publishing] = scenario.stages[0]!.lives[0]!.steps;
  await connect(member, connecting as never, now(), context);
  const step = publishing as PublishStep;
  preparePublish(member, step, 7);
  member.streams[0]!.next = MAX_BATCH_MESSAGES - 8;

  await publish(member, step, context);
  await expect(publish(member, step, context)).rejects.toThrow('client c-0 has sent the 266,338,304 messages that one can on a topic: share them out among more clients or topics');
  expect(member.measures.counters).toMatchObject({ due: 8, sent: 8, acknowledged: 8, unsent: 0 });

  member.client.disconnect();
  pacer.stop();
  server.close();
  aedes.close();
});
