/** `thrum handshake`: testers of TLS and MQTT handshakes. */
import type { Command } from 'commander';
import { addHandshakeClientCommand } from './handshake-client.ts';

export function addHandshakeCommand(program: Command): void {
  const handshake = program.command('handshake').description('test TLS and MQTT handshakes');
  addHandshakeClientCommand(handshake);
}
