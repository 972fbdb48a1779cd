/**
 * Watches whether the keys of projects may be used. A project is `usable` only for KNOWN_MS after a check that said so began; when
 * no check says anything for longer, as when a KMS cannot be reached, it is `unknown`, and after GIVE_UP_MS refused. A refusal of
 * the key service counts at once. So nothing is written later than two seconds after a key was taken away.
 */
import { randomInt } from 'node:crypto';
import { KeyError } from './errors.ts';
import { projectContext } from './keys/project-context.ts';
import type { ProjectKeys } from './keys/provider.ts';
import type { ProjectReference } from './projects.ts';

const KEY_WATCH_LIMITS = {
  /** How long a check's answer holds. With the longest step between two looks it stays below two seconds. */
  knownMs: 1_200,
  /** How long a project may stay unknown before its clients are refused, instead of waiting. */
  giveUpMs: 10_000,
  /** Checks on their way at once, over all projects. */
  asking: 64,
} as const;

/** A refusal is what the key service said, or KEY_UNREACHABLE. */
export type Standing = 'usable' | 'unknown' | KeyError;

interface KeyWatchOptions {
  readonly keys: ProjectKeys;
  /** Told when a project's standing changes. */
  readonly onStanding: (projectId: string, standing: Standing) => void;
  /** What is wrong with more than a key, such as a damaged key store. */
  readonly onFatal: (error: Error) => void;
}

interface Watched {
  readonly project: ProjectReference;
  /** When the last check began that found the key usable. */
  goodMs: number;
  standing: Standing;
  /** The check that is on its way, which all who ask share. */
  asking: Promise<void> | undefined;
  /** What the last check without an answer said. */
  trouble: KeyError | undefined;
}

/** Refusals of one project's key; others are of the key service as a whole. */
const OF_ONE_KEY = new Set(['KEY_DISABLED', 'KEY_DENIED', 'KEY_NOT_FOUND', 'KEY_CIPHERTEXT', 'KEY_BAD_REQUEST']);

export class KeyWatch {
  readonly #options: KeyWatchOptions;
  readonly #watched = new Map<string, Watched>();
  #asking = 0;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: KeyWatchOptions) {
    this.#options = options;
  }

  /** Watches a project from now on; resolves when it is known whether its key may be used; without an answer it is refused. */
  async add(project: ProjectReference): Promise<Standing> {
    let watched = this.#watched.get(project.projectId);
    if (!watched) {
      const beganMs = performance.now();
      watched = { project, goodMs: beganMs, standing: 'usable', asking: undefined, trouble: undefined };
      this.#watched.set(project.projectId, watched);
      await this.#ask(watched);
      if (watched.trouble) {
        watched.goodMs = -Infinity; // nothing was ever known of it
        this.#judge(watched);
      }
    }
    return watched.standing;
  }

  /** Asks now, for whom the last look is not new enough; gives what is known then. */
  async confirm(projectId: string): Promise<Standing | undefined> {
    const watched = this.#watched.get(projectId);
    if (watched) await this.#ask(watched);
    return watched?.standing;
  }

  /** What is known of a project; undefined when it is not watched. */
  standing(projectId: string): Standing | undefined {
    return this.#watched.get(projectId)?.standing;
  }

  /** Looks again and again from now on. */
  start(): void {
    const { watchMs } = this.#options.keys;
    this.#timer = setTimeout(() => {
      this.#look();
      if (!this.#stopped) this.start();
    }, watchMs * 0.75 + randomInt(Math.ceil(watchMs / 2))); // brokers that were started together do not ask together
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #look(): void {
    for (const watched of [...this.#watched.values()]) {
      this.#judge(watched);
      if (watched.asking || this.#asking >= KEY_WATCH_LIMITS.asking) continue;
      // To the end of the queue: when there are more than can be asked at once, each has its turn.
      this.#watched.delete(watched.project.projectId);
      this.#watched.set(watched.project.projectId, watched);
      void this.#ask(watched);
    }
  }

  /** One check. Never rejects. */
  #ask(watched: Watched): Promise<void> {
    return (watched.asking ??= this.#check(watched));
  }

  async #check(watched: Watched): Promise<void> {
    const { projectId, keyId, customerId } = watched.project;
    const beganMs = performance.now();
    this.#asking += 1;
    try {
      await this.#options.keys.checkUse(keyId, projectContext('segment', projectId, customerId));
      watched.goodMs = beganMs;
      watched.trouble = undefined;
      this.#set(watched, 'usable');
    } catch (error) {
      this.#failed(watched, error);
    } finally {
      watched.asking = undefined;
      this.#asking -= 1;
    }
  }

  #failed(watched: Watched, error: unknown): void {
    if (error instanceof KeyError && error.code === 'KEY_UNREACHABLE') {
      watched.trouble = error;
      this.#judge(watched);
    } else if (error instanceof KeyError && OF_ONE_KEY.has(error.code)) {
      this.#set(watched, new KeyError(error.code, `project ${watched.project.projectId} is refused: ${error.message}`, { cause: error }));
    } else if (!this.#stopped) {
      this.#options.onFatal(error as Error);
    }
  }

  /** What no check has answered for long is not known any more. A refusal stands until a check takes it back. */
  #judge(watched: Watched): void {
    if (watched.standing instanceof KeyError) return;
    const silentMs = performance.now() - watched.goodMs;
    if (silentMs >= KEY_WATCH_LIMITS.giveUpMs) {
      const why = watched.trouble?.message ?? `nothing is known of key ${watched.project.keyId}`;
      this.#set(watched, new KeyError('KEY_UNREACHABLE', `project ${watched.project.projectId} is refused: ${why}`, { cause: watched.trouble }));
    } else if (silentMs >= KEY_WATCH_LIMITS.knownMs) {
      this.#set(watched, 'unknown');
    }
  }

  #set(watched: Watched, standing: Standing): void {
    if (this.#stopped) return;
    const before = watched.standing;
    watched.standing = standing;
    const same = before === standing || (before instanceof KeyError && standing instanceof KeyError && before.code === standing.code);
    if (!same) this.#options.onStanding(watched.project.projectId, standing);
  }
}
