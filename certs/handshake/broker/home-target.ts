/** The broker of a thrum home as a target: everything that a case needs comes from the home's own authority. */
import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { issuingSigner, type Authority } from '../../authority.ts';
import { issueIdentity, type IssuedIdentity } from '../../issue.ts';
import { certificateBlocks } from '../../pem.ts';
import { identityProfile, type GatewayRequest } from '../../profiles.ts';
import { revokeCertificates } from '../../revocation.ts';
import { commonNameDer, forgeCertificate } from '../forged-certificate.ts';
import type { Credentials } from '../wire/client.ts';
import type { BrokerTarget, TestAuthority } from './target.ts';

/** Validity of what is issued for a test: it should not lie about for long. */
const TEST_LIFETIME_DAYS = 1 / 24;
const CHAIN_MAX = 4;
/** A running broker takes a new list within a second. */
const LIST_TAKEN_MS = 1_500;

export interface HomeTargetOptions {
  readonly authority: Authority;
  readonly projectId: string;
  readonly host: string;
  readonly port: number;
  readonly serverName: string;
  /** ms since 1970, asked whenever something is issued or revoked. */
  readonly now: () => number;
}

/**
 * A target that knows what gateways of the project may do. The good identity is signed in memory; those that will be revoked
 * are issued into the home, for only what is on its books can be.
 */
export function homeTarget({ authority, projectId, host, port, serverName, now }: HomeTargetOptions): BrokerTarget {
  const gatewayId = randomBytes(8).toString('hex');
  const otherId = randomBytes(8).toString('hex');
  const request: GatewayRequest = { role: 'gateway', projectId, gatewayId, lifetimeDays: TEST_LIFETIME_DAYS };
  const signer = testAuthorityOf(authority);
  const prefix = `thrum/${projectId}`;
  const issue = async (): Promise<Credentials> => credentialsOf(await issueIdentity(authority, request, now()));
  const revoke = async (certificate: X509Certificate): Promise<void> => {
    const target = certificate.serialNumber.toLowerCase();
    await revokeCertificates(authority.directory, { target, reason: 'superseded' }, now());
  };
  return {
    host,
    port,
    serverName,
    trust: [new X509Certificate(authority.certificatePem)],
    authority: signer,
    identity: signInMemory(signer, request, now()),
    mqtt: {
      clientId: gatewayId,
      ownTopic: `${prefix}/${gatewayId}/status`,
      foreignTopic: `${prefix}/${otherId}/status`,
      foreignFilter: `${prefix}/${otherId}/cmd`,
    },
    stranger: () => Promise.resolve(signInMemory(signer, { ...request, gatewayId: otherId }, now())),
    revoked: async () => {
      const revoked = await issue();
      await revoke(new X509Certificate(revoked.chain[0]!));
      await new Promise((resolve) => setTimeout(resolve, LIST_TAKEN_MS));
      return revoked;
    },
    issue,
    revoke,
  };
}

/** What signs identities in a home, for the tester to sign with. */
function testAuthorityOf(authority: Authority): TestAuthority {
  const { privateKey, subjectDer, keyIdentifier } = issuingSigner(authority);
  const issuing = new X509Certificate(authority.issuingPem);
  const isRoot = issuing.checkIssued(issuing);
  return { privateKey, subjectDer, keyIdentifier, chain: isRoot ? [] : [issuing.raw] };
}

function signInMemory(signer: TestAuthority, request: GatewayRequest, nowMs: number): Credentials {
  const profile = identityProfile(request);
  const { der, privateKey } = forgeCertificate({
    subjectDer: commonNameDer(profile.commonName),
    issuer: signer,
    notBeforeMs: nowMs - 300_000,
    notAfterMs: nowMs + TEST_LIFETIME_DAYS * 86_400_000,
    extensions: profile.extensions,
  });
  return { chain: [der, ...signer.chain], key: privateKey };
}

/** An identity on disk as a TLS client shows it. */
function credentialsOf({ certificatePem, keyPem }: Pick<IssuedIdentity, 'certificatePem' | 'keyPem'>): Credentials {
  return { chain: certificateBlocks(certificatePem, CHAIN_MAX).map((block) => new X509Certificate(block).raw), key: createPrivateKey(keyPem) };
}
