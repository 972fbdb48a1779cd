/** `thrum certs bundle`: an identity's files in the form another program wants. */
import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { BUNDLE_FORMATS, bundleFiles, findNamed, publishPrivateDirectory, readAuthorityPem, readPrivateFile, type BundleFormat } from '../certs/mod.ts';
import { now } from './clock.ts';
import { CliError } from './errors.ts';
import { addHomeOptions, openHome, type HomeOptions } from './home.ts';
import { addOutputOptions, printResult, type OutputOptions } from './output.ts';

interface BundleOptions extends HomeOptions, OutputOptions {
  readonly format: BundleFormat;
  readonly out: string;
  readonly p12PassphraseFile?: string;
}

const EXAMPLES = `
Examples:
  thrum certs bundle 70b3d5e75e000001 --format pem --out ./gateway
  THRUM_P12_PASSPHRASE=… thrum certs bundle ada --format p12 --out ./ada
  thrum certs bundle localhost --format mosquitto --out ./broker`;

export function addBundleCommand(certs: Command): void {
  const bundle = certs
    .command('bundle')
    .description('write the files of an identity in the form another program wants')
    .argument('<identity>', 'serial number, gateway id, or the name of an operator or server')
    .addOption(new Option('--format <format>', 'what the files are for').choices(BUNDLE_FORMATS).makeOptionMandatory())
    .requiredOption('--out <dir>', 'new folder for the files')
    .option('--p12-passphrase-file <file>', 'p12: file with its passphrase, mode 600 (or THRUM_P12_PASSPHRASE)');
  addOutputOptions(addHomeOptions(bundle)).addHelpText('after', EXAMPLES).action(writeBundle);
}

async function writeBundle(name: string, options: BundleOptions): Promise<void> {
  const home = await openHome(options, 'refuse');
  const passphrase = options.format === 'p12' ? await p12Passphrase(options.p12PassphraseFile) : undefined;
  const identity = await findNamed(home.certs, name, now());
  const directory = resolve(options.out);
  const source = { identity, directory, authorityPem: await readAuthorityPem(home.certs), ...(passphrase === undefined ? {} : { passphrase }) };
  const files = await bundleFiles(options.format, source);
  await publishPrivateDirectory(directory, files);
  const { role, serial } = identity;
  printResult(options, { role, serial, format: options.format, directory, files: Object.keys(files) }, () => Object.keys(files).map((file) => `${directory}/${file}`));
}

async function p12Passphrase(file: string | undefined): Promise<string> {
  const passphrase = file === undefined ? process.env['THRUM_P12_PASSPHRASE'] : (await readPrivateFile(file)).toString('utf8').replace(/\r?\n$/, '');
  if (passphrase === undefined) throw new CliError('CLI_USAGE', 'a PKCS #12 file needs a passphrase: give --p12-passphrase-file or set THRUM_P12_PASSPHRASE');
  return passphrase;
}
