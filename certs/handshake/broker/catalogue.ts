/** All cases for brokers, in the order of the report. Ids are stable: baselines and people refer to them. */
import { CLIENT_CHAIN_CASES } from './client-chain-cases.ts';
import { CLIENT_PROOF_CASES } from './client-proof-cases.ts';
import { CLIENT_SIZE_CASES, CLIENT_STRENGTH_CASES } from './client-strength-cases.ts';
import { CLIENT_TRUST_CASES } from './client-trust-cases.ts';
import { CLIENT_USAGE_CASES } from './client-usage-cases.ts';
import { CLIENT_VALIDITY_CASES } from './client-validity-cases.ts';
import type { BrokerCase } from './context.ts';
import { GROUP_CASES } from './group-cases.ts';
import { LOAD_CASES } from './load-cases.ts';
import { MQTT_PACKET_CASES } from './mqtt-packet-cases.ts';
import { MQTT_RIGHTS_CASES } from './mqtt-rights-cases.ts';
import { MQTT_TIME_CASES } from './mqtt-time-cases.ts';
import { FEATURE_CASES } from './protocol-features.ts';
import { HELLO_CASES } from './protocol-hello.ts';
import { ORDER_CASES } from './protocol-order.ts';
import { RECORD_CASES } from './protocol-records.ts';
import { RESUMPTION_CASES } from './protocol-resumption.ts';
import { VERSION_CASES } from './protocol-versions.ts';
import { REVOCATION_CASES } from './revocation-cases.ts';
import { SERVER_CERTIFICATE_CASES } from './server-certificate.ts';
import { SIGNATURE_CASES } from './signature-cases.ts';
import { SUITE_CASES } from './suite-cases.ts';

export const BROKER_CASES: readonly BrokerCase[] = [
  ...VERSION_CASES,
  ...FEATURE_CASES,
  ...HELLO_CASES,
  ...RECORD_CASES,
  ...ORDER_CASES,
  ...RESUMPTION_CASES,
  ...SUITE_CASES,
  ...GROUP_CASES,
  ...SIGNATURE_CASES,
  ...CLIENT_TRUST_CASES,
  ...CLIENT_VALIDITY_CASES,
  ...CLIENT_USAGE_CASES,
  ...CLIENT_CHAIN_CASES,
  ...CLIENT_STRENGTH_CASES,
  ...CLIENT_SIZE_CASES,
  ...CLIENT_PROOF_CASES,
  ...SERVER_CERTIFICATE_CASES,
  ...MQTT_RIGHTS_CASES,
  ...MQTT_TIME_CASES,
  ...MQTT_PACKET_CASES,
  ...REVOCATION_CASES,
  ...LOAD_CASES,
];
