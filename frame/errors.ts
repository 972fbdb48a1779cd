/** What can be wrong with bytes that claim to be a frame, or with a message that is to become one. */

export type FrameErrorCode =
  | 'FRAME_TRUNCATED'
  | 'FRAME_TOO_LARGE'
  | 'FRAME_VERSION'
  | 'FRAME_KIND'
  | 'FRAME_CHECKSUM'
  | 'FRAME_MALFORMED'
  | 'FRAME_VALUE';

/** The only error that the codec throws. `offset` is the byte at which reading stopped, 0 when encoding. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
  readonly code: FrameErrorCode;
  readonly offset: number;

  constructor(code: FrameErrorCode, message: string, offset = 0) {
    super(message);
    this.code = code;
    this.offset = offset;
  }
}

export type WavErrorCode =
  'WAV_NOT_WAVE' | 'WAV_TRUNCATED' | 'WAV_FORMAT' | 'WAV_EMPTY' | 'WAV_TOO_LARGE' | 'WAV_VALUE';

/** A recording that cannot be read or written. `offset` is the byte of the file that it is about. */
export class WavError extends Error {
  override readonly name = 'WavError';
  readonly code: WavErrorCode;
  readonly offset: number;

  constructor(code: WavErrorCode, message: string, offset = 0) {
    super(message);
    this.code = code;
    this.offset = offset;
  }
}
