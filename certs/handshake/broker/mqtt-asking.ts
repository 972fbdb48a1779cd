/** How cases after the handshake ask: inside, or in place of CONNECT. */
import { generate, type Packet } from 'mqtt-packet';
import { PeerStop } from '../errors.ts';
import { fail, pass, type Severity, type Verdict } from '../model.ts';
import { openTls, type TlsClient } from '../wire/client.ts';
import { PacketReader } from './attempt.ts';
import { settingsFor, whenIn, type BrokerCase, type Context, type Need } from './context.ts';

export const NEEDS: readonly Need[] = ['identity', 'mqtt'];

interface Claim {
  readonly id: string;
  readonly title: string;
  readonly offered: string;
  readonly expected: string;
  readonly sources: readonly string[];
  readonly severity: Severity;
}

export function after(
  claim: Claim,
  run: (context: Context) => Promise<Verdict>,
  extra: Partial<Pick<BrokerCase, 'mode' | 'needs'>> = {},
): BrokerCase {
  return { info: { ...claim, id: `mqtt.${claim.id}`, family: 'after-handshake' }, needs: NEEDS, run, ...extra };
}

/** Inside, after CONNACK: sends octets and tells whether the broker closed, as it should. */
export function mustClose(claim: Claim, octets: (context: Context) => Uint8Array, said: string): BrokerCase {
  return after(claim, (context) =>
    whenIn(context, newest(context), {}, async ({ client }) => {
      context.evidence.sent(said);
      await client.write(octets(context));
      return closed(client, context.timeoutMs);
    }),
  );
}

/** Instead of CONNECT: sends octets and tells whether the broker closed or refused. */
export function insteadOfConnect(claim: Claim, octets: (context: Context) => Uint8Array, said: string): BrokerCase {
  return after(claim, async (context) => {
    const { target, evidence } = context;
    const client = await openTls(target.host, target.port, evidence, settingsFor(context, newest(context)));
    try {
      await client.handshake();
      evidence.sent(said);
      await client.write(octets(context));
      return await refusedOrClosed(client, context.timeoutMs);
    } finally {
      client.transport.destroy();
    }
  });
}

export const newest = (context: Context): readonly number[] => context.profile.versions.slice(0, 1);

/** Passes when the connection ends; packets on the way are named. */
export async function closed(client: TlsClient, timeoutMs: number): Promise<Verdict> {
  const reader = new PacketReader(client);
  let last = 'nothing';
  try {
    for (;;) {
      last = `MQTT ${(await reader.next(timeoutMs)).cmd}`;
      client.evidence.received(last);
    }
  } catch (error) {
    if (!(error instanceof PeerStop)) throw error;
    return error.code === 'PEER_SILENT' ? fail(`it kept the connection; it answered with ${last}`) : pass(`closed: ${error.message}`);
  }
}

async function refusedOrClosed(client: TlsClient, timeoutMs: number): Promise<Verdict> {
  try {
    const packet = await new PacketReader(client).next(timeoutMs);
    client.evidence.received(`MQTT ${packet.cmd}`);
    if (packet.cmd !== 'connack') return fail(`it answered with ${packet.cmd}`);
    return packet.returnCode === 0 ? fail('it said welcome') : pass(`refused: CONNACK ${packet.returnCode ?? 'with a reason'}`);
  } catch (error) {
    if (!(error instanceof PeerStop)) throw error;
    return error.code === 'PEER_SILENT' ? fail('it neither refused nor closed') : pass(`closed: ${error.message}`);
  }
}

export const publish = (topic: string, change: Partial<Extract<Packet, { cmd: 'publish' }>> = {}): Buffer =>
  generate({ cmd: 'publish', topic, payload: 'x', qos: 0, dup: false, retain: false, ...change });
