/** One connection that says what it is told, and what is answered. */

import { connect } from "node:net";
import { ERRORS } from "../../../src/base/index.ts";
import { demand } from "../target.ts";

/** Far more than any answer to a fuzzed request. */
const ANSWER_BYTES_MAX = 4_194_304;

/** What came of a conversation. */
export interface Conversation {
  readonly answer: Buffer;
  /**
   * Whether the other side has said all that it wanted to: its last answer ends the connection. Otherwise one may be
   * lost: either side may also hang up in the middle, and then nobody knows what was done.
   */
  readonly isOver: boolean;
}

/** Closes a connection that is still understood after whatever came before. */
const LAST_REQUEST: Buffer = Buffer.from("GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
/** Who says nothing for so long waits for more, ms: before its first word, and after another. */
const SILENCE_MS = 60;
const IDLE_MS = 12;

/** The same on a connection for HTTP, where the other side is given a reason to hang up. */
export async function converseHttp(port: number, bytes: Uint8Array): Promise<Conversation> {
  return await converse(port, Buffer.concat([bytes, LAST_REQUEST]));
}

/** Sends all of it, and reads until the other side hangs up or has nothing to say. */
export function converse(port: number, bytes: Uint8Array): Promise<Conversation> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const chunks: Buffer[] = [];
    let length = 0;
    let isOver = true;
    const leave = (): void => {
      isOver = false;
      socket.end();
    };
    let idle: NodeJS.Timeout | undefined;
    const wait = (): void => {
      clearTimeout(idle);
      idle = setTimeout(leave, length === 0 ? SILENCE_MS : IDLE_MS);
    };
    socket.on("data", (chunk: Buffer) => {
      length += chunk.length;
      wait();
      if (length <= ANSWER_BYTES_MAX) chunks.push(chunk);
    });
    // A connection that is reset in the middle of an oversized request is an answer, too.
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearTimeout(idle);
      const answer = Buffer.concat(chunks);
      resolve({ answer, isOver: isOver && endsConnection(answer.toString("latin1")) });
    });
    socket.write(bytes, wait);
  });
}

const STATUS = /HTTP\/1\.1 ([0-9]{3}) /g;

/** Whether the last of these answers says that it is the last. */
function endsConnection(text: string): boolean {
  const last = [...text.matchAll(STATUS)].at(-1);
  return last !== undefined && /^connection: close\r$/im.test(text.slice(last.index));
}

/** The statuses in what came back. @throws {Fault} if it is no HTTP, or holds an answer that must never be given. */
export function statusesIn(answer: Buffer): number[] {
  if (answer.length === 0) return [];
  const text = answer.toString("latin1");
  demand(text.startsWith("HTTP/1.1 "), "wire: the answer is no HTTP");
  const statuses = [...text.matchAll(STATUS)].map(([, status]) => Number(status));
  const codes = [...text.matchAll(/"code":"([A-Z_]+)"/g)].map(([, code = ""]) => code);
  for (const code of codes)
    demand(Object.hasOwn(ERRORS, code), "wire: an answer under a code that nobody knows");
  demand(
    !codes.includes("INTERNAL") && !statuses.includes(500),
    "wire: something went wrong inside the node",
  );
  return statuses;
}

/** Whether some answer says that something was done. */
export function hasSuccess(statuses: readonly number[]): boolean {
  return statuses.some((status) => status >= 200 && status < 300);
}
