/**
 * Whether what clients do goes together: nobody publishes or listens without a connection, a client lives one life at a
 * time and not longer than its stage, and a stage that searches has one rate to search for.
 */
import type { Life, Scenario, Stage, Step } from '../scenario.ts';
import { ScenarioFault } from './fault.ts';
import { durationText } from './quantities.ts';

const NEEDS_CONNECTION: ReadonlySet<Step['kind']> = new Set(['subscribe', 'unsubscribe', 'publish', 'rotate', 'cut', 'disconnect']);

/** Throws ScenarioFault with the step's place. */
export function checkConnections({ stages }: Scenario): void {
  const connected = new Set<string>();
  const before = new Map<string, string>();
  for (const [at, stage] of stages.entries()) {
    checkLives(stage, ['stages', at]);
    for (const [index, life] of stage.lives.entries()) checkLife(life, ['stages', at, 'groups', index, 'do'], connected, before);
  }
}

/** Follows one client of the life: twice when it repeats, for then its end comes before its begin. */
function checkLife(life: Life, path: readonly PropertyKey[], connected: Set<string>, before: Map<string, string>): void {
  for (let round = 0; round < Math.min(life.repeat, 2); round += 1) {
    for (const [index, step] of life.steps.entries()) {
      if (NEEDS_CONNECTION.has(step.kind) && !connected.has(life.clients)) {
        const why = before.get(life.clients) ?? (round === 0 ? 'no connect comes before it' : 'its life begins again without a connect');
        throw new ScenarioFault([...path, index], `${step.kind}: ${life.clients} is not connected here: ${why}`);
      }
      if (step.kind === 'connect') {
        if (step.expect === 'accepted') connected.add(life.clients);
        else before.set(life.clients, `its connect is expected to end as ${step.expect}`);
      }
      if (step.kind === 'cut' || step.kind === 'disconnect') {
        connected.delete(life.clients);
        before.set(life.clients, `its connection ended by ${step.kind}`);
      }
    }
  }
}

function checkLives({ lives, search, limitMs }: Stage, path: readonly PropertyKey[]): void {
  const seen = new Set<string>();
  let searched = 0;
  for (const [index, life] of lives.entries()) {
    if (seen.has(life.clients)) {
      throw new ScenarioFault([...path, 'groups', index, 'clients'], `${life.clients} lives in this stage already: put its steps into one list, or into a stage of their own`);
    }
    seen.add(life.clients);
    const atLeastMs = lengthMs(life);
    if (atLeastMs > limitMs) {
      throw new ScenarioFault([...path, 'groups', index, 'do'], `takes at least ${durationText(atLeastMs)}, and the stage ends after ${durationText(limitMs)}: write a longer limit`);
    }
    for (const [at, step] of life.steps.entries()) {
      if (step.kind !== 'publish' || step.pace.kind !== 'searched') continue;
      const place = [...path, 'groups', index, 'do', at, 'publish', 'searched'];
      searched += 1;
      if (!search) throw new ScenarioFault(place, 'the stage has no search: write objective, from and to under search');
      if (searched > 1) throw new ScenarioFault(place, 'the stage searches one rate only');
    }
  }
  if (search && searched === 0) throw new ScenarioFault([...path, 'search'], 'no step of the stage publishes with searched: true');
}

/** What a life takes at least: once, when it repeats without end. */
function lengthMs({ steps, repeat }: Life): number {
  const onceMs = steps.reduce((sum, step) => {
    if (step.kind === 'wait') return sum + step.forMs;
    return step.kind === 'publish' && step.end.kind === 'duration' && step.pace.kind !== 'searched' ? sum + step.end.forMs : sum;
  }, 0);
  return repeat === Infinity ? onceMs : onceMs * repeat;
}
