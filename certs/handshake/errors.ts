/** What ends a conversation in a handshake test. The peer's behaviour is an answer, and the cases judge it. */
import { CodedError } from '../errors.ts';

export type PeerStopCode =
  /** It sent a fatal alert, or close_notify. */
  | 'PEER_ALERT'
  /** It closed the connection. */
  | 'PEER_CLOSED'
  /** It reset the connection. */
  | 'PEER_RESET'
  /** It said nothing within the time given. */
  | 'PEER_SILENT'
  /** It sent what is no TLS or no MQTT, or broke a rule of it. */
  | 'PEER_MALFORMED'
  /** There is nobody at that address, or the name is not known. */
  | 'PEER_UNREACHABLE';

/** The peer ended or broke the conversation. `message` is one line for the evidence. */
export class PeerStop extends CodedError<PeerStopCode> {
  override readonly name = 'PeerStop';
  /** Number of the alert, for PEER_ALERT. */
  readonly alert: number | undefined;

  constructor(code: PeerStopCode, message: string, alert?: number, options?: ErrorOptions) {
    super(code, message, options);
    this.alert = alert;
  }
}
