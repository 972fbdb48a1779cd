/** Operations on a key's tags, and the rules that tags keep. */
import { z } from 'zod';
import { MAX_TAGS, type KeyRecord, type KeyState } from './key-state.ts';
import { allow, mustStay, resolveKey, type Call } from './kms-call.ts';
import { KmsError } from './kms-error.ts';
import { keyId, limit, marker, text } from './kms-input.ts';
import { changes, pageOf, reads, withKey, without, type Operation } from './kms-operation.ts';

type Tags = readonly [string, string][];

/** As the wire has them; members of lists have limits of their own, so that nothing long is looked at. */
export const tagList = z.array(z.object({ TagKey: text(1, 128), TagValue: text(0, 256) })).max(200);

/** What AWS allows in tags: letters, spaces, digits, and `_.:/=+-@`. */
const TAG_TEXT = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

/** The tags of a key that has `before` once `wished` are put on it. TagException. */
export function checkTags(before: Tags, wished: z.output<typeof tagList>): [string, string][] {
  const fresh = wished.map(({ TagKey, TagValue }): [string, string] => [TagKey, TagValue]);
  if (new Set(fresh.map(([name]) => name)).size < fresh.length) throw new KmsError('TagException', 'Duplicate tag keys');
  if (fresh.some(([name]) => name.toLowerCase().startsWith('aws:'))) throw new KmsError('TagException', 'Tags beginning with aws: are reserved');
  if (fresh.some((pair) => !pair.every((one) => TAG_TEXT.test(one)))) throw new KmsError('TagException', 'Tags have letters, digits, spaces and _.:/=+-@ only');
  const named = new Map([...before, ...fresh]);
  if (named.size > MAX_TAGS) throw new KmsError('TagException', 'Too many tags');
  return [...named];
}

/** Condition keys of a request that puts tags. */
export function tagFacts(tags: Tags): Record<string, string | string[]> {
  if (tags.length === 0) return {};
  return { ...Object.fromEntries(tags.map(([name, value]) => [`aws:RequestTag/${name}`, value])), 'aws:TagKeys': tags.map(([name]) => name) };
}

function tag(call: Call, input: { KeyId: string; Tags: z.output<typeof tagList> }): { state: KeyState; result: object } {
  const key = resolveKey(call, input.KeyId, 'no aliases');
  allow(call, 'kms:TagResource', { key, facts: tagFacts(input.Tags.map(({ TagKey, TagValue }) => [TagKey, TagValue])) });
  mustStay(call, key);
  return { state: withKey(call.state, key, tagged(key, checkTags(key.tags ?? [], input.Tags))), result: {} };
}

function untag(call: Call, input: { KeyId: string; TagKeys: string[] }): { state: KeyState; result: object } {
  const key = resolveKey(call, input.KeyId, 'no aliases');
  allow(call, 'kms:UntagResource', { key, facts: { 'aws:TagKeys': input.TagKeys } });
  mustStay(call, key);
  const names = new Set(input.TagKeys);
  return { state: withKey(call.state, key, tagged(key, (key.tags ?? []).filter(([name]) => !names.has(name)))), result: {} };
}

function tagged(key: KeyRecord, tags: [string, string][]): KeyRecord {
  return tags.length === 0 ? without(key, 'tags') : { ...key, tags };
}

export const tagOperations: readonly (readonly [string, Operation])[] = [
  ['TagResource', changes(z.object({ KeyId: keyId, Tags: tagList }), tag)],
  ['UntagResource', changes(z.object({ KeyId: keyId, TagKeys: z.array(text(1, 128)).max(200) }), untag)],
  ['ListResourceTags', reads(z.object({ KeyId: keyId, Limit: limit(50), Marker: marker }), (call, input) => {
    const key = resolveKey(call, input.KeyId, 'no aliases');
    allow(call, 'kms:ListResourceTags', { key });
    const { items, more } = pageOf(key.tags ?? [], ([name]) => name, input.Limit ?? 50, input.Marker);
    return { Tags: items.map(([TagKey, TagValue]) => ({ TagKey, TagValue })), ...more };
  })],
];
