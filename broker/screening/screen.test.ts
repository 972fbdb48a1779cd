import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { refuseSensitiveText } from './refuse.ts';
import { screen, type SensitiveKind } from './screen.ts';

const JWT = 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U';

/** Numbers are the issuers' published test numbers and the registry's examples. */
const SENSITIVE: Readonly<Record<SensitiveKind, readonly string[]>> = {
  'card number': [
    '4111111111111111', 'Pump 4111 1111 1111 1111', '4111-1111-1111-1111', 'card:5555555555554444', '2223003122003222', '378282246310005', '3782 822463 10005', '6011111111111117',
    '30569309025904', '3530111333300000', '6200000000000005', 'Visa4111111111111111', '４１１１　１１１１　１１１１　１１１１', '٤١١١١١١١١١١١١١١١', '4111\u200b1111\u200b1111\u200b1111', '4111–1111–1111–1111',
    '4111  1111  1111  1111', '4111 - 1111 - 1111 - 1111', '4111--1111 -1111   .1111', '4\u20dd111\u20dd1111\u20dd1111\u20dd1111',
    '4111\u00a01111\u20091111\u202f1111', '4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1', 'line 7, 4111.1111.1111.1111', 'unit 12 4111111111111111', '(4111111111111111)',
  ],
  'IBAN': ['DE89370400440532013000', 'Halle 4 DE89 3704 0044 0532 0130 00', 'gb82 west 1234 5698 7654 32', 'FR14-2004-1010-0505-0001-3M02-606', 'NO9386011117947', 'DE89.3704.0044.0532.0130.00', 'DE 89 - 3704  0044 - 0532 0130 00', 'ＤＥ８９ ３７０４ ００４４ ０５３２ ０１３０ ００'],
  'account number': ['account 12345678', 'Acct no. 1234-5678', 'AWS account: 123456789012', 'Kontonummer 532013000', 'Konto-Nr 532013000', 'SSN 078-05-1120', 'routing #021000021', 'n° de compte 20041010', 'passport 123456789', 'account is 12345678', 'account 1234  5678', 'Konto 532 - 013 - 000'],
  'e-mail address': ['jane.doe@example.com', 'ask jane@plant.example.org first', 'JÜRGEN@BÜRO.de', 'jane＠example.com', 'a@b.io', 'x@y@z.com', 'jane@ex\u00adample.com'],
  'access key': ['AKIAIOSFODNN7EXAMPLE', 'key ASIAIOSFODNN7EXAMPLE!'],
  'private key': ['-----BEGIN PRIVATE KEY-----', 'x -----BEGIN RSA PRIVATE KEY----- MIIE', '-----BEGIN OPENSSH PRIVATE KEY-----', '-----BEGIN PGP PRIVATE KEY BLOCK-----'],
  'token': [JWT, 'Authorization: Bearer dGhpcyBpcyBhIHRva2VuIQ==', `ghp_${'a1B2'.repeat(9)}`, 'xoxb-123456789012-abcdef'],
  'secret': ['password=hunter2', 'Passwort: Geheim99', '{"password":"swordfish"}', 'aws_secret secret=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', 'api_key: 9f86d081884c7d659a2feaa0c55ad015', 'token = a8Kd92LmQ0pZ'],
  'credentials in a URL': ['https://user:pass@host/path', 'mqtts://me:hunter2@broker.example:8883', 'see postgres://a:b@db', 'https://host/x?api_key=0123456789abcdef', 'https://bucket.s3.amazonaws.com/o?X-Amz-Signature=abcdef0123456789'],
};

const HARMLESS = [
  'Pump 4411 1111', 'Pump 7', 'Site 1', 'Motor 12 drive end', '70b3d5e75e000001', '0012480000000001', '4000000000000002ab', 'a4111111111111111', '00-12-4B-00-00-00-00-01', '00:12:4b:00:00:00:00:01',
  'SN 8845-2291-0034', 'S/N 20240117-000123', 'serial 4532015112830367', '2026-01-02 14:05:06.123', '2026-01-02T14:05:06Z', '20260102140506', '1760000000000', '+49 30 1234567', '+1 (555) 010-9999', '0049 89 123 456 78',
  'tel 555-0100', '4006381333931', '4210 rpm, 50 Hz, 11.5 kW', 'DIN 44081', 'EN 60034-1', 'ISO 20816-3', '6205-2RS1/C3', 'IP 192.168.100.200', '10.0.0.1:8883', 'fe80::1', 'f47ac10b-58cc-4372-a567-0e02b2c3d479',
  'arn:aws:kms:us-east-1:123456789012:key/f47ac10b-58cc-4372-a567-0e02b2c3d479', 'DE-Halle 4', 'AT21 gearbox', 'DE89 370400', 'IT27 IT28 IT29', 'account room', 'Accounting building 3', 'bank of filters 2 123', 'Filter bank 1234567',
  'Konto', 'swiftlet pump 123456', 'abandon 1234567', '4-20mA@24V', 'M3@3.5kHz', '@home', 'name@', 'pump@site', 'AKIA', 'AKIAPUMP', 'ASIAN line 4', 'token ring 12', 'Token: none', 'password: none', 'Password: ****', 'password required', 'secret garden',
  'API key: see vault', 'bearer of loads', 'Bearing housing 12', 'https://host.example/path', 'mqtts://broker.example:8883', 'https://host/?keyId=12345678', 'http://[::1]:8080/', 'https://console/@site', 'eyJ', 'Straße 12 / Halle 7', '压缩机 3 号', 'مضخة ٤٤١١', 'alias/plant-7',
  '0000000000000000', '4444444444444444', 'Pumpe 4410 / 4411 / 4412 / 4413', '37 38 39 40 41 42 43', 'RMS 4.11 1.11 1.11', '4111 / 1111 / 1111 / 1111', 'DIN 44081 - 4111', 'account - room 4', 'DE89. 3704 rpm',
];

describe.each(Object.entries(SENSITIVE))('%s', (kind, texts) => {
  it.each(texts)('is found in %j', (text) => expect(screen(text).map((found) => found.kind)).toContain(kind));
});

it.each(HARMLESS)('%j is let pass', (text) => expect(screen(text)).toEqual([]));

it('takes any text, and says nothing but kinds', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
    for (const finding of screen(text)) expect(Object.keys(finding)).toEqual(['kind']);
  }));
});

it('takes time in proportion to the text, whatever the text', () => {
  const parts = ['4', '4 ', '4111 ', '41-', 'DE89', 'DE89 3', 'account ', 'account 1', '@', 'a@', 'a@b.', 'x.', '://', 'a://b:', 'a://b@', 'eyJ', 'eyJaaaaaaa.', 'bearer ', 'password=', 'secret: ', '-----BEGIN ', 'AKIA', '\u200b', '\u0664', '-', '?key=', 'card', '=:'];
  const msOf = (text: string): number => {
    const start = process.hrtime.bigint();
    screen(text);
    return Number(process.hrtime.bigint() - start) / 1e6;
  };
  for (const part of parts) {
    const least = (bytes: number): number => Math.min(...Array.from({ length: 3 }, () => msOf(part.repeat(bytes / part.length))));
    const [small, large] = [least(20_000), least(160_000)];
    expect(large, JSON.stringify(part)).toBeLessThan(Math.max(60, small * 8 * 4)); // quadratic would be 64-fold
  }
});

it('refuses by place and kind, without the text', () => {
  const refused = (): void => refuseSensitiveText({ 'the site name': 'Site 1', 'the project name': 'Mill 4111 1111 1111 1111', 'the tag': undefined });
  expect(refused).toThrow(expect.objectContaining({ code: 'SENSITIVE_TEXT', message: expect.stringMatching(/^the project name looks as if it holds a card number: .*--allow-sensitive-text$/) as string }) as Error);
  expect(refused).not.toThrow(/4111/);
});
