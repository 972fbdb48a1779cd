/**
 * Writes the measurement entries of a batch as docs/frame.md allows them: chance chooses the id's form among those that
 * would do, whether the boot epoch is told again, the mode, k, and escapes. What they must decode to is given.
 */
import { bytesOf, leastFirst, pick, varint, zigzag, type Chance } from './frame-writer.ts';
import type { Numbers } from './measurement-decoder.ts';

export interface Escapes {
  /** Whether values that a shorter code would do for may be escaped. */
  readonly needless: boolean;
}

const ID_DIGITS = [0, 2, 6, 16];

/** One entry after `last`, the measurement entry before it, and `like`, the last one of the same sensor. */
export function writeMeasurementEntry(target: Numbers, last: Numbers, like: Numbers, chance: Chance, escapes: Escapes): number[] {
  const forms = [0, 1, 2, 3].filter((form) => target.sensorId.startsWith(last.sensorId.slice(0, 16 - ID_DIGITS[form]!)));
  const form = pick(chance, forms);
  const withEpoch = target.bootEpoch !== last.bootEpoch || chance(3) === 0;
  return [
    1 | (form << 4) | (withEpoch ? 64 : 0),
    ...Buffer.from(target.sensorId.slice(16 - ID_DIGITS[form]!), 'hex'),
    ...(withEpoch ? varint(target.bootEpoch) : []),
    ...varint(zigzag((target.sequence - last.sequence) | 0)),
    ...varint(zigzag(target.timeMs - last.timeMs)),
    ...numbers(target, like, chance, escapes),
  ];
}

function numbers(target: Numbers, like: Numbers, chance: Chance, escapes: Escapes): number[] {
  const mode = chance(2);
  const k = chance(13);
  const bits = [mode, ...leastFirst(k, 4)];
  target.codes.forEach((code, i) => {
    const change = mode === 1 && i > 0 ? target.codes[i - 1]! - like.codes[i - 1]! : 0;
    bits.push(...rice(code - like.codes[i]! - change, k, 12, chance, escapes));
  });
  bits.push(...rice(target.hundredths - like.hundredths, 7, 16, chance, escapes));
  bits.push(...rice(target.battery - like.battery, 0, 8, chance, escapes));
  bits.push(...rice(target.rssi - like.rssi, 3, 8, chance, escapes));
  return bytesOf(bits);
}

function rice(difference: number, k: number, width: number, chance: Chance, { needless }: Escapes): number[] {
  const z = zigzag(Number(BigInt.asIntN(width, BigInt(difference))));
  const zeros = Math.floor(z / 2 ** k);
  if (zeros >= 12 || (needless && chance(8) === 0)) return [...Array<number>(12).fill(0), ...leastFirst(z, width)];
  return [...Array<number>(zeros).fill(0), 1, ...leastFirst(z, k)];
}

/** The whole body of a batch of measurements. */
export function writeBatchBody(gatewayId: string, start: Numbers, targets: readonly Numbers[], chance: Chance, escapes: Escapes): number[] {
  const body = [...Buffer.from(gatewayId, 'hex'), ...varint(3), ...varint(5), ...varint(targets.length)];
  targets.forEach((target, i) => {
    const last = targets[i - 1] ?? start;
    const like = targets.slice(0, i).findLast(({ sensorId }) => sensorId === target.sensorId) ?? last;
    body.push(...writeMeasurementEntry(target, last, like, chance, escapes));
  });
  return body;
}

/** Targets of every character: sensors that take turns, with ids that share bytes, restarts, times going backwards. */
export function anyTargets(gatewayId: string, count: number, chance: Chance): Numbers[] {
  const ids = [gatewayId, `${gatewayId.slice(0, 14)}7f`, `${gatewayId.slice(0, 10)}0000ff`, 'ffffffffffffffff', '0000000000000000'];
  const targets: Numbers[] = [];
  for (let i = 0; i < count; i += 1) {
    const near = targets.at(-1);
    const wild = near === undefined || chance(4) === 0;
    targets.push({
      sensorId: pick(chance, ids),
      bootEpoch: wild ? pick(chance, [0, 1, 127, 128, 2 ** 32 - 1]) : near.bootEpoch,
      sequence: wild ? pick(chance, [0, 2 ** 32 - 1, 2 ** 31, chance(2 ** 32)]) : (near.sequence + chance(3)) % 2 ** 32,
      timeMs: wild ? pick(chance, [0, 2 ** 48 - 1, chance(2 ** 48)]) : Math.max(0, Math.min(2 ** 48 - 1, near.timeMs + chance(2000) - 1000)),
      codes: Array.from({ length: 13 }, (_, code) => (wild ? pick(chance, [0, 4095, 2048, chance(4096)]) : Math.max(0, Math.min(4095, near.codes[code]! + chance(9) - 4)))),
      hundredths: wild ? pick(chance, [-32_768, 32_767, 2000, chance(65_536) - 32_768]) : Math.max(-32_768, Math.min(32_767, near.hundredths + chance(41) - 20)),
      battery: pick(chance, [0, 100, chance(101)]),
      rssi: pick(chance, [-128, 127, chance(256) - 128]),
    });
  }
  return targets;
}
