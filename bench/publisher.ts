/**
 * A client that costs little, so that the broker is what is measured: a bare TLS socket, packets made beforehand, a
 * window of QoS 1 publishes in flight, PUBACKs counted by their length.
 */
import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import { generate } from 'mqtt-packet';
import { batchOf, frameOf, type SensorMessage } from '../frame/mod.ts';

const PUBACK_BYTES = 4;

export interface ClientIdentity {
  readonly gatewayId: string;
  readonly certificatePem: string;
  readonly keyPem: string;
}

export interface BrokerAddress {
  readonly port: number;
  readonly projectId: string;
  readonly authorityPem: string;
}

/** A connected client. */
export interface Publisher {
  /** Sends prepared packets, `window` of them at a time; resolves when all are acknowledged. */
  send(packets: readonly Buffer[], window: number): Promise<void>;
  /** Sends packets at a steady rate; gives for each the time from when it was due to its PUBACK, in ms. */
  pace(packets: readonly Buffer[], ratePerS: number): Promise<number[]>;
  close(): void;
}

/** Packets of `count` batches of as many of the messages as fit into `payloadBytes`, numbered from `firstSequence`. */
export function preparePackets(
  { gatewayId }: ClientIdentity,
  projectId: string,
  messages: readonly SensorMessage[],
  payloadBytes: number,
  firstSequence: number,
  count: number,
): Buffer[] {
  const frames = fitting(messages.map(frameOf), payloadBytes);
  const topic = `thrum/${projectId}/${gatewayId}/data`;
  return Array.from({ length: count }, (_, i) => {
    const payload = Buffer.from(batchOf({ gatewayId, bootEpoch: 1_790_000_000, sequence: firstSequence + i }, frames));
    return generate({ cmd: 'publish', topic, payload, qos: 1, messageId: 1 + (i % 65_535), dup: false, retain: false });
  });
}

/** The first frames whose batch has at most so many bytes. */
export function fitting(frames: readonly Uint8Array[], payloadBytes: number): readonly Uint8Array[] {
  const header = { gatewayId: '70b3d5e75f000000', bootEpoch: 1_790_000_000, sequence: 1_000_000 };
  let few = 1;
  for (let many = frames.length; few < many; ) {
    const middle = Math.ceil((few + many) / 2);
    if (batchOf(header, frames.slice(0, middle)).length <= payloadBytes) few = middle;
    else many = middle - 1;
  }
  return frames.slice(0, few);
}

export async function openPublisher(identity: ClientIdentity, address: BrokerAddress): Promise<Publisher> {
  const socket: TLSSocket = connect({
    host: '127.0.0.1',
    port: address.port,
    ca: address.authorityPem,
    cert: identity.certificatePem,
    key: identity.keyPem,
  });
  await once(socket, 'secureConnect');
  socket.setNoDelay(true);
  socket.write(generate({ cmd: 'connect', clientId: identity.gatewayId, protocolId: 'MQTT', protocolVersion: 4, clean: true, keepalive: 60 }));
  const [connack] = (await once(socket, 'data')) as [Buffer];
  if (connack[3] !== 0) throw new Error(`the broker refused the connection with code ${connack[3] ?? 'none'}`);
  return { send: (packets, window) => send(socket, packets, window), pace: (packets, ratePerS) => pace(socket, packets, ratePerS), close: () => socket.destroy() };
}

function send(socket: TLSSocket, packets: readonly Buffer[], window: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let sent = 0;
    let acknowledgedBytes = 0;
    const push = (): void => {
      const until = Math.min(packets.length, Math.floor(acknowledgedBytes / PUBACK_BYTES) + window);
      if (until <= sent) return;
      socket.cork();
      for (; sent < until; sent++) socket.write(packets[sent]!);
      socket.uncork();
    };
    const onData = (chunk: Buffer): void => {
      acknowledgedBytes += chunk.length;
      if (acknowledgedBytes < packets.length * PUBACK_BYTES) return push();
      socket.off('data', onData);
      socket.off('close', onClose);
      resolve();
    };
    const onClose = (): void => reject(new Error(`the broker closed the connection after ${acknowledgedBytes / PUBACK_BYTES} of ${packets.length} publishes`));
    socket.on('data', onData);
    socket.once('close', onClose);
    push();
  });
}

function pace(socket: TLSSocket, packets: readonly Buffer[], ratePerS: number): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const startMs = performance.now();
    const dueMs = (index: number): number => startMs + (index * 1000) / ratePerS;
    const latenciesMs: number[] = [];
    let sent = 0;
    let acknowledgedBytes = 0;
    const timer = setInterval(() => {
      for (; sent < packets.length && dueMs(sent) <= performance.now(); sent++) socket.write(packets[sent]!);
    }, 1);
    const end = (): void => {
      clearInterval(timer);
      socket.off('data', onData);
      socket.off('close', onClose);
    };
    const onData = (chunk: Buffer): void => {
      acknowledgedBytes += chunk.length;
      while (latenciesMs.length < Math.floor(acknowledgedBytes / PUBACK_BYTES)) latenciesMs.push(performance.now() - dueMs(latenciesMs.length));
      if (latenciesMs.length < packets.length) return;
      end();
      resolve(latenciesMs);
    };
    const onClose = (): void => {
      end();
      reject(new Error(`the broker closed the connection after ${latenciesMs.length} of ${packets.length} publishes`));
    };
    socket.on('data', onData);
    socket.once('close', onClose);
  });
}
