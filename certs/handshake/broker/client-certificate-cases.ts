/** The catalogue of client certificates. */
import { randomBytes } from 'node:crypto';
import { contextConstructed, contextPrimitive, octetString, sequence } from '../../der.ts';
import { basicConstraints, extKeyUsage, keyUsage, subjectAltName, type Extension } from '../../extensions.ts';
import { authorityExtensions, commonNameDer, ecKeys, endEntityExtensions, forgeCertificate, rsaKeys, type Issuer } from '../forged-certificate.ts';
import type { Credentials } from '../wire/client.ts';
import { authorityOf, identityOf, type BrokerCase, type Context } from './context.ts';
import { letIn, refused, reported } from './client-certificate.ts';
import { goodRecipe, identityBelow, identityWith, impostorOf, validNow, withNames } from './client-identities.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

const bare = (extensions: readonly Extension[]): { extensions: readonly Extension[] } => ({ extensions });
const under = (issuer: Issuer, context: Context): Credentials => {
  const { der, privateKey } = forgeCertificate({ ...goodRecipe(context), issuer });
  return { chain: [der], key: privateKey };
};
const withUsage = (context: Context, ...middle: readonly Extension[]): { extensions: readonly Extension[] } =>
  bare(withNames(context, [basicConstraints({ ca: false }), ...middle]));
const unknownCritical: Extension = { oid: '1.3.6.1.4.1.99999.1', critical: true, valueDer: octetString(Buffer.from('?')) };

/** Name constraints (RFC 5280 4.2.1.10) that permit one DNS name only. */
const onlyElsewhere: Extension = {
  oid: '2.5.29.30',
  critical: true,
  valueDer: sequence(contextConstructed(0, sequence(contextPrimitive(2, Buffer.from('elsewhere.example'))))),
};

/** The good identity's names, signed by `issuer`, or by itself. Needs no authority. */
function strangerWithNames(context: Context, issuer?: Issuer): Credentials {
  const { der, privateKey } = forgeCertificate({
    subjectDer: context.names.subjectDer,
    ...validNow(context.nowMs),
    ...(issuer ? { issuer } : {}),
    extensions: withNames(context, endEntityExtensions('clientAuth')),
  });
  return { chain: [der], key: privateKey };
}

/** A leaf under `depth` authorities below the broker's. */
function deepChain(context: Context, depth: number): Credentials {
  const above = authorityOf(context);
  let issuer: Issuer = above;
  const chain: Uint8Array[] = [];
  for (let level = 0; level < depth; level++) {
    const next = forgeCertificate({
      subjectDer: commonNameDer(`thrum handshake test, level ${level}`),
      issuer,
      ...validNow(context.nowMs),
      extensions: authorityExtensions(),
    });
    chain.unshift(next.der);
    issuer = next;
  }
  const leaf = forgeCertificate({ ...goodRecipe(context), issuer });
  return { chain: [leaf.der, ...chain, ...above.chain], key: leaf.privateKey };
}

/** A certificate with as many names as it says. */
function manyNames(context: Context, count: number): Credentials {
  const names = Array.from({ length: count }, (_, index) => ({ type: 'dns' as const, value: `n${index}.handshake-test.example` }));
  const { altNames } = context.names;
  const more = subjectAltName(names);
  const both = altNames ? { ...more, valueDer: sequence(contentOfSequence(altNames.valueDer), contentOfSequence(more.valueDer)) } : more;
  return identityWith(context, bare([...endEntityExtensions('clientAuth'), both]));
}

/** What is inside a SEQUENCE. */
function contentOfSequence(der: Uint8Array): Uint8Array {
  const lengthOctets = der[1]! < 0x80 ? 1 : 1 + (der[1]! & 0x7f);
  return der.subarray(1 + lengthOctets);
}

const NEEDS_PLAIN = ['identity', 'certificate-request'] as const;

const trust: readonly BrokerCase[] = [
  refused(
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

const time: readonly BrokerCase[] = [
  refused(
    {
      id: 'expired',
      title: 'A certificate that has expired is refused',
      offered: 'one that ended yesterday',
      sources: ['RFC 5280 4.1.2.5', 'RFC 5280 6.1.3'],
      severity: 'critical',
    },
    'certificate_expired (45)',
    (context) => identityWith(context, { notBeforeMs: context.nowMs - 30 * DAY_MS, notAfterMs: context.nowMs - DAY_MS }),
  ),
  refused(
    {
      id: 'just-expired',
      title: 'A certificate that ended two minutes ago is refused',
      offered: 'one that ended two minutes ago',
      sources: ['RFC 5280 4.1.2.5'],
      severity: 'medium',
    },
    'certificate_expired (45)',
    (context) => identityWith(context, { notBeforeMs: context.nowMs - DAY_MS, notAfterMs: context.nowMs - 2 * MINUTE_MS }),
  ),
  refused(
    {
      id: 'not-yet-valid',
      title: 'A certificate that is not valid yet is refused',
      offered: 'one that begins tomorrow',
      sources: ['RFC 5280 4.1.2.5', 'RFC 5280 6.1.3'],
      severity: 'high',
    },
    'bad_certificate (42) or certificate_expired (45)',
    (context) => identityWith(context, { notBeforeMs: context.nowMs + DAY_MS, notAfterMs: context.nowMs + 30 * DAY_MS }),
  ),
  letIn(
    {
      id: 'last-minutes',
      title: 'A certificate in its last minutes is let in',
      offered: 'one that ends in two minutes',
      sources: ['RFC 5280 4.1.2.5'],
      severity: 'medium',
    },
    (context) => identityWith(context, { notBeforeMs: context.nowMs - DAY_MS, notAfterMs: context.nowMs + 2 * MINUTE_MS }),
  ),
  letIn(
    {
      id: 'after-2050',
      title: 'A certificate that ends after 2050 is let in',
      offered: 'one that ends in 2080, so written as GeneralizedTime',
      sources: ['RFC 5280 4.1.2.5.2'],
      severity: 'medium',
    },
    (context) => identityWith(context, { notAfterMs: Date.UTC(2080, 0, 1) }),
  ),
  refused(
    {
      id: 'validity-backwards',
      title: 'A certificate that ends before it begins is refused',
      offered: 'one that begins today and ended a month ago',
      sources: ['RFC 5280 4.1.2.5'],
      severity: 'medium',
    },
    'certificate_expired (45)',
    (context) => identityWith(context, { notBeforeMs: context.nowMs - MINUTE_MS, notAfterMs: context.nowMs - 30 * DAY_MS }),
  ),
  refused(
    {
      id: 'expired-intermediate',
      title: 'A certificate below an intermediate that has expired is refused',
      offered: 'a good leaf below an intermediate that ended yesterday',
      sources: ['RFC 5280 6.1.3'],
      severity: 'high',
    },
    'certificate_expired (45)',
    (context) =>
      identityBelow(context, { extensions: authorityExtensions(0), notBeforeMs: context.nowMs - 30 * DAY_MS, notAfterMs: context.nowMs - DAY_MS }),
  ),
];

const usage: readonly BrokerCase[] = [
  refused(
    {
      id: 'server-usage',
      title: 'A certificate for servers is refused',
      offered: 'extended key usage serverAuth only',
      sources: ['RFC 5280 4.2.1.12', 'RFC 8446 4.4.2.4'],
      severity: 'high',
    },
    'unsupported_certificate (43) or bad_certificate (42)',
    (context) => identityWith(context, bare(withNames(context, endEntityExtensions('serverAuth')))),
  ),
  refused(
    {
      id: 'other-usage',
      title: 'A certificate for signing code is refused',
      offered: 'extended key usage codeSigning only',
      sources: ['RFC 5280 4.2.1.12'],
      severity: 'medium',
    },
    'unsupported_certificate (43) or bad_certificate (42)',
    (context) => identityWith(context, bare(withNames(context, endEntityExtensions('codeSigning')))),
  ),
  reported(
    {
      id: 'no-extended-usage',
      title: 'A certificate without extended key usage',
      offered: 'one without the extension, which allows any use',
      sources: ['RFC 5280 4.2.1.12'],
      severity: 'info',
    },
    'client certificate without extended key usage',
    (context) => identityWith(context, withUsage(context, keyUsage(['digitalSignature']))),
  ),
  reported(
    { id: 'any-usage', title: 'A certificate for any use', offered: 'anyExtendedKeyUsage only', sources: ['RFC 5280 4.2.1.12'], severity: 'info' },
    'client certificate for any use',
    (context) => identityWith(context, withUsage(context, keyUsage(['digitalSignature']), extKeyUsage(['any']))),
  ),
  refused(
    {
      id: 'no-digital-signature',
      title: 'A certificate whose key may not sign is refused',
      offered: 'key usage keyEncipherment only',
      sources: ['RFC 5280 4.2.1.3', 'RFC 8446 4.4.2.4'],
      severity: 'medium',
    },
    'unsupported_certificate (43) or bad_certificate (42)',
    (context) => identityWith(context, withUsage(context, keyUsage(['keyEncipherment']), extKeyUsage(['clientAuth']))),
  ),
  refused(
    {
      id: 'unknown-critical',
      title: 'An unknown critical extension is not ignored',
      offered: 'a critical extension that nobody knows',
      sources: ['RFC 5280 4.2'],
      severity: 'high',
    },
    'unsupported_certificate (43) or bad_certificate (42)',
    (context) => identityWith(context, bare(withNames(context, [...endEntityExtensions('clientAuth'), unknownCritical]))),
  ),
];

const chains: readonly BrokerCase[] = [
  refused(
    {
      id: 'issuer-not-authority',
      title: 'A certificate signed by one that is no authority is refused',
      offered: 'a leaf signed by another client’s key',
      sources: ['RFC 5280 4.2.1.9', 'RFC 5280 6.1.4'],
      severity: 'critical',
    },
    'unknown_ca (48) or bad_certificate (42)',
    (context) => identityBelow(context, { extensions: endEntityExtensions('clientAuth') }),
  ),
  refused(
    {
      id: 'issuer-without-constraints',
      title: 'An issuer without basic constraints is no authority',
      offered: 'a leaf below a certificate that has no basic constraints',
      sources: ['RFC 5280 4.2.1.9'],
      severity: 'critical',
    },
    'unknown_ca (48) or bad_certificate (42)',
    (context) => identityBelow(context, { extensions: [keyUsage(['keyCertSign'])] }),
  ),
  refused(
    {
      id: 'issuer-may-not-sign',
      title: 'An authority whose key may not sign certificates is refused',
      offered: 'a leaf below an authority without keyCertSign',
      sources: ['RFC 5280 4.2.1.3', 'RFC 5280 6.1.4'],
      severity: 'high',
    },
    'unknown_ca (48) or bad_certificate (42)',
    (context) => identityBelow(context, { extensions: [basicConstraints({ ca: true }), keyUsage(['digitalSignature'])] }),
  ),
  refused(
    {
      id: 'path-too-long',
      title: 'A path longer than an authority allows is refused',
      offered: 'two authorities below one that allows none',
      sources: ['RFC 5280 4.2.1.9', 'RFC 5280 6.1.4'],
      severity: 'high',
    },
    'unknown_ca (48) or bad_certificate (42)',
    (context) => {
      const above = authorityOf(context);
      const upper = forgeCertificate({
        subjectDer: commonNameDer('upper'),
        issuer: above,
        ...validNow(context.nowMs),
        extensions: authorityExtensions(0),
      });
      const lower = forgeCertificate({
        subjectDer: commonNameDer('lower'),
        issuer: upper,
        ...validNow(context.nowMs),
        extensions: authorityExtensions(0),
      });
      const leaf = forgeCertificate({ ...goodRecipe(context), issuer: lower });
      return { chain: [leaf.der, lower.der, upper.der, ...above.chain], key: leaf.privateKey };
    },
  ),
  refused(
    {
      id: 'intermediate-missing',
      title: 'A certificate whose intermediate is missing is refused',
      offered: 'a leaf below an intermediate that is not sent',
      sources: ['RFC 8446 4.4.2', 'RFC 5280 6.1'],
      severity: 'medium',
    },
    'unknown_ca (48)',
    (context) => {
      const whole = identityBelow(context, { extensions: authorityExtensions(0) });
      return { chain: whole.chain.slice(0, 1), key: whole.key };
    },
  ),
  letIn(
    {
      id: 'extra-certificate',
      title: 'A certificate too many in the chain does no harm',
      offered: 'the good chain and one that has nothing to do with it',
      sources: ['RFC 8446 4.4.2'],
      severity: 'low',
    },
    (context) => {
      const { der } = forgeCertificate({ subjectDer: commonNameDer('nobody'), ...validNow(context.nowMs), extensions: authorityExtensions() });
      const good = identityOf(context);
      return { chain: [...good.chain, der], key: good.key };
    },
    'warn',
  ),
  reported(
    {
      id: 'chain-order',
      title: 'A chain in the wrong order',
      offered: 'the good chain with something before what should come next',
      sources: ['RFC 8446 4.4.2', 'RFC 5246 7.4.2'],
      severity: 'info',
    },
    'client chain in the wrong order',
    (context) => {
      const { der } = forgeCertificate({ subjectDer: commonNameDer('nobody'), ...validNow(context.nowMs), extensions: authorityExtensions() });
      const [leaf, ...rest] = identityOf(context).chain;
      return { chain: [leaf!, der, ...[...rest].reverse()], key: identityOf(context).key };
    },
  ),
  refused(
    {
      id: 'leaf-not-first',
      title: 'The first certificate is the client’s, whatever comes after',
      offered: 'a stranger’s certificate first, the good one second, with the stranger’s key',
      sources: ['RFC 8446 4.4.2'],
      severity: 'critical',
    },
    'unknown_ca (48)',
    (context) => {
      const stranger = strangerWithNames(context);
      return { chain: [...stranger.chain, ...identityOf(context).chain], key: stranger.key };
    },
  ),
  refused(
    {
      id: 'name-constraints',
      title: 'A name that the authority may not give is refused',
      offered: 'a DNS name evil.example below an intermediate that is permitted elsewhere.example only',
      sources: ['RFC 5280 4.2.1.10'],
      severity: 'high',
    },
    'bad_certificate (42) or unsupported_certificate (43)',
    (context) =>
      identityBelow(
        context,
        { extensions: [...authorityExtensions(0), onlyElsewhere] },
        bare([...endEntityExtensions('clientAuth'), subjectAltName([{ type: 'dns', value: 'evil.example' }])]),
      ),
  ),
  refused(
    {
      id: 'intermediate-unknown-critical',
      title: 'An unknown critical extension of an intermediate is not ignored',
      offered: 'a leaf below an intermediate with one',
      sources: ['RFC 5280 4.2'],
      severity: 'high',
    },
    'unsupported_certificate (43) or bad_certificate (42)',
    (context) => identityBelow(context, { extensions: [...authorityExtensions(0), unknownCritical] }),
  ),
  reported(
    {
      id: 'deep-chain',
      title: 'A chain of thirteen certificates is answered',
      offered: 'a leaf below twelve authorities',
      sources: ['RFC 5280 6.1'],
      severity: 'low',
    },
    'client chain of thirteen',
    (context) => deepChain(context, 12),
  ),
];

const strength: readonly BrokerCase[] = [
  refused(
    {
      id: 'rsa-1024',
      title: 'A key of RSA 1024 is refused',
      offered: 'the good identity with an RSA key of 1,024 bits',
      sources: ['RFC 9325 4.5', 'NIST SP 800-131A'],
      severity: 'high',
    },
    'bad_certificate (42) or insufficient_security (71)',
    (context) => identityWith(context, { keys: rsaKeys(1024) }),
  ),
  refused(
    {
      id: 'p-192',
      title: 'A key on P-192 is refused',
      offered: 'the good identity with a key on P-192',
      sources: ['RFC 9325 4.5', 'RFC 8422 5.1.1'],
      severity: 'high',
    },
    'bad_certificate (42), illegal_parameter (47) or handshake_failure (40)',
    (context) => identityWith(context, { keys: ecKeys('prime192v1') }),
  ),
  refused(
    {
      id: 'sha-1',
      title: 'A certificate signed with SHA-1 is refused',
      offered: 'a leaf that the authority signed with SHA-1',
      sources: ['RFC 9155 2', 'RFC 9325 4.5', 'NIST SP 800-131A'],
      severity: 'high',
    },
    'bad_certificate (42) or insufficient_security (71)',
    (context) => identityWith(context, { digest: 'sha1' }),
  ),
  refused(
    {
      id: 'md5',
      title: 'A certificate signed with MD5 is refused',
      offered: 'a leaf signed with MD5 by an RSA intermediate',
      sources: ['RFC 6151 2', 'RFC 9155 2'],
      severity: 'critical',
    },
    'bad_certificate (42) or insufficient_security (71)',
    (context) => {
      const above = authorityOf(context);
      // MD5 goes with RSA only: where the authority has another key, an RSA intermediate signs.
      if (above.privateKey.asymmetricKeyType === 'rsa') return identityWith(context, { digest: 'md5' });
      return identityBelow(context, { extensions: authorityExtensions(0), keys: rsaKeys(2048) }, { digest: 'md5' });
    },
  ),
  letIn(
    {
      id: 'rsa-2048',
      title: 'A key of RSA 2048 is let in',
      offered: 'the good identity with an RSA key of 2,048 bits',
      sources: ['RFC 9325 4.5'],
      severity: 'medium',
    },
    (context) => identityWith(context, { keys: rsaKeys(2048) }),
    'warn',
  ),
  letIn(
    {
      id: 'p-384',
      title: 'A key on P-384 is let in',
      offered: 'the good identity with a key on P-384',
      sources: ['RFC 9325 4.5'],
      severity: 'medium',
    },
    (context) => identityWith(context, { keys: ecKeys('P-384') }),
    'warn',
  ),
];

const names: readonly BrokerCase[] = [
  reported(
    {
      id: 'many-names',
      title: 'A certificate with 3,000 names is answered in bounded time',
      offered: 'the good identity with 3,000 DNS names more',
      sources: ['RFC 5280 4.2.1.6', 'CWE-400'],
      severity: 'medium',
    },
    'client certificate of 3,000 names',
    (context) => manyNames(context, 3_000),
  ),
  reported(
    {
      id: 'huge-chain',
      title: 'A chain of 200 kB is answered',
      offered: 'the good chain and 200 kB of certificates',
      sources: ['RFC 8446 4.4.2', 'CWE-400'],
      severity: 'medium',
    },
    'client chain of 200 kB',
    (context) => {
      const { der } = forgeCertificate({
        subjectDer: commonNameDer('ballast'),
        ...validNow(context.nowMs),
        extensions: [...authorityExtensions(), { oid: '1.3.6.1.4.1.99999.2', critical: false, valueDer: octetString(Buffer.alloc(20_000)) }],
      });
      const good = identityOf(context);
      return { chain: [...good.chain, ...Array.from({ length: 10 }, () => der)], key: good.key };
    },
  ),
];

export const CLIENT_CERTIFICATE_CASES: readonly BrokerCase[] = [...trust, ...time, ...usage, ...chains, ...strength, ...names];
