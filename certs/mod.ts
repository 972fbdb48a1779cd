/**
 * The face of the certificate room: an authority, the identities it issues, who a certificate belongs to, private
 * files, and sealed records. Handshake tests have a face of their own: handshake/mod.ts.
 */

export { createAuthority, loadAuthority, readAuthorityPem } from './authority.ts';
export type { Authority } from './authority.ts';
export { BUNDLE_FORMATS, bundleFiles } from './bundle.ts';
export type { BundleFiles, BundleFormat, BundleSource } from './bundle.ts';
export { checkCertificate, checkCertificates } from './check.ts';
export { FINDINGS } from './check-catalogue.ts';
export type { Finding, FindingId, Severity as FindingSeverity } from './check-catalogue.ts';
export { readCertificate } from './certificate-reader.ts';
export { ChainVerifier } from './chain.ts';
export { revocationIn } from './chain-revocation.ts';
export type { WithoutList } from './chain-revocation.ts';
export { createClaim, listClaims, readHandout } from './claim.ts';
export type { Claim } from './claim.ts';
export { claimIdentity } from './claim-identity.ts';
export type { ClaimIdentity } from './claim-identity.ts';
export { ClaimOffice, resetClaimed } from './claim-office.ts';
export type { ClaimAsk } from './claim-office.ts';
export { readCrls } from './crl-reader.ts';
export type { Crl } from './crl-reader.ts';
export { describeCertificate } from './describe.ts';
export type { CertificateDescription } from './describe.ts';
export { CertsError, ClaimError, LockError, RecordError, SealError } from './errors.ts';
export type { CertsErrorCode } from './errors.ts';
export type { SubjectAltName } from './extensions.ts';
export { peerIdentity } from './identity.ts';
export type { PeerIdentity } from './identity.ts';
export { issueIdentities, issueIdentity, mintIdentity } from './issue.ts';
export type { IssuedIdentity, MintedIdentity } from './issue.ts';
export { rotateIssuing } from './issuing.ts';
export { KEY_TYPES, keyTypeOf } from './key-pair.ts';
export type { KeyType } from './key-pair.ts';
export { findGatewayIdentities, findIdentity, findNamed, listIdentities } from './list.ts';
export type { IdentityMatch, IdentitySummary } from './list.ts';
export { makePrivateDirectory, publishPrivateDirectory, readPrivateFile, writePrivateFile } from './private-file.ts';
export { readStaple } from './ocsp.ts';
export type { OcspStatus } from './ocsp.ts';
export { certificatesIn, parseDer } from './pem.ts';
export { renewIdentity } from './renew.ts';
export { retireIdentity } from './retire.ts';
export { REVOCATION_REASONS } from './crl.ts';
export type { RevocationReason } from './crl.ts';
export { revokeCertificates, revokedCertificates } from './revocation.ts';
export type { Revocation, RevocationRequest } from './revocation.ts';
export { distrustOf, nameOfCertificate, publishRevocationLists, readRevocationLists, renewRevocationLists } from './revocation-lists.ts';
export type { CertificateName, Distrust, RevocationLists } from './revocation-lists.ts';
export { revocationPaths } from './revocation-record.ts';
export { ROLES } from './profiles.ts';
export type { GatewayRequest, IdentityRequest, OperatorRequest, Role, ServerRequest } from './profiles.ts';
export { createRequest, signRequest } from './request.ts';
export type { SignedRequest } from './request.ts';
export { canonicalBytes, deriveKey, openAt, sealAt } from './sealed.ts';
export { RECORD_HEADER_BYTES, TAG_BYTES, openRecord, readRecords, sealRecord, sealRecordInParts } from './sealed-record.ts';
export type { OpenedRecord, ReadRecord, RecordKeys, RecordsEnd, SealedParts, SealedRecord } from './sealed-record.ts';
export { holdLock, isLocked, withFileLock } from './file-lock.ts';
