import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lengthBytes, MAX_PACKET_BYTES, PacketReader, writeLength } from './packets.ts';

interface Cut {
  readonly first: number;
  readonly body: string;
}

function packetOf(first: number, body: Uint8Array): Buffer {
  const head = Buffer.alloc(1 + lengthBytes(body.length));
  head[0] = first;
  writeLength(body.length, head, 1);
  return Buffer.concat([head, body]);
}

/** What a reader makes of chunks; undefined once it calls them no MQTT. */
function readAll(chunks: readonly Uint8Array[]): { readonly packets: readonly Cut[]; readonly understood: boolean } {
  const reader = new PacketReader();
  const packets: Cut[] = [];
  const understood = chunks.every((chunk) =>
    reader.read(Buffer.from(chunk), (first, bytes, start, end) => {
      packets.push({ first, body: bytes.toString('hex', start, end) });
      return true;
    }),
  );
  return { packets, understood };
}

function split(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((from, i) => bytes.subarray(from, places[i] ?? bytes.length));
}

const packet = fc.record({
  first: fc.integer({ min: 0, max: 255 }),
  body: fc.oneof({ weight: 8, arbitrary: fc.uint8Array({ maxLength: 40 }) }, { weight: 2, arbitrary: fc.constantFrom(0, 1, 127, 128, 129, 16_383, 16_384).map((length) => new Uint8Array(length).fill(length)) }),
});

describe('packets cut out of a stream', () => {
  it('are the same however the stream is split', () => {
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 30 }), (packets, cuts) => {
        const stream = Buffer.concat(packets.map(({ first, body }) => packetOf(first, body)));
        const expected = packets.map(({ first, body }) => ({ first, body: Buffer.from(body).toString('hex') }));
        expect(readAll(split(stream, cuts))).toEqual({ packets: expected, understood: true });
        if (stream.length < 400) expect(readAll([...stream].map((byte) => Uint8Array.of(byte)))).toEqual({ packets: expected, understood: true });
      }),
    );
  });

  it('come with a length of up to 16 MiB and what stands before a payload; more, and a length that does not end after four bytes, is no MQTT, however split', () => {
    expect(readAll([packetOf(0x30, Buffer.alloc(MAX_PACKET_BYTES))]).packets.length).toBe(1);
    const longer = Buffer.of(0x30, 0, 0, 0, 0);
    writeLength(MAX_PACKET_BYTES + 1, longer, 1);
    for (const garbage of [longer, Buffer.of(0x30, 0xff, 0xff, 0xff, 0x7f), Buffer.of(0x30, 0x80, 0x80, 0x80, 0x80, 0x01)]) {
      expect(readAll([garbage]).understood).toBe(false);
      expect(readAll([...garbage].map((byte) => Uint8Array.of(byte))).understood).toBe(false);
    }
  });

  it('are read from any bytes alike, whole or in pieces, and never with a place outside of them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.array(fc.nat(), { maxLength: 20 }), (bytes, cuts) => {
        const whole = readAll([bytes]);
        const pieces = readAll(split(Buffer.from(bytes), cuts));
        expect(pieces).toEqual(whole);
      }),
    );
  });

  it('stop where whoever takes them says that one is no MQTT', () => {
    const reader = new PacketReader();
    let taken = 0;
    expect(reader.read(Buffer.concat([packetOf(1, Buffer.alloc(3)), packetOf(2, Buffer.alloc(3))]), () => ++taken > 1)).toBe(false);
    expect(taken).toBe(1);
  });
});
