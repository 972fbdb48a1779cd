/** Servers with the right name and a chain, date, purpose or signature that must not be believed (RFC 5280, section 6). */
import { contextConstructed, contextPrimitive, nullValue, sequence, smallInteger } from '../../der.ts';
import { basicConstraints, extKeyUsage, keyUsage, subjectAltName, type Extension } from '../../extensions.ts';
import { authorityExtensions, commonNameDer, ecKeys, forgeCertificate, type Recipe } from '../forged-certificate.ts';
import type { Severity } from '../model.ts';
import { REVOKED_SERIAL, identityOf, type Bait } from './bait.ts';
import { refusalCase, type Lie, type LyingServer } from './refusal.ts';
import { ocspAnswerDer } from './revocation.ts';

const DAY_MS = 86_400_000;

function chainLie(id: string, title: string, severity: Severity, source: string, server: (bait: Bait) => LyingServer | string, more: Partial<Lie> = {}): Lie {
  const offered = `certificate for the right name: ${title.charAt(0).toLowerCase()}${title.slice(1)}`;
  return { id: `tls-server.cert.${id}`, title, offered, sources: [source], severity, server, ...more };
}

/** A server whose certificate is honest but for a lie. */
const leaf = (lie: (bait: Bait) => Partial<Recipe>) => (bait: Bait): LyingServer => identityOf(bait.server(lie(bait)));

/** The extensions of an honest server with others for some of them. */
function extensions(bait: Bait, { constraints = basicConstraints({ ca: false }), usage = keyUsage(['digitalSignature']), purpose = extKeyUsage(['serverAuth']) }: { constraints?: Extension; usage?: Extension; purpose?: Extension }, ...further: Extension[]): Extension[] {
  return [constraints, usage, purpose, subjectAltName([bait.hostName]), ...further];
}

/** A server below an intermediate that lies. */
const below = (lie: (bait: Bait) => Partial<Recipe>) => (bait: Bait): LyingServer => {
  const intermediate = bait.intermediate(lie(bait));
  return identityOf(bait.server({ issuer: intermediate }), intermediate);
};

/** Below a path length of 0, an authority that signs a server. */
function pathTooLong(bait: Bait): LyingServer {
  const upper = bait.intermediate({ extensions: authorityExtensions(0) });
  const lower = bait.intermediate({ issuer: upper, subjectDer: commonNameDer('thrum handshake tester lower intermediate') });
  return identityOf(bait.server({ issuer: lower }), lower, upper);
}

/** Name constraints that permit one DNS domain and one address only (RFC 5280 4.2.1.10), critical. */
function nameConstraints(): Extension {
  const permitted = [contextPrimitive(2, Buffer.from('permitted.example', 'latin1')), contextPrimitive(7, Buffer.from([192, 0, 2, 0, 255, 255, 255, 0]))];
  return { oid: '2.5.29.30', critical: true, valueDer: sequence(contextConstructed(0, ...permitted.map((name) => sequence(name)))) };
}

const UNKNOWN_CRITICAL: Extension = { oid: '1.3.6.1.4.1.55555.1.1', critical: true, valueDer: nullValue() };
/** TLS feature status_request: "must staple" (RFC 7633). */
const MUST_STAPLE: Extension = { oid: '1.3.6.1.5.5.7.1.24', critical: false, valueDer: sequence(smallInteger(5)) };
const REVOCATION = { outcome: 'warn', because: 'it does not look at revocation, so a server whose key was stolen is believed until its certificate expires' } as const;

function strangerRoot(bait: Bait, subjectDer: Uint8Array): Recipe {
  return { subjectDer, notBeforeMs: bait.nowMs - DAY_MS, notAfterMs: bait.nowMs + 30 * DAY_MS, extensions: authorityExtensions() };
}

function unknownAuthority(bait: Bait): LyingServer {
  const stranger = forgeCertificate(strangerRoot(bait, commonNameDer('somebody else')));
  return identityOf(bait.server({ issuer: stranger }), stranger);
}

/** The trusted authority's name and key identifier, another key. */
function namesake(bait: Bait): LyingServer {
  const stranger = forgeCertificate(strangerRoot(bait, bait.root.subjectDer));
  return identityOf(bait.server({ issuer: { ...stranger, keyIdentifier: bait.root.keyIdentifier } }), stranger);
}

export const CHAIN_CASES = [
  chainLie('expired', 'Expired yesterday', 'critical', 'RFC 5280 4.1.2.5', leaf(({ nowMs }) => ({ notBeforeMs: nowMs - 30 * DAY_MS, notAfterMs: nowMs - DAY_MS }))),
  chainLie('not-yet-valid', 'Valid from tomorrow on', 'high', 'RFC 5280 4.1.2.5', leaf(({ nowMs }) => ({ notBeforeMs: nowMs + DAY_MS, notAfterMs: nowMs + 30 * DAY_MS }))),
  chainLie('unknown-ca', 'Signed by an authority that nobody knows', 'critical', 'RFC 5280 6.1', unknownAuthority, { sources: ['RFC 5280 6.1', 'AWS IoT Device Advisor TLS_Unsecure_Server_Cert'] }),
  chainLie('namesake-ca', 'Signed by an authority of the trusted one’s name with another key', 'critical', 'RFC 5280 6.1.3', namesake),
  chainLie('self-signed', 'Signed by itself', 'critical', 'RFC 5280 6.1', (bait) => identityOf(forgeCertificate({ ...strangerRoot(bait, commonNameDer(bait.host)), keys: bait.serverKeys, extensions: extensions(bait, {}) }))),
  chainLie('broken-signature', 'Signature of the authority altered', 'critical', 'RFC 5280 6.1.3', leaf(() => ({ signature: 'broken' }))),
  chainLie('missing-intermediate', 'Intermediate certificate not sent', 'high', 'RFC 8446 4.4.2', (bait) => identityOf(bait.server({ issuer: bait.intermediate() }))),
  chainLie('expired-intermediate', 'Intermediate expired yesterday', 'high', 'RFC 5280 6.1.3', below(({ nowMs }) => ({ notBeforeMs: nowMs - 30 * DAY_MS, notAfterMs: nowMs - DAY_MS }))),
  chainLie('not-a-ca', 'Signed by a server, which is no authority', 'critical', 'RFC 5280 6.1.4', below((bait) => ({ extensions: extensions(bait, {}) }))),
  chainLie('no-basic-constraints', 'Signed by an authority that does not say that it is one', 'high', 'RFC 5280 6.1.4', below(() => ({ extensions: [keyUsage(['keyCertSign', 'cRLSign'])] }))),
  chainLie('ca-without-cert-sign', 'Signed by an authority that may not sign certificates', 'high', 'RFC 5280 4.2.1.3', below(() => ({ extensions: [basicConstraints({ ca: true }), keyUsage(['cRLSign'])] }))),
  chainLie('path-length', 'Path length of the authority exceeded', 'high', 'RFC 5280 4.2.1.9', pathTooLong),
  chainLie('name-constraints', 'Name outside of what the authority may sign', 'high', 'RFC 5280 4.2.1.10', below(() => ({ extensions: [...authorityExtensions(), nameConstraints()] }))),
  chainLie('unknown-critical', 'Critical extension that nobody knows', 'high', 'RFC 5280 4.2', leaf((bait) => ({ extensions: extensions(bait, {}, UNKNOWN_CRITICAL) }))),
  chainLie('client-usage', 'Meant for clients, not for servers', 'high', 'RFC 5280 4.2.1.12', leaf((bait) => ({ extensions: extensions(bait, { purpose: extKeyUsage(['clientAuth']) }) }))),
  chainLie('code-usage', 'Meant for signing code', 'high', 'RFC 5280 4.2.1.12', leaf((bait) => ({ extensions: extensions(bait, { purpose: extKeyUsage(['codeSigning']) }) }))),
  chainLie('no-digital-signature', 'Key not to be used for signatures', 'medium', 'RFC 8446 4.4.2.2', leaf((bait) => ({ extensions: extensions(bait, { usage: keyUsage(['keyAgreement']) }) })), {
    sources: ['RFC 8446 4.4.2.2', 'RFC 5280 4.2.1.3'],
    believed: { outcome: 'warn', because: 'TLS 1.3 wants digitalSignature among the key usages' },
  }),
  chainLie('ca-as-server', 'An authority’s certificate, shown by a server', 'low', 'RFC 5280 4.2.1.9', leaf((bait) => ({ extensions: extensions(bait, { constraints: basicConstraints({ ca: true }), usage: keyUsage(['digitalSignature', 'keyCertSign']) }) })), {
    believed: { outcome: 'warn', because: 'RFC 5280 allows it, but an authority’s key does not belong on a server' },
  }),
  chainLie('rsa-1024', 'RSA key of 1024 bits', 'medium', 'NIST SP 800-52r2 3.2', (bait) => identityOf(bait.server({ keys: bait.rsa(1024) })), { sources: ['NIST SP 800-52r2 3.2', 'RFC 9325 4.5'] }),
  chainLie('sha1', 'Signed by an intermediate with SHA-1', 'medium', 'RFC 9155', (bait) => signedWith(bait, 'sha1')),
  chainLie('md5', 'Signed by an intermediate with MD5', 'high', 'RFC 6151', (bait) => signedWith(bait, 'md5')),
  chainLie('revoked-crl', 'Revoked by the authority’s list ({crl})', 'medium', 'RFC 5280 6.3', leaf(() => ({ serial: REVOKED_SERIAL })), { believed: REVOCATION }),
  chainLie('revoked-staple', 'Revoked by the OCSP answer that the server itself staples', 'medium', 'RFC 6960 2.2', stapledRevoked, { believed: REVOCATION }),
  chainLie('must-staple', 'Must staple an OCSP answer and does not', 'low', 'RFC 7633 4.2.2', leaf((bait) => ({ extensions: extensions(bait, {}, MUST_STAPLE) })), { believed: REVOCATION }),
].map(refusalCase);

/** RSA throughout: MD5 has no signatures with elliptic curves. */
function signedWith(bait: Bait, digest: 'sha1' | 'md5'): LyingServer {
  const intermediate = bait.intermediate({ keys: bait.rsa(2048) });
  return identityOf(bait.server({ issuer: intermediate, digest }), intermediate);
}

/** An intermediate signs the server's certificate and, for the same key, an answer that revokes it. */
function stapledRevoked(bait: Bait): LyingServer {
  const intermediate = bait.intermediate({ keys: ecKeys('P-256') });
  const stapleDer = ocspAnswerDer({ issuer: intermediate, serial: REVOKED_SERIAL, status: 'revoked', nowMs: bait.nowMs });
  return { ...identityOf(bait.server({ issuer: intermediate, serial: REVOKED_SERIAL }), intermediate), stapleDer };
}
