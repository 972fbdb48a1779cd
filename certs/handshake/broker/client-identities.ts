/**
 * Client certificates to offer: the good identity's names, with one thing wrong. Each is signed by the authority that the
 * broker trusts unless that is what is wrong.
 */
import type { Extension } from '../../extensions.ts';
import { commonNameDer, endEntityExtensions, forgeCertificate, type Issuer, type Recipe } from '../forged-certificate.ts';
import type { Credentials } from '../wire/client.ts';
import { authorityOf, type Context } from './context.ts';

const HOUR_MS = 3_600_000;

/** Validity of what is not wrong in time. */
export function validNow(nowMs: number): { notBeforeMs: number; notAfterMs: number } {
  return { notBeforeMs: nowMs - HOUR_MS, notAfterMs: nowMs + HOUR_MS };
}

/** What the good identity's certificate says, before anything is changed. */
export function goodRecipe(context: Context): Recipe {
  const { names, nowMs } = context;
  return {
    subjectDer: names.subjectDer,
    issuer: authorityOf(context),
    ...validNow(nowMs),
    extensions: withNames(context, endEntityExtensions('clientAuth')),
  };
}

/** Extensions and the good identity's alternative names. */
export function withNames(context: Context, extensions: readonly Extension[]): Extension[] {
  return [...extensions, ...(context.names.altNames ? [context.names.altNames] : [])];
}

/** A certificate like the good one but for what `change` says. */
export function identityWith(context: Context, change: Partial<Recipe> = {}): Credentials {
  const { der, privateKey } = forgeCertificate({ ...goodRecipe(context), ...change });
  return { chain: [der, ...authorityOf(context).chain], key: privateKey };
}

/** A good identity with a certificate of its own, which may be revoked. */
export async function freshIdentity(context: Context): Promise<Credentials> {
  return (await context.target.issue?.()) ?? identityWith(context);
}

/** A sub-authority below the broker's, and a leaf below that. */
export function identityBelow(context: Context, authority: Partial<Recipe> & Pick<Recipe, 'extensions'>, leaf: Partial<Recipe> = {}): Credentials {
  const above = authorityOf(context);
  const middle = forgeCertificate({
    subjectDer: commonNameDer('thrum handshake test, lower authority'),
    issuer: above,
    ...validNow(context.nowMs),
    ...authority,
  });
  const end = forgeCertificate({ ...goodRecipe(context), issuer: middle, ...leaf });
  return { chain: [end.der, middle.der, ...above.chain], key: end.privateKey };
}

/** An authority that has the name of the broker's, and another key. */
export function impostorOf(issuer: Issuer, nowMs: number, extensions: readonly Extension[]): Issuer & { der: Buffer } {
  return forgeCertificate({ subjectDer: issuer.subjectDer, ...validNow(nowMs), extensions });
}
