/** Bodies: read up to a limit, checked to be JSON by their type and UTF-8 by their bytes. */

import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Call } from "./call.ts";
import { Refusal } from "./problem.ts";

/** No body may be longer. */
export const BODY_BYTES_MAX = 1_048_576;

/**
 * The text of a JSON body; undefined if there is no body or it is empty.
 * @throws {Refusal} UNSUPPORTED_MEDIA_TYPE, BODY_TOO_LARGE, INVALID_JSON.
 */
export async function jsonTextOf(call: Call): Promise<string | undefined> {
  const length = call.header("content-length");
  if (length !== undefined && Number(length) > BODY_BYTES_MAX) throw tooLarge(BODY_BYTES_MAX);
  // A body of known length is there for certain, so a wrong type is refused before it is read.
  if (length !== undefined && length !== "0") refuseOtherTypes(call);
  const bytes = await call.body(BODY_BYTES_MAX);
  if (bytes.length === 0) return undefined;
  refuseOtherTypes(call);
  if (!isUtf8(bytes)) throw new Refusal("INVALID_JSON", "the body is not valid UTF-8");
  return bytes.toString("utf8");
}

/** What clients send JSON as that name no type, curl's `-d` among them. */
const UNTYPED: ReadonlySet<string> = new Set(["application/x-www-form-urlencoded", "text/plain"]);

/**
 * The same of a body that need not say that it is JSON. A form of a foreign page is refused for its origin (cors.ts).
 * @throws {Refusal} UNSUPPORTED_MEDIA_TYPE, BODY_TOO_LARGE, INVALID_JSON.
 */
export async function untypedJsonTextOf(call: Call): Promise<string | undefined> {
  const type = call.header("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
  const isUntyped = (type === undefined || UNTYPED.has(type)) && !call.isRepeated("content-type");
  if (!isUntyped || call.header("content-encoding") !== undefined) return jsonTextOf(call);
  const bytes = await call.body(BODY_BYTES_MAX);
  if (bytes.length === 0) return undefined;
  if (!isUtf8(bytes)) throw new Refusal("INVALID_JSON", "the body is not valid UTF-8");
  return bytes.toString("utf8");
}

/** JSON's media type has no parameters, yet many clients send this one, and it must not be a false promise. */
const CHARSET = /;[ \t]*charset[ \t]*=[ \t]*("[^"]*"?|[^; \t]*)/gi;
const UTF_8 = /^(?:utf-?8|"utf-?8")$/i;

function refuseOtherTypes(call: Call): void {
  const type = call.header("content-type");
  if (type !== "application/json" && type?.split(";", 1)[0]?.trim().toLowerCase() !== "application/json") {
    const got = type === undefined ? "there is no Content-Type" : `got ${type.slice(0, 100)}`;
    throw new Refusal("UNSUPPORTED_MEDIA_TYPE", `a body needs Content-Type: application/json; ${got}`);
  }
  if (call.isRepeated("content-type")) {
    throw new Refusal("UNSUPPORTED_MEDIA_TYPE", "Content-Type is given more than once");
  }
  for (const [, charset = ""] of type.matchAll(CHARSET)) {
    if (UTF_8.test(charset)) continue;
    const detail = `JSON is UTF-8 only (RFC 8259, section 8.1); got charset=${charset.slice(0, 100)}`;
    throw new Refusal("UNSUPPORTED_MEDIA_TYPE", detail);
  }
  const encoding = call.header("content-encoding");
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
    throw new Refusal("UNSUPPORTED_MEDIA_TYPE", "Content-Encoding is not supported; send the body as it is");
  }
}

function tooLarge(bytesMax: number): Refusal {
  return new Refusal("BODY_TOO_LARGE", `the body is longer than ${bytesMax} bytes`);
}

/**
 * Reads Node's request. Beyond the limit it stops reading at once; the server then reads and drops what is
 * still coming for a moment, so that the caller gets to see the answer, and closes the connection.
 */
export function readIncoming(incoming: IncomingMessage, bytesMax: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const stop = (): void => {
      incoming.off("data", onData);
      incoming.off("end", onEnd);
      incoming.off("close", onClose);
    };
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      chunks.push(chunk);
      if (bytes <= bytesMax) return;
      stop();
      incoming.pause();
      reject(tooLarge(bytesMax));
    };
    const onEnd = (): void => {
      stop();
      const [only] = chunks;
      resolve(chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks));
    };
    const onClose = (): void => {
      stop();
      reject(new Refusal("INVALID_BODY", "the connection closed before the body was complete"));
    };
    incoming.on("data", onData);
    incoming.on("end", onEnd);
    incoming.on("close", onClose);
  });
}

/** Reads the body of a request that was made in process. */
export async function readBounded(request: Request, bytesMax: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  if (request.body === null) return Buffer.alloc(0);
  for await (const chunk of request.body) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw tooLarge(bytesMax);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
