/**
 * Asking a broker for a certificate over MQTT: the request goes to `<prefix>/request`, the answer comes on
 * `<prefix>/issued` (PEM) or `<prefix>/refused` (JSON: code, message). Promise: ends with one of the two, or with an error
 * when the connection is lost or nobody answers in time.
 */
import type { MqttClient } from 'mqtt';
import { GatewayError } from './errors.ts';

/** How long to wait for an answer, and how much of one is taken. */
export const EXCHANGE_LIMITS = { answerMs: 30_000, answerBytes: 64 * 1024 } as const;

/**
 * Resolves with the certificate and its chain, PEM. GATEWAY_REFUSED with the broker's reason, GATEWAY_NO_ANSWER when the
 * broker does not offer it, does not answer, or the connection is lost meanwhile.
 */
export function askForCertificate(client: MqttClient, prefix: string, requestPem: string): Promise<string> {
  const issued = `${prefix}/issued`;
  const refused = `${prefix}/refused`;
  return new Promise<string>((resolve, reject) => {
    const noAnswer = (why: string): void => finish(() => reject(new GatewayError('GATEWAY_NO_ANSWER', `no certificate came: ${why}`)));
    const patience = setTimeout(() => noAnswer('the broker does not answer'), EXCHANGE_LIMITS.answerMs);
    const onClose = (): void => noAnswer('the connection was closed');
    const onMessage = (topic: string, payload: Buffer): void => {
      if (topic !== issued && topic !== refused) return;
      if (payload.length > EXCHANGE_LIMITS.answerBytes) return noAnswer('the answer is too long');
      if (topic === issued) finish(() => resolve(payload.toString('utf8')));
      else finish(() => reject(new GatewayError('GATEWAY_REFUSED', reasonIn(payload))));
    };
    function finish(settle: () => void): void {
      clearTimeout(patience);
      client.off('message', onMessage);
      client.off('close', onClose);
      settle();
    }
    client.on('message', onMessage);
    client.on('close', onClose);
    client.subscribe([issued, refused], { qos: 1 }, (error, granted) => {
      if (error ?? granted?.some(({ qos }) => qos > 2)) return noAnswer('the broker does not give certificates');
      client.publish(`${prefix}/request`, requestPem, { qos: 1 }, (failure) => {
        if (failure) noAnswer(failure.message);
      });
    });
  });
}

/** What the broker says, on one line. */
function reasonIn(payload: Buffer): string {
  try {
    const { code, message } = JSON.parse(payload.toString('utf8')) as Record<string, unknown>;
    return `the broker gives no certificate: ${printable(message)} (${printable(code)})`;
  } catch {
    return 'the broker gives no certificate, and its reason cannot be read';
  }
}

function printable(text: unknown): string {
  return String(text).slice(0, 300).replaceAll(/[^\x20-\x7e‘’“”…]/g, '?');
}
