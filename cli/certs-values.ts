/** What the `thrum certs` commands have in common: kinds of keys, and who an identity is for. */
import { open } from 'node:fs/promises';
import { Option, type Command } from 'commander';
import { KEY_TYPES, type IdentityRequest, type KeyType, type Role } from '../certs/mod.ts';
import { CliError } from './errors.ts';
import { positiveNumber } from './values.ts';

/** `--key-type`. */
export function keyTypeOption(): Option {
  return new Option('--key-type <type>', 'kind of key').choices(KEY_TYPES).default('ec-p256');
}

/** What says who an identity is for. */
export interface WhoOptions {
  readonly project?: string;
  readonly gateway?: string;
  readonly name?: string;
  readonly dns?: string[];
  readonly ip?: string[];
  readonly days?: number;
  readonly keyType?: KeyType;
}

/** Adds the options of {@link WhoOptions}, less the kind of key. */
export function addWhoOptions(command: Command): Command {
  return command
    .option('--project <id>', 'gateway: project id or name')
    .option('--gateway <id>', 'gateway: its EUI-64, 16 hexadecimal digits')
    .option('--name <name>', 'operator: name')
    .option('--dns <name...>', 'server: DNS names')
    .option('--ip <address...>', 'server: IP addresses')
    .option('--days <n>', 'validity in days, from 0.0007 (a minute) to 3650', positiveNumber);
}

/** The request that the options make; `projectIdOf` finds a project by name or id. CLI_USAGE when something is missing. */
export async function requestOf(role: Role, options: WhoOptions, projectIdOf: (project: string) => Promise<string>): Promise<IdentityRequest> {
  const { keyType, days, project, gateway, name, dns, ip } = options;
  const common = { ...(keyType === undefined ? {} : { keyType }), ...(days === undefined ? {} : { lifetimeDays: days }) };
  if (role === 'gateway') {
    if (project === undefined || gateway === undefined) throw new CliError('CLI_USAGE', 'a gateway needs --project and --gateway');
    return { role, projectId: await projectIdOf(project), gatewayId: gateway, ...common };
  }
  if (role === 'operator') {
    if (name === undefined) throw new CliError('CLI_USAGE', 'an operator needs --name');
    return { role, name, ...common };
  }
  return { role, ...(dns ? { dnsNames: dns } : {}), ...(ip ? { ipAddresses: ip } : {}), ...common };
}

/** The largest file looked at: thousands of certificates. */
const INPUT_BYTES_MAX = 16 * 1024 * 1024;

/** The bytes of a file that somebody named, or of what stands at its name, up to 16 MiB. CLI_USAGE past that. */
export async function readInput(path: string): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of handle.createReadStream({ autoClose: false })) {
      size += (chunk as Buffer).length;
      if (size > INPUT_BYTES_MAX) throw new CliError('CLI_USAGE', `${path} is larger than ${INPUT_BYTES_MAX} bytes`);
      chunks.push(chunk as Buffer);
    }
    return Buffer.concat(chunks);
  } finally {
    await handle.close();
  }
}
