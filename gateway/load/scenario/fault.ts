/** What is wrong with a scenario, and where in it. */
import { LoadError } from '../errors.ts';

export class ScenarioFault extends LoadError {
  /** Keys that lead to the value at fault, `['stages', 0, 'groups', 1, 'clients']`; for who knows lines and columns. */
  readonly path: readonly PropertyKey[];
  /** What is wrong there; the message has the path in front of it. */
  readonly reason: string;

  constructor(path: readonly PropertyKey[], reason: string) {
    super('LOAD_SCENARIO', path.length === 0 ? reason : `${path.map(String).join('.')}: ${reason}`);
    this.path = path;
    this.reason = reason;
  }
}
