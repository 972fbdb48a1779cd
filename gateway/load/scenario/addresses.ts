/** Addresses of this machine that clients connect from: one, or a range of IPv4 addresses as `127.0.0.2-127.0.0.9`. */
import { isIP, isIPv4 } from 'node:net';
import { SCENARIO_LIMITS } from './limits.ts';

/** All addresses of what was written; a text when it cannot be. */
export function addressesOf(written: readonly string[]): readonly string[] | { readonly fault: string } {
  const all: string[] = [];
  for (const one of written) {
    const [first = '', last = first] = one.split('-');
    if (isIP(one) !== 0) all.push(one);
    else if (!isIPv4(first) || !isIPv4(last) || one.split('-').length !== 2) return { fault: `'${one}' is no address: write 127.0.0.2 or a range such as 127.0.0.2-127.0.0.9` };
    else {
      const [from, to] = [numberOf(first), numberOf(last)];
      if (to < from) return { fault: `'${one}' ends before it begins` };
      if (to - from >= SCENARIO_LIMITS.localAddresses) return { fault: tooMany };
      for (let address = from; address <= to; address += 1) all.push(textOf(address));
    }
    if (all.length > SCENARIO_LIMITS.localAddresses) return { fault: tooMany };
  }
  const twice = all.find((address, index) => all.indexOf(address) !== index);
  return twice === undefined ? all : { fault: `${twice} is there twice` };
}

const tooMany = `there are at most ${SCENARIO_LIMITS.localAddresses} addresses`;

function numberOf(address: string): number {
  return address.split('.').reduce((number, byte) => number * 256 + Number(byte), 0);
}

function textOf(number: number): string {
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join('.');
}
