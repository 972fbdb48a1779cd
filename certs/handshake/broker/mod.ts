/** The face of the broker tester. */
export { BROKER_CASES } from './catalogue.ts';
export type { BrokerCase } from './context.ts';
export { homeTarget } from './home-target.ts';
export { testBroker, type RunOptions } from './run.ts';
export { authorityFrom, madeUpIdentity, namesOf, privateKeyFrom, strangerOf, TEST_COMMON_NAME, type BrokerTarget, type MqttSettings } from './target.ts';
export type { Credentials } from '../wire/client.ts';
