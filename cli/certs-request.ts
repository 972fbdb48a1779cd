/** `thrum certs request`, where a key is made, and `thrum certs sign`, where the authority is: the key never travels. */
import { join } from 'node:path';
import { Option, type Command } from 'commander';
import { createRequest, loadAuthority, publishPrivateDirectory, ROLES, signRequest, writePrivateFile, type Role } from '../certs/mod.ts';
import { addWhoOptions, keyTypeOption, readInput, requestOf, type WhoOptions } from './certs-values.ts';
import { audited } from './audit-trail.ts';
import { now } from './clock.ts';
import { addHomeOptions, openHome, type HomeOptions } from './home.ts';
import { addOutputOptions, printResult, say, type OutputOptions } from './output.ts';
import { addScreeningOption, screenTexts, type ScreeningOptions } from './screening.ts';

export function addRequestCommands(certs: Command): void {
  const request = certs
    .command('request')
    .description('make a key, and a request (CSR) to have it certified; the key stays where it is')
    .addArgument(certs.createArgument('<role>', 'who it is for').choices(ROLES))
    .requiredOption('--out <dir>', 'new folder for key.pem and request.csr')
    .option('--project <id>', 'gateway: project id')
    .option('--gateway <id>', 'gateway: its EUI-64, 16 hexadecimal digits')
    .option('--name <name>', 'operator: name')
    .option('--dns <name...>', 'server: DNS names')
    .option('--ip <address...>', 'server: IP addresses')
    .addOption(keyTypeOption());
  addOutputOptions(request)
    .addHelpText('after', '\nExample:\n  thrum certs request operator --name ada --out ./ada\n  thrum certs sign ./ada/request.csr --role operator --name ada --out ./ada/cert.pem')
    .action(makeRequest);

  const sign = certs
    .command('sign')
    .description('sign a request (CSR) if it asks for no more than its profile allows')
    .argument('<file>', 'request in PEM form')
    .addOption(new Option('--role <role>', 'who it is for').choices(ROLES).makeOptionMandatory())
    .option('--out <file>', 'write the certificate and its chain there too');
  addOutputOptions(addHomeOptions(addScreeningOption(addWhoOptions(sign))))
    .addHelpText('after', '\nExamples:\n  thrum certs sign gateway.csr --role gateway --project demo --gateway 70b3d5e75e000001\n  thrum certs sign broker.csr --role server --dns broker.example --out broker.pem')
    .action(signFile);
}

async function makeRequest(role: Role, options: WhoOptions & OutputOptions & { readonly out: string }): Promise<void> {
  const identity = await requestOf(role, options, (project) => Promise.resolve(project));
  const { requestPem, keyPem } = await createRequest(identity);
  await publishPrivateDirectory(options.out, { 'key.pem': keyPem, 'request.csr': requestPem });
  const paths = { requestPath: join(options.out, 'request.csr'), keyPath: join(options.out, 'key.pem') };
  printResult(options, { role, ...paths }, () => [`request  ${paths.requestPath}`, `key      ${paths.keyPath} (keep it here)`]);
}

async function signFile(file: string, options: WhoOptions & ScreeningOptions & HomeOptions & OutputOptions & { readonly role: Role; readonly out?: string }): Promise<void> {
  const home = await openHome(options, 'refuse');
  const requestPem = (await readInput(file)).toString('latin1');
  const identity = await requestOf(options.role, options, async (project) => (await home.projects.find(project)).projectId);
  screenTexts(options, { "an operator's name": options.name });
  const { role: asRole, name, gateway } = options;
  const signed = await audited(
    home.trail,
    { eventName: 'SignCertificate', requestParameters: { role: asRole, subject: gateway ?? name }, projectId: identity.role === 'gateway' ? identity.projectId : undefined },
    async () => signRequest(await loadAuthority(home.certs), requestPem, identity, now()),
    ({ serial }) => ({ responseElements: { serial } }),
  );
  for (const note of signed.notes) say(options, `note: ${note}`);
  if (options.out !== undefined) await writePrivateFile(options.out, signed.certificatePem);
  const { role, serial, notes, certificatePem } = signed;
  const certificatePath = options.out ?? signed.certificatePath;
  printResult(options, { role, serial, certificatePath, certificatePem, notes }, () => [`certificate  ${certificatePath}`, `serial       ${serial}`]);
}
