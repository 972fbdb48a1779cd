#!/usr/bin/env node
/** The `thrum` command: reads arguments, calls the rooms, prints. Errors become one line and an exit code here only. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { addBrokerCommand } from './broker.ts';
import { addCertsCommand } from './certs.ts';
import { EXIT, explain } from './errors.ts';
import { addFleetCommand, addGatewayCommand } from './fleet.ts';
import { addFrameCommand } from './frame.ts';
import { addHandshakeCommand } from './handshake.ts';
import { addKeysCommand } from './keys.ts';
import { addProjectCommand } from './project.ts';
import { addRunCommand } from './run.ts';
import { addStoreCommand } from './store.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };

const program = new Command('thrum')
  .description('A vibration-sensor fleet that runs anywhere: sensors, gateways, mutual-TLS MQTT, an encrypted store.')
  .version(version)
  .configureOutput({ outputError: (text, write) => write(`thrum: ${text.replace(/^error: /, '').trim().replaceAll(/\s*\n\s*/g, ' ')} (try --help)\n`) })
  .exitOverride();

for (const add of [
  addRunCommand,
  addBrokerCommand,
  addGatewayCommand,
  addFleetCommand,
  addProjectCommand,
  addKeysCommand,
  addCertsCommand,
  addStoreCommand,
  addFrameCommand,
  addHandshakeCommand,
]) {
  add(program);
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever reads has seen enough, as `head` does: the command still ends in its own way, with its own exit code.
  if (error.code === 'EPIPE') return;
  process.stderr.write(`thrum: standard output: ${explain(error).message}\n`);
  process.exit(EXIT.environment);
});

try {
  await program.parseAsync();
} catch (error) {
  const { message, exitCode } = explain(error);
  if (message !== '') process.stderr.write(`thrum: ${message}\n`);
  process.exitCode = exitCode;
}
