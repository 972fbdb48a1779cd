/** The question that every access decision answers, and the answer: IAM's words (policy evaluation logic), nothing more. */

export interface AccessRequest {
  /** `arn:aws:iam::<account>:root`, `…:user/<name>` or `…:role/<name>`. */
  readonly principalArn: string;
  /** `kms:Decrypt`, `thrum:ShredData` … */
  readonly action: string;
  /** ARN of what is acted on, or `*` where an action has no resource. */
  readonly resource: string;
  /** Condition keys by name (`aws:MultiFactorAuthPresent`, `aws:SourceIp`, `kms:EncryptionContext:thrum:project` …); a list is multi-valued. */
  readonly context: Readonly<Record<string, string | readonly string[]>>;
}

export interface Decision {
  readonly allowed: boolean;
  /** `explicitDeny` wins over all; `implicitDeny`: nothing allowed it. */
  readonly reason: 'allowed' | 'explicitDeny' | 'implicitDeny';
  /** The statement that decided; undefined for an implicit denial. */
  readonly decidedBy: { readonly policy: string; readonly sid: string | undefined; readonly index: number } | undefined;
}
