/** What is written down of a use, a change, a refusal: the part of a CloudTrail record that its cause knows. */

export interface AuditEvent {
  /** `kms.amazonaws.com` for key operations, `thrum` for all else. */
  readonly eventSource: string;
  /** `Decrypt`, `CreateProject`, `Admit`, `RevokeCertificate` … */
  readonly eventName: string;
  /** Who: ARN of a principal, `owner` for the home's owner, `certificate/<serial>` of a device, or the service itself. */
  readonly principal: string;
  readonly sourceIpAddress: string | undefined;
  /** What was asked, without secrets, plaintexts or ciphertexts. */
  readonly requestParameters: Readonly<Record<string, unknown>>;
  readonly responseElements?: Readonly<Record<string, unknown>>;
  /** Set when it was refused or failed. */
  readonly errorCode?: string;
  readonly errorMessage?: string;
  readonly readOnly: boolean;
  /** ARNs or ids of what it was about. */
  readonly resources: readonly string[];
}

/** Takes an event and returns at once: it never blocks and never throws. */
export type AuditSink = (event: AuditEvent) => void;
