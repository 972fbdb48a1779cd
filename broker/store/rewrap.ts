/**
 * Puts a project's data keys under another key of the owner's: what is stored is not touched, only what its data keys are wrapped under.
 * When it is cut short, the same again does the rest: what is under the new key already is passed over.
 */
import { amendmentsKey } from './amendments.ts';
import { amend, settledView, type LogToChange } from './rewrite.ts';
import { damaged } from './segment-files.ts';
import { expectedContext } from './segment-reader.ts';
import { KeyError } from '../errors.ts';
import type { SegmentSource } from './segment-source.ts';

interface Rewrapped {
  /** Segments whose data keys are under the new key now, and those of which they were before. */
  readonly segments: number;
  readonly already: number;
}

/** `log.keyId`: the new key's id, as the key service writes it. The old keys must still decrypt. */
export async function rewrapLog(log: LogToChange, onSegment?: (done: number, total: number) => void): Promise<Rewrapped> {
  const { source, projectId, keys } = log;
  const view = await settledView(log);
  let segments = 0;
  for (const [index, file] of view.segments.entries()) {
    const before = await source.readKeyFile(file);
    if (before.keyId !== log.keyId) {
      const context = expectedContext(file, before, projectId);
      const { wrapped, keyId } = await keys.reEncrypt(before.wrapped, context, log.keyId, before.keyId).catch((error: unknown) => {
        throw error instanceof KeyError && error.code === 'KEY_CIPHERTEXT' ? damaged(file.keyPath, -1, error.message, error) : error;
      });
      await source.replaceKeyFile(file, { keyId, wrapped, context: before.context });
      segments += 1;
    }
    onSegment?.(index + 1, view.segments.length);
  }
  const list = await amendmentsKey(source);
  if (list && list.keyId !== log.keyId) await amend(log, view, {});
  return { segments, already: view.segments.length - segments };
}

/** The keys that a log is under: those of its segments and of its list of amendments. */
export async function keysOfLog(source: SegmentSource): Promise<Set<string>> {
  const keys = new Set<string>();
  for (const file of await source.list()) keys.add((await source.readKeyFile(file)).keyId);
  const list = await amendmentsKey(source);
  return list ? keys.add(list.keyId) : keys;
}
