/** What the machine allows: open files of a process, and ports that connections leave from. Looked at before the start. */
import { readFileSync } from 'node:fs';
import { LoadError } from './errors.ts';
import type { Scenario } from './scenario.ts';

/** Files that a worker needs besides its sockets. */
const OWN_FILES = 64;

/** Open files that a process of ours may have: Node.js raises the soft limit to the hard one when it starts. */
export function openFilesLimit(): number {
  const { userLimits } = process.report.getReport() as unknown as { userLimits?: { open_files?: { soft: number | string } } };
  const soft = userLimits?.open_files?.soft;
  return typeof soft === 'number' ? soft : Infinity;
}

/** Ports that the system hands out for outgoing connections; undefined where it does not say. */
function portRange(): number | undefined {
  try {
    const [low, high] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/).map(Number);
    return high! - low! + 1;
  } catch {
    return undefined; // not Linux
  }
}

/** Workers that so many clients need by the limit of open files. */
export function workersNeeded(clients: number, filesLimit: number): number {
  return Math.max(1, Math.ceil(clients / Math.max(1, filesLimit - OWN_FILES)));
}

/** Throws LOAD_LIMIT, with what to do, when so many clients cannot connect from here. */
export function checkMachine({ groups }: Scenario, workers: number, shards: number): void {
  const clients = [...groups.values()].reduce((sum, { count }) => sum + count, 0) / shards;
  const files = openFilesLimit();
  const needed = workersNeeded(clients, files);
  if (needed > workers) {
    throw new LoadError('LOAD_LIMIT', `${Math.ceil(clients)} clients need ${needed} workers, because a process may have ${files} open files: give --workers ${needed}, or raise the limit (ulimit -n)`);
  }
  const ports = portRange();
  if (ports === undefined) return;
  for (const { name, count, localAddresses } of groups.values()) {
    const addresses = Math.max(1, localAddresses.length);
    if (count / shards <= ports * addresses) continue;
    const more = Math.ceil(count / shards / ports);
    throw new LoadError('LOAD_LIMIT', `${count} clients (${name}) need more ports than the ${ports} of an address: spread them over ${more} with --local-address 127.0.0.1-127.0.0.${Math.min(254, more)}, or addresses of this machine`);
  }
}
