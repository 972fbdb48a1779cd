/**
 * Gives identities for claims. Promises: a gateway id gets one identity, whatever claims are used and however many ask at
 * once or crash in between; who asks again with the same key gets the same certificate, with another key none, until an
 * operator resets it; no claim gives more than its quota; every ask is on record.
 *
 * An identity is signed and registered first, and noted as given by the claim second: killed in between, the next ask with
 * the same key finds it by its key.
 */

import { createHash } from 'node:crypto';
import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';

import { z } from 'zod';

import { loadAuthority } from './authority.ts';
import { recordClaimEvent, type ClaimEvent } from './claim-audit.ts';
import { claimIds, claimPaths, grantsOf, oneClaimPaths, readClaim, type Claim } from './claim.ts';
import { ClaimRegister, keyFingerprint, type RegisteredIdentity } from './claim-register.ts';
import { CertsError, ClaimError } from './errors.ts';
import { withFileLock } from './file-lock.ts';
import { isThere, makePrivateDirectory, readPrivateFile, writePrivateFile } from './private-file.ts';
import { readRequest } from './request-reader.ts';
import { signRequest } from './request.ts';
import { revokeCertificates, revokedCertificates, type Revocation } from './revocation.ts';

/** One ask: by which claim, for which gateway, with what request (PEM). */
export interface ClaimAsk {
  readonly claimId: string;
  readonly projectId: string;
  readonly gatewayId: string;
  readonly requestPem: string;
}

export class ClaimOffice {
  readonly #directory: string;
  readonly #register: ClaimRegister;
  /** One ask after the other within this process, so that they do not wait for each other's lock file. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(directory: string) {
    this.#directory = directory;
    this.#register = new ClaimRegister(directory);
  }

  /**
   * The certificate for an ask, and its chain, PEM. Throws ClaimError and CERTS_CSR_REFUSED with a reason for the device,
   * CERTS_LIMIT, LOCK_HELD, CERTS_WRITE_FAILED and others with one for the operator.
   */
  grant(ask: ClaimAsk, nowMs: number): Promise<string> {
    const { directory, lock } = claimPaths(this.#directory);
    const granted = this.#last.then(async () => {
      await makePrivateDirectory(directory);
      return withFileLock(lock, () => this.#grantOnRecord(ask, nowMs));
    });
    this.#last = granted.catch(() => undefined);
    return granted;
  }

  async #grantOnRecord(ask: ClaimAsk, nowMs: number): Promise<string> {
    const { claimId, projectId, gatewayId } = ask;
    const record = (outcome: ClaimEvent['outcome'], reason: string): Promise<void> =>
      recordClaimEvent(this.#directory, { timeMs: nowMs, claimId, projectId, gatewayId, outcome, reason });
    try {
      const { outcome, serial, certificatePem } = await this.#decide(ask, nowMs);
      await record(outcome, serial);
      return certificatePem;
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      if (error instanceof ClaimError || code === 'CERTS_CSR_REFUSED') await record('refused', `${code ?? ''}: ${message}`);
      throw error;
    }
  }

  async #decide(ask: ClaimAsk, nowMs: number): Promise<{ outcome: 'issued' | 'repeated'; serial: string; certificatePem: string }> {
    const { projectId, gatewayId, requestPem } = ask;
    const revoked = await revokedCertificates(this.#directory);
    const claim = await readClaim(this.#directory, ask.claimId);
    if (claim.projectId !== projectId) throw new ClaimError('CLAIM_UNKNOWN', 'there is no such claim');
    if (revoked.has(claim.serial)) throw new ClaimError('CLAIM_REVOKED', 'the claim is revoked');
    if (claim.notAfterMs <= nowMs) throw new ClaimError('CLAIM_EXPIRED', 'the claim is over');
    const keySha256 = keyFingerprint(readRequest(requestPem).spkiDer);
    const identities = await this.#register.identitiesOf(projectId, gatewayId);
    const own = identities.find((one) => one.keySha256 === keySha256 && one.notAfterMs > nowMs && !revoked.has(one.serial));
    const giver = await giverOf(this.#directory, projectId, gatewayId);
    if (own) {
      if (giver === undefined) await this.#note(claim, gatewayId, own); // it was signed, and then the process was killed
      return { outcome: 'repeated', serial: own.serial, certificatePem: await readFile(own.certificatePath, 'utf8') };
    }
    // Also by one that is over or revoked: whose key was stolen does not come back by a claim that lay beside it.
    const forgotten = await resetSerials(this.#directory, projectId, gatewayId);
    const taken = giver !== undefined || identities.some(({ serial }) => !forgotten.has(serial));
    if (taken) throw new ClaimError('CLAIM_TAKEN', "this gateway id has an identity already, with another key; an operator can reset it with 'thrum certs claim-reset'");
    await this.#checkQuota(claim);
    const signed = await signRequest(await loadAuthority(this.#directory), requestPem, { role: 'gateway', projectId, gatewayId }, nowMs);
    await this.#note(claim, gatewayId, signed);
    return { outcome: 'issued', serial: signed.serial, certificatePem: signed.certificatePem };
  }

  /** Signing is on record before it is noted here, so what was signed when the process was killed counts once it is asked for. */
  async #note(claim: Claim, gatewayId: string, { serial }: Pick<RegisteredIdentity, 'serial'>): Promise<void> {
    await this.#checkQuota(claim);
    const { granted } = oneClaimPaths(this.#directory, claim.claimId);
    await makePrivateDirectory(granted);
    await writePrivateFile(join(granted, fileOf(claim.projectId, gatewayId)), `${JSON.stringify({ gatewayId, serial })}\n`);
  }

  async #checkQuota({ claimId, quota }: Claim): Promise<void> {
    if ((await grantsOf(this.#directory, claimId)).length >= quota) throw new ClaimError('CLAIM_QUOTA', `the claim has given all of its ${quota} identities`);
  }
}

/**
 * Lets a gateway be provisioned anew: revokes the identities it has as superseded, notes all it ever had as forgotten, and
 * that a claim gave them too; they still count towards its quota. Returns what was revoked. Throws CERTS_UNKNOWN when it
 * never had any, and what revokeCertificates throws.
 */
export async function resetClaimed(directory: string, request: { readonly projectId: string; readonly gatewayId: string }, nowMs: number): Promise<Revocation[]> {
  const { projectId, gatewayId } = request;
  const paths = claimPaths(directory);
  await makePrivateDirectory(paths.resets);
  return withFileLock(paths.lock, async () => {
    const claimId = await giverOf(directory, projectId, gatewayId);
    const serials = (await new ClaimRegister(directory).identitiesOf(projectId, gatewayId)).map(({ serial }) => serial);
    let revoked: Revocation[] = [];
    try {
      revoked = await revokeCertificates(directory, { target: gatewayId, projectId, reason: 'superseded' }, nowMs);
    } catch (error) {
      if (!(error instanceof CertsError) || error.code !== 'CERTS_UNKNOWN' || (claimId === undefined && serials.length === 0)) throw error;
    }
    const forgotten = [...new Set([...serials, ...revoked.map(({ serial }) => serial)])];
    await writePrivateFile(join(paths.resets, fileOf(projectId, gatewayId)), `${JSON.stringify(forgotten)}\n`);
    if (claimId !== undefined) {
      const file = join(oneClaimPaths(directory, claimId).granted, fileOf(projectId, gatewayId));
      await rename(file, file.replace(/\.json$/, `.reset-${nowMs}.json`));
    }
    const reason = revoked.map(({ serial }) => serial).join(' ');
    await recordClaimEvent(directory, { timeMs: nowMs, claimId: claimId ?? '', projectId, gatewayId, outcome: 'reset', reason });
    return revoked;
  });
}

/** Serial numbers of a gateway's identities that were reset. CERTS_UNREADABLE. */
async function resetSerials(directory: string, projectId: string, gatewayId: string): Promise<ReadonlySet<string>> {
  const path = join(claimPaths(directory).resets, fileOf(projectId, gatewayId));
  if (!(await isThere(path))) return new Set();
  const text = (await readPrivateFile(path)).toString('utf8');
  try {
    return new Set(z.array(z.string()).parse(JSON.parse(text)));
  } catch (cause) {
    throw new CertsError('CERTS_UNREADABLE', `${path} is damaged: restore it from your backup, or reset the gateway again`, { cause });
  }
}

/** The claim that gave a gateway its identity, of those that are not reset. */
async function giverOf(directory: string, projectId: string, gatewayId: string): Promise<string | undefined> {
  for (const claimId of await claimIds(directory)) {
    if ((await grantsOf(directory, claimId)).includes(fileOf(projectId, gatewayId))) return claimId;
  }
  return undefined;
}

/** Says nothing of the gateway, and is the same for all claims of a project. */
function fileOf(projectId: string, gatewayId: string): string {
  return `${createHash('sha256').update(`thrum claimed\0${projectId}\0${gatewayId}`).digest('hex').slice(0, 32)}.json`;
}
