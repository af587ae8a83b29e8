/**
 * How a command reaches the launcher that runs the cluster of a data directory.
 *
 * The launcher answers HTTP on a free loopback port, and `control.json` in its data directory holds the port and a
 * token. Only the user who may read that file (its owner) can ask anything. A socket file would do the same, but its
 * path may not be longer than about 100 characters.
 */

import { randomBytes, timingSafeEqual } from "node:crypto";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { StartRefusal, systemReason } from "./refusal.ts";

const FILE = "control.json";
const FORMAT = 1;
const HOST = "127.0.0.1";
const PATH = "/rolling-restart";
const ANSWER_MS = 5_000;
const CLOSE_MS = 200;

/** What the launcher does when it is asked. Resolves with a sentence if it did not do all. */
export type Restart = (say: (line: string) => void, signal: AbortSignal) => Promise<string | undefined>;

/** A line of an answer. */
type Word =
  | { readonly kind: "line"; readonly line: string }
  | { readonly kind: "end"; readonly refusal?: string | undefined };

export interface Control {
  /** Waits a moment, so that whoever asked can still be answered. */
  close(): Promise<void>;
}

/** Where `raftally local` asks, and with which token. */
export interface LocalDoor {
  readonly url: string;
  readonly token: string;
}

/**
 * Listens, and writes the file.
 * @param local is written down too, for a cluster with `--chaos`.
 * @throws {StartRefusal} if the file cannot be written, or nothing can be listened on.
 */
export async function openControl(data: string, restart: Restart, local?: LocalDoor): Promise<Control> {
  const token = randomBytes(24).toString("hex");
  let busy = false;
  const server = createServer({ headersTimeout: ANSWER_MS, requestTimeout: ANSWER_MS }, (asked, answer) => {
    const status = statusFor(asked, token);
    if (status !== 200) {
      answer.writeHead(status, { Connection: "close" }).end();
    } else if (busy) {
      tell(answer, { kind: "end", refusal: "a rolling restart of this cluster is under way already." });
    } else {
      busy = true;
      void serve(answer, restart).finally(() => {
        busy = false;
      });
    }
  });
  const path = join(data, FILE);
  try {
    const port = await listen(server);
    const door = local === undefined ? {} : { local: { url: local.url, token: local.token } };
    const content = JSON.stringify({ format: FORMAT, pid: process.pid, port, token, ...door });
    // Readable by its owner from its first byte on, and never half written.
    rmSync(`${path}.new`, { force: true });
    writeFileSync(`${path}.new`, `${content}\n`, { mode: 0o600, flag: "wx" });
    renameSync(`${path}.new`, path);
  } catch (error) {
    server.close();
    throw new StartRefusal(`${path} cannot be written: ${systemReason(error)}.`);
  }
  return {
    close: () => {
      rmSync(path, { force: true });
      return new Promise((resolve) => {
        const cut = setTimeout(() => server.closeAllConnections(), CLOSE_MS);
        server.close(() => {
          clearTimeout(cut);
          resolve();
        });
      });
    },
  };
}

function statusFor(asked: IncomingMessage, token: string): number {
  const given = Buffer.from(asked.headers.authorization ?? "");
  const wanted = Buffer.from(`Bearer ${token}`);
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return 403;
  if (asked.url !== PATH) return 404;
  return asked.method === "POST" ? 200 : 405;
}

/** Whoever asked and hangs up has changed their mind. */
async function serve(answer: ServerResponse, restart: Restart): Promise<void> {
  const gone = new AbortController();
  answer.once("close", () => gone.abort());
  answer.writeHead(200, { "Content-Type": "application/x-ndjson", Connection: "close" });
  // The headers tell that the launcher is there, long before there is anything to say.
  answer.flushHeaders();
  const say = (line: string): void =>
    void answer.write(`${JSON.stringify({ kind: "line", line } satisfies Word)}\n`);
  const refusal = await restart(say, gone.signal);
  tell(answer, { kind: "end", refusal });
}

function tell(answer: ServerResponse, word: Word): void {
  answer.end(`${JSON.stringify(word)}\n`);
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: HOST, port: 0 }, () => resolve((server.address() as AddressInfo).port));
  });
}

/**
 * Asks the launcher of the cluster in `data` to restart its nodes.
 * @returns undefined when it has, or a sentence that says why it has not.
 * @throws {StartRefusal} if no launcher runs there.
 */
export async function askLauncher(data: string, say: (line: string) => void): Promise<string | undefined> {
  const { port, token } = readControl(data);
  const answer = await ask(port, token).catch(() => undefined);
  if (answer?.statusCode !== 200) throw notRunning(data);
  try {
    for await (const text of createInterface({ input: answer })) {
      const word = JSON.parse(text) as Word;
      if (word.kind === "end") return word.refusal;
      say(word.line);
    }
  } catch {
    // What it said last is all that is known.
  }
  return "the launcher ended before it had restarted every node.";
}

function ask(port: number, token: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { Authorization: `Bearer ${token}` };
    const asked = request({ host: HOST, port, path: PATH, method: "POST", headers, agent: false });
    // Only until the headers are here: a restart may take long.
    const late = setTimeout(() => asked.destroy(new Error("no answer")), ANSWER_MS);
    asked.once("error", reject);
    asked.once("response", (answer) => {
      clearTimeout(late);
      resolve(answer);
    });
    asked.once("close", () => clearTimeout(late));
    asked.end();
  });
}

/**
 * Where the launcher of the cluster in `data` takes what `raftally local` asks for.
 * @throws {StartRefusal} if none has written that down.
 */
export function localDoor(data: string): LocalDoor {
  const { local } = readControl(data);
  if (local !== undefined) return local;
  throw new StartRefusal(
    `the cluster in ${data} runs without --chaos: stop it, and start it with raftally cluster --chaos (npm start does).`,
  );
}

interface Written extends Readonly<Record<"local", LocalDoor | undefined>> {
  readonly port: number;
  readonly token: string;
}

function readControl(data: string): Written {
  const path = join(data, FILE);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT") throw notRunning(data);
    throw new StartRefusal(`${path} cannot be read: ${systemReason(error)}.`);
  }
  try {
    const { port, token, local } = JSON.parse(text) as Partial<Record<keyof Written, unknown>>;
    if (typeof port === "number" && typeof token === "string") return { port, token, local: doorIn(local) };
  } catch {
    // Told below.
  }
  throw new StartRefusal(`${path} is damaged: start the cluster again, which writes it anew.`);
}

function doorIn(content: unknown): LocalDoor | undefined {
  if (typeof content !== "object" || content === null) return undefined;
  const { url, token }: Partial<Record<keyof LocalDoor, unknown>> = content;
  return typeof url === "string" && typeof token === "string" ? { url, token } : undefined;
}

/** The file of a launcher that was killed stays behind, and its port may belong to another program by now. */
function notRunning(data: string): StartRefusal {
  return new StartRefusal(
    `no launcher runs the cluster in ${data}: raftally cluster --data ${data} starts it. Nodes that were started ` +
      "one by one are restarted one by one, with SIGTERM.",
  );
}
