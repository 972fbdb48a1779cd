/** Things that arrive, waiting for whoever asks for the next: each `next` gets one, or `undefined` when none came in time. */
export class Inbox<T> {
  readonly #items: T[] = [];
  readonly #waiting: ((item: T | undefined) => void)[] = [];
  #closed = false;

  push(item: T): void {
    if (this.#closed) return;
    const first = this.#waiting.shift();
    if (first) first(item);
    else this.#items.push(item);
  }

  /** From now on nothing comes: what is there is still handed out, then `undefined` at once. */
  close(): void {
    this.#closed = true;
    for (const waiting of this.#waiting.splice(0)) waiting(undefined);
  }

  get closed(): boolean {
    return this.#closed;
  }

  get size(): number {
    return this.#items.length;
  }

  /** The next item; `undefined` after `withinMs`, or when the inbox is closed and empty. */
  next(withinMs: number): Promise<T | undefined> {
    const item = this.#items.shift();
    if (item !== undefined || this.#closed) return Promise.resolve(item);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(answer), 1);
        resolve(undefined);
      }, Math.max(0, withinMs));
      const answer = (value: T | undefined): void => {
        clearTimeout(timer);
        resolve(value);
      };
      this.#waiting.push(answer);
    });
  }
}
