/** Real servers of both protocols on free ports, each behind a proxy for faults, with a bucket and a table in them. */
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDB } from '@aws-sdk/client-dynamodb';
import dynalite from 'dynalite';
import S3rver from 's3rver';
import type { RemoteAddress } from '../../broker/mod.ts';
import { startFaultProxy, type FaultProxy } from './fault-proxy.fixture.ts';

export const BUCKET = 'thrum-test';
export const TABLE = 'thrum-segments';
/** Those of s3rver; dynalite takes any. */
export const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'S3RVER', AWS_SECRET_ACCESS_KEY: 'S3RVER', AWS_REGION: 'us-east-1' };

export interface Servers {
  readonly s3: FaultProxy;
  readonly dynamodb: FaultProxy;
  readonly address: RemoteAddress;
  /** For the command line. */
  readonly options: readonly string[];
  /** Every byte and name that the two servers hold. */
  everything(): Promise<Buffer>;
  close(): Promise<void>;
}

/** `kind`: with what S3 documents and s3rver lacks, or without. */
export async function startServers(kind: 's3' | 'documented s3' = 'documented s3'): Promise<Servers> {
  Object.assign(process.env, CREDENTIALS, { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' });
  const directory = await mkdtemp(join(tmpdir(), 'thrum-s3-'));
  const bucketServer = new S3rver({ port: 0, address: '127.0.0.1', silent: true, directory, configureBuckets: [{ name: BUCKET }] });
  const { port } = await bucketServer.run();
  const tableServer = dynalite({ createTableMs: 0 });
  tableServer.listen(0, '127.0.0.1');
  await once(tableServer, 'listening');
  const tablePort = (tableServer.address() as { port: number }).port;
  await makeTable(tablePort);
  const s3 = await startFaultProxy(port, kind);
  const dynamodb = await startFaultProxy(tablePort, 'dynamodb');
  return {
    s3,
    dynamodb,
    address: { bucket: BUCKET, prefix: 'plant', table: TABLE, region: 'us-east-1', s3Endpoint: s3.url, dynamodbEndpoint: dynamodb.url },
    options: ['--remote', `s3://${BUCKET}/plant`, '--remote-table', TABLE, '--s3-endpoint', s3.url, '--dynamodb-endpoint', dynamodb.url],
    everything: async () => Buffer.concat([...(await filesUnder(directory)), await rowsAsText(tablePort)]),
    close: async () => {
      await Promise.all([s3.close(), dynamodb.close()]);
      await bucketServer.close();
      tableServer.closeAllConnections();
      tableServer.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function clientOf(port: number): DynamoDB {
  return new DynamoDB({ endpoint: `http://127.0.0.1:${port}`, region: 'us-east-1' });
}

/** As docs/remote.md says. */
async function makeTable(port: number): Promise<void> {
  const client = clientOf(port);
  await client.createTable({
    TableName: TABLE,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [{ AttributeName: 'project', AttributeType: 'S' }, { AttributeName: 'place', AttributeType: 'S' }],
    KeySchema: [{ AttributeName: 'project', KeyType: 'HASH' }, { AttributeName: 'place', KeyType: 'RANGE' }],
  });
  for (let status = ''; status !== 'ACTIVE'; ) status = (await client.describeTable({ TableName: TABLE })).Table?.TableStatus ?? '';
  client.destroy();
}

async function rowsAsText(port: number): Promise<Buffer> {
  const client = clientOf(port);
  const { Items = [] } = await client.scan({ TableName: TABLE });
  client.destroy();
  return Buffer.from(JSON.stringify(Items));
}

async function filesUnder(folder: string): Promise<Buffer[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(paths.map(async (path) => Buffer.concat([Buffer.from(path), await readFile(path)])));
}
