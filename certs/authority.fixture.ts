/** Authorities that this version no longer makes, for tests. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { certificatePem, commonNameDer, randomSerial, signCertificate } from './certificate-builder.ts';
import { basicConstraints, keyUsage, subjectKeyIdentifier } from './extensions.ts';
import { generateKeyPair, privateKeyPem, spkiDer } from './key-pair.ts';
import { authorityValidity } from './profiles.ts';

/** As version 0.1.0 made it: a root with path length 0 that signs identities itself, and nothing in `ca/issuing`. */
export async function makeEarlierAuthority(directory: string, nowMs: number): Promise<void> {
  const { privateKey, publicKey } = await generateKeyPair('ec-p256');
  const name = commonNameDer('thrum certificate authority');
  const der = signCertificate(
    {
      serial: randomSerial(),
      issuerDer: name,
      subjectDer: name,
      ...authorityValidity(nowMs),
      spkiDer: spkiDer(publicKey),
      extensions: [
        basicConstraints({ ca: true, pathLength: 0 }),
        keyUsage(['keyCertSign', 'cRLSign']),
        subjectKeyIdentifier(spkiDer(publicKey)),
      ],
    },
    privateKey,
  );
  await mkdir(join(directory, 'ca'), { recursive: true, mode: 0o700 });
  await writeFile(join(directory, 'ca', 'cert.pem'), certificatePem(der), { mode: 0o600 });
  await writeFile(join(directory, 'ca', 'key.pem'), privateKeyPem(privateKey), { mode: 0o600 });
}
