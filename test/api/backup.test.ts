import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ApiServer, serveApi } from "../../src/api/index.ts";
import type { Backup, BackupStream } from "../../src/node/index.ts";
import { index, nodeId, term } from "../../src/raft/index.ts";
import { type Bench, expectRefusal, get, makeBench, RawConnection } from "./kit.ts";

const MANIFEST: Backup["manifest"] = {
  format: 1,
  clusterId: "c-test",
  meta: {
    index: index(42),
    term: term(3),
    chain: 7,
    configuration: { voters: [nodeId("n1")], outgoing: [], learners: [], members: [], removed: [] },
    configurationIndex: index(0),
  } as Backup["manifest"]["meta"],
  bytes: 6,
  sha256: "ab".repeat(32),
  digest: 99,
};

/** What a writer of backups gives here: these chunks, and what became of them. */
interface Script {
  readonly chunks: readonly (string | Error | Promise<never>)[];
  readonly bytes: number;
}

let script: Script;
let released: number;
let closed: number;
let asked: (readonly [string, string])[];
let bench: Bench;

beforeEach(() => {
  script = { chunks: ["one", "two"], bytes: 6 };
  released = 0;
  closed = 0;
  asked = [];
  bench = makeBench({ writeBackup: write });
  bench.service.backupResult = {
    kind: "backup",
    manifest: MANIFEST,
    path: "/data/42.db",
    release: () => {
      released += 1;
    },
  };
});

function write({ manifest, path }: Backup, createdBy: string): BackupStream {
  asked.push([path, createdBy]);
  return {
    manifest: { ...manifest, createdBy, counters: 1, revision: 2 },
    bytes: script.bytes,
    async *[Symbol.asyncIterator]() {
      try {
        for (const chunk of script.chunks) {
          if (chunk instanceof Error) throw chunk;
          yield typeof chunk === "string" ? Buffer.from(chunk) : await chunk;
        }
      } finally {
        closed += 1;
      }
    },
  };
}

describe("a backup", () => {
  it("is a file of known length, with its index, digest and checksum, and the snapshot is let go of", async () => {
    const response = await get(bench, "/v1/backup");
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "application/octet-stream",
      "content-length": "6",
      "content-disposition": 'attachment; filename="raftally-c-test-42.backup"',
      "cache-control": "no-store",
      "raftally-backup-index": "42",
      "raftally-backup-term": "3",
      "raftally-backup-digest": "99",
      "raftally-backup-sha256": MANIFEST.sha256,
    });
    expect(released).toBe(0);
    expect(await response.text()).toBe("onetwo");
    expect([released, closed]).toEqual([1, 1]);
    expect(asked).toEqual([["/data/42.db", "0.0.0"]]);
  });

  it("is refused in the node's words", async () => {
    bench.service.backupResult = {
      kind: "failed",
      code: "STATE_DIVERGED",
      detail: "Wrong.",
      retryAfterMs: 5_000,
    };
    await expectRefusal(await get(bench, "/v1/backup"), "STATE_DIVERGED", "Wrong.");
    await expectRefusal(await get(bench, "/v1/backup?x=1"), "INVALID_QUERY", /takes none/);
  });

  it("is not taken for nothing", async () => {
    const response = await bench.api.request("/v1/backup", { method: "HEAD" });
    expect([response.status, asked, released]).toEqual([405, [], 0]);
  });

  it("lets go of the snapshot when its file cannot be opened", async () => {
    bench = makeBench({
      writeBackup: () => {
        throw new Error("no such file");
      },
    });
    bench.service.backupResult = {
      kind: "backup",
      manifest: MANIFEST,
      path: "/gone",
      release: () => released++,
    };
    await expectRefusal(await get(bench, "/v1/backup"), "INTERNAL");
    expect([released, String(bench.errors[0])]).toEqual([1, "Error: no such file"]);
  });

  it("breaks off, and lets go of the snapshot, when the file cannot be read", async () => {
    script = { chunks: ["one", new Error("damaged")], bytes: 6 };
    const response = await get(bench, "/v1/backup");
    await expect(response.text()).rejects.toThrow("damaged");
    expect([released, closed]).toEqual([1, 1]);
  });

  it("lets go of the snapshot when its reader has had enough", async () => {
    const response = await get(bench, "/v1/backup");
    const reader = response.body?.getReader();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe("one");
    await reader?.cancel();
    expect([released, closed]).toEqual([1, 1]);
  });
});

describe("a backup over the wire", () => {
  let server: ApiServer;
  beforeEach(async () => {
    server = await serveApi(bench.api, { host: "127.0.0.1", port: 0 });
  });
  afterEach(() => server.close(0));

  const request = "GET /v1/backup HTTP/1.1\r\nHost: x\r\n\r\n";
  const until = async (done: () => boolean): Promise<void> => {
    await expect.poll(done, { interval: 5 }).toBe(true);
  };

  it("arrives whole, and leaves the connection usable", async () => {
    const connection = new RawConnection(server.port);
    for (let i = 0; i < 2; i++) {
      const answer = await connection.send(request).answer();
      expect([answer.status, answer.body]).toEqual([200, "onetwo"]);
      expect(answer.head).not.toMatch(/transfer-encoding/i);
    }
    await until(() => released === 2);
  });

  it("lets go of the snapshot when the caller hangs up in the middle", async () => {
    const more = "x".repeat(65_536);
    script = { chunks: Array.from({ length: 4_096 }, () => more), bytes: 4_096 * more.length };
    const connection = new RawConnection(server.port).send(request);
    await new Promise((resolve) => connection.socket.once("data", resolve));
    expect(released).toBe(0);
    connection.socket.destroy();
    await until(() => released === 1 && closed === 1);
  });

  it("lets go of the snapshot when the caller hung up while it was being taken", async () => {
    let give: () => void = () => {};
    const begun = new Promise<void>((resolve) => {
      const given = new Promise<void>((go) => {
        give = go;
      });
      const { backupResult } = bench.service;
      bench.service.backup = async () => {
        resolve();
        await given;
        if (backupResult === undefined) throw new Error("this test has a backup");
        return backupResult;
      };
    });
    const connection = new RawConnection(server.port).send(request);
    await begun;
    connection.socket.destroy();
    await connection.untilClosed();
    // The server hears of it a moment after; another request on its way there and back is later than that.
    await new RawConnection(server.port).send("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").answer();
    give();
    await until(() => released === 1);
  });

  it("is cut off where the file turns out to be damaged, short of the length that was announced", async () => {
    script = { chunks: ["one", new Error("damaged")], bytes: 6 };
    const connection = new RawConnection(server.port).send(request);
    await expect(connection.answer()).rejects.toThrow(/^closed after .*\\n(?:one)?"$/);
    expect([released, String(bench.errors[0])]).toEqual([1, "Error: damaged"]);
  });
});
