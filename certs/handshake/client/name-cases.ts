/** Servers with a certificate of the right authority for somebody else's name (RFC 9525, RFC 6125). */
import type { SubjectAltName } from '../../extensions.ts';
import { commonNameDer } from '../forged-certificate.ts';
import type { Severity } from '../model.ts';
import { identityOf, type Bait } from './bait.ts';
import { refusalCase, type Lie } from './refusal.ts';

const NAMES = 'RFC 9525 6';

/** A lie in the names: `names` gives what the certificate says for the host, or why it cannot be said of it. */
function nameLie(id: string, title: string, severity: Severity, names: (host: string) => readonly SubjectAltName[] | string, more: Partial<Lie> = {}): Lie {
  return {
    id: `tls-server.name.${id}`,
    title,
    offered: `certificate of the trusted authority: ${title.charAt(0).toLowerCase()}${title.slice(1)}`,
    sources: [NAMES],
    severity,
    server: (bait) => {
      const said = names(bait.host);
      return typeof said === 'string' ? said : identityOf(bait.server({}, said));
    },
    ...more,
  };
}

const dns = (value: string): SubjectAltName[] => [{ type: 'dns', value }];
const ip = (value: string): SubjectAltName[] => [{ type: 'ip', value }];

/** The host without its first label, when there are `least` labels at least. */
function parentOf(host: string, least: number): string | undefined {
  const labels = host.split('.');
  return labels.length >= least ? labels.slice(1).join('.') : undefined;
}

const CN_ONLY = { outcome: 'warn', because: 'RFC 9525 forbids to look at the common name, RFC 6125 still allowed it' } as const;

function commonNameOnly(bait: Bait): ReturnType<typeof identityOf> {
  return identityOf(bait.server({ subjectDer: commonNameDer(bait.host) }, []));
}

export const NAME_CASES = [
  nameLie('other', 'Another DNS name', 'critical', () => dns('somebody-else.example'), { sources: [NAMES, 'AWS IoT Device Advisor TLS_Incorrect_Subject_Name_Server_Cert'] }),
  nameLie('none', 'No name at all', 'critical', () => []),
  nameLie('suffix', 'A name that begins with the right one', 'critical', (host) => dns(`${host}.example`), { host: 'dns' }),
  nameLie('prefix', 'A name that ends with the right one', 'critical', (host) => dns(`not${host}`), { host: 'dns' }),
  nameLie('parent', 'The domain of the host, not the host', 'high', (host) => {
    const parent = parentOf(host, 3);
    return parent === undefined ? 'needs a host of three labels or more (--host)' : dns(parent);
  }, { host: 'dns' }),
  nameLie('cn-only', 'The right name only as common name, no alternative names', 'medium', () => [], { host: 'dns', believed: CN_ONLY, sources: ['RFC 9525 2', 'RFC 6125 6.4.4'], server: commonNameOnly }),
  nameLie('cn-and-other-san', 'The right name as common name, another as alternative name', 'high', () => [], {
    host: 'dns',
    sources: ['RFC 6125 6.4.4', 'RFC 9525 2'],
    server: (bait) => identityOf(bait.server({ subjectDer: commonNameDer(bait.host) }, dns('somebody-else.example'))),
  }),
  nameLie('wildcard-all', 'Wildcard for everything: *', 'high', () => dns('*'), { host: 'dns', sources: ['RFC 9525 6.3'] }),
  nameLie('wildcard-top', 'Wildcard for a top-level domain', 'medium', (host) => {
    const labels = host.split('.');
    return labels.length === 2 ? dns(`*.${labels[1]!}`) : 'needs a host of two labels (--host)';
  }, { host: 'dns', sources: ['RFC 9525 6.3', 'RFC 6125 7.2'], believed: { outcome: 'warn', because: 'no specification draws the line, but nobody may own a whole top-level domain' } }),
  nameLie('wildcard-partial', 'Wildcard within a label', 'low', (host) => dns(`${host.charAt(0)}*${host.slice(host.indexOf('.') < 0 ? host.length : host.indexOf('.'))}`), {
    host: 'dns',
    sources: ['RFC 9525 6.3', 'RFC 6125 6.4.3'],
    believed: { outcome: 'warn', because: 'RFC 9525 allows a wildcard only as a whole label, RFC 6125 left it open' },
  }),
  nameLie('wildcard-below', 'Wildcard for names below the host', 'high', (host) => dns(`*.${host}`), { host: 'dns', sources: ['RFC 9525 6.3'] }),
  nameLie('wildcard-two-labels', 'Wildcard that would have to stand for two labels', 'high', (host) => {
    const parent = parentOf(host, 4);
    return parent === undefined ? 'needs a host of four labels or more (--host)' : dns(`*.${parent.slice(parent.indexOf('.') + 1)}`);
  }, { host: 'dns', sources: ['RFC 9525 6.3'] }),
  nameLie('wildcard-middle', 'Wildcard that is not the first label', 'medium', (host) => {
    const labels = host.split('.');
    return labels.length < 3 ? 'needs a host of three labels or more (--host)' : dns([labels[0]!, '*', ...labels.slice(2)].join('.'));
  }, { host: 'dns', sources: ['RFC 9525 6.3'] }),
  nameLie('nul', 'The right name, then a NUL and another', 'critical', (host) => dns(`${host}\0.somebody-else.example`), { host: 'dns', sources: ['RFC 5280 4.2.1.6', 'CVE-2009-2408'] }),
  nameLie('ip-other', 'Another IP address', 'critical', () => ip('192.0.2.1'), { host: 'ip' }),
  nameLie('ip-in-dns', 'The right IP address, written as a DNS name', 'low', (host) => dns(host), { host: 'ip', sources: ['RFC 9525 6.2', 'RFC 5280 4.2.1.6'] }),
  nameLie('ip-wildcard', 'An IP address as DNS name with a wildcard', 'medium', (host) => dns(`*${host.slice(host.indexOf('.'))}`), { host: 'ip', sources: ['RFC 9525 6.3'] }),
  nameLie('ip-cn', 'The right IP address only as common name', 'low', () => [], {
    host: 'ip',
    sources: ['RFC 9525 2', 'RFC 6125 1.7.2'],
    believed: { outcome: 'warn', because: 'an address belongs into an iPAddress name; older clients look at the common name' },
    server: commonNameOnly,
  }),
  nameLie('email', 'The right name, written as an e-mail address', 'low', (host) => [{ type: 'email', value: host }], { host: 'dns' }),
  nameLie('uri', 'The right name, written as a URI', 'low', (host) => [{ type: 'uri', value: `mqtts://${host}` }], { host: 'dns' }),
].map(refusalCase);
