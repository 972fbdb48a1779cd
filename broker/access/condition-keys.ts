/**
 * The condition keys that requests here can have, in one place. A policy that asks for another is refused when it is put: a
 * condition on what no request says never holds, so that a statement meant to deny would deny nobody.
 */

const KEYS = new Set(
  [
    // Of every request, or of whoever asks.
    'aws:CurrentTime', 'aws:EpochTime', 'aws:MultiFactorAuthPresent', 'aws:PrincipalAccount', 'aws:PrincipalArn', 'aws:PrincipalType', 'aws:RequestedRegion',
    'aws:SecureTransport', 'aws:SourceIp', 'aws:userid', 'aws:username',
    // Of some operations, or of the key.
    'aws:TagKeys', 'kms:BypassPolicyLockoutSafetyCheck', 'kms:CallerAccount', 'kms:EncryptionAlgorithm', 'kms:EncryptionContextKeys', 'kms:GrantConstraintType',
    'kms:GrantIsForAWSResource', 'kms:GranteePrincipal', 'kms:GrantOperations', 'kms:KeyOrigin', 'kms:KeySpec', 'kms:KeyUsage', 'kms:MultiRegion', 'kms:ReEncryptOnSameKey',
    'kms:RequestAlias', 'kms:ResourceAliases', 'kms:RetiringPrincipal', 'kms:RotationPeriodInDays', 'kms:ScheduleKeyDeletionPendingWindowInDays',
  ].map((key) => key.toLowerCase()),
);
/** What follows these is a name of somebody's choice. */
const PREFIXES = ['aws:requesttag/', 'aws:resourcetag/', 'kms:encryptioncontext:'];

/** Whether a request can have this key; names compare without regard to case. */
export function isConditionKey(key: string): boolean {
  const name = key.toLowerCase();
  return KEYS.has(name) || PREFIXES.some((prefix) => name.startsWith(prefix) && name.length > prefix.length);
}

/**
 * What a principal's ARN says of it, as AWS has it for the account's root, users and roles. There are no unique ids here, so
 * `aws:userid` is the account of a root, and else the name.
 */
export function principalFacts(arn: string): Record<string, string> {
  const [, account, kind, name] = /^arn:aws:iam::(\d{12}):(root|user|role)(?:\/(.+))?$/s.exec(arn) ?? [];
  const facts = { 'aws:PrincipalArn': arn, ...(account === undefined ? {} : { 'aws:PrincipalAccount': account }) };
  if (kind === 'root') return { ...facts, 'aws:PrincipalType': 'Account', 'aws:userid': account! };
  if (kind === 'user' && name !== undefined) return { ...facts, 'aws:PrincipalType': 'User', 'aws:userid': name, 'aws:username': name };
  if (kind === 'role' && name !== undefined) return { ...facts, 'aws:PrincipalType': 'AssumedRole', 'aws:userid': name };
  return facts;
}
