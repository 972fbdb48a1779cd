/**
 * What each command asks of policies when it acts for a principal of the home, and not for its owner. A command that is not
 * here is the owner's alone: nothing is allowed because somebody forgot it.
 */
import type { ThrumAction } from '../broker/mod.ts';

/**
 * What is acted on. `project`: that of `--project`, or all; `argument project`: the one named first; `option alias`: that of
 * `--alias`, if there is one, and the key that is to be made for it.
 */
export type Subject = 'home' | 'project' | 'argument project' | 'all projects' | 'option alias';

export interface Need {
  readonly action: ThrumAction | `kms:${string}`;
  readonly of: Subject;
  /** Asked only with one of these options. */
  readonly options?: readonly string[];
}

const need = (action: Need['action'], of: Subject, options?: readonly string[]): Need => ({ action, of, ...(options && { options }) });
/**
 * The key service asks by itself, at each of its operations, for whom the command acts (acting.ts). So it is with the key of a
 * new project; what a KMS elsewhere allows with its keys is its own matter, for whose credentials the process has.
 */
const ASKED_BY_KEYS: readonly Need[] = [];

/** Which needs a command has, by its words; the longest that fit count. */
const NEEDS: Readonly<Record<string, readonly Need[] | 'no home'>> = {
  load: 'no home',
  handshake: 'no home',
  frame: 'no home',
  'certs check': 'no home',
  certs: [need('thrum:ManageIdentities', 'home')],
  access: [need('thrum:ManageAccess', 'home')],
  'audit show': [need('thrum:ReadAudit', 'home')],
  'audit verify': [need('thrum:ReadAudit', 'home')],
  'audit head': [need('thrum:ReadAudit', 'home')],
  run: [need('thrum:WriteData', 'all projects'), need('thrum:CreateProject', 'all projects'), need('thrum:ManageIdentities', 'home')],
  broker: [
    need('thrum:WriteData', 'all projects'), need('thrum:CreateProject', 'all projects'), need('thrum:ManageIdentities', 'home'),
    need('thrum:ShredData', 'all projects', ['retainFor', 'retainBytes']),
  ],
  gateway: [need('thrum:WriteData', 'project'), need('thrum:ManageIdentities', 'home')],
  fleet: [need('thrum:WriteData', 'project'), need('thrum:ManageIdentities', 'home')],
  'project create': [need('thrum:CreateProject', 'all projects')],
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
  'store retain': [need('thrum:ShredData', 'project')],
  'keys serve': [need('thrum:ServeKeys', 'home'), need('thrum:ManageIdentities', 'home', ['tls'])],
  // Asked before the key is made: one without the alias that was wished for is of no use.
  'keys create': [need('kms:CreateAlias', 'option alias')],
  'keys list': ASKED_BY_KEYS,
  'keys describe': ASKED_BY_KEYS,
  'keys enable': ASKED_BY_KEYS,
  'keys disable': ASKED_BY_KEYS,
  'keys schedule-deletion': ASKED_BY_KEYS,
  'keys cancel-deletion': ASKED_BY_KEYS,
  'keys rotate': ASKED_BY_KEYS,
  'keys rotation': ASKED_BY_KEYS,
  'keys alias': ASKED_BY_KEYS,
  'keys tag': ASKED_BY_KEYS,
  'keys untag': ASKED_BY_KEYS,
  'keys policy get': ASKED_BY_KEYS,
  'keys policy put': ASKED_BY_KEYS,
  'keys grant': ASKED_BY_KEYS,
};

/** The needs of a command such as `keys alias add`; undefined where only the owner may. */
export function needsOf(words: readonly string[]): readonly Need[] | 'no home' | undefined {
  for (let length = words.length; length > 0; length -= 1) {
    const name = words.slice(0, length).join(' ');
    if (Object.hasOwn(NEEDS, name)) return NEEDS[name];
  }
  return undefined;
}
