/**
 * The bytes of a project file: its key, customer and grant in clear, its name and settings sealed.
 *
 *   version 2: "THRUMPRJ" 2, parts (sealed-header.ts): key ARN, customer (12 digits), grant id or nothing, wrapped data key; sealed JSON
 *   version 1: "THRUMPRJ" 1, one part: the data key, wrapped by the embedded key service; sealed JSON
 */
import { z } from 'zod';
import { deriveKey, openOnce, sealOnce, SealError } from '../certs/mod.ts';
import { embeddedKeyOf } from './keys/embedded-provider.ts';
import { accountOf, projectContext } from './keys/project-context.ts';
import type { EncryptionContext } from './keys/ciphertext.ts';
import { headerBytes, readHeader, versionOf } from './sealed-header.ts';

const MAGIC = Buffer.from('THRUMPRJ');
const VERSION = 2;
/** As in the managed services this follows: 1 to 60 characters, nothing that a terminal would act on. */
export const PROJECT_NAME = /^[^\p{C}]{1,60}$/u;

/** Keys that a project was under before and may still need; a file is small. */
export const MAX_FORMER_GRANTS = 16;

const contents = z.strictObject({
  name: z.string().regex(PROJECT_NAME),
  createdMs: z.number().int().nonnegative(),
  encryption: z.enum(['service', 'custom']),
  customerId: z.string().regex(/^\d{12}$/).optional(),
  /** The broker's grants on keys that the project was under before: to be given up once nothing is under these. */
  formerGrants: z.array(z.strictObject({ keyArn: z.string(), grantId: z.string() })).min(1).max(MAX_FORMER_GRANTS).optional(),
});

/** What only who has the key can read. */
export type ProjectContents = z.infer<typeof contents>;
/** What of it concerns others than the project's file. */
export type ProjectDetails = Omit<ProjectContents, 'formerGrants'>;

/** What the file says in clear. `keyArn`: in version 1 the id of a key of the embedded service. */
export interface ProjectFile {
  readonly version: 1 | 2;
  readonly keyArn: string;
  readonly customerId: string | undefined;
  readonly grantId: string | undefined;
  readonly wrapped: Buffer;
  readonly header: Buffer;
  readonly sealed: Buffer;
}

export function projectFileContext(projectId: string, customerId: string | undefined): EncryptionContext {
  return projectContext('project', projectId, customerId);
}

export function projectFileBytes(key: { readonly keyArn: string; readonly customerId: string; readonly grantId: string | undefined; readonly wrapped: Buffer }, dataKey: Buffer, project: ProjectContents): Buffer {
  const header = headerBytes(MAGIC, VERSION, [Buffer.from(key.keyArn), Buffer.from(key.customerId), Buffer.from(key.grantId ?? ''), key.wrapped]);
  return Buffer.concat([header, sealOnce(sealingKey(dataKey, VERSION), header, Buffer.from(JSON.stringify(project)))]);
}

/** The clear part; undefined when it does not parse. Nothing vouches for it before the rest is opened. */
export function parseProjectFile(bytes: Buffer): ProjectFile | undefined {
  const version = versionOf(bytes, MAGIC);
  if (version !== 1 && version !== VERSION) return undefined;
  const read = readHeader(bytes, version === 1 ? 1 : 4);
  if (!read) return undefined;
  const { header, sealed, parts } = read;
  const wrapped = parts.at(-1)!;
  if (version === 1) {
    try {
      return { version, keyArn: embeddedKeyOf(wrapped), customerId: undefined, grantId: undefined, wrapped, header, sealed };
    } catch {
      return undefined;
    }
  }
  const [keyArn, customerId, grantId] = parts.map(String) as [string, string, string];
  if (accountOf(keyArn) === undefined || !/^\d{12}$/.test(customerId)) return undefined;
  return { version, keyArn, customerId, grantId: grantId === '' ? undefined : grantId, wrapped, header, sealed };
}

/** Opens what is sealed; undefined when it does not open with this data key, or the file was altered. */
export function openProjectFile({ version, header, sealed, customerId }: ProjectFile, dataKey: Buffer): ProjectContents | undefined {
  try {
    const opened = contents.parse(JSON.parse(openOnce(sealingKey(dataKey, version), header, sealed).toString('utf8')));
    return opened.customerId === customerId ? opened : undefined;
  } catch (error) {
    if (error instanceof SealError || error instanceof z.ZodError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Wipes the data key, which protects nothing else. */
function sealingKey(dataKey: Buffer, version: number): Buffer {
  const key = deriveKey(dataKey, MAGIC, `thrum project v${version}`);
  dataKey.fill(0);
  return key;
}
