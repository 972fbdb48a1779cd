/** Client certificates: weak keys and digests, and more of everything than is reasonable. */
import { octetString, sequence } from '../../der.ts';
import { subjectAltName } from '../../extensions.ts';
import { authorityExtensions, commonNameDer, ecKeys, endEntityExtensions, forgeCertificate, rsaKeys } from '../forged-certificate.ts';
import type { Credentials } from '../wire/client.ts';
import { authorityOf, identityOf, type BrokerCase, type Context } from './context.ts';
import { letIn, refused, reported } from './client-certificate.ts';
import { identityBelow, identityWith, validNow } from './client-identities.ts';
import { bare } from './client-usage-cases.ts';

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

export const CLIENT_STRENGTH_CASES: readonly BrokerCase[] = [
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

export const CLIENT_SIZE_CASES: readonly BrokerCase[] = [
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
