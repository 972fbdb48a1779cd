import { describe, expect, it } from 'vitest';
import { beginFrame, endFrame, frameLength, openFrame } from './envelope.ts';
import { MAX_FRAME_BYTES } from './messages.ts';

function frameAround(kind: number, body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(frameLength(body.length));
  const at = beginFrame(kind, body.length, frame, 0);
  frame.set(body, at);
  expect(endFrame(frame, 0, at + body.length)).toBe(frame.length);
  return frame;
}

const error = (code: string, offset: number): unknown => expect.objectContaining({ name: 'FrameError', code, offset });

describe('envelope', () => {
  it.each([0, 1, 127, 128, 16_383, 16_384, 400_000])('of a body of %i bytes opens to kind and body', (length) => {
    const frame = frameAround(9, new Uint8Array(length).fill(3));
    const { kind, position, end } = openFrame(frame);
    expect(kind).toBe(9);
    expect(end - position).toBe(length);
    expect(end).toBe(frame.length - 4);
  });

  it('says which byte is wrong', () => {
    const frame = frameAround(1, Uint8Array.of(1, 2, 3));
    expect(() => openFrame(new Uint8Array(0))).toThrow(error('FRAME_TRUNCATED', 0));
    expect(() => openFrame(frame.subarray(0, 1))).toThrow(error('FRAME_TRUNCATED', 1));
    expect(() => openFrame(frame.subarray(0, 7))).toThrow(error('FRAME_TRUNCATED', 7));
    expect(() => openFrame(Uint8Array.of(...frame, 0))).toThrow(error('FRAME_MALFORMED', frame.length));
    expect(() => openFrame(frame.with(0, 0x11))).toThrow(error('FRAME_VERSION', 0));
    expect(() => openFrame(frame.with(3, 0))).toThrow(error('FRAME_CHECKSUM', 5));
    expect(() => openFrame(frame.with(8, ~frame[8]!))).toThrow(error('FRAME_CHECKSUM', 5));
    expect(() => openFrame(Uint8Array.of(0x21, 0x80, 0x00, 0, 0, 0, 0))).toThrow(error('FRAME_MALFORMED', 1));
    expect(() => openFrame(Uint8Array.of(0x21, 0xff, 0xff, 0xff, 0xff, 0x0f))).toThrow(error('FRAME_TOO_LARGE', 1));
  });

  it('keeps to the largest frame and to the buffer', () => {
    const largest = MAX_FRAME_BYTES - 8;
    expect(frameLength(largest)).toBe(MAX_FRAME_BYTES);
    expect(openFrame(frameAround(1, new Uint8Array(largest))).kind).toBe(1);
    const buffer = new Uint8Array(MAX_FRAME_BYTES + 1);
    expect(() => beginFrame(1, largest + 1, buffer, 0)).toThrow(error('FRAME_TOO_LARGE', 0));
    expect(beginFrame(1, 4, new Uint8Array(10), 0)).toBe(2);
    expect(() => beginFrame(1, 4, new Uint8Array(10), 1)).toThrow(error('FRAME_TOO_LARGE', 0));
    expect(() => beginFrame(1, 4, new Uint8Array(10), -1)).toThrow(error('FRAME_TOO_LARGE', 0));
    expect(() => beginFrame(1, 4, new Uint8Array(10), 0.5)).toThrow(error('FRAME_TOO_LARGE', 0));
  });
});
