/** All cases of the client tester, in the order in which they are reported. */
import { CHAIN_CASES } from './chain-cases.ts';
import type { ClientCase } from './case.ts';
import { LOSS_CASES } from './loss-cases.ts';
import { MQTT_CASES } from './mqtt-cases.ts';
import { LIE_CASES } from './mqtt-lie-cases.ts';
import { RETRY_CASES } from './mqtt-retry-cases.ts';
import { SUBSCRIBE_CASES } from './mqtt-subscribe-cases.ts';
import { NAME_CASES } from './name-cases.ts';
import { HELLO_CASES, WORKING_CASES } from './tls-cases.ts';
import { VERSION_CASES } from './version-cases.ts';
import { WIRE_CASES } from './wire-cases.ts';

export const CLIENT_CASES: readonly ClientCase[] = [...WORKING_CASES, ...HELLO_CASES, ...NAME_CASES, ...CHAIN_CASES, ...VERSION_CASES, ...WIRE_CASES, ...LOSS_CASES, ...MQTT_CASES, ...SUBSCRIBE_CASES, ...RETRY_CASES, ...LIE_CASES];
