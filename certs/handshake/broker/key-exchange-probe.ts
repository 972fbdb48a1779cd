/** Hellos of TLS 1.2 that take anything, and what a server answers to them. */
import { PeerStop } from '../errors.ts';
import { type HelloRecipe } from '../wire/client-hello.ts';
import { openTls, type TlsClient } from '../wire/client.ts';
import { GROUP, HANDSHAKE, SCHEME, VERSION } from '../wire/names.ts';
import { parseServerKeyExchange } from '../wire/server-messages.ts';
import { suiteOf } from '../wire/suites.ts';
import { type Context } from './context.ts';
import { plainHello } from './hellos.ts';

/** Groups that weak or old servers may want; they are named, not used. */
const ANY_GROUPS = [GROUP.x25519, GROUP.p256, GROUP.p384, GROUP.p521, 0x0016, 0x0015, GROUP.p192];

const ANY_SCHEMES = [
  SCHEME.ecdsaP256Sha256,
  SCHEME.rsaPssSha256,
  SCHEME.rsaPkcs1Sha256,
  SCHEME.ecdsaP384Sha384,
  SCHEME.rsaPkcs1Sha384,
  SCHEME.ecdsaSha1,
  SCHEME.rsaPkcs1Sha1,
];

export function hello12(context: Context, suites: readonly number[]): HelloRecipe {
  return { ...plainHello(context, [VERSION.tls12]), suites, groups: ANY_GROUPS, schemes: ANY_SCHEMES };
}

/** The first flight of a TLS 1.2 server up to its ServerKeyExchange. */
export async function keyExchangeOf(context: Context, hello: HelloRecipe): Promise<ReturnType<typeof parseServerKeyExchange> | PeerStop> {
  const { target, evidence, timeoutMs } = context;
  let client: TlsClient | undefined;
  try {
    client = await openTls(target.host, target.port, evidence, { hello, timeoutMs });
    const chosen = suiteOf((await client.sayHello()).suite);
    const kind = chosen?.keyExchange;
    if (kind !== 'ecdhe' && kind !== 'dhe') return new PeerStop('PEER_MALFORMED', `it chose ${chosen?.name ?? 'another suite'}`);
    for (;;) {
      const { type, body } = await client.records.readMessage(timeoutMs);
      if (type === HANDSHAKE.serverKeyExchange) return parseServerKeyExchange(body, kind);
    }
  } catch (error) {
    if (error instanceof PeerStop) return error;
    throw error;
  } finally {
    client?.transport.destroy();
  }
}
