/** The options that the commands on the store share: which home, in which KMS its keys are, which bucket, what to print. */
import type { Command } from 'commander';
import { addHomeOptions, type HomeOptions } from './home.ts';
import { addKmsOptions } from './kms-options.ts';
import { addOutputOptions, type OutputOptions } from './output.ts';
import { addRemoteOptions } from './remote-options.ts';

export type StoreOptions = HomeOptions & OutputOptions & { readonly project?: string };

/** Adds them to a command whose own options are there already. */
export function addStoreOptions(command: Command): Command {
  return addOutputOptions(addKmsOptions(addHomeOptions(addRemoteOptions(command))));
}
