/**
 * From shared secrets to traffic keys: the key schedule of TLS 1.3 (RFC 8446 7.1) and the PRF of TLS 1.2 (RFC 5246 5).
 * Pure functions; the same for both ends.
 */
import { createHash, createHmac } from 'node:crypto';
import { u16, vector } from './bytes.ts';

export type HashName = 'sha256' | 'sha384';
export const hashBytes = (hash: HashName): number => (hash === 'sha256' ? 32 : 48);

export function digest(hash: HashName, ...parts: readonly Uint8Array[]): Buffer {
  const state = createHash(hash);
  for (const part of parts) state.update(part);
  return state.digest();
}

export function hmac(hash: HashName, key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer {
  const state = createHmac(hash, key);
  for (const part of parts) state.update(part);
  return state.digest();
}

/** HKDF-Extract (RFC 5869 2.2). */
export const extract = (hash: HashName, salt: Uint8Array, secret: Uint8Array): Buffer => hmac(hash, salt, secret);

/** HKDF-Expand-Label (RFC 8446 7.1), `length` at most 255 digests. */
export function expandLabel(hash: HashName, secret: Uint8Array, label: string, context: Uint8Array, length: number): Buffer {
  const info = Buffer.concat([u16(length), vector(1, Buffer.from(`tls13 ${label}`)), vector(1, context)]);
  let block = Buffer.alloc(0);
  let output = Buffer.alloc(0);
  for (let counter = 1; output.length < length; counter++) {
    block = hmac(hash, secret, block, info, Uint8Array.of(counter)) as Buffer<ArrayBuffer>;
    output = Buffer.concat([output, block]);
  }
  return output.subarray(0, length);
}

/** Derive-Secret over a transcript hash that is given. */
export function deriveSecret(hash: HashName, secret: Uint8Array, label: string, transcriptHash: Uint8Array): Buffer {
  return expandLabel(hash, secret, label, transcriptHash, hashBytes(hash));
}

/** The secrets of a TLS 1.3 connection, one after another. */
export class Tls13Secrets {
  readonly hash: HashName;
  readonly #early: Buffer;
  #handshake = Buffer.alloc(0);
  #master = Buffer.alloc(0);

  /** `psk` is that of a ticket, or nothing for a full handshake. */
  constructor(hash: HashName, psk?: Uint8Array) {
    this.hash = hash;
    const zeros = Buffer.alloc(hashBytes(hash));
    this.#early = extract(hash, zeros, psk ?? zeros);
  }

  /** The key that binds a ticket to this ClientHello. */
  binderKey(): Buffer {
    return deriveSecret(this.hash, this.#early, 'res binder', digest(this.hash));
  }

  earlyTraffic(helloHash: Uint8Array): Buffer {
    return deriveSecret(this.hash, this.#early, 'c e traffic', helloHash);
  }

  /** Takes in the (EC)DHE secret. */
  mix(shared: Uint8Array): void {
    this.#handshake = extract(this.hash, deriveSecret(this.hash, this.#early, 'derived', digest(this.hash)), shared) as Buffer<ArrayBuffer>;
    const derived = deriveSecret(this.hash, this.#handshake, 'derived', digest(this.hash));
    this.#master = extract(this.hash, derived, Buffer.alloc(hashBytes(this.hash))) as Buffer<ArrayBuffer>;
  }

  /** Traffic secret of one side's handshake messages; the hash is over ClientHello…ServerHello. */
  handshakeTraffic(side: 'c' | 's', transcriptHash: Uint8Array): Buffer {
    return deriveSecret(this.hash, this.#handshake, `${side} hs traffic`, transcriptHash);
  }

  /** Traffic secret of one side's data; the hash is over ClientHello…server Finished. */
  applicationTraffic(side: 'c' | 's', transcriptHash: Uint8Array): Buffer {
    return deriveSecret(this.hash, this.#master, `${side} ap traffic`, transcriptHash);
  }

  /** PSK of a ticket; the hash is over ClientHello…client Finished. */
  resumptionPsk(transcriptHash: Uint8Array, nonce: Uint8Array): Buffer {
    const master = deriveSecret(this.hash, this.#master, 'res master', transcriptHash);
    return expandLabel(this.hash, master, 'resumption', nonce, hashBytes(this.hash));
  }
}

/** verify_data of a Finished, and of a binder (RFC 8446 4.4.4). */
export function finishedData(hash: HashName, trafficSecret: Uint8Array, transcriptHash: Uint8Array): Buffer {
  return hmac(hash, expandLabel(hash, trafficSecret, 'finished', Buffer.alloc(0), hashBytes(hash)), transcriptHash);
}

/** PRF of TLS 1.2: P_hash over label and seed. */
export function prf(hash: HashName, secret: Uint8Array, label: string, seed: Uint8Array, length: number): Buffer {
  const full = Buffer.concat([Buffer.from(label), seed]);
  let a: Buffer = full;
  const blocks: Buffer[] = [];
  for (let bytes = 0; bytes < length; bytes += hashBytes(hash)) {
    a = hmac(hash, secret, a);
    blocks.push(hmac(hash, secret, a, full));
  }
  return Buffer.concat(blocks).subarray(0, length);
}
