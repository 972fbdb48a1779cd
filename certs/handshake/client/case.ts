/** What a case of the catalogue is, and what it is given to work with. */
import type { CaseInfo, Evidence, Verdict } from '../model.ts';
import type { Bait } from './bait.ts';
import type { DeviceConnection } from './connection.ts';

export interface CaseContext {
  readonly bait: Bait;
  readonly evidence: Evidence;
  /** What is left of the case's time, in ms. */
  readonly leftMs: () => number;
  /**
   * The device's next connection. `undefined` when none comes within that time (default: what is left of the case's), or
   * when the device has ended.
   */
  readonly nextConnection: (withinMs?: number) => Promise<DeviceConnection | undefined>;
  /** How the device ended by itself, `undefined` while it runs or when nobody here started it. */
  readonly deviceEnding: () => string | undefined;
  /** Resolves when a device that was started here has ended; false after `withinMs`. */
  readonly deviceEnded: (withinMs: number) => Promise<boolean>;
}

export interface ClientCase {
  readonly info: CaseInfo;
  /** A case that watches retries: it gets more time and is started first. */
  readonly pace?: 'slow';
  /** Only for a device that connects to a DNS name, or to an IP address; one that is started here is given such a one. */
  readonly host?: 'dns' | 'ip';
  readonly serve: (context: CaseContext) => Promise<Verdict>;
}

/** AWS IoT Core Device Advisor's name for what a case asks (developer guide, "Device Advisor test cases"). */
export type DeviceAdvisorTest = string;
