/** Cases about names that a broker could misread, about the proof that the client has its key, and about revocation. */
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { sequence, set, oid, utf8String } from '../../der.ts';
import { fail, notRun, pass, warn } from '../model.ts';
import { endEntityExtensions, type Keys } from '../forged-certificate.ts';
import { SCHEME, VERSION } from '../wire/names.ts';
import { certificateVerifyContent, signScheme } from '../wire/signature.ts';
import { endText, hangUp, isIn } from './attempt.ts';
import { judgeRefusal, refused, reported } from './client-certificate.ts';
import { freshIdentity, identityWith } from './client-identities.ts';
import { NEEDS_PLAIN } from './client-trust-cases.ts';
import { identityOf, inEachVersion, tryIn, type BrokerCase, type Context } from './context.ts';

const flip = (bytes: Buffer): Buffer => Buffer.from(bytes.map((octet, index) => (index === bytes.length - 1 ? octet ^ 1 : octet)));

const proofs: readonly BrokerCase[] = [
  refused(
    {
      id: 'proof-other-key',
      title: 'Who does not have the certificate’s key is refused',
      offered: 'the good certificate, and a CertificateVerify by another key',
      sources: ['RFC 8446 4.4.3', 'RFC 5246 7.4.8'],
      severity: 'critical',
      needs: NEEDS_PLAIN,
    },
    'decrypt_error (51)',
    (context) => ({
      credentials: { chain: identityOf(context).chain, key: sameKindOfKey(context) },
    }),
  ),
  refused(
    {
      id: 'proof-altered',
      title: 'A CertificateVerify with one bit flipped is refused',
      offered: 'the good identity, its signature altered',
      sources: ['RFC 8446 4.4.3', 'RFC 5246 7.4.8'],
      severity: 'critical',
      needs: NEEDS_PLAIN,
    },
    'decrypt_error (51)',
    (context) => ({
      credentials: identityOf(context),
      deviations: { proof: (honest) => ({ ...honest, signature: flip(honest.signature) }) },
    }),
  ),
  refused(
    {
      id: 'proof-missing',
      title: 'A certificate without CertificateVerify is refused',
      offered: 'the good certificate, then Finished at once',
      sources: ['RFC 8446 4.4.3', 'RFC 5246 7.4.8'],
      severity: 'critical',
      needs: NEEDS_PLAIN,
    },
    'unexpected_message (10)',
    (context) => ({
      credentials: identityOf(context),
      deviations: { proof: () => 'omitted' },
    }),
  ),
  refused(
    {
      id: 'proof-empty',
      title: 'An empty signature is refused',
      offered: 'a CertificateVerify of no octets',
      sources: ['RFC 8446 4.4.3'],
      severity: 'critical',
      needs: NEEDS_PLAIN,
    },
    'decrypt_error (51) or decode_error (50)',
    (context) => ({
      credentials: identityOf(context),
      deviations: { proof: (honest) => ({ ...honest, signature: Buffer.alloc(0) }) },
    }),
  ),
  refused(
    {
      id: 'proof-of-other-handshake',
      title: 'A CertificateVerify of another handshake is refused',
      offered: 'a good signature over other octets than this handshake’s',
      sources: ['RFC 8446 4.4.3'],
      severity: 'critical',
      needs: NEEDS_PLAIN,
    },
    'decrypt_error (51)',
    (context, version) => ({
      credentials: identityOf(context),
      deviations: {
        proof: ({ scheme }) => {
          const other = version === VERSION.tls13 ? certificateVerifyContent('client', Buffer.alloc(32)) : Buffer.alloc(64);
          return { scheme, signature: signScheme(scheme, identityOf(context).key, other) };
        },
      },
    }),
  ),
  refused(
    {
      id: 'proof-wrong-side',
      title: 'A server’s proof does not pass for a client’s',
      offered: 'TLS 1.3: a signature with the context string of servers; TLS 1.2: over nothing',
      sources: ['RFC 8446 4.4.3'],
      severity: 'critical',
      needs: NEEDS_PLAIN,
    },
    'decrypt_error (51)',
    (context) => ({
      credentials: identityOf(context),
      deviations: {
        proof: ({ scheme }, signed) => ({
          scheme,
          signature: signScheme(
            scheme,
            identityOf(context).key,
            Buffer.from(signed.toString('latin1').replace('client CertificateVerify', 'server CertificateVerify'), 'latin1').subarray(
              signed.includes('client CertificateVerify') ? 0 : signed.length,
            ),
          ),
        }),
      },
    }),
  ),
  refused(
    {
      id: 'proof-wrong-scheme',
      title: 'A signature of a scheme that does not fit is refused',
      offered: 'a CertificateVerify that claims a scheme of another kind of key',
      sources: ['RFC 8446 4.4.3'],
      severity: 'high',
      needs: NEEDS_PLAIN,
    },
    'illegal_parameter (47)',
    (context) => ({
      credentials: identityOf(context),
      deviations: {
        proof: (honest) => ({
          ...honest,
          scheme: identityOf(context).key.asymmetricKeyType === 'rsa' ? SCHEME.ecdsaP256Sha256 : SCHEME.rsaPssSha256,
        }),
      },
    }),
  ),
  refused(
    {
      id: 'proof-sha-1',
      title: 'A proof with SHA-1 is refused',
      offered: 'a true CertificateVerify with SHA-1',
      sources: ['RFC 9155 4', 'RFC 8446 4.4.3'],
      severity: 'high',
      needs: NEEDS_PLAIN,
    },
    'illegal_parameter (47) or handshake_failure (40)',
    (context) => ({
      credentials: identityOf(context),
      deviations: {
        proof: (honest, signed) => {
          const { key } = identityOf(context);
          const scheme = key.asymmetricKeyType === 'rsa' ? SCHEME.rsaPkcs1Sha1 : key.asymmetricKeyType === 'ec' ? SCHEME.ecdsaSha1 : undefined;
          return scheme === undefined ? honest : { scheme, signature: signScheme(scheme, key, signed) };
        },
      },
    }),
  ),
];

function sameKindOfKey(context: Context): Keys['privateKey'] {
  const { key } = identityOf(context);
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (curve !== undefined) return generateKeyPairSync('ec', { namedCurve: curve }).privateKey;
  if (key.asymmetricKeyType === 'ed25519') return generateKeyPairSync('ed25519').privateKey;
  return generateKeyPairSync('rsa', { modulusLength: key.asymmetricKeyDetails?.modulusLength ?? 2048 }).privateKey;
}

/** A subject whose common name is the good one and something behind it. */
const subjectWith = (commonName: string): Buffer => sequence(set(sequence(oid('2.5.4.3'), utf8String(commonName))));

const names: readonly BrokerCase[] = [
  {
    info: {
      id: 'client-certificate.nul-in-name',
      family: 'client-certificate',
      title: 'A common name with a NUL in it is not cut there',
      offered: 'the good common name, a NUL, and .evil, without alternative names',
      expected: 'a refusal: by TLS, or CONNACK 2, 4 or 5',
      sources: ['RFC 5280 7', 'CVE-2009-2408'],
      severity: 'high',
    },
    needs: ['authority', 'identity', 'mqtt', 'certificate-request'],
    run: (context) =>
      inEachVersion(context, async (version) => {
        const name = context.names.commonName ?? 'x';
        const result = await tryIn(context, [version], {
          credentials: identityWith(context, { subjectDer: subjectWith(`${name}\0.evil`), extensions: endEntityExtensions('clientAuth') }),
        });
        hangUp(result);
        return isIn(result) ? warn('it was let in: harmless only if names decide nothing here') : pass(`refused: ${endText(result)}`);
      }),
  },
  {
    info: {
      id: 'client-certificate.empty-subject',
      family: 'client-certificate',
      title: 'A certificate without any name is nobody’s',
      offered: 'an empty subject and no alternative names',
      expected: 'a refusal: by TLS, or CONNACK 2, 4 or 5',
      sources: ['RFC 5280 4.1.2.6'],
      severity: 'medium',
    },
    needs: ['authority', 'identity', 'mqtt', 'certificate-request'],
    run: (context) =>
      inEachVersion(context, async (version) => {
        const result = await tryIn(context, [version], {
          credentials: identityWith(context, { subjectDer: sequence(), extensions: endEntityExtensions('clientAuth') }),
        });
        hangUp(result);
        return isIn(result) ? warn('it was let in: harmless only if names decide nothing here') : pass(`refused: ${endText(result)}`);
      }),
  },
  reported(
    {
      id: 'ed25519',
      title: 'A key of Ed25519',
      offered: 'the good identity with an Ed25519 key',
      sources: ['RFC 8446 4.2.3', 'RFC 8422 5.1.1'],
      severity: 'info',
    },
    'client key of Ed25519',
    (context) => identityWith(context, { keys: generateKeyPairSync('ed25519') }),
  ),
];

const revocation: readonly BrokerCase[] = [
  {
    info: {
      id: 'client-certificate.revoked',
      family: 'client-certificate',
      title: 'A certificate that was revoked is refused',
      offered: 'an identity that the revocation list names',
      expected: 'certificate_revoked (44), another alert, or a close',
      sources: ['RFC 5280 3.3', 'RFC 5280 6.3'],
      severity: 'critical',
    },
    needs: ['revoked', 'certificate-request'],
    run: async (context) => {
      const credentials = await context.target.revoked!();
      return inEachVersion(context, async (version) => judgeRefusal(await tryIn(context, [version], { credentials })));
    },
  },
  {
    info: {
      id: 'client-certificate.revoked-while-running',
      family: 'client-certificate',
      title: 'A certificate that is revoked while the broker runs is refused',
      offered: 'an identity that was let in a moment ago, after it was revoked',
      expected: 'certificate_revoked (44), another alert, or a close, within the broker’s reloading time',
      sources: ['RFC 5280 3.3'],
      severity: 'high',
    },
    needs: ['authority', 'identity', 'revoke', 'certificate-request'],
    mode: 'alone',
    run: async (context) => {
      const victim = await freshIdentity(context);
      const [version] = context.profile.versions;
      const before = await tryIn(context, [version!], { credentials: victim });
      hangUp(before);
      if (!isIn(before)) return notRun(`the identity was not let in before it was revoked: ${endText(before)}`);
      context.evidence.note('the certificate is revoked');
      const startMs = context.evidence.elapsedMs;
      await context.target.revoke!(new X509Certificate(Buffer.from(victim.chain[0]!)));
      for (;;) {
        const result = await tryIn(context, [version!], { credentials: victim });
        hangUp(result);
        const seconds = ((context.evidence.elapsedMs - startMs) / 1000).toFixed(1);
        if (!isIn(result)) return pass(`refused ${seconds} s after: ${endText(result)}`);
        if (context.evidence.elapsedMs - startMs > context.patienceMs) return fail(`still let in after ${seconds} s`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
  },
];

export const CLIENT_PROOF_CASES: readonly BrokerCase[] = [...proofs, ...names, ...revocation];
