/** Client certificates: when they are valid. */
import { authorityExtensions } from '../forged-certificate.ts';
import { type BrokerCase } from './context.ts';
import { letIn, refused } from './client-certificate.ts';
import { identityBelow, identityWith } from './client-identities.ts';

const MINUTE_MS = 60_000;

const DAY_MS = 86_400_000;

export const CLIENT_VALIDITY_CASES: readonly BrokerCase[] = [
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
