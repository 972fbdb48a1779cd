/** The load client does what MQTT.js does, against Mosquitto: the same behaviour asked of both. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../gateway/tiny-broker.fixture.ts';
import { makeFolder } from './cli.ts';
import { startServer, type RunningServer } from './handshake/servers.fixture.ts';
import { isMosquittoInstalled, makeCertificates, startMosquitto, type Certificates, type Listener, type MosquittoBroker } from './load-broker.fixture.ts';
import { leanClient, mqttJsClient, type ParityClient, type Way } from './load-parity.fixture.ts';

const NOW = Date.now(); // eslint-disable-line no-restricted-properties -- certificates must be valid now
const isAsked = isMosquittoInstalled() || process.env['CI'] === 'true';

let folder: string;
let certificates: Certificates;
let mosquitto: MosquittoBroker;
/** By TLS version. */
let openssl: ReadonlyMap<string, RunningServer>;
let made: ParityClient[] = [];
let number = 0;

beforeAll(async () => {
  if (!isAsked) return;
  folder = await makeFolder();
  certificates = await makeCertificates(folder, NOW);
  mosquitto = await startMosquitto(folder, certificates);
  openssl = new Map(await Promise.all(['1.2', '1.3'].map(async (version) => [version, await startStrictOpenssl(version)] as const)));
});
afterEach(() => {
  for (const client of made) client.cut();
  made = [];
});
afterAll(async () => {
  if (!isAsked) return;
  await mosquitto.stop();
  for (const server of openssl.values()) await server.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Takes nobody without a good certificate, and speaks no MQTT. */
function startStrictOpenssl(version: string): Promise<RunningServer> {
  const config = ['-Verify', '3', '-verify_return_error', `-tls${version.replace('.', '_')}`, '-cert_chain', '{dir}/cert.pem'];
  return startServer('openssl', join(folder, version), { ...certificates.servers.get('tls')!, authorityPem: certificates.authorityPem, config });
}

/** A name that no other test uses. */
function fresh(what: string): string {
  return `${what}-${++number}`;
}

/** Who refuses, over what, with which TLS, whose certificate, and the alert that says so. */
const REFUSALS = ([['Mosquitto', 'tls', '1.3'], ['OpenSSL', 'tls', '1.3'], ['OpenSSL', 'tls', '1.2'], ['OpenSSL', 'wss', '1.3'], ['OpenSSL', 'wss', '1.2']] as const).flatMap((way) => [
  [...way, 'no', way[2] === '1.3' ? 'certificate_required' : 'handshake_failure'] as const,
  [...way, 'an expired', 'certificate_expired'] as const,
  [...way, "a stranger's", 'unknown_ca'] as const,
]);

const CLIENTS = [
  ['the load client', leanClient],
  ['MQTT.js', mqttJsClient],
] as const;

describe.skipIf(!isAsked).each(CLIENTS)('%s', (name, make) => {
  const isLean = name === 'the load client';

  function client(listener: Listener, way: Partial<Way> & { readonly host?: string } = {}): ParityClient {
    const transport = listener === 'tcp' || listener === 'closed' ? 'tcp' : listener === 'ws' || listener === 'wss' ? listener : 'tls';
    const broker = { transport, host: way.host ?? 'localhost', port: mosquitto.ports[listener], path: '/mqtt' } as const;
    const tls = { authorityPem: certificates.authorityPem, identity: certificates.clients.good };
    const one = make({ broker, mqttVersion: 4, clientId: fresh('parity'), ...tls, ...way });
    made.push(one);
    return one;
  }

  async function connected(listener: Listener, way: Parameters<typeof client>[1] = {}): Promise<ParityClient> {
    const one = client(listener, way);
    await one.connect();
    return one;
  }

  async function failureOf(one: ParityClient): Promise<string> {
    try {
      await one.connect();
      return 'none';
    } catch (error) {
      const { kind, code } = error as { kind?: string; code?: string | number };
      return kind ?? String(code);
    }
  }

  async function publishAtOnce(mqttVersion: 4 | 5, qos: 1 | 2, count: number): Promise<void> {
    const topic = fresh('many');
    const [one, listener] = [await connected('tcp', { mqttVersion }), await connected('tcp', { mqttVersion })];
    await listener.subscribe(topic, qos);
    const sent = Array.from({ length: count }, (_, i) => ({ topic, payload: String(i) }));
    await Promise.all(sent.map(({ payload }) => one.publish(topic, payload, qos)));
    await eventually('all came', () => listener.heard.length >= count);
    await listener.publish(fresh('end'), '', 2); // what it sends after them it would have heard by now
    expect(listener.heard).toEqual(sent);
  }

  describe.each([4, 5] as const)('with MQTT protocol level %i', (mqttVersion) => {
    it.each([0, 1, 2] as const)('publishes with QoS %i, and hears what it subscribed to with that QoS', async (qos) => {
      const topic = fresh('qos');
      const one = await connected('tcp', { mqttVersion });
      await one.subscribe(`${topic}/#`, qos);
      const sent = ['', 'a', 'ü€ 𝄞', 'x'.repeat(300)].map((payload, i) => ({ topic: `${topic}/ä/${i}`, payload }));
      for (const message of sent) await one.publish(message.topic, message.payload, qos);
      await eventually('all came', () => one.heard.length >= sent.length);
      expect(one.heard).toEqual(sent);
    });

    it.each([[1, 500], [2, 20]] as const)('publishes many at once with QoS %i (%i), and hears each once, in order', async (qos, count) => {
      await publishAtOnce(mqttVersion, qos, count);
    });

    // MQTT.js sends them all, and is told that its quota is exceeded; with 3.1.1 a broker has no way to tell
    if (isLean && mqttVersion === 5) it('sends no more at once than the broker says it takes', () => publishAtOnce(5, 2, 500));

    it('publishes what nobody listens to, and is told that it was taken', async () => {
      const one = await connected('tcp', { mqttVersion });
      await one.publish(fresh('nobody'), 'x', 1);
      await one.publish(fresh('nobody'), 'x', 2);
    });

    it('has messages retained, and hears them later; an empty one forgets', async () => {
      const topic = fresh('retained');
      const one = await connected('tcp', { mqttVersion });
      await one.publish(topic, 'kept', 1, true);
      await one.publish(`${topic}/not`, 'not kept', 1);
      const later = await connected('tcp', { mqttVersion });
      await later.subscribe(`${topic}/#`, 1);
      await eventually('it came', () => later.heard.length > 0);
      await one.publish(topic, '', 1, true);
      await eventually('that came too', () => later.heard.length > 1);
      const last = await connected('tcp', { mqttVersion });
      await last.subscribe(`${topic}/#`, 1);
      await last.publish(`${topic}/end`, 'end', 1);
      await eventually('the end came', () => last.heard.length > 0);
      expect(later.heard.slice(0, 2)).toEqual([{ topic, payload: 'kept' }, { topic, payload: '' }]);
      expect(last.heard).toEqual([{ topic: `${topic}/end`, payload: 'end' }]);
    });

    it('finds its session again, and in it what came meanwhile; a clean one is forgotten', async () => {
      const topic = fresh('session');
      const kept = { mqttVersion, clientId: fresh('keeper'), cleanSession: false };
      const clean = { ...kept, cleanSession: true };
      const first = client('tcp', kept);
      expect(await first.connect()).toMatchObject({ sessionPresent: false });
      await first.subscribe(topic, 2);
      first.disconnect();
      const publisher = await connected('tcp', { mqttVersion });
      await publisher.publish(topic, 'one', 1);
      await publisher.publish(topic, 'two', 2);
      const second = client('tcp', kept);
      expect(await second.connect()).toMatchObject({ sessionPresent: true });
      await eventually('both came', () => second.heard.length >= 2);
      expect(second.heard).toEqual([{ topic, payload: 'one' }, { topic, payload: 'two' }]);
      second.disconnect();
      for (const way of [clean, kept]) {
        const next = client('tcp', way);
        expect(await next.connect()).toMatchObject({ sessionPresent: false });
        next.disconnect();
      }
    });

    it('hears each message of QoS 2 once, though it is cut among them', async () => {
      const topic = fresh('cut');
      const one = await connected('tcp', { mqttVersion, clientId: fresh('keeper'), cleanSession: false });
      await one.subscribe(topic, 2);
      const publisher = await connected('tcp', { mqttVersion });
      const sent = Array.from({ length: 400 }, (_, i) => ({ topic, payload: String(i) }));
      const publishing = (async () => {
        for (let from = 0; from < sent.length; from += 10) await Promise.all(sent.slice(from, from + 10).map(({ payload }) => publisher.publish(topic, payload, 2)));
      })();
      for (const heard of [5, 100, 200]) {
        await eventually('some came', () => one.heard.length >= heard);
        one.cut();
        await eventually('it is away', () => one.isAway());
        expect(await one.connect()).toMatchObject({ sessionPresent: true });
      }
      await publishing;
      await eventually('all came', () => one.heard.length >= sent.length);
      await one.publish(fresh('end'), '', 2);
      expect(one.heard).toEqual(sent);
    });

    it('leaves a last will when it is cut, and none when it says goodbye', async () => {
      const topic = fresh('will');
      const listener = await connected('tcp', { mqttVersion });
      await listener.subscribe(`${topic}/#`, 1);
      const willOf = (who: string): Partial<Way> => ({ mqttVersion, will: { topic: `${topic}/${who}`, payload: `${who} is gone`, qos: 1, retain: false } });
      const polite = await connected('tcp', willOf('polite'));
      polite.disconnect();
      const rude = await connected('tcp', willOf('rude'));
      rude.cut();
      await eventually('the will came', () => listener.heard.length > 0);
      expect(listener.heard).toEqual([{ topic: `${topic}/rude`, payload: 'rude is gone' }]);
      expect([polite.wasClosed(), rude.wasClosed()]).toEqual([false, false]);
    });

    it('hears no more of what it unsubscribed from, and may unsubscribe from what it never asked for', async () => {
      const topic = fresh('unsubscribed');
      const one = await connected('tcp', { mqttVersion });
      await one.subscribe(topic, 1);
      await one.subscribe(`${topic}/end`, 1);
      await one.publish(topic, 'heard', 1);
      await one.unsubscribe(topic);
      await one.unsubscribe(`${topic}/never`);
      await one.publish(topic, 'unheard', 1);
      await one.publish(`${topic}/end`, 'end', 1);
      await eventually('the end came', () => one.heard.some(({ payload }) => payload === 'end'));
      expect(one.heard.map(({ payload }) => payload)).toEqual(['heard', 'end']);
    });

    it('notices that another took its name', async () => {
      const clientId = fresh('taken');
      const first = await connected('tcp', { mqttVersion, clientId });
      const second = await connected('tcp', { mqttVersion, clientId });
      await eventually('the first is told', () => first.wasClosed());
      expect(second.wasClosed()).toBe(false);
    });

    it('is told that a broker lets it not in', async () => {
      const code = mqttVersion === 4 ? 5 : 135;
      expect(await failureOf(client('closed', { mqttVersion }))).toBe(isLean ? `mqtt.connack.${code}` : String(code));
    });
  });

  // Mosquitto takes five seconds for messages over WebSocket that do not fit its buffer, whoever sends them
  it.each([['tcp', 200_000], ['tls', 200_000], ['ws', 3_000], ['wss', 3_000]] as const)('carries messages both ways over %s (%i bytes)', async (listener, bytes) => {
    const topic = fresh('large');
    const one = await connected(listener);
    await one.subscribe(topic, 1);
    const payload = Array.from({ length: bytes / 10 }, (_, i) => String(i).padStart(10, '.')).join('');
    await one.publish(topic, payload, 1);
    await eventually('it came', () => one.heard.length > 0);
    expect(one.heard[0]!.payload === payload).toBe(true);
  });

  it.each(['tcp', 'tls', 'wss'] as const)('says goodbye over %s once all is written, and leaves no last will', async (transport) => {
    const topic = fresh('goodbye');
    const listener = await connected('tcp');
    await listener.subscribe(`${topic}/#`, 1);
    const one = await connected(transport, { will: { topic: `${topic}/will`, payload: 'gone', qos: 0, retain: false } });
    const sent = Array.from({ length: 100 }, (_, i) => ({ topic, payload: String(i).padStart(500, '.') }));
    const written = sent.map(({ payload }) => one.publish(topic, payload));
    one.disconnect();
    await Promise.all(written);
    await eventually('all came', () => listener.heard.length >= sent.length && one.isAway());
    await listener.publish(fresh('end'), '', 1);
    expect(listener.heard).toEqual(sent);
  });

  it.each(['localhost', '127.0.0.1'])('verifies a broker by the name %s, and shows its own certificate', async (host) => {
    const one = await connected('tls', { host });
    expect(one.socket().authorized).toBe(true);
    expect(one.socket().getProtocol()).toBe('TLSv1.3');
  });

  it.each([
    ['wrongName', 'a name that is not its own', 'wrong-name', 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['expired', 'an expired certificate', 'cert_has_expired', 'CERT_HAS_EXPIRED'],
    ['unknownAuthority', 'a certificate of an unknown authority', 'unable_to_get_issuer_cert_locally', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'],
    ['selfSigned', 'a certificate that it signed itself', 'depth_zero_self_signed_cert', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  ] as const)('refuses a broker (%s) with %s, unless it is not to verify', async (listener, _, kind, code) => {
    expect(await failureOf(client(listener))).toBe(isLean ? `tls.verify.${kind}` : code);
    const trusting = await connected(listener, { verify: false });
    await trusting.publish(fresh('trusting'), 'x', 1);
  });

  it.each(REFUSALS)('is told by an alert (%s over %s, TLS %s) that it is refused with %s certificate', async (who, transport, version, which, kind) => {
    const port = who === 'OpenSSL' ? openssl.get(version)!.port : mosquitto.ports[transport];
    const identity = which === 'no' ? undefined : certificates.clients[which];
    const broker = { transport, host: 'localhost', port, path: '/' } as const;
    const one = make({ broker, mqttVersion: 4, clientId: fresh('refused'), authorityPem: certificates.authorityPem, ...(identity && { identity }) });
    made.push(one);
    const failure = await failureOf(one);
    if (isLean) expect(failure).toBe(`tls.alert.${kind}`);
    else expect(failure).not.toBe('none');
  });

  it('resumes a TLS session', async () => {
    const first = await connected('tls');
    await first.publish(fresh('resumed'), 'x', 1);
    await eventually('a session came', () => first.tlsSession() !== undefined);
    expect(first.socket().isSessionReused()).toBe(false);
    const second = await connected('tls', { session: first.tlsSession()! });
    expect(second.socket().isSessionReused()).toBe(true);
    await second.publish(fresh('resumed'), 'x', 1);
  });
});
