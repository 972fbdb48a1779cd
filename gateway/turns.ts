/**
 * One piece of heavy work per turn of the event loop, so that sockets are served between two measurements however many
 * sensors are due at once.
 */
export class Turns {
  #waiting: (() => void)[] = [];
  #scheduled = false;

  /** Resolves when it is the caller's turn, first come first served. */
  take(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#waiting.shift()?.();
      if (this.#waiting.length > 0) this.#schedule();
    });
  }
}
