/** Policies that come with thrum, to attach by name. They are documents like any other: `thrum access policy show NAME`. */
import type { NamedPolicy, PolicyDocument, Statement } from './policy.ts';

const allow = (Sid: string, Action: readonly string[]): Statement => ({ Sid, Effect: 'Allow', Action, Resource: '*' });

/** Denies what cannot be undone, or takes a key from its projects, unless a code of the second factor came with it. */
const WITHOUT_SECOND_FACTOR: Statement = {
  Sid: 'DenyWithoutSecondFactor',
  Effect: 'Deny',
  Action: ['kms:ScheduleKeyDeletion', 'kms:DisableKey', 'thrum:ShredData'],
  Resource: '*',
  Condition: { BoolIfExists: { 'aws:MultiFactorAuthPresent': 'false' } },
};

const LOOK_AT_PROJECTS = ['thrum:ListProjects', 'thrum:DescribeProject'];

const STATEMENTS = {
  console: [
    allow('ChooseKey', ['kms:ListKeys', 'kms:ListAliases', 'kms:DescribeKey', 'kms:CreateGrant']),
    allow('Projects', [...LOOK_AT_PROJECTS, 'thrum:CreateProject']),
  ],
  'key-administrator': [
    allow('Administer', [
      'kms:CreateKey', 'kms:Describe*', 'kms:List*', 'kms:Get*', 'kms:PutKeyPolicy', 'kms:UpdateKeyDescription',
      'kms:CreateAlias', 'kms:UpdateAlias', 'kms:DeleteAlias', 'kms:TagResource', 'kms:UntagResource',
      'kms:EnableKey', 'kms:DisableKey', 'kms:EnableKeyRotation', 'kms:DisableKeyRotation', 'kms:RotateKeyOnDemand',
      'kms:ScheduleKeyDeletion', 'kms:CancelKeyDeletion', 'kms:RevokeGrant',
    ]),
    WITHOUT_SECOND_FACTOR,
  ],
  'key-user': [allow('Use', ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:GenerateRandom', 'kms:DescribeKey', 'kms:ListKeys', 'kms:ListAliases'])],
  auditor: [allow('Look', ['thrum:ReadAudit', 'thrum:VerifyData', ...LOOK_AT_PROJECTS, 'kms:Describe*', 'kms:List*', 'kms:Get*'])],
  'data-reader': [allow('Read', ['thrum:ReadData', 'thrum:ExportData', ...LOOK_AT_PROJECTS])],
  'data-administrator': [
    allow('Administer', [
      ...LOOK_AT_PROJECTS, 'thrum:CreateProject', 'thrum:ChangeProject', 'thrum:ReadData', 'thrum:ExportData', 'thrum:VerifyData', 'thrum:ScanData',
      'thrum:RewrapData', 'thrum:ReencryptData', 'thrum:ShredData',
    ]),
    allow('ChooseKey', ['kms:ListKeys', 'kms:ListAliases', 'kms:DescribeKey', 'kms:CreateGrant']),
    WITHOUT_SECOND_FACTOR,
  ],
} satisfies Record<string, readonly Statement[]>;

export const READY_POLICIES: ReadonlyMap<string, PolicyDocument> = new Map(
  Object.entries(STATEMENTS).map(([name, statements]) => [name, { Version: '2012-10-17', Statement: statements }]),
);

/** What the account's root has, as if attached: all. Only a resource's own policy can say no to it. */
export const ROOT_POLICY: NamedPolicy = { name: 'account root', document: { Version: '2012-10-17', Statement: [allow('All', ['*'])] } };
