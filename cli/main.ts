#!/usr/bin/env node
/** The `thrum` command: reads arguments, calls the rooms, prints. Errors become one line and an exit code here only. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { closeTrails } from './audit-trail.ts';
import { COMMANDS } from './commands.ts';
import { EXIT, explain } from './errors.ts';

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
