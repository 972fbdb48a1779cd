/** `thrum handshake`: tests of mutual-TLS MQTT handshakes, of brokers and of clients. */
import type { Command } from 'commander';
import { addBrokerTest } from './handshake-broker.ts';
import { addHandshakeClientCommand } from './handshake-client.ts';

export function addHandshakeCommand(program: Command): void {
  const handshake = program.command('handshake').description('test mutual-TLS MQTT handshakes: of a broker, or of a client or gateway');
  addBrokerTest(handshake);
  addHandshakeClientCommand(handshake);
}
