import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { GatewayError } from './errors.ts';
import { parseTarget } from './target.ts';

function refusal(url: string): GatewayError {
  try {
    parseTarget(url, 'PEM');
  } catch (error) {
    expect(error).toBeInstanceOf(GatewayError);
    return error as GatewayError;
  }
  throw new Error(`${url} was taken`);
}

describe('the address of a broker', () => {
  it.each([
    ['mqtts://localhost', 'localhost', 8883],
    ['mqtts://broker.example:1234', 'broker.example', 1234],
    ['mqtts://broker.example:1234/', 'broker.example', 1234],
    ['MQTTS://my_broker-1', 'my_broker-1', 8883],
    ['mqtts://127.0.0.1:1', '127.0.0.1', 1],
    ['mqtts://[::1]:65535', '::1', 65_535],
    ['mqtts://[2001:db8::1]', '2001:db8::1', 8883],
  ])('%s is taken', (url, host, port) => {
    expect(parseTarget(url, 'PEM')).toEqual({ host, port, authorityPem: 'PEM' });
  });

  it.each([
    '', 'localhost', 'localhost:8883', '//localhost', 'mqtts://', 'mqtts:localhost', 'mqtt://localhost', 'http://localhost',
    'wss://localhost', 'mqtts://localhost/topic', 'mqtts://localhost?x=1', 'mqtts://localhost#x', 'mqtts://localhost:0',
    'mqtts://localhost:65536', 'mqtts://localhost:-1', 'mqtts://localhost:x', 'mqtts://[::1', 'mqtts://[fe80::1%25eth0]',
    'mqtts://ho%zzst', 'mqtts://ho%00st', 'mqtts://a b', 'mqtts://-a', `mqtts://${'a'.repeat(254)}`,
  ])('%s is refused, with what to write instead', (url) => {
    expect(refusal(url)).toMatchObject({ code: 'UPLINK_URL', message: expect.stringContaining('write mqtts://HOST:PORT') as unknown });
  });

  it.each([
    'mqtts://user:hunter2@localhost', 'mqtts://hunter2@localhost', 'mqtts://:hunter2@localhost', 'user:hunter2@localhost',
    'mqtts://user:hunter2@localhost:99999', 'mqtts://user:hun/hunter2@localhost', 'mqtts://user:hunter2@a@localhost',
    'mqtts:user:hunter2@localhost', 'http://user:hunter2@localhost', 'mqtts://localhost?password=hunter2',
    'mqtts://localhost/x#hunter2', 'MQTTS://user:hunter2@[::1', 'mqtts://user:\nhunter2@:x',
  ])('%s is refused without repeating the secret, not even in the error’s cause', (url) => {
    const error = refusal(url);
    expect(error.code).toBe('UPLINK_URL');
    expect(inspect(error, { depth: 9, showHidden: true }).replaceAll(/^ {4}at .*$/gm, '')).not.toContain('hunter2');
  });
});
