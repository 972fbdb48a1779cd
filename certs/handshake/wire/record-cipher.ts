/**
 * Sealing and opening records with an AEAD: TLS 1.3 (RFC 8446 5.2: hidden content type, nonce from the sequence number) and
 * TLS 1.2 (RFC 5288: explicit nonce for GCM; RFC 7905 for ChaCha20-Poly1305).
 */
import { createCipheriv, createDecipheriv, type CipherGCMTypes } from 'node:crypto';
import { PeerStop } from '../errors.ts';
import { u16, u8 } from './bytes.ts';
import { expandLabel, type HashName } from './key-schedule.ts';
import type { Aead } from './suites.ts';

const TAG_BYTES = 16;

export const keyBytes = (aead: Aead): number => (aead === 'aes-128-gcm' ? 16 : 32);
/** Octets of the implicit part of the nonce in TLS 1.2. */
export const fixedIvBytes = (aead: Aead): number => (aead === 'chacha20-poly1305' ? 12 : 4);

/** One direction of a protected connection. */
export interface RecordCipher {
  /** Type and fragment in; the outer type and what goes into the record out. */
  seal(type: number, fragment: Uint8Array): { type: number; body: Buffer };
  /** Throws PEER_MALFORMED when the record does not authenticate. */
  open(type: number, body: Uint8Array): { type: number; fragment: Buffer };
}

/** A cipher for one direction of TLS 1.3, from its traffic secret. */
export function tls13Cipher(aead: Aead, hash: HashName, trafficSecret: Uint8Array): RecordCipher {
  const key = expandLabel(hash, trafficSecret, 'key', Buffer.alloc(0), keyBytes(aead));
  const iv = expandLabel(hash, trafficSecret, 'iv', Buffer.alloc(0), 12);
  let sealed = 0n;
  let opened = 0n;
  const header = (bytes: number): Buffer => Buffer.concat([u8(23), u16(0x0303), u16(bytes)]);
  return {
    seal: (type, fragment) => {
      const inner = Buffer.concat([fragment, u8(type)]);
      return { type: 23, body: encrypt(aead, key, xorNonce(iv, sealed++), header(inner.length + TAG_BYTES), inner) };
    },
    open: (_type, body) => {
      const inner = decrypt(aead, key, xorNonce(iv, opened++), header(body.length), body);
      let end = inner.length - 1;
      while (end >= 0 && inner[end] === 0) end--;
      if (end < 0) throw new PeerStop('PEER_MALFORMED', 'a protected record has no content type');
      return { type: inner[end]!, fragment: inner.subarray(0, end) };
    },
  };
}

/** A cipher for one direction of TLS 1.2, from its write key and fixed IV. */
export function tls12Cipher(aead: Aead, key: Uint8Array, fixedIv: Uint8Array): RecordCipher {
  let sealed = 0n;
  let opened = 0n;
  const explicitBytes = aead === 'chacha20-poly1305' ? 0 : 8;
  const additional = (sequence: bigint, type: number, bytes: number): Buffer => Buffer.concat([u64(sequence), u8(type), u16(0x0303), u16(bytes)]);
  return {
    seal: (type, fragment) => {
      const sequence = sealed++;
      const explicit = explicitBytes === 0 ? Buffer.alloc(0) : u64(sequence);
      const nonce = explicitBytes === 0 ? xorNonce(fixedIv, sequence) : Buffer.concat([fixedIv, explicit]);
      return { type, body: Buffer.concat([explicit, encrypt(aead, key, nonce, additional(sequence, type, fragment.length), fragment)]) };
    },
    open: (type, body) => {
      const sequence = opened++;
      if (body.length < explicitBytes + TAG_BYTES) throw new PeerStop('PEER_MALFORMED', 'a protected record is too short');
      const explicit = body.subarray(0, explicitBytes);
      const nonce = explicitBytes === 0 ? xorNonce(fixedIv, sequence) : Buffer.concat([fixedIv, explicit]);
      const sealedPart = body.subarray(explicitBytes);
      return { type, fragment: decrypt(aead, key, nonce, additional(sequence, type, sealedPart.length - TAG_BYTES), sealedPart) };
    },
  };
}

function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

function xorNonce(iv: Uint8Array, sequence: bigint): Buffer {
  const nonce = Buffer.from(iv);
  const counter = u64(sequence);
  for (let index = 0; index < 8; index++) nonce[4 + index]! ^= counter[index]!;
  return nonce;
}

function encrypt(aead: Aead, key: Uint8Array, nonce: Uint8Array, additional: Uint8Array, plain: Uint8Array): Buffer {
  const cipher = createCipheriv(aead as CipherGCMTypes, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(additional, { plaintextLength: plain.length });
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function decrypt(aead: Aead, key: Uint8Array, nonce: Uint8Array, additional: Uint8Array, sealed: Uint8Array): Buffer {
  if (sealed.length < TAG_BYTES) throw new PeerStop('PEER_MALFORMED', 'a protected record is too short');
  const decipher = createDecipheriv(aead as CipherGCMTypes, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(additional, { plaintextLength: sealed.length - TAG_BYTES });
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES)), decipher.final()]);
  } catch (cause) {
    throw new PeerStop('PEER_MALFORMED', 'a record does not authenticate', undefined, { cause });
  }
}
