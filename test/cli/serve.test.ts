/** `raftally serve` as a process of its own. */

import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { freePortRange } from "../../chaos/index.ts";
import { type Running, run, type StartOptions, start } from "./processes.ts";

let directory = "";
let port = 0;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "raftally-serve-"));
  port = await freePortRange(2);
});
afterEach(() => rmSync(directory, { recursive: true, maxRetries: 5 }));

const data = (): string => join(directory, "n1");
const url = (): string => `http://127.0.0.1:${port}`;

function flags(): string[] {
  const listen = ["--listen", `127.0.0.1:${port}`, "--listen-peer", `127.0.0.1:${port + 100}`];
  return ["serve", "--id", "n1", "--cluster-id", "c", "--data", data(), ...listen];
}

const founding = (): string[] => [...flags(), "--new-cluster"];

/** A node on its own, once it takes part. */
async function ready(options: StartOptions = {}): Promise<Running> {
  const node = start(existsSync(data()) ? flags() : founding(), options);
  await node.until(/"msg":"ready"/);
  return node;
}

async function stop(node: Running): Promise<void> {
  node.child.kill("SIGTERM");
  expect((await node.ended).exitCode).toBe(0);
}

describe("raftally serve", () => {
  it("logs JSON lines, stops with 0 on SIGTERM, and goes on with every count", async () => {
    const first = await ready();
    const incremented = await run(["incr", "k", "--by", "9223372036854775807", "--url", url()]);
    expect(incremented.out).toBe("9223372036854775807\n");
    await stop(first);
    const lines = first.text().trim().split("\n");
    const messages = lines.map((line) => JSON.parse(line) as { level: string; node: string; msg: string });
    expect(messages.map(({ msg }) => msg)).toEqual(expect.arrayContaining(["ready", "stopping", "stopped"]));
    expect(new Set(messages.map(({ node }) => node))).toEqual(new Set(["n1"]));

    const second = await ready();
    expect((await run(["get", "k", "--url", url()])).out).toBe("9223372036854775807\n");
    await stop(second);
  });

  it("lives but is not ready while it waits for the other members, and can be stopped then", async () => {
    const members = [
      `n1=127.0.0.1:${port + 100}@${url()}`,
      `n2=127.0.0.1:${port + 101}@http://127.0.0.1:${port + 1}`,
    ].join(",");
    const node = start([...flags(), "--members", members]);
    await node.until(/waiting for n2/);
    expect((await run(["health", "--live", "--url", url()])).exitCode).toBe(0);
    const readiness = await run(["health", "--url", url()]);
    expect(readiness.exitCode).toBe(1);
    expect(readiness.error).toContain("[-]started failed: this node is still starting");
    await stop(node);
  });

  it("refuses a port in use in one sentence, before it touches the data directory", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    try {
      expect(await run(founding())).toEqual({
        exitCode: 2,
        signal: undefined,
        out: "",
        error: `raftally: cannot listen on 127.0.0.1:${port}: the port is in use by another program, or by another node\n`,
      });
      expect(existsSync(data())).toBe(false);
    } finally {
      server.close();
    }
  });

  it("refuses a peer port in use in one sentence", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port + 100, "127.0.0.1", resolve));
    try {
      const { exitCode, error } = await run(founding());
      expect(exitCode).toBe(2);
      expect(error).toMatch(new RegExp(`^raftally: .*${port + 100}.*\n$`));
    } finally {
      server.close();
    }
  });

  it("refuses a data directory that cannot be made, in one sentence", async () => {
    const file = join(directory, "file");
    writeFileSync(file, "");
    const { exitCode, error } = await run([
      ...founding().filter((word) => word !== "--data" && word !== data()),
      "--data",
      join(file, "n1"),
    ]);
    expect(exitCode).toBe(2);
    expect(error).toBe(
      `raftally: the data directory ${join(file, "n1")} cannot be written: a part of the path is a file, not a directory.\n`,
    );
  });

  it("refuses a data directory that another process uses", async () => {
    const node = await ready();
    const other = flags().map((word) =>
      word.replace(String(port), String(port + 1)).replace(String(port + 100), String(port + 101)),
    );
    const { exitCode, error } = await run(other);
    expect(exitCode).toBe(2);
    expect(error).toMatch(/^raftally: .*in use.*\n$/);
    await stop(node);
  });

  it("refuses to begin a cluster of one again where its founder was wiped, until told to make a new one", async () => {
    const own = ["--members", `n1=127.0.0.1:${port + 100}@${url()}`];
    const unheardOf = await run(flags());
    expect([unheardOf.exitCode, unheardOf.error]).toEqual([
      2,
      expect.stringMatching(
        /^raftally: the data directory \S+ holds no node\. .*--new-cluster this once; .*--join.*\n$/,
      ),
    ]);
    expect(existsSync(data())).toBe(false);

    await stop(await ready());
    await stop(await ready());
    rmSync(data(), { recursive: true });
    for (const line of [flags(), [...flags(), ...own]]) {
      const { exitCode, error } = await run(line);
      expect([exitCode, error]).toEqual([
        2,
        expect.stringContaining("If n1 was a member before, its disk is lost"),
      ]);
      expect(error).toContain("`raftally member replace`");
      expect(existsSync(data())).toBe(false);
    }
  });

  it("goes on with --new-cluster left on its command line, and warns of it", async () => {
    await stop(await ready());
    const again = start(founding());
    await again.until(/--new-cluster did nothing/);
    await again.until(/"msg":"ready"/);
    await stop(again);
  });

  it("exits with 1 and says why in the log when something breaks inside", async () => {
    const code = 'process.on("SIGUSR2", () => { throw new Error("something broke") })';
    const node = await ready({ node: ["--import", `data:text/javascript,${encodeURIComponent(code)}`] });
    node.child.kill("SIGUSR2");
    const ended = await node.ended;
    expect(ended.exitCode).toBe(1);
    const last = JSON.parse(ended.out.trim().split("\n").at(-1) ?? "") as { level: string; msg: string };
    expect(last).toMatchObject({ level: "fatal", msg: "something broke" });
  });
});
