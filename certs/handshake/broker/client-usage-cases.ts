/** Client certificates: what they may be used for. */
import { octetString } from '../../der.ts';
import { basicConstraints, extKeyUsage, keyUsage, type Extension } from '../../extensions.ts';
import { endEntityExtensions } from '../forged-certificate.ts';
import { type BrokerCase, type Context } from './context.ts';
import { refused, reported } from './client-certificate.ts';
import { identityWith, withNames } from './client-identities.ts';

export const bare = (extensions: readonly Extension[]): { extensions: readonly Extension[] } => ({ extensions });

const withUsage = (context: Context, ...middle: readonly Extension[]): { extensions: readonly Extension[] } =>
  bare(withNames(context, [basicConstraints({ ca: false }), ...middle]));

export const unknownCritical: Extension = { oid: '1.3.6.1.4.1.99999.1', critical: true, valueDer: octetString(Buffer.from('?')) };

export const CLIENT_USAGE_CASES: readonly BrokerCase[] = [
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
