/** A relay between a client and a server on real sockets, which can be slow, refuse, cut in the middle, or answer by itself. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** `answer`: every request gets this text instead; `cut`: the connection ends once a request is in; `silent`: nothing ever comes back. */
export type Fault = 'none' | 'refuse' | 'cut' | 'silent' | { readonly answer: string } | { readonly slowMs: number };

export interface FaultProxy {
  readonly url: string;
  /** From now on, also for connections that are open: they are closed. */
  set(fault: Fault): void;
  close(): Promise<void>;
}

export async function faultProxy(targetPort: number): Promise<FaultProxy> {
  let fault: Fault = 'none';
  const sockets = new Set<Socket>();
  const track = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket));
  };
  const server = createServer((client) => {
    track(client);
    if (fault === 'refuse') return client.destroy();
    if (fault === 'silent') return client.resume();
    if (fault === 'cut') return client.once('data', () => client.destroy());
    if (typeof fault === 'object' && 'answer' in fault) {
      const { answer } = fault;
      return client.once('data', () => client.end(answer));
    }
    const slowMs = typeof fault === 'object' ? fault.slowMs : 0;
    const upstream = track(connect(targetPort, '127.0.0.1'));
    client.pipe(upstream);
    upstream.on('data', (chunk) => setTimeout(() => client.write(chunk), slowMs));
    upstream.on('close', () => setTimeout(() => client.end(), slowMs));
    return client.on('close', () => upstream.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    set: (next) => {
      fault = next;
      for (const socket of sockets) socket.destroy();
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** An HTTP answer as its bytes. */
export function httpAnswer(status: string, body: string): string {
  return `HTTP/1.1 ${status}\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`;
}
