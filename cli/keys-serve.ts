/** `thrum keys serve`: the keys of a home on the wire that AWS KMS speaks, until it is told to stop. */
import { once } from 'node:events';
import { Option, type Command } from 'commander';
import { KmsEngine, startKmsServer } from '../broker/mod.ts';
import { now } from './clock.ts';
import { ensureAuthority, ensureServerIdentity, addHomeOptions, openHome, openPrincipals, type Home, type HomeOptions } from './home.ts';
import { catchInterrupt } from './interrupt.ts';
import { addOutputOptions, say, type OutputOptions } from './output.ts';
import { wholeNumber } from './values.ts';

interface ServeOptions extends HomeOptions, OutputOptions {
  readonly host: string;
  readonly port: number;
  readonly tls?: boolean;
}

/** Adds it to `thrum keys`. */
export function addServeCommand(keys: Command): void {
  const command = keys
    .command('serve')
    .description('serve the keys to SDKs and command lines that speak AWS KMS, until Ctrl-C')
    .addOption(new Option('--host <address>', 'address to listen on; give --tls where it is not this machine’s own').default('127.0.0.1'))
    .option('--port <n>', 'port to listen on, 0 for a free one', wholeNumber(0, 65_535), 8885)
    .option('--tls', 'HTTPS, with the home’s server identity')
    .addHelpText(
      'after',
      '\nPrints the endpoint once it listens (with --json as a line of JSON). Who calls signs with an access key of a principal.\n\nExample:\n' +
        '  thrum access principal create ana && thrum access policy attach ana key-user\n  thrum access access-key create ana\n  thrum keys serve --port 8885\n' +
        '  aws kms list-keys --endpoint-url http://127.0.0.1:8885 --region us-east-1',
    );
  addOutputOptions(addHomeOptions(command)).action(serve);
}

async function serve(options: ServeOptions): Promise<void> {
  const home = await openHome(options, 'refuse');
  const engine = new KmsEngine({ store: home.keys.store, audit: home.trail.record });
  const { region } = await engine.home();
  const principals = await openPrincipals(home);
  const tls = options.tls ? await serverIdentity(home, options.host) : undefined;
  const interrupt = catchInterrupt();
  try {
    const server = await startKmsServer({
      engine, region, findAccessKey: (id) => principals.findAccessKey(id), host: options.host, port: options.port, now,
      audit: home.trail.record,
      ...(tls ? { tls } : {}),
      onFault: (error) => say(options, `a request failed: ${error instanceof Error ? error.message : String(error)}`),
    });
    if (!tls && !isLoopback(options.host)) say(options, 'others can read what is sent to this address, plaintexts and data keys too: give --tls');
    const { url, port } = server;
    process.stdout.write(options.json ? `${JSON.stringify({ event: 'listening', url, host: options.host, port, region, home: home.path })}\n` : `serving keys on ${url}, region ${region}\n`);
    if (!interrupt.signal.aborted) await once(interrupt.signal, 'abort');
    await server.close();
  } finally {
    interrupt.release();
  }
  process.stdout.write(options.json ? `${JSON.stringify({ event: 'stopped' })}\n` : 'stopped\n');
}

async function serverIdentity(home: Home, host: string): Promise<{ certificatePem: string; keyPem: string }> {
  const { certificatePem, keyPem } = await ensureServerIdentity(home, await ensureAuthority(home), host);
  return { certificatePem, keyPem };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}
