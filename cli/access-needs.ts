/**
 * What each command asks of policies when it acts for a principal of the home, and not for its owner. A command that is not
 * here is the owner's alone: nothing is allowed because somebody forgot it.
 */
import type { ThrumAction } from '../broker/mod.ts';

/**
 * What is acted on. `project`: that of `--project`, or all; `argument project`: the one named first; `argument key`: the key
 * named first; `option key`: that of `--key`, if there is one.
 */
export type Subject = 'home' | 'project' | 'argument project' | 'all projects' | 'argument key' | 'option key' | 'no key';

export interface Need {
  readonly action: ThrumAction | `kms:${string}`;
  readonly of: Subject;
}

const need = (action: Need['action'], of: Subject): Need => ({ action, of });
const ofKey = (operation: string): readonly Need[] => [need(`kms:${operation}`, 'argument key')];
const aliased = (operation: string): readonly Need[] => [need(`kms:${operation}`, 'no key')];

/** Which need it is by the command's words; the longest that fits counts. An empty list: no home is touched. */
const NEEDS: Readonly<Record<string, readonly Need[]>> = {
  load: [],
  handshake: [],
  frame: [],
  'certs check': [],
  certs: [need('thrum:ManageIdentities', 'home')],
  access: [need('thrum:ManageAccess', 'home')],
  audit: [need('thrum:ReadAudit', 'home')],
  run: [need('thrum:WriteData', 'all projects'), need('thrum:CreateProject', 'all projects'), need('thrum:ManageIdentities', 'home')],
  broker: [need('thrum:WriteData', 'all projects'), need('thrum:CreateProject', 'all projects'), need('thrum:ManageIdentities', 'home')],
  gateway: [need('thrum:WriteData', 'project'), need('thrum:ManageIdentities', 'home')],
  fleet: [need('thrum:WriteData', 'project'), need('thrum:ManageIdentities', 'home')],
  'project create': [need('thrum:CreateProject', 'all projects'), need('kms:DescribeKey', 'option key'), need('kms:CreateGrant', 'option key')],
  'project list': [need('thrum:ListProjects', 'all projects')],
  'project show': [need('thrum:DescribeProject', 'argument project')],
  'project places': [need('thrum:DescribeProject', 'argument project')],
  'store list': [need('thrum:ListProjects', 'project')],
  'store stats': [need('thrum:ListProjects', 'project')],
  'store read': [need('thrum:ReadData', 'project')],
  'store export': [need('thrum:ExportData', 'project')],
  'store verify': [need('thrum:VerifyData', 'project')],
  'store scan': [need('thrum:ScanData', 'project')],
  'store rewrap': [need('thrum:RewrapData', 'project')],
  'store reencrypt': [need('thrum:ReencryptData', 'project')],
  'store shred': [need('thrum:ShredData', 'project')],
  'keys serve': [need('thrum:ServeKeys', 'home')],
  'keys create': [need('kms:CreateKey', 'no key')],
  'keys list': [need('kms:ListKeys', 'no key'), need('kms:ListAliases', 'no key')],
  'keys describe': ofKey('DescribeKey'),
  'keys enable': ofKey('EnableKey'),
  'keys disable': ofKey('DisableKey'),
  'keys schedule-deletion': ofKey('ScheduleKeyDeletion'),
  'keys cancel-deletion': ofKey('CancelKeyDeletion'),
  'keys rotate': ofKey('RotateKeyOnDemand'),
  'keys rotation enable': ofKey('EnableKeyRotation'),
  'keys rotation disable': ofKey('DisableKeyRotation'),
  'keys rotation status': ofKey('GetKeyRotationStatus'),
  'keys alias add': aliased('CreateAlias'),
  'keys alias remove': aliased('DeleteAlias'),
  'keys alias move': aliased('UpdateAlias'),
  'keys tag': ofKey('TagResource'),
  'keys untag': ofKey('UntagResource'),
  'keys policy get': ofKey('GetKeyPolicy'),
  'keys policy put': ofKey('PutKeyPolicy'),
  'keys grant create': ofKey('CreateGrant'),
  'keys grant list': ofKey('ListGrants'),
  'keys grant retire': ofKey('RetireGrant'),
  'keys grant revoke': ofKey('RevokeGrant'),
};

/** The needs of a command such as `keys alias add`; undefined where only the owner may. */
export function needsOf(words: readonly string[]): readonly Need[] | undefined {
  for (let length = words.length; length > 0; length -= 1) {
    const name = words.slice(0, length).join(' ');
    if (Object.hasOwn(NEEDS, name)) return NEEDS[name];
  }
  return undefined;
}
