/** The first part: bytes and speed of 20 measurements, in frames and in what others use. */
import { median } from '../statistics.ts';
import { gatewayMeasurements, SENSORS } from './fleet.ts';
import type { MeasurementCodec } from './measurement-codec.ts';
import { frameCodecs } from './measurement-frames.ts';
import { schemaCodecs } from './measurement-schemas.ts';
import { selfDescribingCodecs } from './measurement-self-describing.ts';
import { inTurns, ratioInTurns, type Job } from './turns.ts';

export interface MeasurementFigures {
  readonly name: string;
  readonly bytesEach: number;
  readonly encodedPerS: number;
  /** Null where decoding is that of another row. */
  readonly decodedPerS: number | null;
  /** Of the best that is not of thrum: bytes / fewest bytes, and medians over the rounds of speed / highest speed. */
  readonly toBestOther: { readonly bytes: number; readonly encode: number; readonly decode: number | null };
}

const TURNS = { rounds: 13, budgetMs: 25, warmUpMs: 150 };

/** `say` hears of the progress. Throws when something does not come back as it was sent. */
export function measureMeasurements(say: (line: string) => void): MeasurementFigures[] {
  const messages = gatewayMeasurements();
  if (messages.length !== SENSORS) throw new Error(`${messages.length} measurements of ${SENSORS} sensors`);
  const codecs = [...frameCodecs(messages), ...selfDescribingCodecs(messages), ...schemaCodecs(messages)];
  for (const codec of codecs) codec.verify();
  const bytes = codecs.map((codec) => codec.encode(1) / SENSORS);
  const jobs = codecs.flatMap((codec) => jobsOf(codec, bytes[codecs.indexOf(codec)]! * SENSORS));
  const rates = inTurns(jobs.map(({ job }) => job), {
    ...TURNS,
    onRound: (round) => say(`measurements: round ${round + 1} of ${TURNS.rounds}`),
  });
  const ratesOf = (codec: MeasurementCodec, what: 'encode' | 'decode'): number[] | undefined =>
    rates[jobs.findIndex((one) => one.codec === codec && one.what === what)];
  const others = codecs.filter(({ of }) => of === 'others');
  const bestOther = {
    bytes: Math.min(...bytes.filter((_, index) => others.includes(codecs[index]!))),
    encode: fastest(others.map((codec) => ratesOf(codec, 'encode'))),
    decode: fastest(others.map((codec) => ratesOf(codec, 'decode'))),
  };
  return codecs.map((codec, index) => {
    const [encode, decode] = [ratesOf(codec, 'encode')!, ratesOf(codec, 'decode')];
    return {
      name: codec.name,
      bytesEach: bytes[index]!,
      encodedPerS: median(encode),
      decodedPerS: decode === undefined ? null : median(decode),
      toBestOther: {
        bytes: bytes[index]! / bestOther.bytes,
        encode: ratioInTurns(encode, bestOther.encode),
        decode: decode === undefined ? null : ratioInTurns(decode, bestOther.decode),
      },
    };
  });
}

interface CodecJob {
  readonly codec: MeasurementCodec;
  readonly what: 'encode' | 'decode';
  readonly job: Job;
}

function jobsOf(codec: MeasurementCodec, bytes: number): CodecJob[] {
  const encode = (passes: number): void => {
    if (Math.round(codec.encode(passes)) !== Math.round(bytes)) throw new Error(`${codec.name}: the number of bytes changed`);
  };
  const jobs: CodecJob[] = [{ codec, what: 'encode', job: { unitsPerPass: SENSORS, run: encode } }];
  if (codec.decode !== undefined) jobs.push({ codec, what: 'decode', job: { unitsPerPass: SENSORS, run: codec.decode } });
  return jobs;
}

function fastest(all: readonly (number[] | undefined)[]): number[] {
  const measured = all.filter((rates) => rates !== undefined);
  return measured.reduce((best, rates) => (median(rates) > median(best) ? rates : best));
}
