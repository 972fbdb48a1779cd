/**
 * Mutation fuzzing of the decoder: valid frames, altered behind a right checksum. Whatever comes in, the answer is the exact
 * message or a FrameError, from both kernels the same, and soon. One million inputs here; `npm run fuzz` takes more.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import { batchOf, decodeFrame, encodeMessage, FrameError, frameOf, inspectFrame, maxFrameLength, type Message } from '../frame/mod.ts';
import { beginFrame, endFrame, frameLength } from '../frame/envelope.ts';
import { allKernels, kernel, useKernel } from '../frame/kernel/choose.ts';
import { randomOf } from '../frame/signals.fixture.ts';

const INPUTS = Number(process.env['THRUM_FUZZ_INPUTS'] ?? 1_000_000);
const SEED = Number(process.env['THRUM_FUZZ_SEED'] ?? 20_261_124);
/** Of the inputs so many are inspected too, and what comes out of them is taken through the encoder again. */
const EVERY_NTH_AGAIN = 50;
const MAX_SEED_BYTES = 4096;

const kernels = allKernels();
const first = kernel();
afterAll(() => useKernel(first));

/** The bodies of valid frames, with their kinds: all test vectors that are not too long. */
function seeds(): { kind: number; body: Uint8Array }[] {
  const folder = new URL('../frame/vectors/', import.meta.url);
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json') && name !== 'errors.json')
    .flatMap((name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as { hex: string }[])
    .map(({ hex }) => Uint8Array.from(Buffer.from(hex, 'hex')))
    .filter((frame) => frame.length <= MAX_SEED_BYTES)
    .map((frame) => {
      let start = 1;
      while (frame[start]! >= 0x80) start++;
      return { kind: frame[0]! & 0xf, body: frame.subarray(start + 1, -4) };
    });
}

/** Interesting numbers are the edges of what a byte can mean: signs, continuations, orders, descriptors. */
const EDGES = [0, 1, 2, 7, 15, 16, 31, 32, 33, 63, 64, 0x7f, 0x80, 0xe0, 0xff];

/** Writes the body with one to six edits into `out`, and returns its length. */
function mutate(body: Uint8Array, other: Uint8Array, out: Uint8Array, random: () => number): number {
  out.set(body);
  let length = body.length;
  for (let edits = 1 + (random() % 6); edits > 0; edits--) {
    const at = length === 0 ? 0 : random() % length;
    // Edits near the start reach the fields; the rest is samples.
    const place = random() % 3 === 0 ? at : Math.min(at, random() % 64);
    switch (random() % 8) {
      case 0:
        length = at;
        break;
      case 1:
        out.copyWithin(place + 1, place, length);
        out[place] = random();
        length++;
        break;
      case 2:
        out.copyWithin(place, place + 1, length);
        length = Math.max(0, length - 1);
        break;
      case 3: {
        const stretch = other.subarray(random() % (other.length + 1), other.length).subarray(0, random() % 40);
        out.set(stretch, place);
        length = Math.max(length, place + stretch.length);
        break;
      }
      case 4:
        out[place] = EDGES[random() % EDGES.length]!;
        break;
      case 5:
        out[place] = random();
        break;
      default:
        out[place]! ^= 1 << (random() & 7);
    }
  }
  return length;
}

/** The message, or the error's code; anything but a FrameError with a place in the input is thrown on. */
function answer(frame: Uint8Array): Message | string {
  try {
    return decodeFrame(frame);
  } catch (error) {
    if (!(error instanceof FrameError) || error.offset < 0 || error.offset > frame.length) throw error;
    return error.code;
  }
}

/** What comes out can be said by the encoder, and comes back. */
function comesBack(message: Message): boolean {
  if (message.kind === 'batch') return isDeepStrictEqual(decodeFrame(batchOf(message, message.messages.map(frameOf))), message);
  const fast = new Uint8Array(maxFrameLength(message));
  const end = encodeMessage(message, fast, 0, 'fast');
  return isDeepStrictEqual(decodeFrame(frameOf(message)), message) && isDeepStrictEqual(decodeFrame(fast.subarray(0, end)), message);
}

it(`answers ${INPUTS.toLocaleString('en')} mutated frames exactly or with a FrameError (seed ${SEED})`, { timeout: 24 * 3_600_000 }, () => {
  const random = randomOf(SEED);
  const all = seeds();
  const body = new Uint8Array(MAX_SEED_BYTES + 100);
  const buffer = new Uint8Array(frameLength(body.length));
  const answers = new Map<string, number>();
  for (let run = 0; run < INPUTS; run++) {
    const seed = all[random() % all.length]!;
    const length = mutate(seed.body, all[random() % all.length]!.body, body, random);
    const kind = random() % 64 === 0 ? random() % 16 : seed.kind;
    const at = beginFrame(kind, length, buffer, 0);
    buffer.set(body.subarray(0, length), at);
    const frame = buffer.subarray(0, endFrame(buffer, 0, at + length));
    const one = kernels[run % kernels.length]!;
    useKernel(one);
    let said: Message | string;
    try {
      said = answer(frame);
    } catch (error) {
      throw new Error(`input ${run} of seed ${SEED}, ${one.name} kernel: ${Buffer.from(frame).toString('hex')}`, { cause: error });
    }
    const name = typeof said === 'string' ? said : said.kind;
    answers.set(name, (answers.get(name) ?? 0) + 1);
    if (run % EVERY_NTH_AGAIN === 0) expect(inspectFrame(frame).error?.code).toBe(typeof said === 'string' ? said : undefined);
    if (kind === 2 || kind === 4 || run % EVERY_NTH_AGAIN === 0) {
      useKernel(kernels[(run + 1) % kernels.length]!);
      const same = isDeepStrictEqual(answer(frame), said) && (typeof said === 'string' || run % EVERY_NTH_AGAIN !== 0 || comesBack(said));
      if (!same) throw new Error(`input ${run} of seed ${SEED}: kernels disagree, or it does not come back: ${Buffer.from(frame).toString('hex')}`);
    }
  }
  for (const name of ['measurement', 'event', 'waveform', 'batch', 'FRAME_MALFORMED', 'FRAME_VALUE', 'FRAME_KIND']) {
    expect(answers.get(name), `answers: ${JSON.stringify([...answers])}`).toBeGreaterThan(0);
  }
});
