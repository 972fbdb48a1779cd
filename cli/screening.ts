/** `--allow-sensitive-text`: what people name things is screened before anything is made of it. */
import type { Command } from 'commander';
import { refuseSensitiveText } from '../broker/mod.ts';

export interface ScreeningOptions {
  readonly allowSensitiveText?: boolean;
}

export function addScreeningOption(command: Command): Command {
  return command.option('--allow-sensitive-text', 'take names that seem to hold an account number, an address, a key or a password');
}

/** Throws SENSITIVE_TEXT unless that is allowed; `texts` by what they are, such as `the project name`. */
export function screenTexts({ allowSensitiveText }: ScreeningOptions, texts: Readonly<Record<string, string | undefined>>): void {
  if (allowSensitiveText !== true) refuseSensitiveText(texts);
}
