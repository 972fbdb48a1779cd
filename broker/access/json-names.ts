/**
 * Names in JSON that a parser would lose without a word: the first of two equal names in one object, and `__proto__`.
 * In a policy a lost condition gives access that nobody meant to give.
 */

/** The first such name of `json`, which must be valid JSON, and what is wrong with it; undefined when there is none. */
export function lostName(json: string): { readonly name: string; readonly offset: number; readonly what: string } | undefined {
  const objects: (Set<string> | undefined)[] = []; // undefined for a list
  for (let at = 0; at < json.length; at += 1) {
    const character = json[at];
    if (character === '{') objects.push(new Set());
    else if (character === '[') objects.push(undefined);
    else if (character === '}' || character === ']') objects.pop();
    else if (character === '"') {
      const end = endOfString(json, at);
      const names = objects.at(-1);
      if (names && isFollowedByColon(json, end)) {
        const name = JSON.parse(json.slice(at, end)) as string;
        if (names.has(name)) return { name, offset: at, what: 'stands twice in one object' };
        if (name === '__proto__') return { name, offset: at, what: 'is not a name that a policy has' };
        names.add(name);
      }
      at = end - 1;
    }
  }
  return undefined;
}

/** Just behind the closing quote of the string that begins at `start`. */
function endOfString(json: string, start: number): number {
  let at = start + 1;
  while (json[at] !== '"') at += json[at] === '\\' ? 2 : 1;
  return at + 1;
}

function isFollowedByColon(json: string, from: number): boolean {
  let at = from;
  while (' \t\r\n'.includes(json[at] ?? 'x')) at += 1;
  return json[at] === ':';
}
