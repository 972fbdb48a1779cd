/**
 * The client under test as a process of its own: started for one case, ended with all its children after it. What it
 * prints is cut to its last lines and kept as evidence.
 */
import { spawn, type ChildProcess } from 'node:child_process';

/** Of what a client prints, the end is kept. */
const OUTPUT_CHARS_MAX = 2_000;
/** How a device ends that found nothing wrong. */
export const ENDED_CONTENT = 'ended with exit code 0';
/** Between a polite request to end and the end. */
const KILL_AFTER_MS = 1_500;

export class Device {
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  #output = '';
  #ending: string | undefined;

  /** Starts `words[0]` with the rest as its arguments, in a process group of its own. */
  constructor(words: readonly string[], directory: string) {
    this.#child = spawn(words[0]!, words.slice(1), { cwd: directory, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.#output = (this.#output + chunk.toString('utf8')).slice(-OUTPUT_CHARS_MAX)));
    }
    this.#exited = new Promise((resolve) => {
      this.#child.once('error', (error) => {
        this.#ending = `could not be started: ${error.message}`;
        resolve();
      });
      this.#child.once('close', (code, signal) => {
        this.#ending ??= code === null ? `was ended by ${signal ?? 'a signal'}` : `ended with exit code ${code}`;
        resolve();
      });
    });
  }

  /** Resolves when it has ended by itself or was stopped. */
  get exited(): Promise<void> {
    return this.#exited;
  }

  /** How it ended, `undefined` while it runs. */
  get ending(): string | undefined {
    return this.#ending;
  }

  /** Its last line of output, for the evidence. */
  get lastWords(): string {
    return this.#output.trim().split('\n').slice(-3).join(' / ');
  }

  /** Ends the process and its children: asked first, then forced. Resolves when it is gone. */
  async stop(): Promise<void> {
    if (this.#ending !== undefined) return;
    this.#signal('SIGTERM');
    const insist = setTimeout(() => this.#signal('SIGKILL'), KILL_AFTER_MS);
    await this.#exited;
    clearTimeout(insist);
    this.#signal('SIGKILL'); // children that outlived it
  }

  #signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // the group is gone already, which is what was wanted
    }
  }
}
