/**
 * Numbers of the TLS protocol and their registered names (IANA TLS parameters), as far as a test speaks of them. What has
 * no name here is printed as its number in hexadecimal.
 */

export const VERSION = { ssl2: 0x0002, ssl3: 0x0300, tls10: 0x0301, tls11: 0x0302, tls12: 0x0303, tls13: 0x0304 } as const;

const VERSION_NAMES: Readonly<Record<number, string>> = {
  0x0002: 'SSL 2',
  0x0300: 'SSL 3',
  0x0301: 'TLS 1.0',
  0x0302: 'TLS 1.1',
  0x0303: 'TLS 1.2',
  0x0304: 'TLS 1.3',
};

export const CONTENT = { changeCipherSpec: 20, alert: 21, handshake: 22, applicationData: 23 } as const;

export const HANDSHAKE = {
  helloRequest: 0,
  clientHello: 1,
  serverHello: 2,
  newSessionTicket: 4,
  endOfEarlyData: 5,
  encryptedExtensions: 8,
  certificate: 11,
  serverKeyExchange: 12,
  certificateRequest: 13,
  serverHelloDone: 14,
  certificateVerify: 15,
  clientKeyExchange: 16,
  finished: 20,
  certificateStatus: 22,
  keyUpdate: 24,
  messageHash: 254,
} as const;

const HANDSHAKE_NAMES: Readonly<Record<number, string>> = {
  0: 'HelloRequest',
  1: 'ClientHello',
  2: 'ServerHello',
  4: 'NewSessionTicket',
  5: 'EndOfEarlyData',
  8: 'EncryptedExtensions',
  11: 'Certificate',
  12: 'ServerKeyExchange',
  13: 'CertificateRequest',
  14: 'ServerHelloDone',
  15: 'CertificateVerify',
  16: 'ClientKeyExchange',
  20: 'Finished',
  22: 'CertificateStatus',
  24: 'KeyUpdate',
};

export const ALERT = { closeNotify: 0, noRenegotiation: 100 } as const;

/** RFC 8446 6, RFC 5246 7.2, RFC 6066 9, RFC 7301 3.2, RFC 7507 2. */
const ALERT_NAMES: Readonly<Record<number, string>> = {
  0: 'close_notify',
  10: 'unexpected_message',
  20: 'bad_record_mac',
  21: 'decryption_failed',
  22: 'record_overflow',
  30: 'decompression_failure',
  40: 'handshake_failure',
  41: 'no_certificate',
  42: 'bad_certificate',
  43: 'unsupported_certificate',
  44: 'certificate_revoked',
  45: 'certificate_expired',
  46: 'certificate_unknown',
  47: 'illegal_parameter',
  48: 'unknown_ca',
  49: 'access_denied',
  50: 'decode_error',
  51: 'decrypt_error',
  60: 'export_restriction',
  70: 'protocol_version',
  71: 'insufficient_security',
  80: 'internal_error',
  86: 'inappropriate_fallback',
  90: 'user_canceled',
  100: 'no_renegotiation',
  109: 'missing_extension',
  110: 'unsupported_extension',
  111: 'certificate_unobtainable',
  112: 'unrecognized_name',
  113: 'bad_certificate_status_response',
  114: 'bad_certificate_hash_value',
  115: 'unknown_psk_identity',
  116: 'certificate_required',
  120: 'no_application_protocol',
};

export const EXTENSION = {
  serverName: 0,
  maxFragmentLength: 1,
  statusRequest: 5,
  supportedGroups: 10,
  ecPointFormats: 11,
  signatureAlgorithms: 13,
  heartbeat: 15,
  alpn: 16,
  padding: 21,
  encryptThenMac: 22,
  extendedMasterSecret: 23,
  recordSizeLimit: 28,
  sessionTicket: 35,
  preSharedKey: 41,
  earlyData: 42,
  supportedVersions: 43,
  cookie: 44,
  pskKeyExchangeModes: 45,
  certificateAuthorities: 47,
  signatureAlgorithmsCert: 50,
  keyShare: 51,
  renegotiationInfo: 0xff01,
} as const;

export const GROUP = { p256: 0x0017, p384: 0x0018, p521: 0x0019, x25519: 0x001d, x448: 0x001e, p192: 0x0013, x25519MlKem768: 0x11ec } as const;

const GROUP_NAMES: Readonly<Record<number, string>> = {
  0x0013: 'P-192',
  0x0015: 'P-224',
  0x0016: 'secp256k1',
  0x0017: 'P-256',
  0x0018: 'P-384',
  0x0019: 'P-521',
  0x001a: 'brainpoolP256r1',
  0x001d: 'X25519',
  0x001e: 'X448',
  0x0100: 'ffdhe2048',
  0x0101: 'ffdhe3072',
  0x11eb: 'SecP256r1MLKEM768',
  0x11ec: 'X25519MLKEM768',
  0x11ed: 'SecP384r1MLKEM1024',
};

export const SCHEME = {
  rsaPkcs1Md5: 0x0101,
  rsaPkcs1Sha1: 0x0201,
  ecdsaSha1: 0x0203,
  rsaPkcs1Sha256: 0x0401,
  ecdsaP256Sha256: 0x0403,
  rsaPkcs1Sha384: 0x0501,
  ecdsaP384Sha384: 0x0503,
  rsaPkcs1Sha512: 0x0601,
  ecdsaP521Sha512: 0x0603,
  rsaPssSha256: 0x0804,
  rsaPssSha384: 0x0805,
  rsaPssSha512: 0x0806,
  ed25519: 0x0807,
  ed448: 0x0808,
} as const;

const SCHEME_NAMES: Readonly<Record<number, string>> = {
  0x0101: 'rsa_pkcs1_md5',
  0x0201: 'rsa_pkcs1_sha1',
  0x0202: 'dsa_sha1',
  0x0203: 'ecdsa_sha1',
  0x0301: 'rsa_pkcs1_sha224',
  0x0303: 'ecdsa_sha224',
  0x0401: 'rsa_pkcs1_sha256',
  0x0403: 'ecdsa_secp256r1_sha256',
  0x0501: 'rsa_pkcs1_sha384',
  0x0503: 'ecdsa_secp384r1_sha384',
  0x0601: 'rsa_pkcs1_sha512',
  0x0603: 'ecdsa_secp521r1_sha512',
  0x0804: 'rsa_pss_rsae_sha256',
  0x0805: 'rsa_pss_rsae_sha384',
  0x0806: 'rsa_pss_rsae_sha512',
  0x0807: 'ed25519',
  0x0808: 'ed448',
};

const hexName = (value: number): string => `0x${value.toString(16).padStart(4, '0')}`;

export const versionName = (value: number): string => VERSION_NAMES[value] ?? `version ${hexName(value)}`;
export const handshakeName = (value: number): string => HANDSHAKE_NAMES[value] ?? `handshake message ${value}`;
/** `certificate_expired (45)`. */
export const alertName = (value: number): string => `${ALERT_NAMES[value] ?? 'unknown alert'} (${value})`;
export const groupName = (value: number): string => GROUP_NAMES[value] ?? `group ${hexName(value)}`;
export const schemeName = (value: number): string => SCHEME_NAMES[value] ?? `scheme ${hexName(value)}`;

/** GREASE values (RFC 8701 2): reserved for nothing, to be ignored by everybody. */
export function greaseValue(index: number): number {
  const half = ((index & 0xf) << 4) | 0x0a;
  return (half << 8) | half;
}
