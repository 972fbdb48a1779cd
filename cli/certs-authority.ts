/** `thrum certs init` and `rotate-issuing`: the authority of a home, and the intermediate that signs for it. */
import type { Command } from 'commander';
import { createAuthority, publishRevocationLists, rotateIssuing, type KeyType } from '../certs/mod.ts';
import { audited } from './audit-trail.ts';
import { now } from './clock.ts';
import { keyTypeOption } from './certs-values.ts';
import { addHomeOptions, openHome, type HomeOptions } from './home.ts';
import { addOutputOptions, printResult, type OutputOptions } from './output.ts';

type Options = HomeOptions & OutputOptions & { readonly keyType: KeyType };

export function addAuthorityCommands(certs: Command): void {
  const finish = (command: Command): Command => addOutputOptions(addHomeOptions(command.addOption(keyTypeOption())));
  finish(certs.command('init').description('make the certificate authority of a home: a root, and the intermediate that signs'))
    .addHelpText('after', '\nExample:\n  thrum certs init --home ./plant\n\nThen ca/key.pem, the key of the root, can be kept elsewhere: only rotate-issuing needs it.')
    .action(init);
  finish(certs.command('rotate-issuing').description('replace the intermediate that signs; identities stay valid'))
    .addHelpText('after', '\nExample:\n  thrum certs rotate-issuing --home ./plant\n\nNeeds ca/key.pem, the key of the root.')
    .action(rotate);
}

async function init(options: Options): Promise<void> {
  const home = await openHome(options, 'create');
  const { keyType } = options;
  await audited(home.trail, { eventName: 'CreateAuthority', requestParameters: { keyType } }, () => createAuthority(home.certs, { nowMs: now(), keyType }));
  await publishRevocationLists(home.certs, now()); // while the root's key is here
  const certificatePath = `${home.certs}/ca/cert.pem`;
  const issuingPath = `${home.certs}/ca/issuing/cert.pem`;
  printResult(options, { certificatePath, issuingPath }, () => [`made an authority: ${certificatePath}`, `it signs with:     ${issuingPath}`]);
}

async function rotate(options: Options): Promise<void> {
  const home = await openHome(options, 'refuse');
  const { keyType } = options;
  const { serial, certificatePath } = await audited(
    home.trail,
    { eventName: 'RotateIssuing', requestParameters: { keyType } },
    () => rotateIssuing(home.certs, { nowMs: now(), keyType }),
    (made) => ({ responseElements: { serial: made.serial } }),
  );
  await publishRevocationLists(home.certs, now()); // the new one's too
  printResult(options, { serial, issuingPath: certificatePath }, () => [`signs from now on: ${certificatePath}`]);
}
