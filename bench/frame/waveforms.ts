/** The second part: bytes and speed of waveforms, in frames and in what others use. */
import { median } from '../statistics.ts';
import { bitPackingCodec } from './bit-packing.ts';
import { captures, type Capture } from './captures.ts';
import { compressorCodecs } from './compressors.ts';
import { openFlac, type FlacRow } from './flac.ts';
import { inTurns, ratioInTurns, type Job } from './turns.ts';
import { verifiedBytes, type WaveformCodec } from './waveform-codec.ts';
import { waveformFrameCodecs } from './waveform-frames.ts';
import { waveformPeers } from './waveform-peers.ts';

export interface WaveformFigures {
  readonly input: string;
  readonly name: string;
  readonly kernel: WaveformCodec['kernel'];
  readonly rawBytes: number;
  readonly bytes: number;
  readonly percentOfRaw: number;
  /** MB (10^6 bytes) of raw samples per second; null where it is not measured. */
  readonly encodeMBps: number | null;
  readonly decodeMBps: number | null;
  /** Median over the rounds of speed / speed of flac -5; null without `flac`. */
  readonly encodeToFlac5: number | null;
}

const TURNS = { rounds: 5, budgetMs: 70, warmUpMs: 150 };

/** `say` hears of the progress, and of what is missing. Throws when samples do not come back as they were. */
export function measureWaveforms(say: (line: string) => void): WaveformFigures[] {
  return captures(say).flatMap((capture) => measureCapture(capture, say));
}

function measureCapture(capture: Capture, say: (line: string) => void): WaveformFigures[] {
  const codecs = [...waveformFrameCodecs(capture), ...waveformPeers(capture), ...compressorCodecs(capture), bitPackingCodec(capture)];
  const rows: Row[] = codecs.map((codec) => rowOf(codec, capture));
  const flac = openFlac(capture);
  if (flac === undefined) say('flac is not installed: its rows are left out');
  else rows.push(...flac.rows.map((row) => ({ ...row, kernel: null })));
  try {
    const figures = measureRows(rows, capture, say);
    flac?.verify();
    return figures;
  } finally {
    flac?.close();
  }
}

interface Row extends FlacRow {
  readonly kernel: WaveformCodec['kernel'];
}

function rowOf(codec: WaveformCodec, capture: Capture): Row {
  const { name, kernel } = codec;
  const bytes = verifiedBytes(codec, capture);
  if (codec.speed === 'not measured') return { name, kernel, bytes };
  const encode = (passes: number): void => {
    for (let pass = 0; pass < passes; pass++) if (codec.encode() !== bytes) throw new Error(`${name}: the number of bytes changed`);
  };
  const decode = (passes: number): void => {
    for (let pass = 0; pass < passes; pass++) codec.decode();
  };
  const unitsPerPass = capture.raw.length;
  return { name, kernel, bytes, encode: { unitsPerPass, run: encode }, decode: { unitsPerPass, run: decode } };
}

function measureRows(rows: readonly Row[], { name: input, raw }: Capture, say: (line: string) => void): WaveformFigures[] {
  const jobs = rows.flatMap(({ encode, decode }) => [encode, decode]).filter((job) => job !== undefined);
  const rates = inTurns(jobs, { ...TURNS, onRound: (round) => say(`waveforms (${input}): round ${round + 1} of ${TURNS.rounds}`) });
  const ratesOf = (job: Job | undefined): number[] | undefined => (job === undefined ? undefined : rates[jobs.indexOf(job)]);
  const flac5 = ratesOf(rows.find(({ name }) => name === 'flac -5')?.encode);
  return rows.map(({ name, kernel, bytes, encode, decode }) => {
    const [encodeRates, decodeRates] = [ratesOf(encode), ratesOf(decode)];
    return {
      input,
      name,
      kernel,
      rawBytes: raw.length,
      bytes,
      percentOfRaw: (100 * bytes) / raw.length,
      encodeMBps: megabytes(encodeRates),
      decodeMBps: megabytes(decodeRates),
      encodeToFlac5: encodeRates === undefined || flac5 === undefined ? null : ratioInTurns(encodeRates, flac5),
    };
  });
}

function megabytes(rates: readonly number[] | undefined): number | null {
  return rates === undefined ? null : median(rates) / 1e6;
}
