/**
 * The log of a broker whose closed segments lie elsewhere: what is still here and what went up, as one. A segment that is in
 * both places is read here, and changed in both. While a broker runs a segment may go up between two looks.
 */
import { StoreError } from '../errors.ts';
import type { SegmentFile } from '../store/segment-files.ts';
import type { SegmentSource } from '../store/segment-source.ts';

/** What is copied at once. */
const PIECE_BYTES = 2 ** 20;

export function joinedSource(here: SegmentSource, there: SegmentSource): SegmentSource {
  /** The same segment under its name in the other place. */
  const as = (source: SegmentSource, { ordinal, segmentId }: SegmentFile): SegmentFile => source.fileOf(ordinal, segmentId);
  const has = async (source: SegmentSource, file: SegmentFile): Promise<boolean> => (await source.list()).some(({ segmentId }) => segmentId === file.segmentId);
  const hereOrThere = async <T>(file: SegmentFile, work: (source: SegmentSource, file: SegmentFile) => Promise<T>): Promise<T> => {
    try {
      return await work(here, as(here, file));
    } catch (error) {
      if (!(error instanceof StoreError) || (await has(here, file))) throw error;
      return work(there, as(there, file));
    }
  };
  const wherever = async (file: SegmentFile, work: (source: SegmentSource, file: SegmentFile) => Promise<void>): Promise<void> => {
    for (const source of [there, here]) if (await has(source, file)) await work(source, as(source, file));
  };
  return {
    list: async () => {
      const local = await here.list(); // first: what goes up meanwhile is then seen twice rather than not at all
      const names = new Set(local.map(({ segmentId }) => segmentId));
      return [...(await there.list()).filter(({ segmentId }) => !names.has(segmentId)), ...local].sort((a, b) => a.ordinal - b.ordinal);
    },
    listStrayKeys: async () => {
      const local = new Set((await here.list()).map(({ segmentId }) => segmentId));
      return [...(await there.listStrayKeys()).filter(({ segmentId }) => !local.has(segmentId)), ...(await here.listStrayKeys())];
    },
    fileOf: (ordinal, segmentId) => here.fileOf(ordinal, segmentId),
    size: (file) => hereOrThere(file, (source, its) => source.size(its)),
    read: (file, offset, length) => hereOrThere(file, (source, its) => source.read(its, offset, length)),
    readKeyFile: (file) => hereOrThere(file, (source, its) => source.readKeyFile(its)),
    replaceKeyFile: (file, key) => wherever(file, (source, its) => source.replaceKeyFile(its, key)),
    put: async (file, key, bytes) => {
      const stands = async (source: SegmentSource): Promise<boolean> => (await source.list()).some(({ ordinal }) => ordinal === file.ordinal);
      const targets = [...((await stands(here)) ? [here] : []), ...((await stands(there)) ? [there] : [])];
      const first = targets[0] ?? here;
      await first.put(as(first, file), key, bytes);
      if (targets.length > 1) await there.put(as(there, file), key, piecesOf(here, as(here, file)));
    },
    remove: (file) => wherever(file, (source, its) => source.remove(its)),
    destroy: async () => {
      await there.destroy();
      await here.destroy();
    },
    readAmendments: async () => (await there.readAmendments()) ?? here.readAmendments(),
    replaceAmendments: async (bytes) => {
      await there.replaceAmendments(bytes);
      await here.replaceAmendments(bytes);
    },
    amendmentsPath: here.amendmentsPath,
  };
}

async function* piecesOf(source: SegmentSource, file: SegmentFile): AsyncGenerator<Uint8Array> {
  const size = await source.size(file);
  for (let at = 0; at < size; at += PIECE_BYTES) yield await source.read(file, at, Math.min(PIECE_BYTES, size - at));
}
