/** Ephemeral key agreement: a share to send, a secret from the peer's share. */
import { createDiffieHellman, createECDH, createPublicKey, diffieHellman, generateKeyPairSync, randomBytes } from 'node:crypto';
import { PeerStop } from '../errors.ts';
import { GROUP, groupName } from './names.ts';

export interface KeyShare {
  readonly group: number;
  /** What is sent: an uncompressed point, or 32 octets for X25519. */
  readonly publicBytes: Buffer;
  /** The secret shared with the owner of `peerBytes`; PEER_MALFORMED for a share that is no point of the group. */
  secret(peerBytes: Uint8Array): Buffer;
}

const CURVES: Readonly<Record<number, string>> = { [GROUP.p256]: 'prime256v1', [GROUP.p384]: 'secp384r1', [GROUP.p521]: 'secp521r1', 0x0015: 'secp224r1', 0x0016: 'secp256k1' };
/** SubjectPublicKeyInfo of X25519 before its 32 octets (RFC 8410 4). */
const X25519_SPKI = Buffer.from('302a300506032b656e032100', 'hex');

/** Groups with which this engine finishes a handshake. */
export const COMPLETE_GROUPS = [GROUP.x25519, GROUP.p256, GROUP.p384] as const;

/** A fresh share of a group of {@link COMPLETE_GROUPS}, or P-521, P-224, secp256k1. */
export function makeKeyShare(group: number): KeyShare {
  if (group === GROUP.x25519) return x25519Share();
  const curve = CURVES[group];
  if (curve === undefined) throw new Error(`no key shares of ${groupName(group)} are made here`);
  const ecdh = createECDH(curve);
  return { group, publicBytes: ecdh.generateKeys(), secret: (peer) => refuseBadShare(() => ecdh.computeSecret(peer)) };
}

/**
 * A share of X25519MLKEM768 that is well-formed (RFC 9794; FIPS 203 7.2: 768 coefficients below 3329, 12 bits each, then a
 * seed; then a share of X25519). There is no secret to it: a test ends where the server answers it.
 */
export function hybridShareBytes(): Buffer {
  const coefficients = Array.from({ length: 768 }, () => randomBytes(2).readUInt16LE() % 3329);
  const packed = Buffer.alloc(1152);
  for (let pair = 0; pair < 384; pair++) {
    const low = coefficients[2 * pair]!;
    const high = coefficients[2 * pair + 1]!;
    packed[3 * pair] = low & 0xff;
    packed[3 * pair + 1] = (low >> 8) | ((high & 0xf) << 4);
    packed[3 * pair + 2] = high >> 4;
  }
  return Buffer.concat([packed, randomBytes(32), makeKeyShare(GROUP.x25519).publicBytes]);
}

/** Finite-field Diffie-Hellman over the server's own prime: our public value and the premaster secret. */
export function finiteFieldSecret(prime: Uint8Array, generator: Uint8Array, peer: Uint8Array): { publicBytes: Buffer; secret: Buffer } {
  return refuseBadShare(() => {
    const own = createDiffieHellman(prime, generator);
    const publicBytes = own.generateKeys();
    const secret = own.computeSecret(peer);
    const first = secret.findIndex((octet) => octet !== 0);
    return { publicBytes, secret: secret.subarray(Math.max(0, first)) }; // RFC 5246 8.1.2: leading zeros go
  });
}

function x25519Share(): KeyShare {
  const { privateKey, publicKey } = generateKeyPairSync('x25519');
  const publicBytes = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
  return {
    group: GROUP.x25519,
    publicBytes,
    secret: (peer) =>
      refuseBadShare(() => {
        const peerKey = createPublicKey({ key: Buffer.concat([X25519_SPKI, peer]), format: 'der', type: 'spki' });
        return diffieHellman({ privateKey, publicKey: peerKey });
      }),
  };
}

function refuseBadShare<Out>(work: () => Out): Out {
  try {
    return work();
  } catch (cause) {
    throw new PeerStop('PEER_MALFORMED', 'its key share is not valid', undefined, { cause });
  }
}
