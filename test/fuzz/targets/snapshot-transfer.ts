/** The transfer of snapshots over HTTP: what a stranger asks of the sender, and what a sender may answer. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { Agent } from "undici";
import { Prng } from "../../../src/base/index.ts";
import { DEFAULT_SETTINGS, type SnapshotOffer } from "../../../src/transport/index.ts";
import { fetchInto } from "../../../src/transport/snapshot-fetch.ts";
import { SNAPSHOT_PATH, SnapshotOffers } from "../../../src/transport/snapshot-offers.ts";
import { mutateBytes } from "../bytes.ts";
import { accepted, demand, refused, type Subject, type Target, type Verdict } from "../target.ts";

const FILE_BYTES = 5_000;

function snapshotBytes(): Buffer {
  const prng = new Prng(7);
  return Buffer.from(Array.from({ length: FILE_BYTES }, () => prng.next() & 0xff));
}

const METHODS = ["GET", "GET", "GET", "GET", "HEAD", "POST", "DELETE"];
const PATHS = [
  ...Array.from({ length: 12 }, () => "TOKEN"),
  "",
  "TOKEN/",
  "TOKEN?x",
  "../TOKEN",
  "..%2fTOKEN",
  "TOKE",
  "__proto__",
  "constructor",
];
const RANGES = [
  ...["bytes=0-", "bytes=7-", "bytes=1024-", "bytes=2500-", "bytes=4998-", "bytes=0-"],
  "bytes=0-",
  "bytes=1-",
  "bytes=4999-",
  "bytes=5000-",
  "bytes=5001-",
  "bytes=-1",
  "bytes=0-0",
  "bytes=0-,1-",
  "bytes=",
  "bytes=999999999999999-",
  "bytes=9999999999999999-",
  "bytes=1e3-",
  "bytes=0x10-",
  "items=0-",
  "bytes= 1-",
  "",
];

export const snapshotOffers: Target = {
  name: "snapshot-offers",
  about:
    "requests for offered snapshots: the bytes from the offset on to whoever has the token, nothing else to anyone",
  inputs: 8_000,
  sample: 150,
  msMax: 5_000,
  open: async (): Promise<Subject> => {
    const directory = mkdtempSync(join(tmpdir(), "raftally-fuzz-"));
    const path = join(directory, "snapshot");
    const file = snapshotBytes();
    writeFileSync(path, file);
    const offers = new SnapshotOffers(1_024);
    const token = offers.offer(path, FILE_BYTES);
    return {
      draw: drawRequest,
      feed: (input) => ask(offers, { token, file }, input.toString("latin1").split("\n")),
      close: async () => {
        await offers.close();
        rmSync(directory, { recursive: true, force: true });
      },
    };
  },
};

function drawRequest(prng: Prng): Buffer {
  const text = [prng.pick(METHODS), prng.pick(PATHS), prng.pick(RANGES)].join("\n");
  const bytes = Buffer.from(text);
  return prng.chance(0.6) ? bytes : mutateBytes(bytes, prng, Buffer.from(prng.pick(RANGES)));
}

/** Collects an answer. */
class Answer extends Writable {
  readonly chunks: Buffer[] = [];
  status = 0;
  headers: Readonly<Record<string, unknown>> = {};
  writeHead(status: number, headers: Readonly<Record<string, unknown>> = {}): this {
    this.status = status;
    this.headers = headers;
    return this;
  }
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.chunks.push(Buffer.from(chunk));
    done();
  }
}

async function ask(
  offers: SnapshotOffers,
  { token, file }: { readonly token: string; readonly file: Buffer },
  [method = "", rest = "", range]: readonly string[],
): Promise<Verdict> {
  const url = SNAPSHOT_PATH + rest.replace("TOKEN", token);
  const answer = new Answer();
  const ended = new Promise<void>((resolve) => answer.once("close", resolve));
  let broken: string | undefined;
  const request = {
    url,
    method,
    headers: range === undefined ? {} : { range },
    socket: { destroy: () => answer.destroy() },
  };
  offers.serve(request as unknown as IncomingMessage, answer as unknown as ServerResponse, (why) => {
    broken = why;
  });
  await ended;
  demand(broken === undefined, `offer: it broke off (${broken})`);
  const body = Buffer.concat(answer.chunks);
  if (answer.status !== 206) {
    demand(
      [404, 416].includes(answer.status) && body.length === 0,
      "offer: a refusal that says more than no",
    );
    return refused(String(answer.status));
  }
  demand(
    url === SNAPSHOT_PATH + token && method === "GET",
    "offer: somebody without the token gets the file",
  );
  const start = file.length - body.length;
  demand(body.equals(file.subarray(start)), "offer: other bytes than those of the file");
  const said = answer.headers["Content-Range"];
  demand(said === `bytes ${start}-${file.length - 1}/${file.length}`, "offer: other bytes than it says");
  demand(
    (range ?? "bytes=0-") === `bytes=${start}-` || Number(range?.slice(6, -1)) === start,
    "offer: not what was asked for",
  );
  return accepted("sent");
}

/** An input is the offset from which on it is asked for (2 bytes), and the answer of the sender as it is. */
export const snapshotFetch: Target = {
  name: "snapshot-fetch",
  about:
    "answers of a sender into a fetch: every byte of the offer, in order and none twice, or a reason why not",
  inputs: 5_000,
  sample: 60,
  msMax: 5_000,
  open: async (): Promise<Subject> => {
    const sender = await openSender();
    const agent = new Agent({ pipelining: 1, connect: { timeout: 2_000 } });
    const file = snapshotBytes();
    return {
      draw: (prng) => drawAnswer(prng, file),
      feed: async (input) => {
        sender.answer = input.subarray(2);
        return await fetchOne(`127.0.0.1:${sender.port}`, agent, { file, input });
      },
      close: async () => {
        await agent.destroy();
        await sender.close();
      },
    };
  },
};

function answerFrom(start: number, file: Buffer): Buffer {
  const head = [
    "HTTP/1.1 206 Partial Content",
    "Content-Type: application/octet-stream",
    `Content-Length: ${file.length - start}`,
    `Content-Range: bytes ${start}-${file.length - 1}/${file.length}`,
    "Connection: close",
    "",
    "",
  ];
  return Buffer.concat([Buffer.from(head.join("\r\n")), file.subarray(start)]);
}

function drawAnswer(prng: Prng, file: Buffer): Buffer {
  const start = prng.pick([0, 0, 1, 2_500, 4_999]);
  const offset = Buffer.alloc(2);
  offset.writeUInt16BE(prng.chance(0.9) ? start : prng.between(0, 6_000));
  const answer = answerFrom(start, file);
  const dice = prng.between(0, 9);
  if (dice === 0) return Buffer.concat([offset, answer]);
  if (dice < 3) return Buffer.concat([offset, mutateBytes(answer, prng, file)]);
  // As a rule the head is hurt, which decides what the rest is taken for.
  const head = answer.subarray(0, answer.length - (file.length - start));
  const body = prng.chance(0.7) ? file.subarray(start) : mutateBytes(file.subarray(start), prng, file);
  return Buffer.concat([offset, prng.chance(0.7) ? mutateBytes(head, prng, head) : head, body]);
}

interface Sender {
  readonly port: number;
  answer: Buffer;
  close(): Promise<void>;
}

/** Answers whatever it is asked with the same bytes, and hangs up. */
async function openSender(): Promise<Sender> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
    socket.once("data", () => socket.end(sender.answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const sender: Sender = {
    port,
    answer: Buffer.alloc(0),
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return sender;
}

async function fetchOne(
  address: string,
  agent: Agent,
  { file, input }: { readonly file: Buffer; readonly input: Buffer },
): Promise<Verdict> {
  const start = input.length < 2 ? 0 : input.readUInt16BE(0);
  const chunks: Buffer[] = [];
  const sink = {
    offset: start,
    write: async (chunk: Uint8Array): Promise<void> => void chunks.push(Buffer.from(chunk)),
  };
  const offer: Pick<SnapshotOffer, "bytes" | "token"> = { bytes: file.length, token: "t".repeat(22) };
  const settings = { ...DEFAULT_SETTINGS, snapshotIdleMsMax: 1_000, chunkBytes: 777 };
  const { signal } = new AbortController();
  const failure = await fetchInto({ address, offer: offer as SnapshotOffer, sink, signal }, agent, settings);
  const got = Buffer.concat(chunks);
  demand(start + got.length <= file.length || got.length === 0, "fetch: more is written than was offered");
  if (failure !== undefined) return refused(failure);
  demand(start + got.length === file.length, "fetch: it is said to be whole and is not");
  return accepted("whole");
}
