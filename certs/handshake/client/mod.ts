/** The face of the client tester: its cases, what it baits them with, and the run. */
export { Bait } from './bait.ts';
export { CLIENT_CASES } from './catalogue.ts';
export type { ClientCase } from './case.ts';
export { PLACEHOLDERS, splitCommand } from './command-line.ts';
export { testClient } from './run.ts';
export type { ClientTest } from './run.ts';
