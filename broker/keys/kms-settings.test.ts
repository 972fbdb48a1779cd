/** Which KMS elsewhere may be named: what is no address of one, or would send data keys where others can read them, is refused. */
import { describe, expect, it } from 'vitest';
import { checkKmsSettings } from './kms-settings.ts';

const refused = expect.objectContaining({ code: 'KEY_BAD_REQUEST' }) as Error;

describe('an endpoint', () => {
  it.each(['https://kms.example.com', 'https://10.0.0.7:8885/', 'http://127.0.0.1:8885', 'http://127.8.9.1', 'http://localhost:8885', 'http://[::1]:8885', 'http://2130706433'])('%s is taken', (endpoint) => {
    expect(() => checkKmsSettings({ endpoint })).not.toThrow();
  });

  it.each(['http://kms.example.com', 'http://10.0.0.7:8885', 'http://127.example.com', 'http://localhost.example.com', 'http://[::2]', 'http://0.0.0.0'])('%s is not: data keys would go there in clear', (endpoint) => {
    expect(() => checkKmsSettings({ endpoint })).toThrow(refused);
    expect(() => checkKmsSettings({ endpoint })).toThrow(/others can read .* write https:/);
  });

  it.each(['kms.example.com', 'ftp://host', 'https://me:secret@host', 'https://host/?key=secret'])('%s is none, and is not repeated', (endpoint) => {
    expect(() => checkKmsSettings({ endpoint })).toThrow(refused);
    expect(() => checkKmsSettings({ endpoint })).not.toThrow(/secret/);
  });
});
