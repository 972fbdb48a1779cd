/**
 * Writes all segments of a project anew: fresh data keys, new ciphertext, the old keys destroyed; for when a data key may have leaked.
 * Goes on where it was when it was killed.
 */
import { amend, rewriteSegment, settledView, type LogToChange } from './rewrite.ts';

/** `done` of `total` segments so far. Returns how many were written anew. */
export async function reencryptLog(log: LogToChange, onSegment?: (done: number, total: number) => void): Promise<{ readonly segments: number }> {
  let view = await settledView(log);
  const last = view.segments.at(-1);
  if (!last) return { segments: 0 };
  if (!view.amendments.reencrypting) view = await amend(log, view, { reencrypting: { through: last.ordinal, done: 0 } });
  const { through, done } = view.amendments.reencrypting!;
  const files = view.segments.filter(({ ordinal }) => ordinal > done && ordinal <= through);
  for (const [index, file] of files.entries()) {
    const note = { reencrypting: file === files.at(-1) ? null : { through, done: file.ordinal } };
    view = await rewriteSegment(log, view, file, { keep: (entry) => entry, dropped: [], note });
    onSegment?.(index + 1, files.length);
  }
  if (view.amendments.reencrypting) await amend(log, view, { reencrypting: null });
  return { segments: files.length };
}
