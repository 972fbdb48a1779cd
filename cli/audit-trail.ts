/** The audit trail as commands use it: opened with the home, told what commands do, written out when they end, however they end. */
import { join } from 'node:path';
import { AuditTrail, OWNER_PRINCIPAL, projectArn, type AuditEvent, type RootSource } from '../broker/mod.ts';
import { actingPrincipal } from './acting.ts';
import { now } from './clock.ts';

const REGION = 'us-east-1';
const open = new Set<AuditTrail>();

/** The trail of the home in `path`. `accountId` is asked when something is recorded. */
export function openTrail(path: string, source: RootSource, accountId: () => Promise<string>): AuditTrail {
  const trail = AuditTrail.open({ directory: join(path, 'audit'), keysDirectory: join(path, 'keys'), source, accountId, region: REGION, now });
  open.add(trail);
  return trail;
}

/**
 * Writes out what commands recorded; says so on stderr where that cannot be, unless `failure` has said why already. Whatever
 * the command did is done all the same.
 */
export async function closeTrails(failure?: unknown): Promise<void> {
  for (const trail of open) {
    await trail.close().catch((error: unknown) => {
      if ((failure as Error | undefined)?.message === (error as Error).message) return;
      process.stderr.write(`thrum: the audit trail in ${trail.directory} could not be written, so what this command did is not in it: ${(error as Error).message}\n`);
    });
  }
  open.clear();
}

/** What a command does, and to what. Names are not in it: a trail is read by others than those who may read what it is about. */
export type CommandAct = Pick<AuditEvent, 'eventName' | 'requestParameters'> & {
  readonly projectId?: string | undefined;
  /** Who, where it is not the one for whom the command acts. */
  readonly principal?: string;
};

/** Does the work and records it, or that it failed. `told` gives what came of it. */
export async function audited<T>(trail: AuditTrail, act: CommandAct, work: () => Promise<T>, told?: (result: T) => Partial<CommandAct> & Pick<AuditEvent, 'responseElements'>): Promise<T> {
  try {
    const result = await work();
    const { projectId = act.projectId, ...more } = told?.(result) ?? {};
    trail.record({ ...eventOf({ ...act, projectId }), ...more });
    return result;
  } catch (error) {
    const { code, name, message } = error as Error & { readonly code?: unknown };
    trail.record({ ...eventOf(act), errorCode: typeof code === 'string' ? code : name, errorMessage: message });
    throw error;
  }
}

function eventOf({ eventName, requestParameters, projectId, principal = actingPrincipal() ?? OWNER_PRINCIPAL }: CommandAct): AuditEvent {
  const resources = projectId === undefined ? [] : [projectArn(projectId)];
  return { eventSource: 'thrum', eventName, principal, sourceIpAddress: undefined, requestParameters, readOnly: false, resources };
}
