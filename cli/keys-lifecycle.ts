/** `thrum keys enable | disable | schedule-deletion | cancel-deletion`: giving keys and taking them away, for a while or for good. */
import type { Command } from 'commander';
import { addHomeOptions, openHome, type HomeOptions } from './home.ts';
import { callKms, keyToChange, projectsText, projectsUnder, type ProjectUnderKey } from './keys-call.ts';
import { addOutputOptions, printResult, type OutputOptions } from './output.ts';
import { wholeNumber } from './values.ts';

type Options = HomeOptions & OutputOptions;

/** ms since 1970 as `2026-01-02`. */
export function dateOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

interface Change {
  readonly name: string;
  readonly operation: string;
  readonly what: string;
  readonly outcome: (keyId: string, projects: readonly ProjectUnderKey[], deletion: string) => readonly string[];
}

const CHANGES: readonly Change[] = [
  {
    name: 'enable',
    operation: 'EnableKey',
    what: 'give a disabled key back',
    outcome: (keyId, projects) => [`key ${keyId} is enabled; ${projectsText(projects)}`],
  },
  {
    name: 'disable',
    operation: 'DisableKey',
    what: 'take a key away: its projects can be neither written nor read until it is enabled',
    outcome: (keyId, projects) => [`key ${keyId} is disabled: what is under it can be neither written nor read`, projectsText(projects)],
  },
  {
    name: 'schedule-deletion',
    operation: 'ScheduleKeyDeletion',
    what: 'destroy a key after a waiting period: all that is under it can then never be read again',
    outcome: (keyId, projects, deletion) => [
      `key ${keyId} can be used no more, and on ${deletion} it is destroyed: what is under it can then never be read again`,
      projectsText(projects),
      `until then 'thrum keys cancel-deletion ${keyId}' keeps it`,
    ],
  },
  {
    name: 'cancel-deletion',
    operation: 'CancelKeyDeletion',
    what: 'keep a key that waits to be destroyed; it is disabled then',
    outcome: (keyId, projects) => [`key ${keyId} is kept, and disabled: 'thrum keys enable ${keyId}' gives access again`, projectsText(projects)],
  },
];

export function addLifecycleCommands(keys: Command): void {
  for (const change of CHANGES) {
    const command = addOutputOptions(addHomeOptions(keys.command(change.name).description(change.what).argument('<key>', 'id, ARN or alias/NAME')));
    const deletes = change.name === 'schedule-deletion';
    if (deletes) command.option('--days <n>', 'waiting period, 7 to 30 days', wholeNumber(7, 30), 30);
    command
      .addHelpText('after', `\nExample:\n  thrum keys ${change.name} alias/plant-7${deletes ? ' --days 7' : ''}`)
      .action(async (name: string, options: Options & { days?: number }) => {
        const home = await openHome(options, 'refuse');
        const { keyId } = await keyToChange(home, name);
        const before = await projectsUnder(home, keyId); // while names can be read
        await callKms(home, change.operation, { KeyId: keyId, ...(deletes ? { PendingWindowInDays: options.days } : {}) });
        const projects = change.name === 'enable' ? await projectsUnder(home, keyId) : before;
        const { arn, state, deletionMs } = await home.keys.describeKey(keyId);
        const deletion = deletionMs === undefined ? {} : { deletionDate: new Date(deletionMs).toISOString() };
        printResult(options, { keyId, arn, state, ...deletion, projects }, () => change.outcome(keyId, projects, dateOf(deletionMs ?? 0)));
      });
  }
}
