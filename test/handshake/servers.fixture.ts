/** Other people's TLS servers, started on free ports with the configuration that a test wants, and stopped again. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { freePort } from '../cli.ts';

export type ServerName = 'mosquitto' | 'openssl' | 'nginx' | 'stunnel';

/** What a server is started with. PEM texts; what a server has no option for it ignores. */
export interface ServerSetup {
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly authorityPem: string;
  readonly crlPem?: string;
  /** Lines, or arguments for `openssl s_server`, that make it good or bad. */
  readonly config: readonly string[];
}

export interface RunningServer {
  readonly port: number;
  stop(): Promise<void>;
}

const COMMANDS: Readonly<Record<ServerName, readonly [string, string]>> = {
  mosquitto: ['mosquitto', '-h'],
  openssl: ['openssl', 'version'],
  nginx: ['nginx', '-v'],
  stunnel: ['stunnel', '-version'],
};

/** Whether the program is there. */
export function isInstalled(name: ServerName): boolean {
  return spawnSync(COMMANDS[name][0], [COMMANDS[name][1]], { stdio: 'ignore' }).error === undefined;
}

/** Starts a server in a folder of its own and resolves when its port answers. */
export async function startServer(name: ServerName, folder: string, setup: ServerSetup): Promise<RunningServer> {
  await mkdir(folder, { recursive: true });
  const file = (part: string): string => join(folder, part);
  const port = await freePort();
  await writeFile(file('cert.pem'), setup.certificatePem);
  await writeFile(file('key.pem'), setup.keyPem, { mode: 0o600 });
  await writeFile(file('ca.pem'), setup.authorityPem);
  if (setup.crlPem !== undefined) await writeFile(file('crl.pem'), setup.crlPem);
  const config = setup.config.map((line) => line.replaceAll('{dir}', folder));
  const child = await launch(name, file, port, config);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      said = `${said}${chunk.toString()}`.slice(-4_000);
    });
  }
  const ended = once(child, 'exit');
  await Promise.race([untilListening(port), ended.then(() => Promise.reject(new Error(`${name} ended at once: ${said}`)))]);
  return {
    port,
    stop: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

async function launch(name: ServerName, file: (part: string) => string, port: number, config: readonly string[]): Promise<ChildProcess> {
  const run = (command: string, args: readonly string[]): ChildProcess => spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  switch (name) {
    case 'mosquitto': {
      const lines = [
        `listener ${port} 127.0.0.1`,
        `cafile ${file('ca.pem')}`,
        `certfile ${file('cert.pem')}`,
        `keyfile ${file('key.pem')}`,
        'user root',
        ...config,
      ];
      await writeFile(file('mosquitto.conf'), `${lines.join('\n')}\n`);
      return run('mosquitto', ['-c', file('mosquitto.conf')]);
    }
    case 'openssl':
      return run('openssl', [
        's_server',
        '-accept',
        `127.0.0.1:${port}`,
        '-cert',
        file('cert.pem'),
        '-key',
        file('key.pem'),
        '-CAfile',
        file('ca.pem'),
        '-quiet',
        ...config,
      ]);
    case 'nginx': {
      const server = [
        `listen 127.0.0.1:${port} ssl;`,
        `ssl_certificate ${file('cert.pem')};`,
        `ssl_certificate_key ${file('key.pem')};`,
        `ssl_client_certificate ${file('ca.pem')};`,
        ...config,
        'return "";',
      ];
      await writeFile(
        file('nginx.conf'),
        [
          'load_module /usr/lib/nginx/modules/ngx_stream_module.so;',
          'daemon off; master_process off; user root;',
          `pid ${file('nginx.pid')}; error_log stderr;`,
          'events { worker_connections 512; }',
          // Behind the TLS: something that listens and says nothing.
          `stream { server { ${server.slice(0, -1).join(' ')} proxy_pass 127.0.0.1:${await silentPort()}; } }`,
          '',
        ].join('\n'),
      );
      return run('nginx', ['-e', 'stderr', '-c', file('nginx.conf'), '-p', file('.')]);
    }
    case 'stunnel': {
      const lines = [
        'foreground = yes',
        'syslog = no',
        `pid = ${file('stunnel.pid')}`,
        '[mqtts]',
        `accept = 127.0.0.1:${port}`,
        `connect = 127.0.0.1:${await silentPort()}`,
        `cert = ${file('cert.pem')}`,
        `key = ${file('key.pem')}`,
        `CAfile = ${file('ca.pem')}`,
        ...config,
      ];
      await writeFile(file('stunnel.conf'), `${lines.join('\n')}\n`);
      return run('stunnel', [file('stunnel.conf')]);
    }
  }
}

let silent: Promise<number> | undefined;

/** A port behind which nobody speaks, for servers that pass on what they decrypt. Lives as long as the process. */
function silentPort(): Promise<number> {
  silent ??= (async () => {
    const server = createServer((socket) => socket.on('error', () => undefined).resume());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    server.unref();
    return (server.address() as { port: number }).port;
  })();
  return silent;
}

async function untilListening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const socket = createConnection({ port, host: '127.0.0.1' });
    const answered = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (answered) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`nobody listens on port ${port}`);
}
