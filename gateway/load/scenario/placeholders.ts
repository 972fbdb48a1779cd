/** Placeholders: where a text differs from client to client. Which there are depends on what the text is for. */

/** In a client's id: its index in the group, the group's name, the EUI-64 of a simulated gateway. */
export const ID_PLACEHOLDERS = ['n', 'group', 'gateway'] as const;
/** In topics and filters; `client` is the client's id, `project` the project of its certificate. */
export const TOPIC_PLACEHOLDERS = ['client', 'n', 'group', 'gateway', 'project'] as const;
/** In paths of certificates and keys. */
export const PATH_PLACEHOLDERS = ['client', 'n', 'gateway'] as const;

/** What is wrong with the placeholders of a text; undefined when each is known and every brace belongs to one. */
export function placeholderFault(text: string, known: readonly string[]): string | undefined {
  const offered = known.map((name) => `{${name}}`).join(', ');
  const rest = text.replaceAll(/\{([^{}]*)\}/g, (whole, name: string) => (known.includes(name) ? '' : whole));
  const unknown = /\{[^{}]*\}/.exec(rest)?.[0];
  if (unknown !== undefined) return `${unknown} is no placeholder here: there are ${offered}`;
  return /[{}]/.test(rest) ? `a brace stands alone: placeholders are ${offered}` : undefined;
}

/** True when each client of a group gets a text of its own. */
export function differsByClient(text: string): boolean {
  return /\{(n|client|gateway)\}/.test(text);
}
