import { once } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventually } from '../../tiny-broker.fixture.ts';
import { kindOf, notedClient, scripted, type Noted, type Scripted } from './scripted.fixture.ts';

const CONNACK = Buffer.of(0x20, 2, 0, 0);

/** A client's life with a broker that answers CONNECT with these bytes. */
async function meet(answer: Buffer, settings: Parameters<typeof notedClient>[0], then: (noted: Noted, broker: Scripted) => Promise<void>, after: 'stays' | 'ends' | 'resets' = 'stays'): Promise<void> {
  const broker = await scripted((socket, _, before) => {
    if (before > 0) return;
    if (after === 'ends') socket.end(answer);
    else if (answer.length > 0) socket.write(answer);
    if (after === 'resets') socket.resetAndDestroy();
  });
  try {
    const noted = notedClient(settings);
    await then(noted, broker);
    noted.client.cut();
  } finally {
    await broker.close();
  }
}

describe('a broker that answers CONNECT wrongly', () => {
  it.each([
    ['with bytes that are no MQTT', Buffer.from(`HTTP/1.1 400 Bad Request\r\n\r\n${'x'.repeat(80)}`), 'mqtt.garbage'],
    ['with a PUBLISH', Buffer.of(0x30, 3, 0, 1, 97), 'mqtt.garbage'],
    ['with a length of five bytes', Buffer.of(0x20, 0x80, 0x80, 0x80, 0x80, 1), 'mqtt.garbage'],
    ['with a huge length', Buffer.of(0x20, 0xff, 0xff, 0xff, 0x7f), 'mqtt.garbage'],
    ['with a CONNACK too short', Buffer.of(0x20, 0), 'mqtt.garbage'],
    ['with two', Buffer.concat([CONNACK, CONNACK]), 'mqtt.garbage'],
    ['and with garbage in the same breath', Buffer.concat([CONNACK, Buffer.of(0, 0)]), 'mqtt.garbage'],
    ['by refusing', Buffer.of(0x20, 2, 0, 5), 'mqtt.connack.5'],
    ['by refusing, and garbage after it', Buffer.of(0x20, 2, 0, 5, 0, 0), 'mqtt.connack.5'],
  ])('%s is one failure of a kind', async (_, answer, kind) => {
    await meet(answer, {}, async (noted, { options }) => {
      expect(await kindOf(noted.client.connect(options))).toBe(kind);
      expect(noted.closed).toEqual([]);
      expect(noted.client.connected).toBe(false);
    });
  });

  it.each([
    ['a receive maximum of 0', [0x21, 0, 0]],
    ['a receive maximum twice', [0x21, 0, 5, 0x21, 0, 9]],
    ['a keep-alive twice', [0x13, 0, 60, 0x13, 0, 60]],
  ])('with MQTT 5 and %s is garbage', async (_, properties) => {
    await meet(Buffer.of(0x20, properties.length + 3, 0, 0, properties.length, ...properties), { mqttVersion: 5 }, async ({ client }, { options }) => {
      expect(await kindOf(client.connect(options))).toBe('mqtt.garbage');
    });
  });

  it('with MQTT 5 and the same user property twice is fine', async () => {
    const pair = [0x26, 0, 1, 97, 0, 1, 98];
    await meet(Buffer.of(0x20, 17, 0, 0, 14, ...pair, ...pair), { mqttVersion: 5 }, async ({ client }, { options }) => {
      expect(await kindOf(client.connect(options))).toBe('none');
    });
  });

  it('by closing at once, or by a reset, is told by the phase', async () => {
    await meet(Buffer.alloc(0), {}, async ({ client }, { options }) => expect(await kindOf(client.connect(options))).toBe('closed.connack'), 'ends');
    await meet(Buffer.alloc(0), {}, async ({ client }, { options }) => expect(await kindOf(client.connect(options))).toBe('tcp.reset'), 'resets');
  });

  it('with silence is a timeout of the phase, TLS and WebSocket too', async () => {
    for (const [transport, kind] of [['tcp', 'timeout.connack'], ['tls', 'timeout.tls'], ['ws', 'timeout.websocket'], ['wss', 'timeout.tls']] as const) {
      await meet(Buffer.alloc(0), {}, async ({ client, pass }, { options, received }) => {
        const failure = kindOf(client.connect({ ...options, broker: { ...options.broker, transport } }));
        await eventually('the client speaks', () => received().length > 0);
        pass(6_000_000);
        expect(await failure).toBe(kind);
      });
    }
  });

  it('by closing in the handshake of TLS or WebSocket is no reset', async () => {
    for (const [transport, kind] of [['tls', 'closed.tls'], ['ws', 'closed.websocket']] as const) {
      await meet(Buffer.alloc(0), {}, async ({ client }, { options }) => expect(await kindOf(client.connect({ ...options, broker: { ...options.broker, transport } }))).toBe(kind), 'ends');
    }
  });

  it('by HTTP that refuses, or that is none, is told apart', async () => {
    for (const [answer, kind] of [['HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n', 'websocket.refused'], ['\0\0nonsense\r\n\r\n', 'websocket.garbage']] as const) {
      await meet(Buffer.from(answer), {}, async ({ client }, { options }) => expect(await kindOf(client.connect({ ...options, broker: { ...options.broker, transport: 'ws' } }))).toBe(kind));
    }
  });
});

describe('a broker that talks nonsense on a connection that stands', () => {
  it.each([
    ['PUBACK of an id that nobody sent', [0x40, 2, 0, 9]],
    ['PUBACK that is too short', [0x40, 1, 0]],
    ['PUBACK with flags', [0x42, 2, 0, 1]],
    ['PUBCOMP without PUBREC', [0x70, 2, 0, 1]],
    ['PUBLISH with QoS 3', [0x36, 5, 0, 1, 97, 0, 1]],
    ['PUBLISH whose topic reaches past its end', [0x30, 4, 0, 9, 97, 97]],
    ['PUBLISH of QoS 1 with id 0', [0x32, 5, 0, 1, 97, 0, 0]],
    ['SUBACK that nobody waits for', [0x90, 3, 0xff, 0xff, 0]],
    ['DISCONNECT, which brokers have not in MQTT 3.1.1', [0xe0, 0]],
    ['a packet of clients', [0xc0, 0]],
  ])('%s: ends as garbage, told once, and what was in flight has failed', async (_, bytes) => {
    await meet(CONNACK, {}, async (noted, { options, sockets }) => {
      await noted.client.connect(options);
      noted.client.inFlight.add(0, 77);
      sockets[0]!.write(Buffer.from(bytes));
      await eventually('it ends', () => noted.closed.length > 0);
      expect([noted.closed, noted.unacknowledged, noted.client.connected]).toEqual([['mqtt.garbage'], [77], false]);
    });
  });

  it('never makes it throw or hang, whatever the bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(4 as const, 5 as const), fc.uint8Array({ maxLength: 60 }), fc.boolean(), async (mqttVersion, bytes, isAfter) => {
        const connack = mqttVersion === 4 ? CONNACK : Buffer.of(0x20, 3, 0, 0, 0);
        await meet(Buffer.concat([isAfter ? connack : Buffer.alloc(0), bytes]), { mqttVersion }, async (noted, { options }) => {
          const kind = await kindOf(noted.client.connect(options));
          if (kind === 'none') await eventually('it ends', () => noted.closed.length === 1);
          else expect(kind).toMatch(/^(mqtt\.|closed|tcp\.)/);
        }, 'ends');
      }),
      { numRuns: 150 },
    );
  });

  it('that closes only its side is closed, though it reads nothing that waits to be written', async () => {
    await meet(CONNACK, {}, async (noted, { options, sockets }) => {
      await noted.client.connect(options);
      sockets[0]!.pause();
      while (noted.client.roomFor(0, 1) > 0) noted.client.write(Buffer.alloc(65_536));
      sockets[0]!.end();
      await eventually('it ends', () => noted.closed.length > 0);
      expect(noted.closed).toEqual(['closed']);
    });
  });
});

describe('a broker that does not read', () => {
  it('is written no more than a bound, and told of as soon as it reads', async () => {
    await meet(CONNACK, {}, async ({ client }, { options, sockets }) => {
      await client.connect(options);
      sockets[0]!.pause();
      let bytes = 0;
      for (; client.roomFor(0, 1) > 0 && bytes < 1e8; bytes += 65_536) client.write(Buffer.alloc(65_536));
      expect(bytes).toBeLessThan(1e8);
      expect(client.roomFor(1, 10)).toBe(0);
      sockets[0]!.resume();
      await eventually('room', () => client.roomFor(1, 10) === 10);
    });
  });

  it('and then reads is heard of until it is asked for its room, not for ever', async () => {
    await meet(CONNACK, {}, async ({ client, rooms }, { options, sockets }) => {
      await client.connect(options);
      sockets[0]!.pause();
      while (client.roomFor(0, 1) > 0) client.write(Buffer.alloc(65_536));
      sockets[0]!.resume();
      await eventually('room', () => client.roomFor(0, 1) > 0);
      await new Promise<void>((resolve) => client.write(Buffer.alloc(1), () => resolve())); // all before it has left
      expect(client.roomFor(0, 1)).toBe(Infinity);
      const before = rooms();
      await new Promise<void>((resolve) => client.write(Buffer.alloc(1), () => resolve()));
      await new Promise(setImmediate);
      expect([before > 0, rooms()]).toEqual([true, before]);
    });
  });

  it('but sends what must be answered is not read either', async () => {
    await meet(CONNACK, {}, async (noted, { options, sockets }) => {
      await noted.client.connect(options);
      const [socket] = sockets;
      socket!.pause();
      const many = Buffer.concat(Array.from({ length: 8_000 }, () => Buffer.of(0x32, 5, 0, 1, 97, 0, 1)));
      let isTaken = true;
      for (let i = 0; i < 2_000 && isTaken; i++) if (!socket!.write(many)) isTaken = await Promise.race([once(socket!, 'drain').then(() => true), new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 200))]);
      expect(isTaken).toBe(false);
    });
  });
});
