/** How a device comes again: no CONNACK, server closes, network breaks, another takes its name, server says why. */
import { fail, notRun, pass, type CaseInfo, type Severity, type Verdict } from '../model.ts';
import type { CaseContext, ClientCase } from './case.ts';
import { TIMER_SLACK_MS, TRIES, judgeGrowth, judgeJitter, tooFew, waitsText, watchReconnects, type Reconnects } from './reconnects.ts';
import type { Session } from './session.ts';

/** A device that waits longer than this for its CONNACK is cut off, so that a run ends. */
const CONNACK_PATIENCE_MS = 12_000;
const PAUSE_MS = 1_000;

interface Retry {
  readonly id: string;
  readonly title: string;
  readonly offered: string;
  readonly expected: string;
  readonly sources: readonly string[];
  readonly severity: Severity;
  readonly tries: number;
  readonly least: number;
  readonly cut: (session: Session) => Promise<void>;
  readonly judge: (waitsMs: readonly number[]) => Verdict;
  /** Only for MQTT 5. */
  readonly version?: 5;
}

function retryCase({ tries, least, cut, judge, version, ...question }: Retry): ClientCase {
  const info: CaseInfo = { ...question, family: 'mqtt-server' };
  return {
    info,
    pace: 'slow',
    serve: async (context: CaseContext) => {
      let spoken = 0;
      const seen: Reconnects = await watchReconnects(context, tries, async (session) => {
        spoken = session.version;
        if (version !== undefined && spoken !== version) session.end();
        else await cut(session);
      });
      if (version !== undefined && spoken !== 0 && spoken !== version) return notRun(`the device speaks MQTT 3.1.1, which has no such packet`);
      return tooFew(seen, least) ?? judge(seen.waitsMs);
    },
  };
}

/** Says nothing until the device gives up, or for as long as is waited here. */
async function keepSilent(session: Session): Promise<void> {
  if (!(await session.closes(CONNACK_PATIENCE_MS))) session.end();
}

/** Accepts, lets the device say what it wants to, closes. */
async function acceptAndClose(session: Session): Promise<void> {
  session.accept();
  await session.find((packet): packet is never => packet.cmd === 'disconnect', 300);
  session.end();
}

function refuseAndClose(session: Session): Promise<void> {
  session.refuse(session.version === 5 ? 0x87 : 5);
  session.end();
  return Promise.resolve();
}

async function acceptAndReset(session: Session): Promise<void> {
  session.accept();
  await session.find((packet): packet is never => packet.cmd === 'disconnect', 100);
  session.reset();
}

function disconnectWith(reasonCode: number): (session: Session) => Promise<void> {
  return async (session) => {
    session.accept();
    await session.find((packet): packet is never => packet.cmd === 'disconnect', 200);
    session.send({ cmd: 'disconnect', reasonCode });
    session.end();
  };
}

function judgePause(waitsMs: readonly number[]): Verdict {
  return waitsMs.every((wait) => wait >= PAUSE_MS - TIMER_SLACK_MS) ? pass(`waits ${waitsText(waitsMs)}`) : fail(`comes again after ${waitsText(waitsMs)}: sooner than one second`);
}

/** Two clients of one name push each other out for ever if both come again at once. */
function judgeFight(waitsMs: readonly number[]): Verdict {
  const totalMs = waitsMs.reduce((sum, wait) => sum + wait, 0);
  return totalMs >= waitsMs.length * 500 ? pass(`waits ${waitsText(waitsMs)}`) : fail(`fights for its name: comes again after ${waitsText(waitsMs)}`);
}

const NO_CONNACK = { offered: 'TLS, then no CONNACK, time after time', tries: TRIES, least: TRIES - 2, cut: keepSilent } as const;

export const RETRY_CASES = [
  retryCase({ id: 'mqtt-server.no-connack.exponential', title: 'Waits longer each time when no CONNACK comes', expected: 'five tries or more, later waits longer than earlier ones', sources: ['AWS IoT Device Advisor MQTT_Connect_Exponential_Backoff_Retries'], severity: 'medium', judge: judgeGrowth, ...NO_CONNACK }),
  retryCase({ id: 'mqtt-server.no-connack.jitter', title: 'Waits differ when no CONNACK comes', expected: 'five tries or more, at waits that no fixed rule gives', sources: ['AWS IoT Device Advisor MQTT_Connect_Jitter_Backoff_Retries'], severity: 'medium', judge: judgeJitter, ...NO_CONNACK }),
  retryCase({ id: 'mqtt-server.disconnect.pause', title: 'A second at least before it comes again', offered: 'CONNACK, then the server closes', expected: 'no new connection within 1 s', sources: ['AWS IoT Device Advisor MQTT_Reconnect_Backoff_Retries_On_Server_Disconnect'], severity: 'medium', tries: 2, least: 1, cut: acceptAndClose, judge: judgePause }),
  retryCase({ id: 'mqtt-server.disconnect.jitter', title: 'Waits differ when the server closes time after time', offered: 'CONNACK, then the server closes, six times', expected: 'waits that no fixed rule gives', sources: ['AWS IoT Device Advisor MQTT_Reconnect_Backoff_Retries_On_Server_Disconnect'], severity: 'medium', tries: TRIES, least: TRIES - 2, cut: acceptAndClose, judge: judgeJitter }),
  retryCase({ id: 'mqtt-server.unstable', title: 'Waits differ on a network that breaks time after time', offered: 'CONNACK, then a TCP reset, six times', expected: 'waits that no fixed rule gives', sources: ['AWS IoT Device Advisor MQTT_Reconnect_Backoff_Retries_On_Unstable_Connection'], severity: 'medium', tries: TRIES, least: TRIES - 2, cut: acceptAndReset, judge: judgeJitter }),
  retryCase({ id: 'mqtt-server.take-over', title: 'Does not fight for its name', offered: 'CONNACK, then the server closes as when another took the client id', expected: 'no tight loop of connections', sources: ['MQTT 3.1.1 3.1.4', 'MQTT 5 3.1.4'], severity: 'medium', tries: 4, least: 2, cut: (session) => (session.version === 5 ? disconnectWith(0x8e)(session) : acceptAndClose(session)), judge: judgeFight }),
  retryCase({ id: 'mqtt-server.refused.loop', title: 'Does not hammer a server that refuses', offered: 'CONNACK 5, not authorized, time after time', expected: 'no tight loop of connections', sources: ['MQTT 3.1.1 3.2.2.3'], severity: 'medium', tries: 4, least: 2, cut: refuseAndClose, judge: judgeFight }),
  retryCase({ id: 'mqtt-server.disconnect.shutting-down', title: 'Server says that it shuts down (MQTT 5)', offered: 'DISCONNECT 0x8B, then close', expected: 'no new connection within 1 s', sources: ['MQTT 5 3.14.2.1'], severity: 'low', tries: 2, least: 1, cut: disconnectWith(0x8b), judge: judgePause, version: 5 }),
  retryCase({ id: 'mqtt-server.disconnect.busy', title: 'Server says that it is busy (MQTT 5)', offered: 'DISCONNECT 0x89, then close', expected: 'no new connection within 1 s', sources: ['MQTT 5 3.14.2.1'], severity: 'low', tries: 2, least: 1, cut: disconnectWith(0x89), judge: judgePause, version: 5 }),
];
