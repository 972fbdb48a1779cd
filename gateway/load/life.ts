/** One client living one life: its steps in order, again as often as they repeat. Whatever fails ends this life alone. */
import { claimIdentity, rotateIdentity } from './life-cycle-steps.ts';
import type { Member } from './member.ts';
import { publish } from './publish-step.ts';
import type { Life, Step } from './scenario.ts';
import { isExpected, StageOver, type StageContext } from './stage-context.ts';
import { connect, leave, subscribe, unsubscribe } from './steps.ts';
import { fillIn } from './topics.ts';

/** Between two failed lives of a client, so that one that cannot connect does not spin. */
const AFTER_FAILURE_MS = 1_000;

/** Resolves when the life is over, however it ended. `dueUs`: when it was to begin. Rejects only for a fault of ours. */
export async function live(member: Member, life: Life, dueUs: number, context: StageContext): Promise<void> {
  let beginUs = dueUs;
  for (let round = 0; round < life.repeat && !context.isOver; round++) {
    try {
      for (const step of life.steps) {
        context.check();
        await take(member, step, beginUs, context);
        beginUs = Infinity; // later connects are due when they begin
      }
    } catch (error) {
      if (error instanceof StageOver) return;
      if (!isExpected(error)) throw error;
      if (round + 1 < life.repeat) await context.sleep(AFTER_FAILURE_MS).catch(() => undefined);
    }
    beginUs = Infinity;
    // A round in which nothing was waited for leaves others their turn too.
    if (round + 1 < life.repeat) await new Promise(setImmediate);
  }
}

async function take(member: Member, step: Step, dueUs: number, context: StageContext): Promise<void> {
  switch (step.kind) {
    case 'connect':
      return connect(member, step, dueUs, context);
    case 'subscribe':
      return subscribe(member, ownFilters(member, step.filters), step.qos, step.check, context);
    case 'unsubscribe':
      return unsubscribe(member, ownFilters(member, step.filters));
    case 'publish':
      return publish(member, step, context);
    case 'wait':
      return context.sleep(step.forMs + (step.spreadMs * member.names.n) / member.group.count);
    case 'cut':
    case 'disconnect':
      leave(member, step.kind);
      return;
    case 'claim':
      return claimIdentity(member, step, context);
    case 'rotate':
      return rotateIdentity(member, context);
  }
}

/** Filters with the member's names in them. */
function ownFilters({ names }: Member, filters: readonly string[]): string[] {
  return filters.map((filter) => fillIn(filter, { ...names }));
}
