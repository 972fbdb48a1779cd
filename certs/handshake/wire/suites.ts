/**
 * Cipher suites: their numbers, their names, and what makes them good or bad. The names are IANA's; the properties follow
 * from them.
 */

/** How the keys come about. */
export type KeyExchange = 'tls13' | 'ecdhe' | 'dhe' | 'rsa' | 'anonymous' | 'export' | 'static-dh';
export type Aead = 'aes-128-gcm' | 'aes-256-gcm' | 'chacha20-poly1305';

export interface Suite {
  readonly id: number;
  readonly name: string;
  readonly keyExchange: KeyExchange;
  /** Who signs; absent in TLS 1.3, where the suite does not say. */
  readonly authentication?: 'rsa' | 'ecdsa';
  /** Set where this engine can go on after ServerHello. */
  readonly aead?: Aead;
  readonly hash: 'sha256' | 'sha384';
}

function suite(id: number, name: string, keyExchange: KeyExchange, rest: Partial<Suite> = {}): Suite {
  return { id, name, keyExchange, hash: 'sha256', ...rest };
}

export const SUITES: readonly Suite[] = [
  suite(0x1301, 'TLS_AES_128_GCM_SHA256', 'tls13', { aead: 'aes-128-gcm' }),
  suite(0x1302, 'TLS_AES_256_GCM_SHA384', 'tls13', { aead: 'aes-256-gcm', hash: 'sha384' }),
  suite(0x1303, 'TLS_CHACHA20_POLY1305_SHA256', 'tls13', { aead: 'chacha20-poly1305' }),
  suite(0xc02b, 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', 'ecdhe', { authentication: 'ecdsa', aead: 'aes-128-gcm' }),
  suite(0xc02c, 'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384', 'ecdhe', { authentication: 'ecdsa', aead: 'aes-256-gcm', hash: 'sha384' }),
  suite(0xcca9, 'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256', 'ecdhe', { authentication: 'ecdsa', aead: 'chacha20-poly1305' }),
  suite(0xc02f, 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256', 'ecdhe', { authentication: 'rsa', aead: 'aes-128-gcm' }),
  suite(0xc030, 'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384', 'ecdhe', { authentication: 'rsa', aead: 'aes-256-gcm', hash: 'sha384' }),
  suite(0xcca8, 'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256', 'ecdhe', { authentication: 'rsa', aead: 'chacha20-poly1305' }),
  suite(0x009e, 'TLS_DHE_RSA_WITH_AES_128_GCM_SHA256', 'dhe', { authentication: 'rsa', aead: 'aes-128-gcm' }),
  suite(0x009f, 'TLS_DHE_RSA_WITH_AES_256_GCM_SHA384', 'dhe', { authentication: 'rsa', aead: 'aes-256-gcm', hash: 'sha384' }),
  suite(0xccaa, 'TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256', 'dhe', { authentication: 'rsa', aead: 'chacha20-poly1305' }),
  suite(0x009c, 'TLS_RSA_WITH_AES_128_GCM_SHA256', 'rsa', { authentication: 'rsa', aead: 'aes-128-gcm' }),
  suite(0x009d, 'TLS_RSA_WITH_AES_256_GCM_SHA384', 'rsa', { authentication: 'rsa', aead: 'aes-256-gcm', hash: 'sha384' }),
  suite(0x002f, 'TLS_RSA_WITH_AES_128_CBC_SHA', 'rsa'),
  suite(0x0035, 'TLS_RSA_WITH_AES_256_CBC_SHA', 'rsa'),
  suite(0x003c, 'TLS_RSA_WITH_AES_128_CBC_SHA256', 'rsa'),
  suite(0x003d, 'TLS_RSA_WITH_AES_256_CBC_SHA256', 'rsa'),
  suite(0xc009, 'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA', 'ecdhe'),
  suite(0xc00a, 'TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA', 'ecdhe'),
  suite(0xc013, 'TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA', 'ecdhe'),
  suite(0xc014, 'TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA', 'ecdhe'),
  suite(0xc023, 'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256', 'ecdhe'),
  suite(0xc024, 'TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384', 'ecdhe'),
  suite(0xc027, 'TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256', 'ecdhe'),
  suite(0xc028, 'TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384', 'ecdhe'),
  suite(0x0033, 'TLS_DHE_RSA_WITH_AES_128_CBC_SHA', 'dhe'),
  suite(0x0039, 'TLS_DHE_RSA_WITH_AES_256_CBC_SHA', 'dhe'),
  suite(0x0067, 'TLS_DHE_RSA_WITH_AES_128_CBC_SHA256', 'dhe'),
  suite(0x006b, 'TLS_DHE_RSA_WITH_AES_256_CBC_SHA256', 'dhe'),
  suite(0x0045, 'TLS_DHE_RSA_WITH_CAMELLIA_128_CBC_SHA', 'dhe'),
  suite(0x0041, 'TLS_RSA_WITH_CAMELLIA_128_CBC_SHA', 'rsa'),
  suite(0x0096, 'TLS_RSA_WITH_SEED_CBC_SHA', 'rsa'),
  suite(0x0007, 'TLS_RSA_WITH_IDEA_CBC_SHA', 'rsa'),
  suite(0x0001, 'TLS_RSA_WITH_NULL_MD5', 'rsa'),
  suite(0x0002, 'TLS_RSA_WITH_NULL_SHA', 'rsa'),
  suite(0x003b, 'TLS_RSA_WITH_NULL_SHA256', 'rsa'),
  suite(0xc006, 'TLS_ECDHE_ECDSA_WITH_NULL_SHA', 'ecdhe'),
  suite(0xc010, 'TLS_ECDHE_RSA_WITH_NULL_SHA', 'ecdhe'),
  suite(0xc0b4, 'TLS_SHA256_SHA256', 'tls13'),
  suite(0xc0b5, 'TLS_SHA384_SHA384', 'tls13', { hash: 'sha384' }),
  suite(0x0004, 'TLS_RSA_WITH_RC4_128_MD5', 'rsa'),
  suite(0x0005, 'TLS_RSA_WITH_RC4_128_SHA', 'rsa'),
  suite(0xc007, 'TLS_ECDHE_ECDSA_WITH_RC4_128_SHA', 'ecdhe'),
  suite(0xc011, 'TLS_ECDHE_RSA_WITH_RC4_128_SHA', 'ecdhe'),
  suite(0x000a, 'TLS_RSA_WITH_3DES_EDE_CBC_SHA', 'rsa'),
  suite(0x0016, 'TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA', 'dhe'),
  suite(0xc008, 'TLS_ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA', 'ecdhe'),
  suite(0xc012, 'TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA', 'ecdhe'),
  suite(0x0009, 'TLS_RSA_WITH_DES_CBC_SHA', 'rsa'),
  suite(0x0015, 'TLS_DHE_RSA_WITH_DES_CBC_SHA', 'dhe'),
  suite(0x0003, 'TLS_RSA_EXPORT_WITH_RC4_40_MD5', 'export'),
  suite(0x0006, 'TLS_RSA_EXPORT_WITH_RC2_CBC_40_MD5', 'export'),
  suite(0x0008, 'TLS_RSA_EXPORT_WITH_DES40_CBC_SHA', 'export'),
  suite(0x0014, 'TLS_DHE_RSA_EXPORT_WITH_DES40_CBC_SHA', 'export'),
  suite(0x0018, 'TLS_DH_anon_WITH_RC4_128_MD5', 'anonymous'),
  suite(0x001b, 'TLS_DH_anon_WITH_3DES_EDE_CBC_SHA', 'anonymous'),
  suite(0x0034, 'TLS_DH_anon_WITH_AES_128_CBC_SHA', 'anonymous'),
  suite(0x003a, 'TLS_DH_anon_WITH_AES_256_CBC_SHA', 'anonymous'),
  suite(0x00a6, 'TLS_DH_anon_WITH_AES_128_GCM_SHA256', 'anonymous'),
  suite(0x00a7, 'TLS_DH_anon_WITH_AES_256_GCM_SHA384', 'anonymous'),
  suite(0xc015, 'TLS_ECDH_anon_WITH_NULL_SHA', 'anonymous'),
  suite(0xc018, 'TLS_ECDH_anon_WITH_AES_128_CBC_SHA', 'anonymous'),
  suite(0xc019, 'TLS_ECDH_anon_WITH_AES_256_CBC_SHA', 'anonymous'),
  suite(0xc004, 'TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA', 'static-dh'),
  suite(0xc02d, 'TLS_ECDH_ECDSA_WITH_AES_128_GCM_SHA256', 'static-dh'),
  suite(0xc00e, 'TLS_ECDH_RSA_WITH_AES_128_CBC_SHA', 'static-dh'),
];

/** "I fall back" (RFC 7507 2) and "I know secure renegotiation" (RFC 5746 3.3): signals that look like suites. */
export const FALLBACK_SCSV = 0x5600;
export const RENEGOTIATION_SCSV = 0x00ff;

const BY_ID = new Map(SUITES.map((entry) => [entry.id, entry]));

export function suiteOf(id: number): Suite | undefined {
  return BY_ID.get(id);
}

export function suiteName(id: number): string {
  return BY_ID.get(id)?.name ?? `suite 0x${id.toString(16).padStart(4, '0')}`;
}

/** Numbers of the suites that `choose` picks. */
export function suiteIds(choose: (suite: Suite) => boolean): number[] {
  return SUITES.filter(choose).map(({ id }) => id);
}

/** What RFC 9325 4.2 recommends for TLS 1.2, and the suites of TLS 1.3. */
export const GOOD_TLS12 = suiteIds(({ keyExchange, aead }) => keyExchange === 'ecdhe' && aead !== undefined);
export const GOOD_TLS13 = suiteIds(({ keyExchange, aead }) => keyExchange === 'tls13' && aead !== undefined);
