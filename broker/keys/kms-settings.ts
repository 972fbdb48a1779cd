/** Which KMS elsewhere a home has keys in: written down, sealed, when a project is first made with a key of it. No credentials. */
import { isIPv4 } from 'node:net';
import { z } from 'zod';
import { KeyError } from '../errors.ts';
import { SealedFile, type SealedFilePlace } from '../sealed-file.ts';

const settings = z.strictObject({
  endpoint: z.string().optional(),
  region: z.string().optional(),
  grantee: z.string().optional(),
});

/** `endpoint`: URL; without it the region's own of AWS. `grantee`: ARN of the principal that the broker is there. */
export type KmsSettings = z.infer<typeof settings>;

interface KmsSettingsFile {
  /** Empty where there is no KMS elsewhere. */
  read(): Promise<KmsSettings>;
  write(settings: KmsSettings): Promise<void>;
}

/** KEY_PASSPHRASE, KEYSTORE_DAMAGED. */
export function kmsSettingsFile(place: SealedFilePlace): KmsSettingsFile {
  const file = new SealedFile<KmsSettings>({
    name: 'record of the KMS',
    magic: 'THRUMKMS',
    info: 'thrum kms settings v1',
    empty: {},
    parse: (json) => settings.parse(JSON.parse(json)),
    fault: (kind, message, cause) => new KeyError(kind === 'damaged' ? 'KEYSTORE_DAMAGED' : 'KEY_BAD_REQUEST', message, { cause }),
  }, place);
  return { read: () => file.read(), write: (wish) => file.update(() => ({ state: wish, result: undefined })) };
}

/** KEY_BAD_REQUEST, with what to write instead. The URL is not repeated: what stands in it may be a secret. */
export function checkKmsSettings({ endpoint, region, grantee }: KmsSettings): void {
  if (endpoint !== undefined) {
    const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
    if (!url || !/^https?:$/.test(url.protocol)) throw new KeyError('KEY_BAD_REQUEST', '--kms-endpoint is not the URL of a KMS: write https://host, or http://127.0.0.1:PORT for one on this machine');
    if (url.username !== '' || url.password !== '' || url.search !== '') throw new KeyError('KEY_BAD_REQUEST', '--kms-endpoint has credentials or a query in it: leave them out, credentials come from AWS_PROFILE, AWS_ACCESS_KEY_ID …');
    if (url.protocol === 'http:' && !isLoopback(url.hostname)) throw new KeyError('KEY_BAD_REQUEST', '--kms-endpoint is http: others can read what goes there, data keys too: write https:, or http: to this machine only');
  }
  if (region !== undefined && !/^[a-z]{2}(-[a-z]+)+-\d$/.test(region)) throw new KeyError('KEY_BAD_REQUEST', `'${region}' is not a region: write --kms-region eu-west-1`);
  if (grantee !== undefined && !/^arn:aws[a-z-]*:(iam|sts)::\d{12}:[\w+=,.@/-]+$/.test(grantee)) throw new KeyError('KEY_BAD_REQUEST', `'${grantee}' is not a principal's ARN: write --kms-grantee arn:aws:iam::111122223333:role/broker`);
}

/** A host of a URL, in which addresses are written in one way. */
function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || (isIPv4(host) && host.startsWith('127.'));
}
