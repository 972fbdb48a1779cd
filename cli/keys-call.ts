/** How `thrum keys` commands ask the key service: for whom they act, through the KMS engine, with its refusals in a line that helps. */
import { AccessError, KeyError, KmsEngine, KmsError, type KeyDescription, type KeyErrorCode } from '../broker/mod.ts';
import { actingPrincipal, callForActing } from './acting.ts';
import type { Home } from './home.ts';

/** Of a list at once: the least that all of its operations take. */
const PAGE = 100;

/** Does one operation of the KMS engine. Throws KeyError; ACCESS_DENIED where the command acts for a principal who may not. */
export async function callKms(home: Home, operation: string, input: object): Promise<object> {
  const engine = new KmsEngine({ store: home.keys.store, audit: home.trail.record });
  try {
    const { accountId } = await engine.home();
    return await callForActing(accountId, (caller) => engine.call(operation, input, caller));
  } catch (error) {
    throw error instanceof KmsError ? explained(error) : error;
  }
}

/** All that a list of the key service has, page after page. */
export async function listKms<T>(home: Home, operation: 'ListAliases' | 'ListGrants' | 'ListKeys', input: object = {}): Promise<T[]> {
  const all: T[] = [];
  for (let marker: string | undefined; ; ) {
    const page = (await callKms(home, operation, { ...input, Limit: PAGE, ...(marker === undefined ? {} : { Marker: marker }) })) as Record<string, T[]> & { readonly NextMarker?: string };
    all.push(...page[operation.slice('List'.length)]!);
    marker = page.NextMarker;
    if (marker === undefined) return all;
  }
}

/** The answer; undefined where the one for whom the command acts may not have it. */
export async function ifAllowed<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if ((error instanceof AccessError && error.code === 'ACCESS_DENIED') || (error instanceof KeyError && error.code === 'KEY_DENIED')) return undefined;
    throw error;
  }
}

/**
 * Whether the one for whom the command acts may look at a key so. A look at each of a list is not worth a record each: the
 * list has one.
 */
export async function maySee(home: Home, operation: 'DescribeKey' | 'GetKeyRotationStatus', keyId: string): Promise<boolean> {
  if (actingPrincipal() === undefined) return true;
  const engine = new KmsEngine({ store: home.keys.store });
  const { accountId } = await engine.home();
  return (await ifAllowed(callForActing(accountId, (caller) => engine.call(operation, { KeyId: keyId }, caller)))) !== undefined;
}

/**
 * The key that a command is to change, by id, ARN, alias or alias ARN. KEY_NOT_FOUND, or KEY_DENIED for one that the
 * service owns.
 */
export async function keyToChange(home: Home, name: string): Promise<KeyDescription> {
  const key = await home.keys.describeKey(name);
  if (key.owner === 'service') {
    throw new KeyError('KEY_DENIED', `key ${key.keyId} is the service's own, which only it can change: make a project with a key of yours ('thrum keys create', 'thrum project create --key') to control it`);
  }
  return key;
}

/** A project that is under a key, with its name as far as that can be read now. */
export interface ProjectUnderKey {
  readonly projectId: string;
  readonly name?: string;
}

/**
 * What depends on a key, with names as far as they can be read at that moment. A project whose file was altered is left
 * out: it must not keep an owner from taking a key away.
 */
export async function projectsUnder(home: Home, keyId: string): Promise<ProjectUnderKey[]> {
  const under: ProjectUnderKey[] = [];
  for (const projectId of await home.projects.ids()) {
    const reference = await home.projects.reference(projectId).catch(() => undefined);
    if (reference?.keyId !== keyId) continue;
    const name = await home.projects.read(projectId).then((project) => project.name, () => undefined);
    under.push({ projectId, ...(name === undefined ? {} : { name }) });
  }
  return under;
}

/** `no project is under it`, or which ones are. */
export function projectsText(projects: readonly ProjectUnderKey[]): string {
  if (projects.length === 0) return 'no project is under it';
  return `under it: ${projects.map(({ projectId, name }) => (name === undefined ? projectId : `${name} (${projectId})`)).join(', ')}`;
}

const CODES: Partial<Record<string, KeyErrorCode>> = {
  NotFoundException: 'KEY_NOT_FOUND',
  AccessDeniedException: 'KEY_DENIED',
  AlreadyExistsException: 'KEY_ALIAS_EXISTS',
  DisabledException: 'KEY_DISABLED',
};

function explained(error: KmsError): KeyError {
  const hint = error.type === 'DisabledException' ? " Enable it first ('thrum keys enable')." : '';
  return new KeyError(CODES[error.type] ?? 'KEY_BAD_REQUEST', `${error.message}${hint}`, { cause: error });
}
