/** One request to a bucket or a table: how long it may take, and what its errors become. */
import { nameOf, remoteFault, statusOf } from './fault.ts';

const CONNECT_MS = 10_000;
/** A part of 8 MiB within it takes a megabit a second. */
export const REQUEST_MS = 90_000;

/** What both SDKs are set to. One try: persist.ts tries again. */
export function clientOptions(region: string | undefined, endpoint: string | undefined, requestMs: number) {
  return {
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    maxAttempts: 1,
    requestHandler: { connectionTimeout: Math.min(CONNECT_MS, requestMs), requestTimeout: requestMs, socketTimeout: requestMs, throwOnRequestTimeout: true },
  };
}

/** The SDK warns on stderr that its versions from 2027 on need a newer Node.js than ours; the one in use does not. */
export function hushSdk(): void {
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
}

/** An error as the server names it; no status: there was no answer. */
export interface Refusal {
  readonly name: string;
  readonly status: number | undefined;
}

/** One try. `answers` says which refusals are an answer, and which; all else is thrown as a RemoteError. */
export async function ask<T>(place: string, work: () => Promise<T>, answers: (refusal: Refusal) => readonly [T] | undefined = () => undefined): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const answer = answers({ name: nameOf(error), status: statusOf(error) });
    if (answer) return answer[0];
    throw remoteFault(error, place);
  }
}
