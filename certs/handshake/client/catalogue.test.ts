import { expect, it } from 'vitest';
import { CLIENT_CASES } from './catalogue.ts';

const ADVISOR = 'AWS IoT Device Advisor ';
const infos = CLIENT_CASES.map(({ info }) => info);

/** Device Advisor's tests of TLS and MQTT, by the ids of its developer guide. */
const ADVISOR_TESTS = [
  'TLS_Connect', 'TLS_Receive_Maximum_Size_Fragments', 'TLS_Support_Aws_Iot_Cipher_Suites', 'TLS_Large_Size_Server_Cert', 'TLS_Unsecure_Server_Cert', 'TLS_Incorrect_Subject_Name_Server_Cert',
  'MQTT_Connect', 'MQTT_Client_Puback_QoS1', 'MQTT_Connect_Jitter_Backoff_Retries', 'MQTT_Connect_Exponential_Backoff_Retries', 'MQTT_Reconnect_Backoff_Retries_On_Server_Disconnect', 'MQTT_Reconnect_Backoff_Retries_On_Unstable_Connection',
  'MQTT_Publish', 'MQTT_Publish_Retry_No_Puback', 'MQTT_Publish_Retained_Messages', 'MQTT_Subscribe', 'MQTT_Subscribe_Retry_No_Suback', 'MQTT_No_Ack_PingResp', 'MQTT_Persistent_Session_Happy_Case', 'MQTT_Expired_Persistent_Session',
];

function casesOf(test: string): string[] {
  return infos.filter(({ sources }) => sources.includes(ADVISOR + test)).map(({ id }) => id);
}

it('has each id once, in its family, and says what is offered, expected, and where that is written', () => {
  expect(new Set(infos.map(({ id }) => id)).size).toBe(infos.length);
  for (const info of infos) {
    expect(info.id.startsWith(`${info.family}.`), info.id).toBe(true);
    expect(info.id).toMatch(/^[a-z0-9.-]+$/);
    expect([info.title, info.offered, info.expected, ...info.sources].every((text) => text !== ''), info.id).toBe(true);
    expect(info.sources.length, info.id).toBeGreaterThan(0);
  }
});

it('covers what Device Advisor tests, and names no test that it does not have', () => {
  expect(ADVISOR_TESTS.filter((test) => casesOf(test).length === 0)).toEqual([]);
  const named = infos.flatMap(({ sources }) => sources).filter((source) => source.startsWith(ADVISOR)).map((source) => source.slice(ADVISOR.length));
  expect(named.filter((test) => !ADVISOR_TESTS.includes(test))).toEqual([]);
});

it('is documented as it is (vitest -u writes the document)', async () => {
  const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('*', '\\*');
  const rows = infos.map(({ id, severity, title, offered, expected, sources }) => `| \`${id}\` | ${severity} | ${cell(title)} | ${cell(offered)} | ${cell(expected)} | ${cell(sources.join('; '))} |`);
  const advisor = ADVISOR_TESTS.map((test) => `| ${test} | ${casesOf(test).map((id) => `\`${id}\``).join(', ')} |`);
  const document = [
    '# Cases of `thrum handshake client`',
    '',
    `Written by a test from the catalogue: ${infos.length} cases. How they are judged: [handshake-client.md](handshake-client.md).`,
    '',
    '| case | severity | title | what the server does | what a good client does | source |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
    '',
    '## AWS IoT Core Device Advisor',
    '',
    '| its test | our case |',
    '| --- | --- |',
    ...advisor,
    '',
  ].join('\n');
  await expect(document).toMatchFileSnapshot('../../../docs/handshake-client-cases.md');
});
