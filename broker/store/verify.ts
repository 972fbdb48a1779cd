/**
 * Checks a whole project: every byte of every segment authenticates and continues what is before, no batch is stored twice, and the log
 * is not behind what witnesses saw of it. Goes on after a fault, so that one look tells all. Segments are checked several at a time.
 */
import { KeyElsewhereError, KeyError, ProjectError, StoreError } from '../errors.ts';
import type { KeyProvider } from '../keys/provider.ts';
import type { Projects } from '../projects.ts';
import { NO_AMENDMENTS } from './amendments.ts';
import { checkSegment, firstKnown, noCounts, type SegmentCounts, type SegmentReport } from './check-segment.ts';
import { checkLink, checkOrdinal, positionAfter, resolve, startOf, viewLog, type LogView } from './log-view.ts';
import { SeenBatches } from './seen-batches.ts';
import { damaged, type SegmentFile } from './segment-files.ts';
import { wipe, type ChainPosition, type SegmentHeader } from './segment-format.ts';
import { openSegment, type OpenedSegment, type SegmentEnd } from './segment-reader.ts';
import type { SegmentSource } from './segment-source.ts';
import { contradiction, type Witness } from './witness.ts';

/** Something wrong: where and what. `record` is -1 when it concerns the whole file. */
export interface Finding {
  readonly file: string;
  readonly record: number;
  readonly what: string;
}

export interface Verification extends SegmentCounts {
  readonly projectId: string;
  readonly segments: number;
  readonly records: number;
  readonly bytes: number;
  /** What is not as it was written. */
  readonly findings: readonly Finding[];
  /** What witnesses saw and is not there: within itself the log may be without fault. */
  readonly rollback: readonly Finding[];
}

/** Checks segments somewhere; as many at a time as it says. */
export interface SegmentChecker {
  readonly atOnce: number;
  check(segment: OpenedSegment, chainsAfter: ReadonlySet<number>): Promise<SegmentReport>;
}

interface VerifyOptions {
  /** True while a broker writes: the last segment may then be open and growing. */
  readonly inUse: boolean;
  /** Without it segments are checked here, one after the other. */
  readonly checker?: SegmentChecker;
  readonly witnesses?: readonly Witness[];
  readonly onSegment?: (done: number, total: number, bytes: number) => void;
}

const HERE: SegmentChecker = { atOnce: 1, check: checkSegment };

/** Verifies a project's own file. Throws only when nothing can be said, for example KEY_DISABLED. */
export async function verifyProjectFile(projects: Projects, projectId: string): Promise<Finding[]> {
  try {
    await projects.read(projectId);
    return [];
  } catch (error) {
    const file = projects.pathOf(projectId);
    if (error instanceof ProjectError && error.code === 'PROJECT_DAMAGED') return [{ file, record: -1, what: error.message }];
    if (error instanceof KeyError && error.code === 'KEY_NOT_FOUND') return [{ file, record: -1, what: `${file}: ${error.message}` }];
    if (error instanceof KeyElsewhereError) return [{ file, record: -1, what: `${file} was altered, or ${error.message}` }];
    throw error;
  }
}

/** Verifies what a project has stored. Throws only when nothing can be said, for example KEY_DISABLED. */
export async function verifyProject(source: SegmentSource, projectId: string, keys: KeyProvider, options: VerifyOptions): Promise<Verification> {
  const walk = new Walk(source, projectId, keys, options);
  return walk.run();
}

/** What became of one segment, before it is known whether it stands where it belongs. */
interface Checked {
  readonly file: SegmentFile;
  readonly bytes: number;
  readonly header?: SegmentHeader;
  readonly report?: SegmentReport;
  readonly fault?: unknown;
  /** Retention removed it since the log was looked at. */
  readonly removed?: true;
}

/** One verification, from its first segment to its last. */
class Walk {
  readonly #source: SegmentSource;
  readonly #projectId: string;
  readonly #keys: KeyProvider;
  readonly #options: VerifyOptions;
  readonly #findings: Finding[] = [];
  readonly #rollback: Finding[] = [];
  readonly #counts = noCounts();
  readonly #seen = new SeenBatches();
  #records = 0;
  #bytes = 0;

  constructor(source: SegmentSource, projectId: string, keys: KeyProvider, options: VerifyOptions) {
    this.#source = source;
    this.#projectId = projectId;
    this.#keys = keys;
    this.#options = options;
  }

  async run(): Promise<Verification> {
    const view = await this.#view();
    const { segments } = view;
    let { ordinal: expected, position: before }: { ordinal: number; position: ChainPosition | undefined } = startOf(view.amendments);
    let done = 0;
    for await (const checked of inOrder(segments, (this.#options.checker ?? HERE).atOnce, (file) => this.#check(file))) {
      const { file } = checked;
      if (checked.removed) {
        [expected, before] = [file.ordinal, undefined];
        continue;
      }
      // After a fault it is unknown where the log stands; the contents of what follows can still be checked.
      if (!(await this.#passes(() => checkOrdinal(file, expected + 1)))) before = undefined;
      expected = file.ordinal;
      const intact = await this.#passes(() => this.#judge(view, checked, before));
      before = intact ? positionAfter(view, file, checked.report!.end.position) : undefined;
      this.#askWitnesses(view, checked);
      this.#bytes += checked.bytes;
      this.#options.onSegment?.(++done, segments.length, this.#bytes);
    }
    this.#askWitnesses(view, undefined);
    await this.#lookForStrays(view);
    return {
      projectId: this.#projectId, segments: segments.length, records: this.#records, bytes: this.#bytes, ...this.#counts,
      findings: this.#findings, rollback: this.#rollback,
    };
  }

  /** Without a list that can be believed, everything that lies there is looked at as it is. */
  async #view(): Promise<LogView> {
    let view: LogView | undefined;
    await this.#passes(async () => {
      view = await viewLog(this.#source, this.#projectId, this.#keys);
    });
    return view ?? resolve(await this.#source.list(), NO_AMENDMENTS);
  }

  async #check(file: SegmentFile): Promise<Checked> {
    let segment: OpenedSegment | undefined;
    try {
      segment = await openSegment(this.#source, file, this.#projectId, this.#keys);
      const { header, bytes } = segment;
      const wanted = (this.#options.witnesses ?? []).filter(({ ordinal }) => ordinal === file.ordinal).map(({ records }) => records);
      const report = await (this.#options.checker ?? HERE).check(segment, new Set(wanted));
      return { file, header, bytes, report };
    } catch (fault) {
      if (this.#options.inUse && startOf((await this.#view()).amendments).ordinal >= file.ordinal) return { file, bytes: 0, removed: true };
      return { file, bytes: segment?.bytes ?? 0, ...(segment && { header: segment.header }), fault };
    } finally {
      if (segment) wipe(segment.keys);
    }
  }

  /** Throws what is wrong with a segment, or with its place. */
  async #judge(view: LogView, { file, header, report, fault }: Checked, before: ChainPosition | undefined): Promise<void> {
    if (header && before) checkLink(file, header, before);
    if (!report) throw fault instanceof KeyError && fault.code === 'KEY_NOT_FOUND' ? damaged(file.keyPath, -1, fault.message, fault) : fault;
    this.#records += report.end.position.records;
    for (const name of Object.keys(this.#counts) as (keyof SegmentCounts)[]) this.#counts[name] += report.counts[name];
    for (const record of report.repeated) this.#findings.push({ file: file.path, record, what: `${file.path}, record ${record}: a batch is stored twice` });
    await this.#compareBatches(file, report);
    positionAfter(view, file, report.end.position);
    checkEnd(file, report.end, file === view.segments.at(-1), this.#options.inUse);
  }

  async #compareBatches(file: SegmentFile, report: SegmentReport): Promise<void> {
    if (this.#seen.hasAny(report.batches)) {
      const segment = await openSegment(this.#source, file, this.#projectId, this.#keys);
      const record = await firstKnown(segment, this.#seen).finally(() => wipe(segment.keys));
      this.#findings.push({ file: file.path, record, what: `${file.path}, record ${record}: a batch is stored twice` });
    }
    this.#seen.addAll(report.batches);
  }

  /** Each witness is asked once: when its segment is there, or when none is. */
  #askWitnesses(view: LogView, checked: Checked | undefined): void {
    for (const witness of this.#options.witnesses ?? []) {
      const isHere = view.segments.some(({ ordinal }) => ordinal === witness.ordinal);
      if (witness.projectId !== this.#projectId || (checked ? checked.file.ordinal !== witness.ordinal : isHere)) continue;
      const what = this.#contradicts(view, witness, checked);
      if (what !== undefined) this.#rollback.push({ file: checked?.file.path ?? this.#source.amendmentsPath, record: -1, what: `${this.#projectId}: ${what}` });
    }
  }

  #contradicts(view: LogView, witness: Witness, checked: Checked | undefined): string | undefined {
    try {
      return contradiction(view, witness, checked?.file, checked?.report);
    } catch (error) {
      if (error instanceof StoreError) return undefined; // told already
      throw error;
    }
  }

  async #lookForStrays(view: LogView): Promise<void> {
    for (const { path } of view.leftovers) {
      await this.#passes(() => {
        throw damaged(path, -1, "it was removed or replaced and is still there: a command was cut short, or it was put back; the broker's next start destroys it");
      });
    }
    // While a broker runs, a key without its segment is one that is just being made.
    for (const { keyPath } of this.#options.inUse ? [] : await this.#source.listStrayKeys()) {
      await this.#passes(() => {
        throw damaged(keyPath, -1, 'its segment is missing: it was removed, or the broker was killed; start the broker once to recover');
      });
    }
  }

  /** Runs one check; a fault that it finds is noted. */
  async #passes(check: () => void | Promise<void>): Promise<boolean> {
    try {
      await check();
      return true;
    } catch (error) {
      if (!(error instanceof StoreError) || !error.place) throw error;
      this.#findings.push({ ...error.place, what: error.message });
      return false;
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

/** What `work` makes of each, in order, up to `atOnce` being worked on; `work` never rejects. */
async function* inOrder<T, R>(items: readonly T[], atOnce: number, work: (item: T) => Promise<R>): AsyncGenerator<R> {
  const begun: Promise<R>[] = [];
  for (let next = 0; next < items.length || begun.length > 0; ) {
    while (next < items.length && begun.length < atOnce) begun.push(work(items[next++]!));
    yield await begun.shift()!;
  }
}
