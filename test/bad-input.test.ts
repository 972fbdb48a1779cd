import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { beforeAll, afterAll, describe, expect, it } from 'vitest';
import { makeFolder, MAIN, thrum, withFolder, type Result, type RunOptions } from './cli.ts';

const TINY = ['--sites', '1', '--gateways', '1', '--sensors', '2', '--machines', '1', '--capture-samples', '256', '--duration', '1s', '--quiet'];
/** A load test that needs no home. */
const BARE = ['--url', 'mqtt://127.0.0.1:1', '--topic', 't', '--client-id', 'c-{n}'];

/** One clear line on stderr, nothing on stdout, the exit code. */
function expectRefusal(result: Result, exitCode: number, text: RegExp): void {
  expect(result.stderr).toMatch(text);
  expect(result.stderr.trim().split('\n'), result.stderr).toHaveLength(1);
  expect(result.stderr).toMatch(/^thrum: /);
  expect(result.stdout).toBe('');
  expect(result.exitCode).toBe(exitCode);
}

async function refuses(args: readonly string[], exitCode: number, text: RegExp, options?: RunOptions): Promise<void> {
  expectRefusal(await thrum(args, options), exitCode, text);
}

async function filesUnder(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true })).sort();
}

describe('wrong use', () => {
  it.each([
    [['--no-such-option'], /unknown option '--no-such-option'/],
    [['nonsense'], /unknown command 'nonsense'/],
    [['run', '--sensors', '0'], /--sensors .*whole number from 1 to/],
    [['run', '--sensors', '61', '--gateways', '3'], /need at least 4 gateways/],
    [['run', '--duration', '20'], /Write a duration such as 90s/],
    [['run', '--speed', '-1'], /Write a factor such as 60/],
    [['run', '--speed', '99999999999999999999'], /Write a factor such as 60, at most 1000000000/],
    [['run', '--full-scale-g', '8'], /go with --replay/],
    [['run', '--replay', 'x.wav'], /needs --full-scale-g/],
    [['broker', '--seal-after', '1s'], /--seal-after .*Write a duration of 10s to 24d/],
    [['broker', '--seal-after', '25d'], /Write a duration of 10s to 24d/],
    [['fleet'], /required option '--url <url>' not specified/],
    [['fleet', '--url', 'mqtt://localhost'], /write mqtts:\/\/HOST:PORT/],
    [['fleet', '--url', 'mqtts://localhost', '--cert', 'only.pem'], /--cert and --key go together/],
    [['keys', 'describe', 'x', '--home', '/nonexistent/home'], /there is no home/],
    [['store', 'read', '--sensor', 'ZZZ'], /16 hexadecimal digits/],
    [['store', 'export', '--format', 'xml'], /Allowed choices are ndjson, csv, wav, parquet, monitron-v2/],
    [['handshake', 'broker'], /which broker\? write HOST:PORT/],
    [['handshake', 'broker', 'me:secret@host:8883'], /^thrum: an address with user and password ends up in logs and process lists: write HOST:PORT\n$/],
    [['handshake', 'broker', 'localhost:1', '--cert', 'only.pem'], /--cert and --key go together/],
    [['handshake', 'broker', 'localhost:1', '--case', 'nosuch'], /no case is called 'nosuch'/],
    [['handshake', 'broker', 'localhost:1', '--html', '/nonexistent/x.html'], /there is no folder \/nonexistent/],
    [['load', '--url', 'http://x'], /--url: 'http:\/\/x' is not an address of a broker: write mqtts:\/\/HOST:PORT/],
    [['load', '--rate', '5'], /Write a rate such as 500\/s/],
    [['load', '--clients', '5', '--client-id', 'same'], /--client-id: all 5 clients would have the same id/],
    [['load', '--assert', 'p99 < banana'], /--assert: write a condition such as p99<50ms/],
    [['load', '--scenario', 'nope'], /no scenario that comes with thrum is called 'nope'/],
    [['load', '--key-type', 'dsa'], /--key-type: write one of ec-p256, /],
    [['load', ...BARE, '--find-rate', 'p99<1s', '--shard', '1/2'], /--shard: stage 'steady' searches for a rate, and each shard would go its own way/],
    [['load', ...BARE, '--find-rate', 'p99<1s', '--assert', 'steady: p50<1s'], /p50<1s: stage 'steady' searches for a rate, and its trials have an objective/],
    [['load'], /there is no home/],
    [['load', '--clients', '1', '--manifest', 'nope.csv', '--quiet'], /the manifest cannot be read: .*nope\.csv/],
  ])('thrum %j is refused in one line with exit code 2', async (args, text) => {
    await withFolder(async (folder) => refuses(args, 2, text, { cwd: folder }));
  });

  it.each([
    [['fleet', '--url', 'mqtts://localhost:1'], /there is no home/],
    [['fleet', '--url', 'mqtts://localhost:1', '--ca', 'nope.pem'], /no such file or folder \(nope\.pem\)/],
    [['gateway', '--url', 'mqtts://localhost:1', '--cert', 'nope.pem', '--key', 'nope.key'], /no such file or folder \(nope\.pem\)/],
    [['keys', 'create', '--alias', 'foo'], /'foo' is not an alias/],
    [['keys', 'create', '--passphrase-file', 'nope'], /nope does not exist/],
    [['project', 'create', ''], /1 to 60 printable characters/],
    [['project', 'create', 'x', '--key', 'alias/none'], /there is no home/],
    [['run', '--project', ''], /1 to 60 printable characters/],
    [['run', '--project', 'p-0000000000000000'], /there is no home/],
    [['broker', '--project', 'a\tb', '--port', '0'], /1 to 60 printable characters/],
  ])('thrum %j makes no home', async (args, text) => {
    await withFolder(async (folder) => {
      await refuses([...args, '--home', 'home'], 2, text, { cwd: folder });
      expect(await filesUnder(folder)).toEqual([]);
    });
  });

  it('of a home that is there already makes nothing in it, and names what would make what is missing', async () => {
    await withFolder(async (folder) => {
      const home = join(folder, 'home');
      expect(await thrum(['keys', 'create', '--home', home])).toMatchObject({ exitCode: 0 });
      const before = await filesUnder(folder);
      await refuses(['project', 'create', 'x', '--key', 'alias/none', '--home', home], 2, /there is no key alias\/none/);
      await refuses(['fleet', '--url', 'mqtts://localhost:1', '--home', home], 2, /no certificate authority .*'thrum certs init' makes one/);
      await refuses(['fleet', '--url', 'mqtts://localhost:1', '--ca', join(folder, 'nope.pem'), '--home', home], 2, /nope\.pem/);
      expect(await filesUnder(folder)).toEqual(before);
    });
  });

  it('never repeats a password that was written into a URL', async () => {
    await withFolder(async (folder) => {
      const result = await thrum(['fleet', '--url', 'mqtts://user:hunter2@localhost:8883'], { cwd: folder });
      expect(result.exitCode).toBe(2);
      expect(result.stderr).toMatch(/identify with --cert and --key/);
      expect(result.stderr + result.stdout).not.toContain('hunter2');
    });
  });
});

describe('a fleet file', () => {
  it.each([
    ['sensors: [1, 2', /fleet\.yaml:\d+:\d+: /],
    ['sites: 2\nsensor: 3\n', /fleet\.yaml:\d+:\d+: .*"sensor"/],
    ['seed: 1\nsensors: many\n', /fleet\.yaml:2:\d+: sensors: /],
    ['interval: 5 parsecs\n', /fleet\.yaml:1:\d+: interval: write a duration/],
    ['- a\n- b\n', /fleet\.yaml:1:1: /],
    ['a: &a [*a]\n', /fleet\.yaml:/],
    ['seed: 1\nsites: *nowhere\n', /fleet\.yaml:2:8: .*nowhere/],
    ['seed: &s [1, 1, 1]\nsites: [*s, *s, *s]\ngateways: *later\nsensors: &later 3\n', /fleet\.yaml:3:11: .*later/],
    [`seed: &a [1]\nsites: &b [${'*a, '.repeat(20)}]\ngateways: [${'*b, '.repeat(20)}]\n`, /fleet\.yaml:3:\d+: .*alias/],
  ])('with %j in it is refused with file, line and column', async (text, expected) => {
    await withFolder(async (folder) => {
      await writeFile(join(folder, 'fleet.yaml'), text);
      await refuses(['run', '--home', join(folder, 'home'), '--fleet', join(folder, 'fleet.yaml')], 2, expected);
      expect(await filesUnder(folder)).toEqual(['fleet.yaml']);
    });
  });
});

describe('a frame', () => {
  it.each([
    ['', /pairs of hexadecimal digits/],
    ['zz', /pairs of hexadecimal digits/],
    ['123', /pairs of hexadecimal digits/],
    ['1100', /\S/],
    ['00'.repeat(3_000_000), /at most/],
  ])('that is not one (%#) is refused with exit code 2', async (input, text) => {
    await refuses(['frame', 'decode'], 2, text, { input });
  });
});

describe('a recording', () => {
  it.each([
    ['missing', undefined, /no such file/],
    ['empty', '', /empty\.wav: /],
    ['text', 'hello, this is not a recording at all', /text\.wav: /],
  ])('that is %s is refused, and no home is made for it', async (name, content, text) => {
    await withFolder(async (folder) => {
      const file = join(folder, `${name}.wav`);
      if (content !== undefined) await writeFile(file, content);
      await refuses(['run', '--home', join(folder, 'home'), '--replay', file, '--full-scale-g', '8'], 2, text);
      expect(await filesUnder(folder)).toEqual(content === undefined ? [] : [`${name}.wav`]);
    });
  });
});

describe('a port', () => {
  it('that is taken is named, with exit code 3', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    try {
      await withFolder(async (folder) => {
        await refuses(['run', '--home', join(folder, 'home'), '--port', String(port), ...TINY], 3, new RegExp(`port ${port} is taken: choose another with --port`));
        await refuses(['broker', '--home', join(folder, 'home'), '--port', String(port)], 3, new RegExp(`port ${port} is taken`));
      });
    } finally {
      server.close();
      await once(server, 'close');
    }
  });
});

describe('a home', () => {
  let folder = '';
  let home = '';

  beforeAll(async () => {
    folder = await makeFolder();
    home = join(folder, 'home');
    const result = await thrum(['run', '--home', home, ...TINY]);
    if (result.exitCode !== 0) throw new Error(result.stderr);
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** Alters one file for the length of `work`. */
  async function altered(path: string, alter: (bytes: Buffer) => Uint8Array | string, work: () => Promise<void>): Promise<void> {
    const before = await readFile(path);
    await writeFile(path, alter(before));
    try {
      await work();
      expect((await readFile(path)).equals(before)).toBe(false); // nobody "repaired" it
    } finally {
      await writeFile(path, before);
    }
  }

  const garbage = (): string => 'garbage';
  const flipLast = (bytes: Buffer): Buffer => Buffer.concat([bytes.subarray(0, -1), Buffer.from([bytes.at(-1)! ^ 1])]);

  it('whose marker was altered is refused', async () => {
    await altered(join(home, 'home.json'), garbage, () => refuses(['store', 'list', '--home', home], 2, /home\.json is not that of a home/));
  });

  it('whose key store was altered is refused', async () => {
    for (const alter of [garbage, flipLast]) {
      await altered(join(home, 'keys', 'keystore'), alter, () => refuses(['run', '--home', home, ...TINY], 2, /keystore/));
    }
  });

  it('whose root key was altered is refused', async () => {
    await altered(join(home, 'keys', 'root.key'), garbage, () => refuses(['store', 'read', '--home', home], 2, /root\.key is not a root key/));
  });

  it('whose root key others can read is refused until its mode is put right', async () => {
    const path = join(home, 'keys', 'root.key');
    await chmod(path, 0o644);
    await refuses(['store', 'read', '--home', home], 2, /open to other users .*chmod 600/);
    await chmod(path, 0o600);
  });

  it('whose authority’s key cannot be read is refused', async () => {
    const path = join(home, 'certs', 'ca', 'key.pem');
    const before = await readFile(path);
    await rm(path);
    await mkdir(path);
    await refuses(['run', '--home', home, ...TINY], 2, /key\.pem/);
    await rm(path, { recursive: true });
    await writeFile(path, before, { mode: 0o600 });
  });

  it('whose certificate is garbage is refused', async () => {
    await altered(join(home, 'certs', 'ca', 'cert.pem'), garbage, () => refuses(['run', '--home', home, ...TINY], 2, /cert\.pem/));
  });

  it('whose project was altered is refused', async () => {
    const [name] = await readdir(join(home, 'projects'));
    await altered(join(home, 'projects', name!), flipLast, () => refuses(['project', 'list', '--home', home], 2, /\.project was altered/));
  });

  it('whose queue was altered is refused', async () => {
    const [gateway] = await readdir(join(home, 'gateways'));
    const [spool] = (await readdir(join(home, 'gateways', gateway!))).filter((name) => name.endsWith('.spool'));
    await altered(join(home, 'gateways', gateway!, spool!), (bytes) => Buffer.concat([bytes.subarray(0, 50), Buffer.from([1, 2, 3]), bytes.subarray(53)]), () =>
      refuses(['run', '--home', home, ...TINY], 2, /\.spool: record 0/),
    );
  });

  it('whose stored data was altered gives exit code 1 and names the file', async () => {
    const [project] = (await readdir(join(home, 'store'))).filter((name) => name.startsWith('p-'));
    const [segment] = (await readdir(join(home, 'store', project!))).filter((name) => name.endsWith('.seg'));
    await altered(join(home, 'store', project!, segment!), flipLast, async () => {
      const verify = await thrum(['store', 'verify', '--home', home]);
      expect(verify).toMatchObject({ exitCode: 1, stdout: expect.stringMatching(new RegExp(`FAULT .*${segment!}, record \\d+`)) as string });
      const read = await thrum(['store', 'read', '--home', home]);
      expect(read).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(new RegExp(`${segment!}, record \\d+`)) as string });
    });
  });

  it('whose project file was altered gives exit code 1 and names the file, and the rest is checked too', async () => {
    const [name] = (await readdir(join(home, 'projects'))).filter((one) => one.endsWith('.project'));
    const id = name!.replace('.project', '');
    const whole = await thrum(['store', 'verify', '--home', home]);
    const records = /\d[^:]*/.exec(whole.stdout)![0];
    const flipAt = (at: number) => (bytes: Buffer): Buffer => Buffer.concat([bytes.subarray(0, at), Buffer.from([bytes[at]! ^ 1]), bytes.subarray(at + 1)]);
    for (const alter of [flipLast, garbage, flipAt(0), flipAt(9), flipAt(15), flipAt(40)]) {
      await altered(join(home, 'projects', name!), alter, async () => {
        for (const selection of [[], ['--project', id]]) {
          const { exitCode, stdout, stderr } = await thrum(['store', 'verify', '--home', home, ...selection]);
          expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: '' });
          expect(stdout).toMatch(new RegExp(`^FAULT .*${name!}`));
          expect(stdout).toContain(records);
        }
      });
    }
  });

  it('that is in use by another broker is refused with exit code 3', async () => {
    const broker = spawn(process.execPath, [MAIN, 'broker', '--home', home, '--port', '0']);
    await once(broker.stdout, 'data');
    await refuses(['broker', '--home', home, '--port', '0'], 3, new RegExp(`in use by process ${broker.pid!}`));
    broker.kill('SIGTERM');
    await once(broker, 'close');
    expect(broker.exitCode).toBe(0);
  });

  it('gives no result half-written when standard output or the disk is full', async () => {
    const full = await open('/dev/full', 'w');
    const child = spawn(process.execPath, [MAIN, 'store', 'read', '--home', home], { stdio: ['ignore', full.fd, 'pipe'] });
    let stderr = '';
    child.stderr!.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    await once(child, 'close');
    await full.close();
    expect({ exitCode: child.exitCode, stderr }).toMatchObject({ exitCode: 3, stderr: expect.stringMatching(/^thrum: standard output: the disk is full/) as string });
    await refuses(['store', 'export', '--home', home, '--out', join(folder, 'no', 'such', 'folder', 'x.ndjson')], 2, /there is no folder .*: make it first/);
  });
});

describe('a passphrase', () => {
  it('that is wrong, missing or not asked for is refused, and the right one opens', async () => {
    await withFolder(async (folder) => {
      const home = join(folder, 'home');
      const [right, wrong] = [{ THRUM_PASSPHRASE: 'correct horse' }, { THRUM_PASSPHRASE: 'battery staple' }];
      expect(await thrum(['keys', 'create', '--home', home], { env: right })).toMatchObject({ exitCode: 0 });
      await refuses(['keys', 'list', '--home', home], 2, /protected by a passphrase/);
      await refuses(['keys', 'list', '--home', home], 2, /wrong passphrase/, { env: wrong });
      await writeFile(join(folder, 'pass'), 'correct horse\n', { mode: 0o600 });
      for (const mode of [0o640, 0o604]) {
        await chmod(join(folder, 'pass'), mode);
        await refuses(['keys', 'list', '--home', home, '--passphrase-file', join(folder, 'pass')], 2, /pass is open to other users .*chmod 600/);
      }
      await chmod(join(folder, 'pass'), 0o600);
      expect(await thrum(['keys', 'list', '--home', home, '--passphrase-file', join(folder, 'pass')])).toMatchObject({ exitCode: 0 });
      await refuses(['keys', 'list', '--home', home, '--passphrase-file', join(folder, 'none')], 2, /none does not exist/);
    });
  });
});

describe('a folder that is not a home', () => {
  it('is left as it is', async () => {
    await withFolder(async (folder) => {
      await writeFile(join(folder, 'thesis.txt'), 'years of work');
      await refuses(['run', '--home', folder, ...TINY], 2, /holds other files/);
      await refuses(['run', '--home', join(folder, 'thesis.txt'), ...TINY], 2, /folder|file/);
      expect(await filesUnder(folder)).toEqual(['thesis.txt']);
    });
  });
});

const mountable = process.platform === 'linux' && process.getuid?.() === 0 && spawnSync('sh', ['-c', 'd=$(mktemp -d) && mount -t tmpfs -o size=64k none "$d" && umount "$d"']).status === 0;

describe('a disk', () => {
  it.skipIf(!mountable)('that fills up during a run ends it in one line with exit code 3, and what was acknowledged is still there (needs root)', { timeout: 60_000 }, async () => {
    await withFolder(async (folder) => {
      expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'none', folder]).status).toBe(0);
      try {
        const home = join(folder, 'home');
        const args = ['run', '--home', home, '--sites', '1', '--gateways', '2', '--sensors', '20', '--machines', '4', '--waveform-every', '1', '--duration', '20s', '--quiet'];
        const filled = await thrum(args);
        expectRefusal(filled, 3, /the disk is full.*free some space/);
        expect(spawnSync('mount', ['-o', 'remount,size=64m', folder]).status).toBe(0);
        const again = await thrum(['run', '--home', home, '--sites', '1', '--gateways', '2', '--sensors', '20', '--machines', '4', '--duration', '2s', '--quiet', '--json']);
        expect(again).toMatchObject({ exitCode: 0 });
        expect(JSON.parse(again.stdout)).toMatchObject({ allStoredExactlyOnce: true });
        expect(await thrum(['store', 'verify', '--home', home])).toMatchObject({ exitCode: 0 });
        expect((await filesUnder(home)).filter((name) => /\.(tmp|partial)$/.test(name))).toEqual([]);
      } finally {
        spawnSync('umount', [folder]);
      }
    });
  });
});
