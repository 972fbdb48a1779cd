/** The options that say in which KMS the keys of projects are, and the keys of a home with it. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { checkKmsSettings, kmsProvider, kmsSettingsFile, routeKeys, type KeyService, type KmsSettings, type RootSource, type RoutedKeys } from '../broker/mod.ts';

export interface KmsOptions {
  readonly kmsEndpoint?: string;
  readonly kmsRegion?: string;
  readonly kmsGrantee?: string;
}

/** Adds them to a command that uses keys of projects. */
export function addKmsOptions(command: Command): Command {
  return command
    .option('--kms-endpoint <url>', 'KMS that customers’ keys are in, if not this home (kept with the home); https:, or http: on this machine')
    .option('--kms-region <region>', 'its region; without --kms-endpoint AWS KMS there')
    .option('--kms-grantee <arn>', 'principal that the broker is for that KMS, to whom keys are granted');
}

/** AWS signs for a region also where there is but one endpoint. */
const NO_REGION = 'us-east-1';

export interface HomeKeys {
  readonly keys: RoutedKeys;
  /** Writes down which KMS was chosen by options, so that it need not be chosen again. */
  readonly keepKms: () => Promise<void>;
}

/** The keys of a home: its own, and those of a KMS elsewhere that options, or what was kept, name. KEY_BAD_REQUEST. */
export async function homeKeys(path: string, source: RootSource, local: KeyService, { kmsEndpoint, kmsRegion, kmsGrantee }: KmsOptions): Promise<HomeKeys> {
  const chosen: KmsSettings = {
    ...(kmsEndpoint === undefined ? {} : { endpoint: kmsEndpoint }),
    ...(kmsRegion === undefined ? {} : { region: kmsRegion }),
    ...(kmsGrantee === undefined ? {} : { grantee: kmsGrantee }),
  };
  checkKmsSettings(chosen);
  const file = kmsSettingsFile({ path: join(path, 'keys', 'kms'), source, rootDirectory: join(path, 'keys') });
  const settings = { ...(await file.read()), ...chosen };
  const { endpoint, region, grantee } = settings;
  if (endpoint === undefined && region === undefined) return { keys: routeKeys(local, undefined), keepKms: () => Promise.resolve() };
  const remote = kmsProvider({
    region: region ?? process.env['AWS_REGION'] ?? NO_REGION,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(grantee === undefined ? {} : { grantee }),
  });
  const keepKms = async (): Promise<void> => {
    if (Object.keys(chosen).length === 0) return;
    await local.store.readOrCreate(); // makes the root key, under which it is sealed
    await file.write(settings);
  };
  return { keys: routeKeys(local, remote), keepKms };
}
