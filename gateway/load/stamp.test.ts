import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { batchOf } from '../../frame/mod.ts';
import { SCENARIO_LIMITS } from './scenario/mod.ts';
import { MAX_BATCH_MESSAGES, readStamp, STAMP_BYTES, stampPayload, streamKey, writeStamp, type Stamp } from './stamp.ts';

const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const dueUs = fc.double({ min: 0, max: 2 ** 53, noNaN: true });

interface Stamped {
  readonly bytes: Buffer;
  readonly runEpoch: number;
  readonly stamp: Stamp;
}

const stamped: fc.Arbitrary<Stamped> = fc.record({ runEpoch: u32, key: u32, sequence: u32, dueUs, tail: fc.uint8Array({ maxLength: 64 }) }).map(({ runEpoch, key, sequence, dueUs, tail }) => {
  const bytes = Buffer.concat([Buffer.alloc(STAMP_BYTES), tail]);
  writeStamp(bytes, 0, runEpoch, key);
  stampPayload(bytes, 0, bytes.length, sequence, dueUs);
  return { bytes, runEpoch, stamp: { key, sequence, dueUs } };
});

/** The same bytes somewhere within others, as they come from a socket. */
function within(bytes: Buffer): [bytes: Buffer, start: number, end: number] {
  return [Buffer.concat([Buffer.alloc(5, 0xff), bytes, Buffer.alloc(3, 0xff)]), 5, 5 + bytes.length];
}

describe('a stamp', () => {
  it('is read as it was written, wherever the payload stands', () => {
    fc.assert(
      fc.property(stamped, ({ bytes, runEpoch, stamp }) => {
        expect(readStamp(...within(bytes), runEpoch)).toEqual(stamp);
      }),
    );
  });

  it('is never believed with any one bit flipped: the payload is corrupted, or where the mark itself is hit, not checked', () => {
    fc.assert(
      fc.property(stamped, fc.nat(), ({ bytes, runEpoch }, which) => {
        const bit = which % (bytes.length * 8);
        const altered = Buffer.from(bytes);
        altered[bit >>> 3]! ^= 1 << (bit & 7);
        expect(readStamp(...within(altered), runEpoch)).toBe(bit < 32 ? 'unchecked' : 'corrupted');
      }),
      { numRuns: 500 },
    );
  });

  it('of another run is foreign', () => {
    fc.assert(
      fc.property(stamped, ({ bytes, runEpoch }) => {
        expect(readStamp(...within(bytes), runEpoch ^ 1)).toBe('foreign');
      }),
    );
  });

  it('is not seen in any other bytes, and nothing is read outside of them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), u32, (payload, runEpoch) => {
        expect(readStamp(...within(Buffer.from(payload)), runEpoch)).toBe('unchecked');
      }),
      { numRuns: 1000 },
    );
  });

  it('is not expected in texts that happen to begin as a batch frame does', () => {
    const text = Buffer.from('$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47');
    expect(readStamp(text, 0, text.length, 1)).toBe('unchecked');
    const frame = Buffer.from(batchOf({ gatewayId: '024c4f4144000001', bootEpoch: 7, sequence: 1 }, []));
    expect(readStamp(frame, 0, frame.length, 7)).toBe('unchecked');
  });

  it('has a key that no other stream of the run has', () => {
    const keys = [0, 1, 2, 70_000].flatMap((client) => [0, 1, 63].map((stream) => streamKey(client, stream)));
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('has as many numbers as a scenario may ask for', () => {
    expect(MAX_BATCH_MESSAGES).toBe(SCENARIO_LIMITS.messagesOfClient);
  });
});
