/** `thrum frame decode`: a frame as readable JSON. */
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { decodeFrame, frameToJson, MAX_FRAME_BYTES } from '../frame/mod.ts';
import { CliError } from './errors.ts';

export function addFrameCommand(program: Command): void {
  program
    .command('frame')
    .description('look into frames')
    .command('decode')
    .description('print a frame as JSON: from a file, or as hexadecimal digits on standard input')
    .argument('[file]', 'file that holds one frame; without it, hexadecimal digits are read from standard input')
    .option('--json', 'accepted for symmetry: the result is always JSON')
    .addHelpText('after', '\nExamples:\n  thrum frame decode capture.bin\n  xxd -p capture.bin | thrum frame decode')
    .action(async (file: string | undefined) => {
      const bytes = file === undefined ? fromHex(await readStandardInput()) : await readFile(file);
      process.stdout.write(`${JSON.stringify(frameToJson(decodeFrame(bytes)), null, 2)}\n`);
    });
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
