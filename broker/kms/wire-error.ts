/** What the wire answers with instead of a result: AWS's names, texts and HTTP statuses for requests that no operation sees. */

export class WireError extends Error {
  override readonly name = 'WireError';
  readonly type: string;
  readonly status: number;

  constructor(type: string, message: string, status = 400) {
    super(message);
    this.type = type;
    this.status = status;
  }
}

/** The error's name, text and status, also where it is one of the key service's; undefined for what nobody foresaw. */
export function answerOf(error: unknown): { readonly type: string; readonly message: string; readonly status: number } | undefined {
  if (!(error instanceof Error)) return undefined;
  const { type, status } = error as { type?: unknown; status?: unknown };
  return typeof type === 'string' && typeof status === 'number' ? { type, status, message: error.message } : undefined;
}
