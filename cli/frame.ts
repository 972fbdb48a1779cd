/** `thrum frame decode`, `inspect`, `bench`: what is in a frame, and what the codec makes of recordings. */
import { readFile, stat } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import type { Command } from 'commander';
import { decodeFrame, frameToJson, inspectFrame, MAX_FRAME_BYTES, measureCodec, readWav, type CodecFigures, type Field, type Message, type Recording } from '../frame/mod.ts';
import { createSensor, planFleet } from '../sensors/mod.ts';
import { CliError } from './errors.ts';
import { count, printResult, table, type OutputOptions } from './output.ts';

const MODES = ['tight', 'fast'] as const;
const DUMP_BYTES = 16;
/** A frame can hold forty million, which as text would be half a gigabyte. */
const MAX_PRINTED_SAMPLES = 2_000_000;

export function addFrameCommand(program: Command): void {
  const frame = program.command('frame').description('look into frames, and measure their codec');
  const fileArgument = 'file that holds one frame; without it, hexadecimal digits are read from standard input';
  frame
    .command('decode')
    .description('print a frame as JSON: from a file, or as hexadecimal digits on standard input')
    .argument('[file]', fileArgument)
    .option('--json', 'accepted for symmetry: the result is always JSON')
    .addHelpText('after', '\nExamples:\n  thrum frame decode capture.bin\n  xxd -p capture.bin | thrum frame decode')
    .action(async (file: string | undefined) => {
      const message = decodeFrame(await readFrame(file));
      if (samplesOf(message) > MAX_PRINTED_SAMPLES) {
        throw new CliError('CLI_USAGE', `the frame holds ${count(samplesOf(message))} samples, more than the ${count(MAX_PRINTED_SAMPLES)} that are printed as JSON: try 'thrum frame inspect'`);
      }
      process.stdout.write(`${JSON.stringify(frameToJson(message), null, 2)}\n`);
    });
  frame
    .command('inspect')
    .description('print a frame field by field, as an annotated hex dump; of a broken one, as far as it makes sense')
    .argument('[file]', fileArgument)
    .option('--json', 'print the fields as JSON')
    .addHelpText('after', '\nExamples:\n  thrum frame inspect capture.bin\n  xxd -p capture.bin | thrum frame inspect')
    .action(async (file: string | undefined, options: OutputOptions) => {
      const bytes = await readFrame(file);
      const { fields, error } = inspectFrame(bytes);
      const fault = error && { code: error.code, message: error.message, offset: error.offset };
      printResult(options, { bytes: bytes.length, fields, ...(fault && { error: fault }) }, () => dump(bytes, fields));
      if (error) throw error;
    });
  frame
    .command('bench')
    .description('measure the waveform codec: bytes and speed in each mode, for recordings of yours or a simulated one')
    .argument('[files...]', '16-bit or 24-bit WAV files of 1 to 3 channels')
    .option('--json', 'print the figures as a JSON array')
    .addHelpText('after', '\nExamples:\n  thrum frame bench\n  thrum frame bench bearing-1.wav bearing-2.wav --json')
    .action(async (files: string[], options: OutputOptions) => {
      const recordings = files.length === 0 ? [simulated()] : await Promise.all(files.map(readRecording));
      const figures = recordings.flatMap(({ file, recording }) => MODES.map((mode) => ({ file, ...measureCodec(recording, mode, () => performance.now()) })));
      printResult(options, figures, () => figureTable(figures));
    });
}

async function readFrame(file: string | undefined): Promise<Buffer> {
  if (file === undefined) return fromHex(await readStandardInput());
  const { size } = await stat(file);
  if (size > MAX_FRAME_BYTES) throw new CliError('CLI_USAGE', `${file}: a frame has at most ${MAX_FRAME_BYTES} bytes, this file has ${size}`);
  return readFile(file);
}

function samplesOf(message: Message): number {
  if (message.kind === 'batch') return message.messages.reduce((sum, one) => sum + samplesOf(one), 0);
  return message.kind === 'waveform' ? message.axes.reduce((sum, axis) => sum + axis.length, 0) : 0;
}

function fromHex(text: string): Buffer {
  const digits = text.replaceAll(/\s+|0x/g, '');
  if (digits === '' || digits.length % 2 !== 0 || !/^[0-9a-fA-F]+$/.test(digits)) {
    throw new CliError('CLI_USAGE', 'standard input: write a frame as pairs of hexadecimal digits');
  }
  return Buffer.from(digits, 'hex');
}

async function readStandardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > 4 * MAX_FRAME_BYTES) throw new CliError('CLI_USAGE', `standard input: a frame has at most ${MAX_FRAME_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('latin1');
}

/** One row a field; long ones show their first bytes. */
function dump(bytes: Buffer, fields: readonly Field[]): string[] {
  const rows = fields.map(({ offset, length, name, value }) => {
    const shown = bytes.subarray(offset, offset + Math.min(length, DUMP_BYTES)).toString('hex').replaceAll(/(..)(?=.)/g, '$1 ');
    return [length === 0 ? '' : String(offset), length > DUMP_BYTES ? `${shown} … ${length} bytes` : shown, name, value];
  });
  return table([['offset', 'bytes', 'field', 'value'], ...rows]);
}

async function readRecording(file: string): Promise<{ file: string; recording: Recording }> {
  try {
    return { file, recording: readWav(await readFile(file)) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall !== undefined) throw error;
    throw new CliError('CLI_USAGE', `${file}: ${(error as Error).message}`, { cause: error });
  }
}

/** A long capture of a machine with a fault, so that there is something to measure without a recording. */
function simulated(): { file: string; recording: Recording } {
  const plan = planFleet({
    seed: 1, sites: 1, gateways: 1, sensors: 1, machines: 1, faultShare: 1, intervalMs: 3_600_000, waveformEvery: 1, captureSamples: 65_536, startMs: 0,
  });
  const sensor = createSensor(plan.gateways[0]!.sensors[0]!);
  const waveform = sensor.measure({ ...sensor.initialState, sequence: 2000 }).messages.find((message) => message.kind === 'waveform')!;
  return { file: 'a simulated machine', recording: waveform };
}

function figureTable(figures: readonly (CodecFigures & { readonly file: string })[]): string[] {
  return table([
    ['file', 'mode', 'kernel', 'raw bytes', 'bytes', '% of raw', 'encode MB/s', 'decode MB/s'],
    ...figures.map(({ file, mode, kernel, rawBytes, bytes, encodeMBps, decodeMBps }) => [
      file, mode, kernel, count(rawBytes), count(bytes), ((100 * bytes) / rawBytes).toFixed(1), count(encodeMBps), count(decodeMBps),
    ]),
  ]);
}
