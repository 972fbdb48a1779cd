/** What encoding measurement frames leaves on the heap, and what it allocates meanwhile. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface HeapFigures {
  readonly frames: number;
  /** Bytes in use after so many frames less those before; no collection was asked for in between. */
  readonly growthBytes: number;
  readonly bytesPerFrame: number;
  /** Collections that happened meanwhile: what they took away is not in the growth. */
  readonly collections: number;
  /** Growth per frame where there was room for all, and nothing was collected; null if something was. */
  readonly allocatedBytesPerFrame: number | null;
}

const FRAMES = 10_000_000;
/** Fewer, with a young generation that holds 256 bytes of each. */
const UNCOLLECTED_FRAMES = 2_000_000;
const ROOM_MB = 512;

export function measureHeap(): HeapFigures {
  const usual = growth(FRAMES, []);
  const uncollected = growth(UNCOLLECTED_FRAMES, [`--min-semi-space-size=${ROOM_MB}`, `--max-semi-space-size=${ROOM_MB}`]);
  return {
    ...usual,
    bytesPerFrame: usual.growthBytes / usual.frames,
    allocatedBytesPerFrame: uncollected.collections === 0 ? uncollected.growthBytes / uncollected.frames : null,
  };
}

/** What heap-process.ts prints. */
type Growth = Pick<HeapFigures, 'frames' | 'growthBytes' | 'collections'>;

function growth(frames: number, options: readonly string[]): Growth {
  const script = fileURLToPath(new URL('./heap-process.js', import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--expose-gc', ...options, script, String(frames)], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`measuring the heap failed: ${stderr}`);
  return JSON.parse(stdout) as Growth;
}
