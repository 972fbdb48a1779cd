/** A home whose keys are served on the wire, and the official SDK as its client. */
import { KMSClient, type KMSClientConfig } from '@aws-sdk/client-kms';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { KeyService, KmsEngine, Principals, startKmsServer, type KmsServer, type KmsServerOptions } from '../../broker/mod.ts';
import type { AuditEvent } from '../../broker/audit/event.ts';
import { now } from '../../cli/clock.ts';
import { makeFolder } from '../cli.ts';

export interface Served {
  readonly server: KmsServer;
  readonly accountId: string;
  readonly region: string;
  readonly principals: Principals;
  readonly audited: AuditEvent[];
  /** Lets the keys' clock, not that of the signatures, go on. */
  passDays(days: number): void;
  /** A principal with policies (ready-made by name, or documents), and the SDK as it. */
  clientOf(name: string, policies: readonly (string | object)[], config?: KMSClientConfig): Promise<KMSClient>;
  arnOf(name: string): string;
  close(): Promise<void>;
}

const ALL = { Version: '2012-10-17', Statement: { Effect: 'Allow', Action: '*', Resource: '*' } };
/** A principal that may do everything. */
export const ADMIN = [ALL];

export async function serveKeys(options: Partial<KmsServerOptions> = {}): Promise<Served> {
  const root = await makeFolder();
  let skipMs = 0;
  const audited: AuditEvent[] = [];
  const keys = new KeyService(join(root, 'keys'), { kind: 'file' }, () => now() + skipMs);
  const engine = new KmsEngine({ store: keys.store, audit: (event) => audited.push(event) });
  const { accountId, region } = await engine.home();
  const principals = new Principals({ path: join(root, 'access', 'principals'), source: { kind: 'file' }, rootDirectory: join(root, 'keys') }, accountId, now);
  const server = await startKmsServer({
    engine, region, findAccessKey: (id) => principals.findAccessKey(id), host: '127.0.0.1', port: 0, now, audit: (event) => audited.push(event), ...options,
  });
  const clients: KMSClient[] = [];
  return {
    server,
    accountId,
    region,
    principals,
    audited,
    passDays: (days) => (skipMs += days * 86_400_000),
    clientOf: async (name, policies, config) => {
      await principals.create(name);
      for (const [n, policy] of policies.entries()) await principals.attach(name, typeof policy === 'string' ? { name: policy } : { name: `own${n}`, text: JSON.stringify(policy) });
      const { id, secret } = await principals.createAccessKey(name);
      const client = new KMSClient({ endpoint: server.url, region, credentials: { accessKeyId: id, secretAccessKey: secret }, maxAttempts: 1, ...config });
      clients.push(client);
      return client;
    },
    arnOf: (name) => `arn:aws:iam::${accountId}:user/${name}`,
    close: async () => {
      for (const client of clients) client.destroy();
      await server.close();
      await rm(root, { recursive: true, force: true });
    },
  };
}
