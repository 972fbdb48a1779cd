/** The options that say where sealed segments are kept beside the local folder. Credentials come from the environment, never from here. */
import type { Command } from 'commander';
import { checkRemote, checkEndpoint, checkTableName, openRemote, parseBucketUrl, type Remote, type RemoteAddress } from '../broker/mod.ts';
import { CliError } from './errors.ts';
import { random } from './random.ts';

export interface RemoteOptions {
  readonly remote?: string;
  readonly remoteTable?: string;
  readonly s3Endpoint?: string;
  readonly dynamodbEndpoint?: string;
  readonly region?: string;
}

export function addRemoteOptions(command: Command): Command {
  return command
    .option('--remote <url>', 'keep sealed segments in this bucket too: s3://bucket/prefix (docs/remote.md)')
    .option('--remote-table <name>', 'DynamoDB table that lists them')
    .option('--s3-endpoint <url>', 'S3-compatible server, if not Amazon’s')
    .option('--dynamodb-endpoint <url>', 'DynamoDB-compatible server, if not Amazon’s')
    .option('--region <name>', 'region of bucket and table (default AWS_REGION or the profile’s)');
}

/** Undefined without --remote. CLI_USAGE when half of it is given, REMOTE_ADDRESS when it cannot be. */
export function remoteAddress(options: RemoteOptions): RemoteAddress | undefined {
  const { remote, remoteTable, s3Endpoint, dynamodbEndpoint, region } = options;
  if (remote === undefined) {
    if ([remoteTable, s3Endpoint, dynamodbEndpoint, region].some((one) => one !== undefined)) throw new CliError('CLI_USAGE', '--remote-table, --s3-endpoint, --dynamodb-endpoint and --region go with --remote s3://bucket/prefix');
    return undefined;
  }
  if (remoteTable === undefined) throw new CliError('CLI_USAGE', '--remote goes with --remote-table NAME: the table that lists the segments');
  return {
    ...parseBucketUrl(remote),
    table: checkTableName(remoteTable),
    region,
    s3Endpoint: s3Endpoint === undefined ? undefined : checkEndpoint(s3Endpoint),
    dynamodbEndpoint: dynamodbEndpoint === undefined ? undefined : checkEndpoint(dynamodbEndpoint),
  };
}

/** Opens bucket and table when asked for, and makes sure that both are there. Undefined without --remote. */
export async function openRemoteOf(options: RemoteOptions): Promise<Remote | undefined> {
  const address = remoteAddress(options);
  if (!address) return undefined;
  const remote = await openRemote(address);
  try {
    await checkRemote(remote, random);
  } catch (error) {
    remote.close();
    throw error;
  }
  return remote;
}
