/** Hellos and the cases that ask with them: what must be taken, what must be refused. */
import { randomBytes } from 'node:crypto';
import { PeerStop } from '../errors.ts';
import { fail } from '../model.ts';
import { u16, u8 } from '../wire/bytes.ts';
import { encodeHello, goodHello, type HelloRecipe, type RawExtension } from '../wire/client-hello.ts';
import { makeKeyShare } from '../wire/key-exchange.ts';
import { EXTENSION, GROUP, HANDSHAKE, VERSION } from '../wire/names.ts';
import { encodeMessage } from '../wire/record-layer.ts';
import { refusal, refusesHello, takesHello, type BrokerCase, type Context } from './context.ts';
import { rawAnswer } from './raw.ts';

export const both: readonly number[] = [VERSION.tls13, VERSION.tls12];

/** What a good client says. */
export function plainHello(context: Context, versions: readonly number[] = both): HelloRecipe {
  return goodHello(versions, context.target.serverName);
}

/** A case in which a hello that is unusual but right must be taken. */
export function tolerates(
  id: string,
  title: string,
  offered: string,
  sources: readonly string[],
  make: (context: Context) => HelloRecipe,
  severity: 'low' | 'medium' = 'medium',
): BrokerCase {
  return {
    info: { id: `protocol.${id}`, family: 'protocol', title, offered, expected: 'a ServerHello, as without it', sources, severity },
    needs: [],
    run: (context) => takesHello(context, make(context)),
  };
}

/** A case in which a hello that breaks a rule must be refused. */
export function rejects(
  id: string,
  title: string,
  offered: string,
  alert: string,
  sources: readonly string[],
  make: (context: Context) => HelloRecipe,
  needs: BrokerCase['needs'] = [],
): BrokerCase {
  return {
    info: { id: `protocol.${id}`, family: 'protocol', title, offered, expected: `${alert}, or a close`, sources, severity: 'low' },
    needs,
    run: (context) => refusesHello(context, make(context)),
  };
}

export const extra = (hello: HelloRecipe, ...extensions: readonly RawExtension[]): HelloRecipe => ({ ...hello, extra: extensions });
export const shareOf = (group: number): { group: number; bytes: Uint8Array } => ({ group, bytes: makeKeyShare(group).publicBytes });
export const without = (hello: HelloRecipe, ...names: readonly (keyof HelloRecipe)[]): HelloRecipe =>
  Object.fromEntries(Object.entries(hello).filter(([name]) => !names.includes(name as keyof HelloRecipe))) as unknown as HelloRecipe;

/** An extension that nobody knows. */
export const unknownExtensions: readonly RawExtension[] = [
  { type: 0x7a7b, body: randomBytes(40) },
  { type: 0xfe00, body: Buffer.alloc(0) },
];

/** A case in which a ClientHello is bent after it was encoded. */
export function malformed(
  id: string,
  title: string,
  offered: string,
  alert: string,
  sources: readonly string[],
  bend: (body: Buffer) => Buffer,
): BrokerCase {
  return {
    info: { id: `protocol.${id}`, family: 'protocol', title, offered, expected: `${alert}, or a close`, sources, severity: 'low' },
    needs: [],
    run: async (context) => {
      const body = bend(encodeHello(plainHello(context, [VERSION.tls12])));
      const message = encodeMessage(HANDSHAKE.clientHello, body);
      const answer = await rawAnswer(context, Buffer.concat([u8(22), u16(0x0301), u16(message.length), message]), 'ClientHello, malformed');
      if (answer instanceof PeerStop) return refusal(answer);
      return fail(`it answered with ${answer[0] === 22 ? 'a handshake message' : `a record of type ${answer[0]!}`}`);
    },
  };
}

/** A hello of so many bytes. */
export function padded(hello: HelloRecipe, bytes: number): HelloRecipe {
  const sent = hello.keyShares || hello.versions?.includes(VERSION.tls13) !== true ? hello : { ...hello, keyShares: [shareOf(GROUP.x25519)] };
  const fill = Math.max(0, bytes - encodeHello(sent).length - 8);
  return { ...hello, extra: [...(hello.extra ?? []), { type: EXTENSION.padding, body: Buffer.alloc(fill) }] };
}
