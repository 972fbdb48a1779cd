/** Cases about the certificate that the broker shows, as a client sees it. */
import { X509Certificate } from 'node:crypto';
import { checkCertificate } from '../../check.ts';
import type { FindingId } from '../../check-catalogue.ts';
import { isIP } from 'node:net';
import { readCertificate } from '../../certificate-reader.ts';
import { PeerStop } from '../errors.ts';
import { fail, pass, warn, type Severity, type Verdict } from '../model.ts';
import { openTls, type TlsClient } from '../wire/client.ts';
import { versionName } from '../wire/names.ts';
import { extensionsOf } from './target.ts';
import { inEachVersion, settingsFor, type BrokerCase, type Context, type Need } from './context.ts';

const DAY_MS = 86_400_000;

/** What the broker showed in one version. */
interface Shown {
  readonly client: TlsClient;
  readonly leaf: X509Certificate;
  readonly chain: readonly X509Certificate[];
}

/** Comes as far as the server's certificate; whether the client is let in does not matter. */
async function look(context: Context, version: number): Promise<Shown | Verdict> {
  const settings = settingsFor(context, [version]);
  const client = await openTls(context.target.host, context.target.port, context.evidence, {
    ...settings,
    hello: { ...settings.hello, statusRequest: 'offered' },
  });
  try {
    await client.handshake();
  } catch (error) {
    if (!(error instanceof PeerStop)) throw error;
    if (client.serverChain.length === 0) return fail(`it showed no certificate: ${error.message}`);
  } finally {
    client.transport.destroy();
  }
  try {
    const chain = client.serverChain.map((der) => new X509Certificate(der));
    return { client, leaf: chain[0]!, chain };
  } catch {
    return fail('it showed something that is no certificate');
  }
}

function aboutIt(
  id: string,
  title: string,
  expected: string,
  sources: readonly string[],
  severity: Severity,
  judge: (shown: Shown, context: Context) => Verdict,
  needs: readonly Need[] = [],
): BrokerCase {
  return {
    info: {
      id: `server-certificate.${id}`,
      family: 'server-certificate',
      title,
      offered: 'a handshake as far as the broker’s certificate',
      expected,
      sources,
      severity,
    },
    needs,
    run: (context) =>
      inEachVersion(context, async (version) => {
        const shown = await look(context, version);
        return 'outcome' in shown ? shown : judge(shown, context);
      }),
  };
}

/** A case that fails, or warns, when the check of the whole chain has one of these findings. */
function without(
  id: string,
  title: string,
  findings: readonly FindingId[],
  sources: readonly string[],
  severity: Severity,
  otherwise: 'fail' | 'warn' = 'fail',
): BrokerCase {
  return aboutIt(id, title, 'no such finding', sources, severity, ({ chain }, { nowMs, target }) => {
    for (const [index, certificate] of chain.entries()) {
      if (index > 0 && target.trust?.some((root) => root.raw.equals(certificate.raw)) === true) continue; // a root is trusted as it is
      const found = checkCertificate(certificate.raw, nowMs).find((finding) => findings.includes(finding.id));
      if (found) {
        const where = index === 0 ? 'its certificate' : `certificate ${index} of its chain`;
        const reason = `${where}: ${found.sentence} (${found.id})`;
        return otherwise === 'fail' && found.severity === 'error' ? fail(reason) : warn(reason);
      }
    }
    return pass('it is so');
  });
}

function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

/** Whether the leaf leads to a trusted certificate, by what was sent and nothing else. */
function leadsToTrust(chain: readonly X509Certificate[], trust: readonly X509Certificate[]): boolean {
  let current = chain[0]!;
  for (let steps = 0; steps <= chain.length; steps++) {
    if (trust.some((root) => root.raw.equals(current.raw) || isSignedBy(current, root))) return true;
    const next = chain.find((candidate) => !candidate.raw.equals(current.raw) && candidate.ca && isSignedBy(current, candidate));
    if (!next) return false;
    current = next;
  }
  return false;
}

/** Whether the certificate is for this name or address, by its alternative names (RFC 9525 6). */
function isFor(leaf: X509Certificate, name: string): boolean {
  if (isIP(name)) return leaf.checkIP(name) !== undefined;
  return leaf.checkHost(name, { subject: 'never', partialWildcards: false }) !== undefined;
}

/** RFC 7633: the certificate promises a staple. */
const TLS_FEATURE = '1.3.6.1.5.5.7.1.24';
const CRL_POINTERS = '2.5.29.31';
const AUTHORITY_ACCESS = '1.3.6.1.5.5.7.1.1';

export const SERVER_CERTIFICATE_CASES: readonly BrokerCase[] = [
  aboutIt(
    'trusted',
    'Its chain leads to the authority that clients trust',
    'a chain to the authority given, by what it sends',
    ['RFC 5280 6.1', 'RFC 8446 4.4.2'],
    'critical',
    ({ chain }, { target }) => (leadsToTrust(chain, target.trust ?? []) ? pass('it does') : fail('it does not: clients that check will not connect')),
    ['trust'],
  ),
  aboutIt(
    'chain-order',
    'Each certificate of its chain is signed by the next',
    'leaf first, then its issuers in order',
    ['RFC 8446 4.4.2', 'RFC 5246 7.4.2'],
    'medium',
    ({ chain }) => {
      const at = chain.findIndex((certificate, index) => index + 1 < chain.length && !isSignedBy(certificate, chain[index + 1]!));
      return at < 0 ? pass(`${chain.length} in order`) : fail(`certificate ${at} is not signed by the one that follows`);
    },
  ),
  aboutIt(
    'root-not-sent',
    'The root is not sent: whoever trusts it has it',
    'no certificate that signs itself behind the leaf',
    ['RFC 8446 4.4.2'],
    'info',
    ({ chain }) =>
      chain.slice(1).some((certificate) => certificate.checkIssued(certificate))
        ? warn('it sends its root too: octets for nothing')
        : pass('it is not'),
  ),
  aboutIt('self-signed', 'It does not sign itself', 'another issuer than itself', ['RFC 9525 1', 'RFC 5280 3.2'], 'high', ({ leaf }, { target }) => {
    if (!isSignedBy(leaf, leaf)) return pass('it does not');
    return target.trust?.some(({ raw }) => raw.equals(leaf.raw)) === true
      ? warn('it signs itself, and is trusted by name: nobody can revoke it')
      : fail('it signs itself');
  }),
  aboutIt('name', 'It is for this host', 'the host among its alternative names', ['RFC 9525 6', 'RFC 6066 3'], 'critical', ({ leaf }, { target }) =>
    isFor(leaf, target.serverName)
      ? pass(`it is for ${target.serverName}`)
      : fail(`it is not for ${target.serverName}, but for ${leaf.subjectAltName ?? 'no alternative name at all'}`),
  ),
  without(
    'names-form',
    'Its alternative names are there and well-formed',
    [
      'names-missing',
      'names-empty',
      'dns-name-syntax',
      'dns-name-is-address',
      'dns-name-wildcard',
      'ip-address-length',
      'name-control-character',
      'uri-not-absolute',
    ],
    ['RFC 9525 4.1', 'RFC 5280 4.2.1.6'],
    'high',
  ),
  without('dates', 'It is valid now', ['expired', 'not-yet-valid', 'validity-order', 'validity-encoding'], ['RFC 5280 4.1.2.5'], 'critical'),
  aboutIt('expires-soon', 'It does not expire soon', 'a tenth of its life left', ['RFC 9325 4.5'], 'low', ({ leaf }, { nowMs }) => {
    const [from, to] = [Date.parse(leaf.validFrom), Date.parse(leaf.validTo)];
    const days = (to - nowMs) / DAY_MS;
    return to - nowMs > (to - from) / 10
      ? pass(`${days.toFixed(0)} days left`)
      : warn(`${days.toFixed(1)} days left of ${((to - from) / DAY_MS).toFixed(0)}`);
  }),
  without('lifetime', 'It does not live for years', ['lifetime-long'], ['CA/B BR 6.3.2'], 'low', 'warn'),
  without('key', 'Its keys are strong', ['key-weak', 'key-unreadable'], ['RFC 9325 4.5', 'NIST SP 800-52r2 3.2'], 'critical'),
  without(
    'signature',
    'Nothing in its chain is signed with SHA-1 or MD5',
    ['signature-algorithm-weak', 'signature-algorithm-differs'],
    ['RFC 9155 2', 'RFC 9325 4.5'],
    'critical',
  ),
  aboutIt(
    'usage',
    'It is for servers, and its key may sign',
    'serverAuth, or no extended key usage; digitalSignature, or no key usage',
    ['RFC 5280 4.2.1.12', 'RFC 8446 4.4.2.2'],
    'high',
    ({ leaf }) => {
      const { extendedKeyUsage, keyUsage } = readCertificate(leaf);
      if (extendedKeyUsage && !extendedKeyUsage.includes('serverAuth') && !extendedKeyUsage.includes('any'))
        return fail(`its extended key usage is ${extendedKeyUsage.join(', ')}`);
      if (keyUsage && !keyUsage.includes('digitalSignature')) return fail(`its key usage is ${keyUsage.join(', ')}`);
      return pass('it is so');
    },
  ),
  aboutIt('not-authority', 'It is not an authority’s', 'no CA:TRUE', ['RFC 5280 4.2.1.9'], 'high', ({ leaf }) =>
    leaf.ca
      ? isSignedBy(leaf, leaf)
        ? warn('it is an authority’s own, self-signed')
        : fail('it is an authority’s: whoever gets its key can issue')
      : pass('it is not'),
  ),
  without(
    'serial',
    'Its serial number is positive, short enough and hard to guess',
    ['serial-not-positive', 'serial-too-long', 'serial-encoding', 'serial-low-entropy', 'serial-repeated'],
    ['RFC 5280 4.1.2.2', 'CA/B BR 7.1'],
    'low',
    'warn',
  ),
  without(
    'form',
    'Its extensions are as RFC 5280 wants them',
    [
      'malformed',
      'version-not-3',
      'extension-duplicate',
      'extension-unknown-critical',
      'extension-malformed',
      'basic-constraints-not-critical',
      'path-length-without-ca',
      'key-usage-cert-sign-without-ca',
      'key-usage-empty',
      'extended-key-usage-empty',
    ],
    ['RFC 5280 4.2'],
    'medium',
  ),
  aboutIt(
    'revocation-pointers',
    'Whether it says where its revocation can be asked is reported',
    'a CRL distribution point or an OCSP responder, where clients can reach one',
    ['RFC 5280 4.2.1.13', 'RFC 5280 4.2.2.1'],
    'info',
    ({ leaf }, { facts }) => {
      const oids = extensionsOf(leaf.raw).map(({ oid }) => oid);
      const has = [oids.includes(CRL_POINTERS) ? 'CRL' : '', oids.includes(AUTHORITY_ACCESS) ? 'authority access' : ''].filter((text) => text !== '');
      facts.set('revocation pointers of the server certificate', has.length > 0 ? has.join(', ') : 'none');
      return pass(has.length > 0 ? `it points to: ${has.join(', ')}` : 'it points nowhere');
    },
  ),
  aboutIt(
    'stapling',
    'A certificate that promises a staple comes with one; else it is reported',
    'an OCSP response when the certificate says must-staple',
    ['RFC 7633 4', 'RFC 6066 8'],
    'medium',
    ({ client, leaf }, { facts }) => {
      const must = extensionsOf(leaf.raw).some(({ oid }) => oid === TLS_FEATURE);
      facts.set('stapled OCSP response', client.staple ? 'yes' : 'no');
      if (client.staple) return pass('an OCSP response is stapled');
      return must ? fail('its certificate promises a staple, and there is none') : pass('no staple is promised, none is there');
    },
  ),
  {
    info: {
      id: 'server-certificate.same-in-both',
      family: 'server-certificate',
      title: 'Both versions show the same certificate',
      offered: 'a handshake of each version',
      expected: 'the same leaf',
      sources: ['RFC 9325 3.1'],
      severity: 'info',
    },
    needs: ['tls-1.2', 'tls-1.3'],
    run: async (context) => {
      const leaves = new Map<string, string>();
      for (const version of context.profile.versions) {
        const shown = await look(context, version);
        if ('outcome' in shown) return shown;
        leaves.set(shown.leaf.fingerprint256, versionName(version));
      }
      return leaves.size === 1
        ? pass('it is the same')
        : warn('they differ: RSA for one and ECDSA for the other is usual, else something stands between');
    },
  },
];
