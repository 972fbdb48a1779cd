/** When a client pings, and when the broker counts as dead (MQTT 3.1.1, 3.1.2.10). */

/** A ping leaves a little before the broker would miss us. */
const EARLY = 0.9;

export class KeepAlive {
  /** 0: none. */
  #intervalUs = 0;
  #sentUs = 0;
  #pingSentUs = 0;
  /** Whether the client is not reading now: then an answer may wait unread. */
  #isPaused = false;

  /** A connection stands. */
  begin(intervalUs: number): void {
    this.#intervalUs = intervalUs;
    this.#pingSentUs = 0;
  }

  onSent(nowUs: number): void {
    this.#sentUs = nowUs;
  }

  onAnswer(): void {
    this.#pingSentUs = 0;
  }

  setPaused(isPaused: boolean, nowUs: number): void {
    this.#isPaused = isPaused;
    if (this.#pingSentUs > 0) this.#pingSentUs = nowUs;
  }

  /** What is to be done now; who is told to ping does. */
  due(nowUs: number): 'ping' | 'dead' | 'nothing' {
    if (this.#intervalUs === 0) return 'nothing';
    if (this.#pingSentUs > 0 && !this.#isPaused) return nowUs - this.#pingSentUs > this.#intervalUs ? 'dead' : 'nothing';
    if (nowUs - Math.max(this.#sentUs, this.#pingSentUs) <= this.#intervalUs * EARLY) return 'nothing';
    this.#pingSentUs = nowUs;
    return 'ping';
  }
}
