import { describe, expect, it } from 'vitest';
import type { ClientGroup } from './scenario.ts';
import { forgetSubscriptions } from './steps.ts';
import { Subscriber } from './subscriber.ts';

describe('what a session brings while its client is away', () => {
  it.each([
    [4, true, 0, 'forgotten'],
    [4, false, 3_600, 'kept'],
    [5, true, 0, 'forgotten'],
    [5, true, 3_600, 'forgotten'], // the session outlives the connection, and the next connect begins a clean one
    [5, false, 0, 'forgotten'], // MQTT 5, 3.1.2.11.2: it ends with its connection
    [5, false, 3_600, 'kept'],
  ] as const)('with MQTT level %i, a clean session: %s, kept for %i s, is %s', (mqttVersion, cleanSession, sessionExpiryS, expected) => {
    const subscriber = new Subscriber(0, ['t'], 0);
    forgetSubscriptions({ group: { mqttVersion, cleanSession, sessionExpiryS } as ClientGroup, subscriber });
    expect(subscriber.toData().filters).toMatchObject([{ isOver: expected === 'forgotten' }]);
  });
});
