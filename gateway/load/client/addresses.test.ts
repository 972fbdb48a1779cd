import { createHook } from 'node:async_hooks';
import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { expect, it } from 'vitest';
import { lookupOnce } from './addresses.ts';

/** What comes of asking so often at once, and how often that asked the system. */
async function askTogether(name: string, times: number): Promise<{ readonly answers: readonly (string | LookupAddress[])[]; readonly questions: number }> {
  let questions = 0;
  const hook = createHook({
    init: (_, type) => {
      if (type === 'GETADDRINFOREQWRAP') questions += 1;
    },
  }).enable();
  const answers = await Promise.all(
    Array.from({ length: times }, () => new Promise<string | LookupAddress[]>((resolve) => {
      lookupOnce(name, { all: true }, (error, addresses) => resolve(error ? error.code! : (addresses)));
    })),
  );
  hook.disable();
  return { answers, questions };
}

it('a storm of clients asks for a name once, and takes its addresses in turn', async () => {
  const addresses = await lookup('localhost', { all: true });
  const { answers, questions } = await askTogether('localhost', 50);
  expect(questions).toBe(1);
  expect(answers.map((answer) => (answer[0] as LookupAddress).address)).toEqual(Array.from({ length: 50 }, (_, n) => addresses[n % addresses.length]!.address));
  expect((await askTogether('localhost', 50)).questions).toBe(0);
});

it('a name that is not known is told to all who asked, and asked for again', async () => {
  for (let round = 0; round < 2; round++) {
    const { answers, questions } = await askTogether('no-such-host.invalid', 5);
    expect(questions).toBe(1);
    expect(answers).toEqual(Array(5).fill(expect.stringMatching(/^(ENOTFOUND|EAI_AGAIN)$/)));
  }
});
