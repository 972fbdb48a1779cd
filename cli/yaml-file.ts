/**
 * Reads YAML files that people write. Promises: what is wrong is told in one line with file, line and column, also when
 * it is found out later, by a path of keys; a file is of bounded size, and aliases cannot blow it up.
 */
import { open } from 'node:fs/promises';
import { isMap, isNode, LineCounter, parseDocument, visit, type Document } from 'yaml';

/** Aliases may multiply what a file says; no setting needs one. */
const MAX_ALIASES = 100;

export interface YamlFile {
  /** What the file says; an empty file says `{}`. */
  readonly value: unknown;
  /** `file:line:column` of what stands at a path of keys, or of the nearest thing around it. */
  readonly place: (keys: readonly PropertyKey[]) => string;
}

/** A kind of file: how it is called, how long it may be, and the error for what is wrong in it. */
export interface YamlKind {
  readonly name: string;
  readonly maxBytes: number;
  readonly fault: (message: string, cause?: unknown) => Error;
}

/** Reads and evaluates a file. Throws the kind's fault for what is no YAML, and what the system says of files. */
export async function readYamlFile(path: string, kind: YamlKind): Promise<YamlFile> {
  const text = await readAtMost(path, kind.maxBytes);
  if (text === undefined) throw kind.fault(`${path}: a ${kind.name} has at most ${kind.maxBytes} bytes`);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${path}:${line}:${col}`;
  };
  const fault = document.errors[0];
  if (fault) throw kind.fault(`${at(fault.pos[0])}: ${fault.message.split('\n')[0]}`);
  return { value: valueOf(document, (offset, error) => kind.fault(`${at(offset)}: ${error.message}`, error)), place: (keys) => at(offsetOf(document, keys)) };
}

/** The path of an issue that zod found, down to the key that is too much. */
export function issuePath(issue: { readonly code: string; readonly path: readonly PropertyKey[]; readonly keys?: readonly string[] }): readonly PropertyKey[] {
  return issue.code === 'unrecognized_keys' ? [...issue.path, ...(issue.keys ?? []).slice(0, 1)] : issue.path;
}

/** The text; undefined when there is more of it. */
async function readAtMost(path: string, maxBytes: number): Promise<string | undefined> {
  const file = await open(path);
  try {
    const bytes = Buffer.alloc(maxBytes + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length, null);
      length += bytesRead;
      if (bytesRead === 0 || length > maxBytes) break;
    }
    return length > maxBytes ? undefined : bytes.toString('utf8', 0, length);
  } finally {
    await file.close();
  }
}

/** What a document says; its errors so far concern its form only, and aliases are looked up when it is evaluated. */
function valueOf(document: Document, fault: (offset: number, error: Error) => Error): unknown {
  try {
    return (document.toJS({ maxAliasCount: MAX_ALIASES }) as unknown) ?? {};
  } catch (error) {
    let offset = 0;
    visit(document, {
      Alias: (_key, alias) => {
        offset = alias.range?.[0] ?? 0;
        return alias.resolve(document) === undefined ? visit.BREAK : undefined; // this one, else the last of too many
      },
    });
    throw fault(offset, error as Error);
  }
}

/** Where the value at a path begins; its key, when the value is empty; what is around it, when there is neither. */
function offsetOf(document: Document, keys: readonly PropertyKey[]): number {
  for (let depth = keys.length; depth > 0; depth -= 1) {
    const around: unknown = depth === 1 ? document.contents : document.getIn(keys.slice(0, depth - 1), true);
    const node: unknown = document.getIn(keys.slice(0, depth), true);
    const pair = isMap(around) ? around.items.find(({ key }) => String(key) === String(keys[depth - 1])) : undefined;
    for (const place of [node, pair?.key]) {
      if (isNode(place) && place.range && place.range[1] > place.range[0]) return place.range[0];
    }
  }
  return document.contents?.range?.[0] ?? 0;
}
