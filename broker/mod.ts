/** The broker room: what others may use. */
export * from './errors.ts';
export { checkNewKey, KeyService, type DataKey, type KeyDescription, type NewKey } from './keys/key-service.ts';
export type { RootSource } from './keys/root-key.ts';
export { checkProjectName, isProjectId, Projects, type Project, type ProjectReference } from './projects.ts';
export { BROKER_LIMITS } from './limits.ts';
export type { CertificateIssuer, CertificateQuestion } from './certificate-desk.ts';
export type { PublishTarget } from './mqtt-service.ts';
export type { RevocationSource } from './revocation-watch.ts';
export { startBroker, type Broker, type BrokerOptions } from './server.ts';
export { Sink, type SinkOptions } from './sink.ts';
export { CSV_HEADER, toCsv, toNdjson, WavExport, type WavResult } from './store/export.ts';
export type { Arrival, Done, LogCounts } from './store/project-log.ts';
export { readProject, type StoredBatch } from './store/read.ts';
export type { Recovery } from './store/recovery.ts';
export { listSegments, listStoredProjects } from './store/segment-files.ts';
export { verifyProject, verifyProjectFile, type Finding, type Verification } from './store/verify.ts';
