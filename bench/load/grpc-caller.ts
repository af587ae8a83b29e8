/**
 * One caller of unary gRPC calls, on a bare socket: as much of HTTP/2 as that takes.
 *
 * A library for gRPC in Node.js uses several times the CPU for each call that this does, and would take it from etcd,
 * which runs on the same cores. What makes it so short: the server is told to keep no table of headers
 * (SETTINGS_HEADER_TABLE_SIZE 0), so nothing has to be decoded to stay in step; the windows of flow control are as wide as
 * they go; and whether a call succeeded is told by its message, because a gRPC server sends none with an error.
 */

import type { Caller, Heard, Talk } from "./closed-loop.ts";

const FRAME = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, windowUpdate: 8 } as const;
const FLAG = { ack: 1, endStream: 1, endHeaders: 4 } as const;
const HEAD_BYTES = 9;
const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const SETTING = { headerTableSize: 1, enablePush: 2, initialWindowSize: 4 } as const;
const WINDOW_MAX = 2 ** 31 - 1;
/** What the other side may send or receive before anybody has said anything (RFC 9113, section 6.9.2). */
const WINDOW_DEFAULT = 65_535;
/** Half of the window is used up: time to open it again. */
const WINDOW_RENEW: number = 2 ** 30;
const GRPC_PREFIX_BYTES = 5;

/** What a caller does: makes messages, and is told the answers. */
export interface Calls {
  /** `/package.Service/Method`. */
  readonly path: string;
  request(): Uint8Array;
  /** @throws {Error} if the answer is not what it has to be. */
  hear(message: Buffer): Exclude<Heard, "wait">;
}

function frame(kind: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(kind, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

function setting(name: number, value: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUInt16BE(name, 0);
  bytes.writeUInt32BE(value, 2);
  return bytes;
}

function windowUpdate(stream: number, by: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(by, 0);
  return frame(FRAME.windowUpdate, 0, stream, bytes);
}

/** A header that neither side remembers (RFC 7541, section 6.2.2). @param name its place in the static table, or itself. */
function literal(name: readonly number[] | string, value: string): Buffer {
  const text = (of: string): Buffer => Buffer.concat([Buffer.from([of.length]), Buffer.from(of)]);
  return Buffer.concat([
    typeof name === "string" ? Buffer.concat([Buffer.from([0]), text(name)]) : Buffer.from(name),
    text(value),
  ]);
}

/** The places of headers in the static table (RFC 7541, appendix A). */
const METHOD_POST = 0x83;
const SCHEME_HTTP = 0x86;
const PATH: readonly number[] = [0x04];
const AUTHORITY: readonly number[] = [0x01];
const CONTENT_TYPE: readonly number[] = [0x0f, 0x10];

function headersOf(path: string): Buffer {
  return Buffer.concat([
    Buffer.from([METHOD_POST, SCHEME_HTTP]),
    literal(PATH, path),
    literal(AUTHORITY, "127.0.0.1"),
    literal(CONTENT_TYPE, "application/grpc"),
    literal("te", "trailers"),
  ]);
}

export class GrpcCaller implements Caller {
  readonly weight = 1;
  readonly sharers: number;
  readonly greeting: Uint8Array = Buffer.concat([
    Buffer.from(PREFACE),
    frame(
      FRAME.settings,
      0,
      0,
      Buffer.concat([
        setting(SETTING.headerTableSize, 0),
        setting(SETTING.enablePush, 0),
        setting(SETTING.initialWindowSize, WINDOW_MAX),
      ]),
    ),
    windowUpdate(0, WINDOW_MAX - WINDOW_DEFAULT),
  ]);

  readonly #calls: Calls;
  readonly #headers: Buffer;
  #stream = -1;
  #rest: Buffer | undefined;
  /** By their streams, the calls that are not answered. */
  readonly #open: Map<number, Call> = new Map();
  /** How much of the connection's window is left to us, and how much of what we gave is used. */
  #mayWrite: number = WINDOW_DEFAULT;
  #read = 0;

  /**
   * @param calls what all who share the connection ask.
   * @param sharers how many they are; more than one, only where it does not matter whose answer is whose.
   */
  constructor(calls: Calls, sharers = 1) {
    this.sharers = sharers;
    this.#calls = calls;
    this.#headers = headersOf(calls.path);
  }

  request(sharer: number): Uint8Array {
    const message = this.#calls.request();
    this.#stream += 2;
    this.#open.set(this.#stream, { sharer, message: undefined });
    const [headers, data] = [this.#headers.length, GRPC_PREFIX_BYTES + message.length];
    this.#mayWrite -= data;
    if (this.#mayWrite < 0) throw new Error("the server reads slower than it answers");
    const bytes = Buffer.allocUnsafe(2 * HEAD_BYTES + headers + data);
    bytes.writeUIntBE(headers, 0, 3);
    bytes.writeUInt16BE((FRAME.headers << 8) | FLAG.endHeaders, 3);
    bytes.writeUInt32BE(this.#stream, 5);
    bytes.set(this.#headers, HEAD_BYTES);
    const at = HEAD_BYTES + headers;
    bytes.writeUIntBE(data, at, 3);
    bytes.writeUInt16BE((FRAME.data << 8) | FLAG.endStream, at + 3);
    bytes.writeUInt32BE(this.#stream, at + 5);
    bytes.writeUInt8(0, at + HEAD_BYTES);
    bytes.writeUInt32BE(message.length, at + HEAD_BYTES + 1);
    bytes.set(message, at + HEAD_BYTES + GRPC_PREFIX_BYTES);
    return bytes;
  }

  hear(bytes: Buffer, talk: Talk): Heard {
    const all = this.#rest === undefined ? bytes : Buffer.concat([this.#rest, bytes]);
    let at = 0;
    while (all.length - at >= HEAD_BYTES) {
      const end = at + HEAD_BYTES + all.readUIntBE(at, 3);
      if (end > all.length) break;
      const [kind, flags, stream] = [all.readUInt8(at + 3), all.readUInt8(at + 4), all.readUInt32BE(at + 5)];
      this.#take({ kind, flags, stream, payload: all.subarray(at + HEAD_BYTES, end) }, talk);
      at = end;
    }
    this.#rest = at === all.length ? undefined : Buffer.from(all.subarray(at));
    return "wait";
  }

  #take({ kind, flags, stream, payload }: Received, talk: Talk): void {
    switch (kind) {
      case FRAME.data:
        this.#takeData(stream, payload, talk);
        break;
      case FRAME.settings:
        if ((flags & FLAG.ack) === 0) talk.send(frame(FRAME.settings, FLAG.ack, 0, Buffer.alloc(0)));
        return;
      case FRAME.ping:
        if ((flags & FLAG.ack) === 0) talk.send(frame(FRAME.ping, FLAG.ack, 0, payload));
        return;
      case FRAME.windowUpdate:
        if (stream === 0) this.#mayWrite += payload.readUInt32BE(0);
        return;
      case FRAME.reset:
        throw new Error(`the server reset a call, with error ${payload.readUInt32BE(0)}`);
      case FRAME.goAway:
        throw new Error(`the server went away, with error ${payload.readUInt32BE(4)}`);
      default:
        break;
    }
    if ((flags & FLAG.endStream) !== 0) this.#answered(stream, talk);
  }

  #takeData(stream: number, payload: Buffer, talk: Talk): void {
    const call = this.#open.get(stream);
    // The bytes are valid only as long as whoever brought them waits, and the end of the call may come later.
    if (call !== undefined) call.message = Buffer.concat([call.message ?? Buffer.alloc(0), payload]);
    this.#read += payload.length;
    if (this.#read <= WINDOW_RENEW) return;
    talk.send(windowUpdate(0, this.#read));
    this.#read = 0;
  }

  #answered(stream: number, talk: Talk): void {
    const call = this.#open.get(stream);
    if (call === undefined) throw new Error("the server answered what nobody asked");
    this.#open.delete(stream);
    const { sharer, message } = call;
    if (message === undefined || message.length < GRPC_PREFIX_BYTES) {
      throw new Error(`${this.#calls.path} failed: the answer carries no message`);
    }
    talk.answered(sharer, this.#calls.hear(message.subarray(GRPC_PREFIX_BYTES)));
  }
}

/** A call that is not answered. */
interface Call {
  readonly sharer: number;
  /** As far as it has come. */
  message: Buffer | undefined;
}

/** A frame that has come. */
interface Received {
  readonly kind: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}
