/** Snapshot files that peers may fetch: `GET /raft/snapshots/{token}`, with `Range: bytes=N-` to go on from N. */

import { randomBytes } from "node:crypto";
import { open } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";

/** Where offered snapshots are found on the peer port; the token follows. */
export const SNAPSHOT_PATH = "/raft/snapshots/";

interface Offered {
  readonly path: string;
  readonly bytes: number;
  /** Ends the transfers of this offer when it is withdrawn. */
  readonly withdrawn: AbortController;
  /** How far the latest transfer has come. */
  sent: () => number;
}

export class SnapshotOffers {
  readonly #offered = new Map<string, Offered>();
  readonly #serving = new Set<Promise<void>>();
  readonly #chunkBytes: number;

  /** @param chunkBytes how much of a file is read at once. */
  constructor(chunkBytes: number) {
    this.#chunkBytes = chunkBytes;
  }

  /** The token is the only way to the file: 128 random bits, told to one peer over its authenticated link. */
  offer(path: string, bytes: number): string {
    const token = randomBytes(16).toString("base64url");
    this.#offered.set(token, { path, bytes, withdrawn: new AbortController(), sent: () => 0 });
    return token;
  }

  /** The file is no longer read from when the running transfers have noticed, in this turn or the next. */
  withdraw(token: string): void {
    this.#offered.get(token)?.withdrawn.abort();
    this.#offered.delete(token);
  }

  /** How far the latest transfer of an offer has come, in bytes from the beginning of the file. */
  sentBytes(token: string): number {
    return this.#offered.get(token)?.sent() ?? 0;
  }

  /** Ends every transfer; resolves when no file is open any more. */
  async close(): Promise<void> {
    for (const token of [...this.#offered.keys()]) this.withdraw(token);
    await Promise.allSettled(this.#serving);
  }

  /**
   * Answers one request. Backpressure is the pipeline's: of a file, one chunk is in memory for each reader.
   * @param onFailure is told why a transfer ended early, unless it was withdrawn.
   */
  serve(request: IncomingMessage, response: ServerResponse, onFailure: (why: string) => void): void {
    const token = (request.url ?? "").slice(SNAPSHOT_PATH.length);
    const offered = this.#offered.get(token);
    if (offered === undefined || request.method !== "GET") {
      response.writeHead(404).end();
      return;
    }
    const { range } = request.headers;
    const match = /^bytes=(\d{1,15})-$/.exec(range ?? "bytes=0-");
    const start = Number(match?.[1] ?? Number.NaN);
    if (!(start < offered.bytes)) {
      response.writeHead(416, { "Content-Range": `bytes */${offered.bytes}` }).end();
      return;
    }
    const { socket } = request;
    const serving = this.#stream(response, offered, start).catch((error: unknown) => {
      // The connection, not only the response: the reader must see that bytes are missing, not wait for them.
      socket.destroy();
      if (!offered.withdrawn.signal.aborted)
        onFailure(error instanceof Error ? error.message : String(error));
    });
    this.#serving.add(serving);
    void serving.finally(() => this.#serving.delete(serving));
  }

  async #stream(response: ServerResponse, offered: Offered, start: number): Promise<void> {
    const file = await open(offered.path, "r");
    try {
      const { size } = await file.stat();
      if (size < offered.bytes) throw new Error(`the file has ${size} bytes and not ${offered.bytes}`);
      response.writeHead(206, {
        "Content-Type": "application/octet-stream",
        "Content-Length": offered.bytes - start,
        "Content-Range": `bytes ${start}-${offered.bytes - 1}/${offered.bytes}`,
      });
      const content = file.createReadStream({
        start,
        end: offered.bytes - 1,
        highWaterMark: this.#chunkBytes,
        autoClose: false,
      });
      offered.sent = () => start + content.bytesRead;
      await pipeline(content, response, { signal: offered.withdrawn.signal });
      if (content.bytesRead !== offered.bytes - start) throw new Error("the file became shorter");
    } finally {
      await file.close();
    }
  }
}
