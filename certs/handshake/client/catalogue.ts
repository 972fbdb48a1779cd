/** All cases of the client tester, in the order in which they are reported. */
import { CHAIN_CASES } from './chain-cases.ts';
import type { ClientCase } from './case.ts';
import { NAME_CASES } from './name-cases.ts';
import { HELLO_CASES, WORKING_CASES } from './tls-cases.ts';

export const CLIENT_CASES: readonly ClientCase[] = [...WORKING_CASES, ...HELLO_CASES, ...NAME_CASES, ...CHAIN_CASES];
