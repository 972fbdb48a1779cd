/** Cases about signatures: those that the server makes, and those that it asks clients for. */
import { PeerStop } from '../errors.ts';
import { fail, pass, warn, type Severity } from '../model.ts';
import { openTls } from '../wire/client.ts';
import { SCHEME, schemeName, VERSION } from '../wire/names.ts';
import { refusal, refusesHello, type BrokerCase, type Context } from './context.ts';
import { plainHello } from './hellos.ts';
import { keyExchangeOf } from './key-exchange-probe.ts';

/** A case about the hash that the server signs its key exchange with. */
function signedWith(id: string, title: string, schemes: readonly number[], sources: readonly string[], severity: Severity): BrokerCase {
  return {
    info: {
      id: `ciphers.${id}`,
      family: 'ciphers',
      title,
      offered: `TLS 1.2 with ${schemes.map(schemeName).join(' and ')} only`,
      expected: 'handshake_failure (40), or a signature that is none of these',
      sources,
      severity,
    },
    needs: ['tls-1.2'],
    run: async (context) => {
      const exchange = await keyExchangeOf(context, { ...plainHello(context, [VERSION.tls12]), schemes });
      if (exchange instanceof PeerStop) return refusal(exchange);
      return schemes.includes(exchange.scheme)
        ? fail(`it signed with ${schemeName(exchange.scheme)}`)
        : warn(`it signed with ${schemeName(exchange.scheme)}, which was not offered`);
    },
  };
}

const requestedSchemes: BrokerCase = {
  info: {
    id: 'ciphers.client-schemes',
    family: 'ciphers',
    title: 'No client is asked for signatures with SHA-1 or MD5',
    offered: 'a handshake up to CertificateRequest',
    expected: 'no SHA-1 and no MD5 among the schemes',
    sources: ['RFC 9155 2', 'RFC 9155 3'],
    severity: 'medium',
  },
  needs: ['certificate-request'],
  run: async (context) => {
    const weakOnes = await requested(context);
    if (weakOnes instanceof PeerStop) return fail(weakOnes.message);
    return weakOnes.length === 0 ? pass('none is asked for') : warn(`it asks for ${weakOnes.map(schemeName).join(', ')}`);
  },
};

async function requested(context: Context): Promise<number[] | PeerStop> {
  const { target, evidence, timeoutMs } = context;
  const client = await openTls(target.host, target.port, evidence, { hello: plainHello(context), timeoutMs });
  try {
    await client.handshake();
  } catch (error) {
    if (!(error instanceof PeerStop)) throw error;
    if (!client.certificateRequest) return error;
  } finally {
    client.transport.destroy();
  }
  return (client.certificateRequest?.schemes ?? []).filter((scheme) => scheme >> 8 === 1 || scheme >> 8 === 2);
}

export const SIGNATURE_CASES: readonly BrokerCase[] = [
  signedWith('signature-sha-1', 'The server does not sign with SHA-1', [SCHEME.rsaPkcs1Sha1, SCHEME.ecdsaSha1], ['RFC 9155 3'], 'high'),
  signedWith('signature-md5', 'The server does not sign with MD5', [SCHEME.rsaPkcs1Md5], ['RFC 9155 3', 'RFC 6151 2'], 'critical'),
  {
    info: {
      id: 'ciphers.tls-1.3-pkcs1',
      family: 'ciphers',
      title: 'TLS 1.3 does not sign with RSA PKCS#1 v1.5',
      offered: 'TLS 1.3 with rsa_pkcs1_sha256 only',
      expected: 'handshake_failure (40)',
      sources: ['RFC 8446 4.2.3'],
      severity: 'medium',
    },
    needs: ['tls-1.3'],
    run: (context) => refusesHello(context, { ...plainHello(context, [VERSION.tls13]), schemes: [SCHEME.rsaPkcs1Sha256, SCHEME.rsaPkcs1Sha384] }),
  },
  requestedSchemes,
];
