/** The logs of one project: that of this store, whatever of it lies elsewhere, and those of every other writer. */
import { join } from 'node:path';
import { localSource, type SegmentSource } from '../store/segment-source.ts';
import { joinedSource } from './joined-source.ts';
import { RemoteError } from '../errors.ts';
import type { Remote } from './remote.ts';
import { listWriters, remoteSource } from './remote-source.ts';
import { readWriterId } from './writer-id.ts';

export interface WriterLog {
  readonly source: SegmentSource;
  /** This store's own: its broker is the one that would be running here. Others may be running elsewhere. */
  readonly isOwn: boolean;
  /** Undefined while nothing of this store was ever kept elsewhere. */
  readonly writerId: string | undefined;
}

/** The own log first. `random`: [0, 1), spreads tries. REMOTE_ADDRESS when segments lie elsewhere and no place is given; RemoteError when bucket or table do not answer. */
export async function listLogs(store: string, projectId: string, remote: Remote | undefined, random: () => number): Promise<WriterLog[]> {
  const directory = join(store, projectId);
  const here = localSource(directory);
  const ownId = await readWriterId(directory);
  if (!remote) {
    if (ownId !== undefined && ((await here.list())[0]?.ordinal ?? 2) > 1) throw new RemoteError('REMOTE_ADDRESS', `segments of ${projectId} are kept elsewhere: say where with --remote and --remote-table`);
    return [{ source: here, isOwn: true, writerId: ownId }];
  }
  const there = (writerId: string): SegmentSource => remoteSource({ remote, projectId, writerId, random });
  const others = (await listWriters(remote, projectId, random)).filter((writerId) => writerId !== ownId);
  return [
    { source: ownId === undefined ? here : joinedSource(here, there(ownId)), isOwn: true, writerId: ownId },
    ...others.map((writerId) => ({ source: there(writerId), isOwn: false, writerId })),
  ];
}
