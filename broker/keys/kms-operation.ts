/** What the engine's operations have in common: how one is written down, changes of one key, and pages of a list. */
import type { z } from 'zod';
import type { Call } from './kms-call.ts';
import { KmsError } from './kms-error.ts';
import { parseInput } from './kms-input.ts';
import type { KeyChange } from './key-store.ts';
import type { KeyRecord, KeyState } from './key-state.ts';

/** An operation that leaves the keys as they are; `run` may be called once its input is parsed. */
interface ReadingOperation {
  readonly kind: 'reads';
  readonly start: (input: unknown) => (call: Call) => object;
}

/** An operation that changes keys: what it gives back is written, unless it is the state it was given. */
interface ChangingOperation {
  readonly kind: 'changes';
  readonly start: (input: unknown) => (call: Call) => KeyChange<object>;
}

export type Operation = ReadingOperation | ChangingOperation;

export function reads<S extends z.ZodType>(schema: S, run: (call: Call, input: z.output<S>) => object): ReadingOperation {
  return {
    kind: 'reads',
    start: (input) => {
      const parsed = parseInput(schema, input);
      return (call) => run(call, parsed);
    },
  };
}

export function changes<S extends z.ZodType>(schema: S, run: (call: Call, input: z.output<S>) => KeyChange<object>): ChangingOperation {
  return {
    kind: 'changes',
    start: (input) => {
      const parsed = parseInput(schema, input);
      return (call) => run(call, parsed);
    },
  };
}

/** The state with one key changed. */
export function withKey(state: KeyState, before: KeyRecord, after: KeyRecord): KeyState {
  return { ...state, keys: state.keys.map((key) => (key === before ? after : key)) };
}

/** `record` without some of its optional members, as which they are absent, not undefined. */
export function without<T extends object, K extends keyof T>(record: T, ...names: readonly K[]): Omit<T, K> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => !(names as readonly PropertyKey[]).includes(name))) as Omit<T, K>;
}

interface Page<T> {
  readonly items: readonly T[];
  /** Members of the answer that say whether there is more. */
  readonly more: { readonly Truncated: boolean; readonly NextMarker?: string };
}

/**
 * A page of a list in the order of its ids. The marker is the last id that was given out, so nothing is given twice or
 * left out because something else was made or removed meanwhile.
 */
export function pageOf<T>(all: readonly T[], idOf: (item: T) => string, size: number, marker: string | undefined): Page<T> {
  const after = marker === undefined ? undefined : readMarker(marker);
  const order = (a: T, b: T): number => (idOf(a) < idOf(b) ? -1 : 1);
  const rest = (after === undefined ? [...all] : all.filter((item) => idOf(item) > after)).sort(order);
  const items = rest.slice(0, size);
  const last = items[items.length - 1];
  if (rest.length <= size || last === undefined) return { items, more: { Truncated: false } };
  return { items, more: { Truncated: true, NextMarker: Buffer.from(`after:${idOf(last)}`).toString('base64url') } };
}

function readMarker(marker: string): string {
  const text = Buffer.from(marker, 'base64url').toString();
  if (!text.startsWith('after:') || Buffer.from(text).toString('base64url') !== marker) {
    throw new KmsError('InvalidMarkerException', 'The marker is not one that this service gave out');
  }
  return text.slice('after:'.length);
}

/** ms since 1970 as the wire has times: seconds. */
export function seconds(ms: number): number {
  return ms / 1000;
}
