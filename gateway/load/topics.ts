/** Names made from templates, and filters held against topics (MQTT 3.1.1, 4.7). */

/** Replaces `{name}` by its value; names that nobody gives stay (the scenario's check has refused them). */
export function fillIn(template: string, values: Readonly<Record<string, string | number>>): string {
  return template.replaceAll(/\{([a-zA-Z]+)\}/g, (whole, name: string) => (Object.hasOwn(values, name) ? String(values[name]) : whole));
}

/** A shared subscription's group and filter; the group is '' for one of its own. */
export function sharedFilter(filter: string): { readonly group: string; readonly filter: string } {
  const match = /^\$share\/([^/]+)\/(.+)$/s.exec(filter);
  return match ? { group: match[1]!, filter: match[2]! } : { group: '', filter };
}

/** Whether a topic is one that a filter (not shared) asks for. */
export function matchesFilter(filter: string, topic: string): boolean {
  const wanted = filter.split('/');
  const levels = topic.split('/');
  if (topic.startsWith('$') && /^[#+]/.test(filter)) return false;
  for (const [index, level] of wanted.entries()) {
    if (level === '#') return true;
    if (index >= levels.length || (level !== '+' && level !== levels[index])) return false;
  }
  return wanted.length === levels.length;
}
