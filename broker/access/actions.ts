/** What thrum itself lets a policy allow or deny, beside the actions of the key service; and the resources it is about. */

/** Action → what it means. `kms:…` are those of AWS KMS, by the names of its operations. */
export const THRUM_ACTIONS = {
  'thrum:ListProjects': 'list the projects and their keys',
  'thrum:DescribeProject': 'show a project: name, settings, places',
  'thrum:CreateProject': 'make a project',
  'thrum:ChangeProject': 'change a project’s settings, places, retention',
  'thrum:WriteData': 'run a broker, or gateways and sensors that write to one',
  'thrum:ReadData': 'read what is stored',
  'thrum:ExportData': 'write what is stored to files that are not encrypted',
  'thrum:VerifyData': 'check what is stored, byte by byte',
  'thrum:ScanData': 'look for sensitive text in what is stored',
  'thrum:RewrapData': 'wrap data keys under the key as it is now',
  'thrum:ReencryptData': 'encrypt what is stored anew',
  'thrum:ShredData': 'destroy the keys of what is stored, for good',
  'thrum:ReadAudit': 'read and check the audit trail',
  'thrum:ServeKeys': 'serve the keys on the wire, to whoever has an access key',
  'thrum:ManageIdentities': 'issue, renew and revoke certificates, and make claims',
  'thrum:ManageAccess': 'make principals, their policies, access keys and second factors',
} as const;

export type ThrumAction = keyof typeof THRUM_ACTIONS;

/** `arn:thrum:store:::project/<id>`; `*` for all projects. */
export function projectArn(projectId: string): string {
  return `arn:thrum:store:::project/${projectId}`;
}

/** What is not about one project: the home as a whole. */
export const HOME_ARN = 'arn:thrum:home:::home';
