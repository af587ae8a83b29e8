/** Why a transport cannot be opened. */

export type TransportErrorCode = "invalidOptions" | "secretRequired" | "addressInUse" | "cannotListen";

/** Thrown by `openTransport` only; the message is a sentence for the person who started the node. */
export class TransportError extends Error {
  override readonly name: string = "TransportError";
  readonly code: TransportErrorCode;

  constructor(code: TransportErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}
