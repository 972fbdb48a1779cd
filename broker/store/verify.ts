/**
 * Checks a whole project: every byte of every segment authenticates and continues what is before, and no batch is
 * stored twice. Goes on after a fault, so that one look tells all.
 */
import { KeyError, ProjectError, StoreError } from '../errors.ts';
import type { KeyProvider } from '../keys/provider.ts';
import type { Projects } from '../projects.ts';
import { checkOrdinal, readSegment } from './read.ts';
import { SeenBatches } from './seen-batches.ts';
import { damaged, listSegments, listStrayKeys, type SegmentFile } from './segment-files.ts';
import { NO_SEGMENT, type ChainPosition } from './segment-format.ts';
import type { SegmentEnd } from './segment-reader.ts';

/** Something wrong: where and what. `record` is -1 when it concerns the whole file. */
export interface Finding {
  readonly file: string;
  readonly record: number;
  readonly what: string;
}

export interface Verification {
  readonly projectId: string;
  readonly segments: number;
  readonly records: number;
  readonly batches: number;
  readonly messages: number;
  readonly payloadBytes: number;
  /** Batches kept as their gateway sent them, but sent wrong: their messages do not decode. Not a fault of the store. */
  readonly undecodable: number;
  readonly findings: readonly Finding[];
}

export interface VerifyOptions {
  /** True while a broker writes: the last segment may then be open and growing. */
  readonly inUse: boolean;
  readonly onSegment?: (done: number, total: number) => void;
}

/** Verifies a project's own file. Throws only when nothing can be said, for example KEY_DISABLED. */
export async function verifyProjectFile(projects: Projects, projectId: string): Promise<Finding[]> {
  try {
    await projects.read(projectId);
    return [];
  } catch (error) {
    const file = projects.pathOf(projectId);
    if (error instanceof ProjectError && error.code === 'PROJECT_DAMAGED') return [{ file, record: -1, what: error.message }];
    if (error instanceof KeyError && error.code === 'KEY_NOT_FOUND') return [{ file, record: -1, what: `${file}: ${error.message}` }];
    throw error;
  }
}

/** Verifies what a project has stored. Throws only when nothing can be said, for example KEY_DISABLED. */
export async function verifyProject(
  directory: string,
  projectId: string,
  service: KeyProvider,
  options: VerifyOptions,
): Promise<Verification> {
  const totals = { records: 0, batches: 0, messages: 0, payloadBytes: 0, undecodable: 0 };
  const findings: Finding[] = [];
  const seen = new SeenBatches();
  const files = await listSegments(directory);
  let before: ChainPosition | undefined = NO_SEGMENT;
  let expected = 1;
  for (const [index, file] of files.entries()) {
    const isLast = index === files.length - 1;
    // After a fault it is unknown where the log stands; the contents of what follows can still be checked.
    if (!(await passes(() => checkOrdinal(file, expected)))) before = undefined;
    expected = file.ordinal + 1;
    let end: SegmentEnd | undefined;
    const intact = await passes(async () => {
      end = await verifySegment(file, before);
      checkEnd(file, end, isLast, options.inUse);
    });
    before = intact ? end?.position : undefined;
    options.onSegment?.(index + 1, files.length);
  }
  // While a broker runs, a key without its segment is one that is just being made.
  for (const { keyPath } of options.inUse ? [] : await listStrayKeys(directory)) {
    await passes(() => {
      throw damaged(keyPath, -1, 'its segment is missing: it was removed, or the broker was killed; start the broker once to recover');
    });
  }
  return { projectId, segments: files.length, ...totals, findings };

  /** Runs one check; a fault that it finds is noted. */
  async function passes(check: () => void | Promise<void>): Promise<boolean> {
    try {
      await check();
      return true;
    } catch (error) {
      if (!(error instanceof StoreError) || !error.place) throw error;
      findings.push({ ...error.place, what: error.message });
      return false;
    }
  }

  async function verifySegment(file: SegmentFile, from: ChainPosition | undefined): Promise<SegmentEnd> {
    const batches = readSegment(file, projectId, service, from);
    const next = (): ReturnType<typeof batches.next> => batches.next().catch((error: unknown) => {
      if (!(error instanceof KeyError) || error.code !== 'KEY_NOT_FOUND') throw error;
      throw damaged(file.keyPath, -1, error.message, error);
    });
    for (let step = await next(); ; step = await next()) {
      if (step.done) {
        totals.records += step.value.position.records;
        return step.value;
      }
      const { batch, payloadBytes, record, undecodable } = step.value;
      totals.batches += 1;
      totals.messages += batch.messages.length;
      totals.payloadBytes += payloadBytes;
      if (undecodable !== undefined) totals.undecodable += 1;
      if (!seen.add(batch)) findings.push({ file: file.path, record, what: 'a batch is stored twice' });
    }
  }
}

/** A segment that another follows is pinned by it; the last one must be sealed unless a broker is still writing. */
function checkEnd(file: SegmentFile, end: SegmentEnd, isLast: boolean, inUse: boolean): void {
  if (isLast && inUse) return;
  const { records } = end.position;
  if (end.tornBytes > 0) throw damaged(file.path, records, `${end.tornBytes} bytes of an unfinished record follow: start the broker once to recover`);
  if (isLast && !end.sealed) throw damaged(file.path, records, 'it has no seal: the broker was killed, or the end was cut off; start the broker once to recover');
}
