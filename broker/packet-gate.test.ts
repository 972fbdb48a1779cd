import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { PacketGate, type GateLimits } from './packet-gate.ts';

const LIMITS: GateLimits = { maxPacketBytes: 1000, maxInFlight: 10, maxInFlightBytes: 1_000_000 };

let server: Server;
const open: { destroy(): void }[] = [];

beforeAll(async () => {
  server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => open.splice(0).forEach((one) => one.destroy()));
afterAll(() => server.close());

/** A gate on one end of a real connection, and the client's end. The gate uses nothing that only TLS sockets have. */
async function gated(limits = LIMITS): Promise<{ gate: PacketGate; client: Socket; got: () => Buffer; errors: Error[] }> {
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.on('error', () => undefined);
  client.setNoDelay(true);
  const [socket] = (await once(server, 'connection')) as [Socket];
  const gate = new PacketGate(socket as unknown as TLSSocket, limits);
  const errors: Error[] = [];
  const chunks: Buffer[] = [];
  gate.on('error', (error) => errors.push(error));
  gate.on('readable', () => {
    for (let chunk = gate.read() as Buffer | null; chunk; chunk = gate.read() as Buffer | null) chunks.push(chunk);
  });
  open.push(gate, client);
  return { gate, client, got: () => Buffer.concat(chunks), errors };
}

/** A packet of any type, body filled with `fill`. */
function packet(type: number, bodyBytes: number, fill = 0): Buffer {
  const length = bodyBytes < 128 ? [bodyBytes] : [(bodyBytes & 127) | 128, bodyBytes >> 7];
  return Buffer.concat([Buffer.from([type << 4, ...length]), Buffer.alloc(bodyBytes, fill)]);
}

const send = (client: Socket, bytes: Buffer): Promise<void> => new Promise((resolve) => void client.write(bytes, () => resolve()));

it('lets many packets in one chunk through, unaltered and in order', async () => {
  const { client, got } = await gated();
  const all = Buffer.concat(Array.from({ length: 200 }, (_, n) => packet(8 + (n % 6), n, n)));
  await send(client, all);
  await vi.waitFor(() => expect(got()).toEqual(all));
});

it('lets only whole packets through, wherever they are split', async () => {
  const bytes = Buffer.concat([packet(12, 0), packet(3, 5, 1), packet(8, 300, 2), packet(14, 0)]);
  for (let at = 1; at < bytes.length; at += at < 20 ? 1 : 29) {
    const { gate, client, got } = await gated();
    gate.on('readable', () => expect([2, 9, 312, 314]).toContain(got().length));
    await send(client, bytes.subarray(0, at));
    await vi.waitFor(() => expect(got().length).toBe([314, 312, 9, 2, 0].find((end) => end <= at)));
    await send(client, bytes.subarray(at));
    await vi.waitFor(() => expect(got()).toEqual(bytes));
    open.splice(0).forEach((one) => one.destroy());
  }
});

it('puts packets together again from any pieces, a byte at a time among them', { timeout: 60_000 }, async () => {
  const piece = fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 700 }));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.record({ type: fc.integer({ min: 4, max: 14 }), body: fc.nat(900) }), { minLength: 1, maxLength: 12 }), fc.array(piece, { minLength: 1, maxLength: 40 }), async (packets, pieces) => {
      const { client, got } = await gated();
      const all = Buffer.concat(packets.map(({ type, body }, n) => packet(type, body, n)));
      for (let at = 0, n = 0; at < all.length; n++) {
        const size = pieces[n % pieces.length]!;
        await send(client, all.subarray(at, at + size));
        at += size;
      }
      await vi.waitFor(() => expect(got().equals(all)).toBe(true), { interval: 1, timeout: 5000 });
      open.splice(0).forEach((one) => one.destroy());
    }),
    { numRuns: 40 },
  );
});

it('holds publishes back past the limit, and lets one through for each that was answered', async () => {
  const { gate, client, got } = await gated();
  const all = Array.from({ length: 30 }, (_, n) => packet(3, 3, n));
  for (const one of all) await send(client, one);
  await vi.waitFor(() => expect(got().length).toBe(50));
  for (let answered = 1; answered <= 20; answered++) {
    gate.answered();
    await vi.waitFor(() => expect(got().length).toBe(50 + 5 * answered));
  }
  expect(got()).toEqual(Buffer.concat(all));
});

it('holds publishes back past the limit of their bytes, but never one alone', async () => {
  const { gate, client, got } = await gated({ ...LIMITS, maxInFlightBytes: 300 });
  await send(client, Buffer.concat(Array.from({ length: 5 }, (_, n) => packet(3, 200, n))));
  await vi.waitFor(() => expect(got().length).toBe(2 * 203)); // the second begins below the limit
  gate.answered();
  await vi.waitFor(() => expect(got().length).toBe(3 * 203));
  gate.answered();
  gate.answered();
  await vi.waitFor(() => expect(got().length).toBe(5 * 203));
});

it('stops reading the socket while it holds back, so what it keeps is bounded', { timeout: 60_000 }, async () => {
  const { gate, client, got } = await gated();
  await send(client, Buffer.concat(Array.from({ length: 10 }, () => packet(3, 3))));
  await vi.waitFor(() => expect(got().length).toBe(50));
  const flood = Buffer.concat(Array.from({ length: 1000 }, () => packet(3, 900)));
  for (let n = 0; n < 40; n++) client.write(flood); // 36 MB
  await vi.waitFor(() => expect(client.writableLength).toBeGreaterThan(0));
  await vi.waitFor(() => expect(gate.socket.isPaused()).toBe(true));
  expect(gate.socket.bytesRead).toBeLessThan(2 ** 20);
  expect(got().length).toBe(50);
});

it('stops reading while the client does not read its answers, and goes on when it does', async () => {
  const { gate, client, got } = await gated();
  client.pause();
  const answer = Buffer.alloc(64 * 1024);
  let written = 0;
  while (!gate.socket.writableNeedDrain && written < 2 ** 26) {
    gate.write(answer);
    written += answer.length;
    await new Promise((resolve) => setImmediate(resolve));
  }
  gate.write(answer);
  await vi.waitFor(() => expect(gate.writableNeedDrain).toBe(true));
  await send(client, packet(12, 0));
  expect(got().length).toBe(0);
  client.resume();
  await vi.waitFor(() => expect(got()).toEqual(packet(12, 0)));
});

it.each([
  ['claims more than the limit', Buffer.from([0x30, 0xe8, 0x07])],
  ['claims 200 MB', Buffer.from([0x32, 0x80, 0x84, 0xaf, 0x5f])],
  ['has a length of five bytes', Buffer.from([0x32, 0x80, 0x80, 0x80, 0x80, 0x01])],
])('cuts a client whose packet %s, before its body arrives', async (_what, bytes) => {
  const { client, errors, got } = await gated();
  const closed = once(client, 'close');
  await send(client, Buffer.concat([packet(12, 0), bytes]));
  await closed;
  expect(errors).toEqual([expect.objectContaining({ code: 'ADMISSION_SIZE' })]);
  expect(got().length).toBeLessThanOrEqual(2);
});

it('lets a packet of exactly the limit through', async () => {
  const { client, got } = await gated();
  const all = packet(3, 997, 7);
  expect(all).toHaveLength(1000);
  await send(client, all);
  await vi.waitFor(() => expect(got()).toEqual(all));
});

it('ends when the client half-closes, also while it holds packets back, and an answer after that does no harm', async () => {
  const { gate, client, errors } = await gated({ ...LIMITS, maxInFlight: 1 });
  client.write(Buffer.concat([packet(3, 3), packet(3, 3), packet(3, 3)]));
  const ended = once(gate, 'close');
  client.end(Buffer.from([0x30]));
  await vi.waitFor(() => expect(gate.readableLength).toBe(0));
  gate.answered();
  gate.answered();
  await ended;
  gate.answered();
  expect(errors).toEqual([]);
});

it('destroys its socket when it is destroyed, and itself when the socket is', async () => {
  const one = await gated();
  const clientClosed = once(one.client, 'close');
  one.gate.destroy();
  await clientClosed;
  const two = await gated();
  const gateClosed = new Promise((resolve) => two.gate.once('close', resolve));
  two.client.resetAndDestroy();
  await gateClosed;
});
