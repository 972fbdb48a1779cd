/** `thrum certs check`: what is wrong with certificates, ours or not. Exit code 1 when anything is an error. */
import type { Command } from 'commander';
import { certificatesIn, checkCertificates, describeCertificate, type Finding } from '../certs/mod.ts';
import { readInput } from './certs-values.ts';
import { now } from './clock.ts';
import { EXIT } from './errors.ts';
import { addOutputOptions, printResult, table, type OutputOptions } from './output.ts';

interface Checked {
  readonly file: string;
  /** Place in the file, from 1. */
  readonly place: number;
  /** '' when it cannot be decoded. */
  readonly subject: string;
  readonly findings: readonly Finding[];
}

export function addCheckCommand(certs: Command): void {
  const check = certs
    .command('check')
    .description('check certificates: RFC 5280, keys, lifetimes, names, and the profiles of thrum')
    .argument('<file...>', 'certificates in PEM or DER form, several in a file or one');
  addOutputOptions(check)
    .addHelpText('after', '\nExamples:\n  thrum certs check .thrum/certs/ca/cert.pem\n  thrum certs check --json chain.pem\n\nExit code 1 when anything is an error; warnings and notes do not count.')
    .action(checkFiles);
}

async function checkFiles(files: readonly string[], options: OutputOptions): Promise<void> {
  const certificates: { file: string; place: number; der: Uint8Array }[] = [];
  for (const file of files) {
    const found = certificatesIn(await readInput(file), file);
    certificates.push(...found.map((der, index) => ({ file, place: index + 1, der })));
  }
  const findings = checkCertificates(certificates.map(({ der }) => der), now());
  const checked: Checked[] = certificates.map(({ file, place, der }, index) => ({ file, place, subject: subjectOf(der), findings: findings[index]! }));
  const count = (severity: string): number => checked.reduce((sum, one) => sum + one.findings.filter((found) => found.severity === severity).length, 0);
  const totals = { errors: count('error'), warnings: count('warning'), notes: count('info') };
  printResult(options, { certificates: checked, ...totals }, () => [
    ...rowsOf(checked),
    `${checked.length} checked: ${totals.errors} errors, ${totals.warnings} warnings, ${totals.notes} notes`,
  ]);
  if (totals.errors > 0) process.exitCode = EXIT.failure;
}

function rowsOf(checked: readonly Checked[]): string[] {
  const rows = checked.flatMap(({ file, place, subject, findings }) =>
    findings.map(({ severity, id, sentence, source }) => [`${file}:${place}`, subject, severity, id, `${sentence} (${source})`]),
  );
  return rows.length === 0 ? [] : table([['file', 'subject', 'severity', 'id', 'what'], ...rows]);
}

function subjectOf(der: Uint8Array): string {
  try {
    return describeCertificate(der).subject.map(({ type, value }) => `${type}=${value}`).join(', ').replaceAll(/\p{C}/gu, '?').slice(0, 64);
  } catch {
    return ''; // what is wrong with it stands among the findings
  }
}
