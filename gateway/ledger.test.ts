import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeMessage, frameOf, type SensorMessage, type Waveform } from '../frame/mod.ts';
import { createSensor, planFleet } from '../sensors/mod.ts';
import { Ledger } from './ledger.ts';

const PLAN = planFleet({
  seed: 3, sites: 1, gateways: 1, sensors: 3, machines: 2, faultShare: 0.5, intervalMs: 60_000, waveformEvery: 2,
  startMs: Date.UTC(2026, 0, 1), captureSamples: 64,
});

/** What the plan's sensors say first: measurements, waveforms and some events. */
const MESSAGES: readonly SensorMessage[] = PLAN.gateways[0]!.sensors.map(createSensor).flatMap((sensor) =>
  [0, 1, 2, 3].flatMap((sequence) => sensor.measure({ bootEpoch: 1, sequence, zone: 'D' }).messages),
);

const received = (message: SensorMessage): SensorMessage => decodeMessage(frameOf(message));

function ledgerOf(messages: readonly SensorMessage[]): Ledger {
  const ledger = new Ledger();
  for (const message of messages) ledger.produced(message);
  return ledger;
}

describe('a ledger', () => {
  it('finds every kind of message stored once after its way through the codec, in any order', () => {
    expect(new Set(MESSAGES.map(({ kind }) => kind))).toEqual(new Set(['measurement', 'event', 'waveform']));
    fc.assert(
      fc.property(fc.shuffledSubarray([...MESSAGES], { minLength: MESSAGES.length }), (order) => {
        const ledger = ledgerOf(MESSAGES);
        for (const message of order) ledger.stored(received(message));
        const produced = MESSAGES.length;
        expect(ledger.reconcile()).toEqual({ produced, storedOnce: produced, missing: 0, duplicated: 0, altered: 0, earlier: 0 });
      }),
      { numRuns: 20 },
    );
  });

  it('counts what is missing and what is there more than once, whatever is stored how often', () => {
    const times = fc.array(fc.nat(4), { minLength: MESSAGES.length, maxLength: MESSAGES.length });
    fc.assert(
      fc.property(times, (copies) => {
        const ledger = ledgerOf(MESSAGES);
        for (const [index, count] of copies.entries()) for (let i = 0; i < count; i++) ledger.stored(received(MESSAGES[index]!));
        expect(ledger.reconcile()).toEqual({
          produced: MESSAGES.length,
          storedOnce: copies.filter((count) => count === 1).length,
          missing: copies.filter((count) => count === 0).length,
          duplicated: copies.reduce((sum, count) => sum + Math.max(0, count - 1), 0),
          altered: 0,
          earlier: 0,
        });
      }),
      { numRuns: 50 },
    );
  });

  it('sees a single altered bit or field as altered, and the message itself as missing', () => {
    const waveform = MESSAGES.find((message): message is Waveform => message.kind === 'waveform')!;
    const flipped = waveform.axes.map((axis) => axis.slice());
    flipped[2]![63]! ^= 1;
    const regrouped = [waveform.axes[0]!, Int16Array.of(...waveform.axes[1]!, ...waveform.axes[2]!)];
    const altered: SensorMessage[] = [
      { ...waveform, axes: flipped },
      { ...waveform, axes: regrouped },
      { ...waveform, axes: waveform.axes.slice(0, 2) },
      { ...waveform, timeMs: waveform.timeMs + 1 },
    ];
    for (const message of altered) {
      const ledger = ledgerOf([waveform]);
      ledger.stored(message);
      expect(ledger.reconcile()).toMatchObject({ storedOnce: 0, missing: 1, altered: 1 });
    }
  });

  it('takes nothing for its own that it did not see produced', () => {
    const [first, ...rest] = MESSAGES;
    const ledger = ledgerOf(rest);
    ledger.stored(received(first!));
    ledger.stored({ ...received(rest[0]!), bootEpoch: 7 });
    ledger.stored({ ...received(rest[0]!), sensorId: 'ffffffffffffffff' });
    ledger.stored({ ...received(rest[0]!), sequence: 4_000_000_000 });
    expect(ledger.reconcile()).toMatchObject({ produced: rest.length, missing: rest.length, earlier: 4 });
  });

  it('still counts right after a copy was stored more often than it can mark', () => {
    const ledger = ledgerOf(MESSAGES.slice(0, 1));
    for (let i = 0; i < 600; i++) ledger.stored(received(MESSAGES[0]!));
    expect(ledger.reconcile()).toMatchObject({ storedOnce: 0, missing: 0, duplicated: 599 });
    expect(ledger.full).toBe(false);
  });
});
