/**
 * Descriptions, tags and aliases that come over the wire are screened as those of commands are (docs/screening.md). The wire of AWS KMS has
 * no place to say that a text is meant all the same: who must have it uses the command.
 */
import { screen } from '../screening/screen.ts';
import { WireError } from './wire-error.ts';

/** Operations that name or describe a key. */
const NAMING = new Set(['CreateAlias', 'CreateKey', 'TagResource', 'UpdateKeyDescription']);
/** What is longer, or more, is refused by the operation itself. */
const TEXT_CHARS_MAX = 8192;
const TAGS_MAX = 200;

/** Throws ValidationException, which names the member and the kind of what was found, never the text. */
export function screenInput(operation: string, input: unknown): void {
  if (!NAMING.has(operation)) return;
  const { AliasName, Description, Tags } = membersOf(input);
  const tags = Array.isArray(Tags) ? Tags.slice(0, TAGS_MAX) : [];
  const texts: [string, unknown][] = [['aliasName', AliasName], ['description', Description], ...tags.map((tag, n): [string, unknown] => [`tags.${n + 1}.member`, tagText(tag)])];
  for (const [member, text] of texts) {
    const [found] = typeof text === 'string' ? screen(text.slice(0, TEXT_CHARS_MAX)) : [];
    if (found) throw new WireError('ValidationException', `1 validation error detected: Value at '${member}' failed to satisfy constraint: Member must not hold what looks like this: ${found.kind}`);
  }
}

/** As the command takes it: a label and its value are seen together. */
function tagText(tag: unknown): string {
  const { TagKey, TagValue } = membersOf(tag);
  return [TagKey, TagValue].filter((one) => typeof one === 'string').join('=');
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
