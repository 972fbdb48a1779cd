#!/usr/bin/env node
/** The `thrum` command: reads arguments, calls the rooms, prints. Errors become one line and an exit code here only. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { closeTrails } from './audit-trail.ts';
import { EXIT, explain } from './errors.ts';

/** Each command's module is read when it is needed: what one command loads, the others do not wait for. */
const COMMANDS = new Map<string, () => Promise<(program: Command) => void>>([
  ['run', async () => (await import('./run.ts')).addRunCommand],
  ['broker', async () => (await import('./broker.ts')).addBrokerCommand],
  ['gateway', async () => (await import('./fleet.ts')).addGatewayCommand],
  ['fleet', async () => (await import('./fleet.ts')).addFleetCommand],
  ['project', async () => (await import('./project.ts')).addProjectCommand],
  ['keys', async () => (await import('./keys.ts')).addKeysCommand],
  ['access', async () => (await import('./access.ts')).addAccessCommand],
  ['certs', async () => (await import('./certs.ts')).addCertsCommand],
  ['audit', async () => (await import('./audit.ts')).addAuditCommand],
  ['store', async () => (await import('./store.ts')).addStoreCommand],
  ['load', async () => (await import('./load.ts')).addLoadCommand],
  ['handshake', async () => (await import('./handshake.ts')).addHandshakeCommand],
  ['frame', async () => (await import('./frame.ts')).addFrameCommand],
]);

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };

const program = new Command('thrum')
  .description('A vibration-sensor fleet that runs anywhere: sensors, gateways, mutual-TLS MQTT, an encrypted store.')
  .version(version)
  .configureOutput({ outputError: (text, write) => write(`thrum: ${text.replace(/^error: /, '').trim().replaceAll(/\s*\n\s*/g, ' ')} (try --help)\n`) })
  .enablePositionalOptions() // an option belongs to the command that it follows
  .exitOverride();

// All of them for the list of commands, and where the first word is none.
const named = COMMANDS.get(process.argv[2] ?? '');
for (const load of named ? [named] : COMMANDS.values()) (await load())(program);

// Whom a command acts for is asked before anything is done.
program.hook('preAction', async (_program, command) => {
  const acting = command.opts<{ as?: string }>().as ?? process.env['THRUM_PRINCIPAL'];
  if (acting !== undefined) await (await import('./access-guard.ts')).guardCommand(command, acting);
});

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever reads has seen enough, as `head` does: the command still ends in its own way, with its own exit code.
  if (error.code === 'EPIPE') return;
  process.stderr.write(`thrum: standard output: ${explain(error).message}\n`);
  process.exit(EXIT.environment);
});

let failure: unknown;
try {
  await program.parseAsync();
} catch (error) {
  failure = error;
  const { message, exitCode } = explain(error);
  if (message !== '') process.stderr.write(`thrum: ${message}\n`);
  process.exitCode = exitCode;
} finally {
  await closeTrails(failure);
}
