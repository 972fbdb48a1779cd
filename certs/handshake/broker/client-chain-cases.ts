/** Client certificates: the chain between them and the authority. */
import { contextConstructed, contextPrimitive, sequence } from '../../der.ts';
import { basicConstraints, keyUsage, subjectAltName, type Extension } from '../../extensions.ts';
import { authorityExtensions, commonNameDer, endEntityExtensions, forgeCertificate, type Issuer } from '../forged-certificate.ts';
import type { Credentials } from '../wire/client.ts';
import { authorityOf, identityOf, type BrokerCase, type Context } from './context.ts';
import { letIn, refused, reported } from './client-certificate.ts';
import { goodRecipe, identityBelow, validNow } from './client-identities.ts';
import { strangerWithNames } from './client-trust-cases.ts';
import { bare, unknownCritical } from './client-usage-cases.ts';

/** Name constraints (RFC 5280 4.2.1.10) that permit one DNS name only. */
const onlyElsewhere: Extension = {
  oid: '2.5.29.30',
  critical: true,
  valueDer: sequence(contextConstructed(0, sequence(contextPrimitive(2, Buffer.from('elsewhere.example'))))),
};

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

export const CLIENT_CHAIN_CASES: readonly BrokerCase[] = [
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
