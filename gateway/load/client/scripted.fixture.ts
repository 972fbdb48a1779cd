/** For tests of load clients: a client whose host notes all it is told, and a broker that says what a test wants, octet by octet. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { LoadClient, type ClientSettings, type ConnectOptions, type Origin } from './client.ts';
import { ClientFailure } from './failure.ts';

export interface Noted {
  readonly client: LoadClient;
  readonly acknowledged: number[];
  readonly unacknowledged: number[];
  readonly closed: string[];
  readonly messages: { readonly topic: string; readonly payload: Buffer; readonly origin: Origin }[];
  readonly sessions: Buffer[];
  /** How often it was told that there is room again. */
  readonly rooms: () => number;
  /** Moves its clock on, µs, and lets it look whether something takes too long. */
  readonly pass: (us: number) => void;
}

export function notedClient(settings: Partial<ClientSettings> = {}): Noted {
  let passedUs = 0;
  let rooms = 0;
  const now = (): number => 1_000_000 + performance.now() * 1000 + passedUs;
  const noted = { acknowledged: [] as number[], unacknowledged: [] as number[], closed: [] as string[], messages: [] as Noted['messages'], sessions: [] as Buffer[] };
  const client = new LoadClient(
    0,
    { clientId: 'lean', mqttVersion: 4, cleanSession: true, sessionExpiryS: 0, keepAliveS: 60, ...settings },
    {
      now,
      onAcknowledged: (_, __, ticket) => noted.acknowledged.push(ticket),
      onUnacknowledged: (_, tickets) => noted.unacknowledged.push(...tickets),
      onClosed: (_, kind) => noted.closed.push(kind),
      onMessage: (_, topic, bytes, start, end, origin) => noted.messages.push({ topic, payload: Buffer.from(bytes.subarray(start, end)), origin }),
      onRoom: () => (rooms += 1),
      onSession: (_, session) => noted.sessions.push(session),
    },
  );
  const pass = (us: number): void => {
    passedUs += us;
    client.sweep(now());
  };
  return { client, ...noted, pass, rooms: () => rooms };
}

/** Resolves with the kind of the failure, or `none`; anything but a ClientFailure is thrown on. */
export async function kindOf(step: Promise<unknown>): Promise<string> {
  try {
    await step;
    return 'none';
  } catch (error) {
    if (error instanceof ClientFailure) return error.kind;
    throw error;
  }
}

export interface Scripted {
  readonly options: ConnectOptions;
  /** All that clients have sent. */
  readonly received: () => Buffer;
  /** Connections, oldest first. */
  readonly sockets: readonly Socket[];
  close(): Promise<void>;
}

/** A TCP server; `onData` hears of each chunk, and how many came on that connection before. */
export async function scripted(onData: (socket: Socket, chunk: Buffer, before: number) => void, onOpen: (socket: Socket) => void = () => undefined): Promise<Scripted> {
  const sockets: Socket[] = [];
  const chunks: Buffer[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    let count = 0;
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      onData(socket, chunk, count++);
    });
    onOpen(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    options: { broker: { transport: 'tcp', host: '127.0.0.1', port, path: '/' }, context: undefined, verify: true, session: undefined, keepsSession: false, localAddress: undefined, timeoutMs: 5_000 },
    received: () => Buffer.concat(chunks),
    sockets,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
