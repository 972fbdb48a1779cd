/** What a way to code measurements offers the benchmark. */

/**
 * Each has loops of its own over the measurements: a shared one would call through a variable, and cost the fastest
 * most. A pass handles every measurement once.
 */
export interface MeasurementCodec {
  readonly name: string;
  /** Whether it is measured or measured against. */
  readonly of: 'thrum' | 'others';
  /** Encodes everything so many times; returns the bytes of one pass. */
  encode(passes: number): number;
  /** Decodes everything so many times. Absent where there is nothing to decode that another row does not. */
  readonly decode?: (passes: number) => void;
  /** Throws unless everything comes back as it was sent. */
  verify(): void;
}
