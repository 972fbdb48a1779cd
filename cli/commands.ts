/** The commands, by their first word. */
import type { Command } from 'commander';

/** Each command's module is read when it is needed: what one command loads, the others do not wait for. */
export const COMMANDS = new Map<string, () => Promise<(program: Command) => void>>([
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
