/** Client certificates: who vouches for them. */
import { randomBytes } from 'node:crypto';
import { authorityExtensions, commonNameDer, ecKeys, endEntityExtensions, forgeCertificate, type Issuer } from '../forged-certificate.ts';
import type { Credentials } from '../wire/client.ts';
import { authorityOf, identityOf, type BrokerCase, type Context } from './context.ts';
import { letIn, refused } from './client-certificate.ts';
import { goodRecipe, identityWith, impostorOf, validNow, withNames } from './client-identities.ts';

const under = (issuer: Issuer, context: Context): Credentials => {
  const { der, privateKey } = forgeCertificate({ ...goodRecipe(context), issuer });
  return { chain: [der], key: privateKey };
};

/** The good identity's names, signed by `issuer`, or by itself. Needs no authority. */
export function strangerWithNames(context: Context, issuer?: Issuer): Credentials {
  const { der, privateKey } = forgeCertificate({
    subjectDer: context.names.subjectDer,
    ...validNow(context.nowMs),
    ...(issuer ? { issuer } : {}),
    extensions: withNames(context, endEntityExtensions('clientAuth')),
  });
  return { chain: [der], key: privateKey };
}

/** Without an authority to sign with. */
export const NEEDS_PLAIN = ['identity', 'certificate-request'] as const;

export const CLIENT_TRUST_CASES: readonly BrokerCase[] = [
  {
    ...refused(
      {
        id: 'none',
        title: 'A client without a certificate is refused',
        offered: 'an empty Certificate message',
        sources: ['RFC 8446 4.4.2.4', 'RFC 5246 7.4.6'],
        severity: 'critical',
        needs: [],
      },
      'certificate_required (116) or handshake_failure (40)',
      () => ({
        credentials: { chain: [], key: ecKeys('P-256').privateKey },
      }),
    ),
    mode: 'in turn',
  },
  letIn(
    {
      id: 'good',
      title: 'The good identity is let in',
      offered: 'the good identity',
      sources: ['RFC 8446 4.4.2'],
      severity: 'critical',
      needs: ['identity'],
    },
    (context) => identityOf(context),
  ),
  refused(
    {
      id: 'self-signed',
      title: 'A certificate that signs itself is refused',
      offered: 'the good identity’s names in a self-signed certificate',
      sources: ['RFC 5280 6.1'],
      severity: 'critical',
      needs: NEEDS_PLAIN,
    },
    'unknown_ca (48)',
    (context) => strangerWithNames(context),
  ),
  refused(
    {
      id: 'unknown-authority',
      title: 'A certificate of an unknown authority is refused',
      offered: 'the good identity’s names, signed by an authority that nobody knows, which is sent along',
      sources: ['RFC 5280 6.1'],
      severity: 'critical',
      needs: NEEDS_PLAIN,
    },
    'unknown_ca (48)',
    (context) => {
      const stranger = forgeCertificate({ subjectDer: commonNameDer('a stranger'), ...validNow(context.nowMs), extensions: authorityExtensions() });
      const leaf = strangerWithNames(context, stranger);
      return { chain: [...leaf.chain, stranger.der], key: leaf.key };
    },
  ),
  refused(
    {
      id: 'same-name-authority',
      title: 'An authority with the right name and another key is not believed',
      offered: 'a certificate signed by an authority named as the broker’s',
      sources: ['RFC 5280 6.1.3'],
      severity: 'critical',
    },
    'bad_certificate (42), decrypt_error (51) or unknown_ca (48)',
    (context) => {
      const impostor = impostorOf(authorityOf(context), context.nowMs, authorityExtensions());
      const leaf = under(impostor, context);
      return { chain: [...leaf.chain, impostor.der], key: leaf.key };
    },
  ),
  refused(
    {
      id: 'same-name-and-key-id',
      title: 'An authority with the right name and key identifier and another key is not believed',
      offered: 'a certificate whose issuer name and key identifier are the broker’s authority’s, signed by another key',
      sources: ['RFC 5280 6.1.3'],
      severity: 'critical',
    },
    'bad_certificate (42) or decrypt_error (51)',
    (context) => {
      const { subjectDer, keyIdentifier, chain } = authorityOf(context);
      const leaf = under({ subjectDer, keyIdentifier, privateKey: ecKeys('P-256').privateKey }, context);
      return { chain: [...leaf.chain, ...chain], key: leaf.key };
    },
  ),
  refused(
    {
      id: 'broken-signature',
      title: 'A certificate whose signature is broken is refused',
      offered: 'the good identity with one bit of the signature flipped',
      sources: ['RFC 5280 6.1.3'],
      severity: 'critical',
    },
    'bad_certificate (42) or decrypt_error (51)',
    (context) => identityWith(context, { signature: 'broken' }),
  ),
  refused(
    {
      id: 'not-der',
      title: 'Octets that are no certificate are refused',
      offered: '400 random octets as the certificate',
      sources: ['RFC 8446 4.4.2'],
      severity: 'high',
      needs: NEEDS_PLAIN,
    },
    'bad_certificate (42) or decode_error (50)',
    () => ({ chain: [randomBytes(400)], key: ecKeys('P-256').privateKey }),
  ),
];
