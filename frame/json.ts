/** Messages as plain JSON values, for export and for people. */

import type { Message } from './messages.ts';
import { bitsPerSampleOf } from './waveform.ts';

/**
 * The message as a value that JSON can carry: same names and nesting, NaN (and anything else JSON has no number for)
 * as null, samples as arrays of numbers, and with a waveform its bitsPerSample.
 */
export function frameToJson(message: Message): unknown {
  if (message.kind === 'batch') return { ...message, messages: message.messages.map(frameToJson) };
  if (message.kind !== 'waveform') return plain(message);
  const { axes, ...rest } = message;
  return plain({ ...rest, bitsPerSample: bitsPerSampleOf(message), axes });
}

function plain(value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (value instanceof Int16Array || value instanceof Int32Array) return Array.from(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plain(field)]));
}
