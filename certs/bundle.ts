/**
 * An identity's files in the forms that other programs want: which files, under which names, with what around them. Pure:
 * names and contents come out, and whoever writes them writes private files.
 */

import { X509Certificate, createPrivateKey, createPublicKey } from 'node:crypto';
import { join } from 'node:path';

import { certificatePem } from './certificate-builder.ts';
import { commonNameOf, readCertificate } from './certificate-reader.ts';
import { CertsError } from './errors.ts';
import type { IssuedIdentity } from './issue.ts';
import { certificateBlocks } from './pem.ts';
import { pkcs12 } from './pkcs12.ts';

export const BUNDLE_FORMATS = ['pem', 'p12', 'mosquitto', 'openssl', 'aws-iot'] as const;

export type BundleFormat = (typeof BUNDLE_FORMATS)[number];

/** Contents by file name. */
export type BundleFiles = Readonly<Record<string, string | Uint8Array>>;

export interface BundleSource {
  readonly identity: Pick<IssuedIdentity, 'role' | 'certificatePem' | 'keyPem'>;
  /** The root: what the identity's peers trust, and what it trusts. */
  readonly authorityPem: string;
  /** Absolute path of the directory that the files will be in; some of them name the others. */
  readonly directory: string;
  /** For 'p12', and needed there: 8 to 1024 printable ASCII characters. */
  readonly passphrase?: string;
}

/** The longest chain in a file of ours. */
const CHAIN_CERTIFICATES_MAX = 8;

interface Parts extends BundleSource {
  readonly name: string;
  readonly leafPem: string;
  /** Intermediates; '' where there is none. */
  readonly chainPem: string;
}

/** The files of a bundle. Throws CERTS_BAD_REQUEST for a missing or bad passphrase, or a form that is not for this role. */
export async function bundleFiles(format: BundleFormat, source: BundleSource): Promise<BundleFiles> {
  const parts = partsOf(source);
  switch (format) {
    case 'pem':
      return pemFiles(parts);
    case 'p12':
      return { 'identity.p12': await pkcs12Of(parts), 'ca.pem': parts.authorityPem };
    case 'mosquitto':
      return mosquittoFiles(parts);
    case 'openssl':
      return opensslFiles(parts);
    case 'aws-iot':
      return awsFiles(parts);
  }
}

function partsOf(source: BundleSource): Parts {
  const [leaf, ...chain] = certificateBlocks(source.identity.certificatePem, CHAIN_CERTIFICATES_MAX).map((block) => new X509Certificate(block));
  const name = commonNameOf(readCertificate(leaf!).subject)!;
  return { ...source, name, leafPem: certificatePem(leaf!.raw), chainPem: chain.map(({ raw }) => certificatePem(raw)).join('') };
}

function pemFiles({ identity, leafPem, chainPem, authorityPem }: Parts): BundleFiles {
  return {
    'key.pem': identity.keyPem,
    'cert.pem': leafPem,
    ...(chainPem === '' ? {} : { 'chain.pem': chainPem }),
    'fullchain.pem': leafPem + chainPem,
    'ca.pem': authorityPem,
  };
}

async function pkcs12Of({ identity, name, leafPem, chainPem, authorityPem, passphrase }: Parts): Promise<Buffer> {
  if (passphrase === undefined) throw new CertsError('CERTS_BAD_REQUEST', 'a PKCS #12 file needs a passphrase');
  const certificates = certificateBlocks(leafPem + chainPem + authorityPem, CHAIN_CERTIFICATES_MAX).map((block) => new X509Certificate(block).raw);
  return pkcs12({ privateKey: createPrivateKey(identity.keyPem), certificates, name }, passphrase);
}

/** mosquitto.conf(5) for a server; files of options for mosquitto's clients, which look for them in $XDG_CONFIG_HOME. */
function mosquittoFiles(parts: Parts): BundleFiles {
  const { identity, name, leafPem, chainPem, authorityPem, directory } = parts;
  const files = { 'key.pem': identity.keyPem, 'cert.pem': leafPem + chainPem, 'ca.pem': authorityPem };
  const [ca, cert, key] = ['ca.pem', 'cert.pem', 'key.pem'].map((file) => join(directory, file));
  if (identity.role === 'server') {
    const conf = [
      'listener 8883',
      `cafile ${ca!}`,
      `certfile ${cert!}`,
      `keyfile ${key!}`,
      'require_certificate true',
      'use_identity_as_username true',
      'allow_anonymous false',
      'tls_version tlsv1.2',
    ];
    return { ...files, 'mosquitto.conf': lines(conf) };
  }
  const options = lines([`--cafile ${ca!}`, `--cert ${cert!}`, `--key ${key!}`, '-p 8883', `-i ${name}`]);
  return { ...files, mosquitto_pub: options, mosquitto_sub: options };
}

/** A script that connects, or listens, with the files beside it. */
function opensslFiles(parts: Parts): BundleFiles {
  const isServer = parts.identity.role === 'server';
  const chain = parts.chainPem === '' ? '' : ` -cert_chain "$here/chain.pem"`;
  const common = `-CAfile "$here/ca.pem" -cert "$here/cert.pem"${chain} -key "$here/key.pem"`;
  const command = isServer
    ? `exec openssl s_server -accept "\${1:-8883}" -Verify 3 -verify_return_error ${common}`
    : `exec openssl s_client -connect "\${1:-localhost:8883}" -verify_return_error ${common}`;
  const use = isServer ? 'sh listen.sh [PORT]' : 'sh connect.sh [HOST:PORT]';
  const script = lines(['#!/bin/sh', `# ${use}`, 'here=$(dirname "$0")', command]);
  return { ...pemFiles(parts), [isServer ? 'listen.sh' : 'connect.sh']: script };
}

/**
 * Names as AWS IoT's connection kit gives them, and the variables of its device SDK for embedded C. The root is ours: for
 * AWS' own end points its place is taken by Amazon's.
 */
function awsFiles({ identity, name, leafPem, chainPem, authorityPem, directory }: Parts): BundleFiles {
  if (identity.role === 'server') throw new CertsError('CERTS_BAD_REQUEST', 'AWS IoT bundles are for gateways and operators, not for servers');
  const publicPem = createPublicKey(identity.keyPem).export({ type: 'spki', format: 'pem' }).toString();
  const files = { root: 'root-CA.crt', certificate: `${name}.cert.pem`, key: `${name}.private.key` };
  const at = (file: string): string => join(directory, file);
  const variables = [
    '# AWS_IOT_ENDPOINT: the host of your end point, from: aws iot describe-endpoint --endpoint-type iot:Data-ATS',
    'AWS_MQTT_PORT=8883',
    `THING_NAME=${name}`,
    `CLIENT_IDENTIFIER=${name}`,
    `ROOT_CA_CERT_PATH=${shellQuoted(at(files.root))}`,
    `CLIENT_CERT_PATH=${shellQuoted(at(files.certificate))}`,
    `CLIENT_PRIVATE_KEY_PATH=${shellQuoted(at(files.key))}`,
  ];
  const deviceClient = { endpoint: 'replace by your end point', cert: at(files.certificate), key: at(files.key), 'root-ca': at(files.root), 'thing-name': name };
  return {
    [files.certificate]: leafPem + chainPem,
    [files.key]: identity.keyPem,
    [`${name}.public.key`]: publicPem,
    [files.root]: authorityPem,
    'signing-CA.pem': chainPem === '' ? authorityPem : chainPem,
    'aws-iot.env': lines(variables),
    'aws-iot-device-client.conf': lines([JSON.stringify(deviceClient, null, 2)]),
  };
}

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function lines(parts: readonly string[]): string {
  return `${parts.join('\n')}\n`;
}
