/** All cases for brokers, in the order of the report. Ids are stable: baselines and people refer to them. */
import { CIPHER_CASES } from './ciphers.ts';
import { CLIENT_CERTIFICATE_CASES } from './client-certificate-cases.ts';
import { CLIENT_PROOF_CASES } from './client-proof-cases.ts';
import type { BrokerCase } from './context.ts';
import { LOAD_CASES } from './load-cases.ts';
import { MQTT_CASES } from './mqtt-cases.ts';
import { FEATURE_CASES } from './protocol-features.ts';
import { HELLO_CASES } from './protocol-hello.ts';
import { RECORD_CASES } from './protocol-records.ts';
import { RESUMPTION_CASES } from './protocol-resumption.ts';
import { VERSION_CASES } from './protocol-versions.ts';
import { REVOCATION_CASES } from './revocation-cases.ts';
import { SERVER_CERTIFICATE_CASES } from './server-certificate.ts';

export const BROKER_CASES: readonly BrokerCase[] = [
  ...VERSION_CASES,
  ...FEATURE_CASES,
  ...HELLO_CASES,
  ...RECORD_CASES,
  ...RESUMPTION_CASES,
  ...CIPHER_CASES,
  ...CLIENT_CERTIFICATE_CASES,
  ...CLIENT_PROOF_CASES,
  ...SERVER_CERTIFICATE_CASES,
  ...MQTT_CASES,
  ...REVOCATION_CASES,
  ...LOAD_CASES,
];
