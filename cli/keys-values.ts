/** How values of `thrum keys` are written: pairs, operations, principals. */
import { servicePrincipal } from '../broker/mod.ts';
import { CliError } from './errors.ts';

/** `name=value` → name and value; the value may have `=` in it. CLI_USAGE. */
export function pairs(texts: readonly string[]): [string, string][] {
  return texts.map((text) => {
    const at = text.indexOf('=');
    if (at < 1) throw new CliError('CLI_USAGE', `'${text}' is not a pair: write name=value`);
    return [text.slice(0, at), text.slice(at + 1)];
  });
}

/** The same as an object that keeps every name, `__proto__` too; a name that is given twice is wrong. */
export function pairMap(texts: readonly string[]): Record<string, string> {
  const all = pairs(texts);
  const twice = all.find(([name], n) => all.findIndex(([other]) => other === name) !== n);
  if (twice) throw new CliError('CLI_USAGE', `'${twice[0]}' is given twice: a name has one value`);
  return Object.fromEntries(all);
}

/** An ARN as it is; `broker`, `user/NAME` and `role/NAME` as those of the home's account. */
export function principalArn(text: string, accountId: string): string {
  if (text === 'broker') return servicePrincipal(accountId);
  return /^(user|role)\/./.test(text) || text === 'root' ? `arn:aws:iam::${accountId}:${text}` : text;
}
