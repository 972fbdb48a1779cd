/** Servers that speak old versions of TLS only, whole handshakes that a device must not complete (RFC 8996). */
import { notRun, pass, type Verdict } from '../model.ts';
import { VERSION } from '../wire/names.ts';
import { identityOf } from './bait.ts';
import type { CaseContext, ClientCase } from './case.ts';
import { connectionWithHello, judgeRefusal } from './refusal.ts';

function oldVersion(name: 'TLS 1.0' | 'TLS 1.1', protocol: 'TLSv1' | 'TLSv1.1', number: number): ClientCase {
  const serve = async (context: CaseContext): Promise<Verdict> => {
    const connection = await connectionWithHello(context);
    if (!connection) return notRun('the device did not connect');
    const hello = (await connection.hello())!;
    if (hello.legacyVersion < number) return notRun(`the device offers nothing as new as ${name}`);
    context.evidence.sent(`${name} only`);
    const handshake = await connection.startTls(identityOf(context.bait.server({ keys: context.bait.rsa(2048) })), { minVersion: protocol, maxVersion: protocol });
    // node:tls refuses by itself a ClientHello whose supported_versions leave this version out.
    if (handshake.kind === 'impossible' && hello.extensions.has(43) && !hello.versions.includes(number)) return pass(`does not offer ${name}`);
    const verdict = await judgeRefusal(context, handshake);
    connection.destroy();
    return verdict;
  };
  return { info: { id: `tls-server.${name.toLowerCase().replace(' ', '-')}`, family: 'tls-server', title: `${name} only`, offered: `a whole handshake of ${name}`, expected: 'an alert, or the connection closed before any MQTT byte', sources: ['RFC 8996', 'RFC 9325 3.1.1'], severity: 'high' }, serve };
}

export const VERSION_CASES = [oldVersion('TLS 1.0', 'TLSv1', VERSION.tls10), oldVersion('TLS 1.1', 'TLSv1.1', VERSION.tls11)];
