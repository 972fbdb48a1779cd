/** Octets sent as they are, and what comes back first. */
import { PeerStop } from '../errors.ts';
import { alertName } from '../wire/names.ts';
import { Transport } from '../wire/transport.ts';
import type { Context } from './context.ts';

/** Sends octets and returns the first that come, or how the peer ended it; an alert in the clear counts as an end. */
export async function rawAnswer(context: Context, bytes: Uint8Array, said: string): Promise<Buffer | PeerStop> {
  const { target, evidence, timeoutMs } = context;
  let transport: Transport | undefined;
  try {
    transport = await Transport.open(target.host, target.port, timeoutMs);
    evidence.sent(said);
    await transport.write(bytes);
    const answer = await transport.takeSome(timeoutMs);
    const alert = clearAlert(answer);
    if (alert) throw alert;
    evidence.received(`${answer.length} bytes: ${answer.subarray(0, 16).toString('hex')}`);
    return answer;
  } catch (error) {
    if (!(error instanceof PeerStop)) throw error;
    evidence.received(error.message);
    return error;
  } finally {
    transport?.destroy();
  }
}

/** The alert that a record in the clear carries. */
export function clearAlert(record: Buffer): PeerStop | undefined {
  if (record[0] !== 21 || record.length < 7 || record[1] !== 3) return undefined;
  return new PeerStop('PEER_ALERT', `alert ${record[5] === 1 ? 'warning' : 'fatal'} ${alertName(record[6]!)}`, record[6]);
}

/** How long the peer keeps a connection on which nothing more comes; undefined: longer than `patienceMs`. */
export async function closesWithin(transport: Transport, patienceMs: number, now: () => number): Promise<number | undefined> {
  const startMs = now();
  for (;;) {
    const leftMs = patienceMs - (now() - startMs);
    if (leftMs <= 0) return undefined;
    try {
      await transport.takeSome(leftMs);
    } catch (error) {
      if (!(error instanceof PeerStop)) throw error;
      return error.code === 'PEER_SILENT' ? undefined : now() - startMs;
    }
  }
}
