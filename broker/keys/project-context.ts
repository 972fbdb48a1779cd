/** What data keys of a project are bound to: its encryption context, the same in every key service and for every purpose. */
import type { EncryptionContext } from './ciphertext.ts';

/** `customerId`: account of the owner, 12 digits; undefined for what was written before there was one. */
export function projectContext(purpose: string, projectId: string, customerId: string | undefined): EncryptionContext {
  return { 'thrum:purpose': purpose, 'thrum:project': projectId, ...(customerId === undefined ? {} : { 'thrum:customer': customerId }) };
}

/** The account of a key ARN (`arn:aws:kms:<region>:<account>:key/<id>`); undefined for what is none. */
export function accountOf(keyArn: string): string | undefined {
  return KEY_ARN.exec(keyArn)?.[1];
}

const KEY_ARN = /^arn:aws(?:-[a-z-]+)?:kms:[a-z0-9-]+:(\d{12}):key\/[A-Za-z0-9-]{1,64}$/;
