/** Who saw where a project's log stood: the audit trail, and gateways, which keep the last that the broker told them. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseCheckpoint, type StoreWitness } from '../broker/mod.ts';
import { CliError } from './errors.ts';
import type { Home } from './home.ts';

/** What a gateway calls its file, in its queue's folder. */
const CHECKPOINT_FILE = 'checkpoint';
/** A file of checkpoints is a line each. */
const MAX_WITNESS_BYTES = 16 * 2 ** 20;

/** The checkpoints in a file, or in a gateway's queue. CLI_USAGE when there are none. */
export async function readWitness(path: string): Promise<StoreWitness[]> {
  const file = (await stat(path)).isDirectory() ? join(path, CHECKPOINT_FILE) : path;
  const { size } = await stat(file);
  if (size > MAX_WITNESS_BYTES) throw new CliError('CLI_USAGE', `--witness ${file} is longer (${size} B) than a file of checkpoints`);
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line.trim() !== '');
  return lines.map((line, index) => {
    const checkpoint = parseCheckpoint(line);
    if (!checkpoint) throw new CliError('CLI_USAGE', `--witness ${file}, line ${index + 1} is no checkpoint: give what a gateway kept, or lines such as it`);
    return { ...checkpoint, from: file };
  });
}

/** What the audit trail saw: each sealed segment, and the newest version of what was rewritten and removed. */
export async function trailWitnesses(home: Home, projectId: string): Promise<StoreWitness[]> {
  const checkpoints = await home.trail.checkpoints(projectId);
  let amendments = 0;
  for await (const { eventName, requestParameters } of home.trail.records()) {
    const { projectId: of, version } = requestParameters as { readonly projectId?: unknown; readonly version?: unknown };
    if (eventName === 'AmendStore' && of === projectId && typeof version === 'number') amendments = Math.max(amendments, version);
  }
  return checkpoints.map((one, index) => ({ ...one, from: 'the audit trail', ...(index === checkpoints.length - 1 && { amendments }) }));
}
