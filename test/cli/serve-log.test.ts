/** What a node writes into its log about itself and about requests. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { freePortRange } from "../../chaos/index.ts";
import { textLine } from "../../src/cli/log.ts";
import { type Running, start } from "./processes.ts";

let directory = "";
let port = 0;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "raftally-log-"));
  port = await freePortRange(1);
});
afterEach(() => rmSync(directory, { recursive: true, maxRetries: 5 }));

const url = (): string => `http://127.0.0.1:${port}`;

type Line = Readonly<Record<string, unknown>>;

function serve(...more: readonly string[]): Running {
  const listen = ["--listen", `127.0.0.1:${port}`, "--listen-peer", `127.0.0.1:${port + 100}`];
  const data = ["--data", join(directory, "n1")];
  return start(["serve", "--id", "n1", "--cluster-id", "c", "--new-cluster", ...data, ...listen, ...more]);
}

function linesOf(node: Running): readonly Line[] {
  return node
    .text()
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Line);
}

function lineOf(node: Running, message: string): Line | undefined {
  return linesOf(node).find(({ msg }) => msg === message);
}

describe("every line of a node's log", () => {
  it("says which node, and what it is in which term as soon as it takes part", async () => {
    const node = serve();
    await node.until(/"event":"leader"/);
    await node.until(/"msg":"ready"/);
    const elected = linesOf(node).find(({ event }) => event === "leader");
    expect(elected).toMatchObject({ node: "n1", role: "leader", term: 1, level: "info" });
    node.child.kill("SIGTERM");
    await node.ended;
    expect(lineOf(node, "stopping")).toMatchObject({ node: "n1", role: "leader", term: 1 });
    for (const line of linesOf(node)) expect(Object.keys(line)).toEqual([...new Set(Object.keys(line))]);
  });

  it("about a request bears its id", async () => {
    const node = serve("--log-level", "debug");
    await node.until(/"msg":"ready"/);
    const given = await fetch(`${url()}/v1/counters/nobody?consistency=stale`, {
      headers: { "X-Request-Id": "order-17" },
    });
    expect(given.headers.get("x-request-id")).toBe("order-17");
    const made = await fetch(`${url()}/livez`);
    await node.until(/\/livez/);
    const requests = linesOf(node).filter(({ msg }) => msg === "request");
    expect(requests.find(({ requestId }) => requestId === "order-17")).toMatchObject({
      node: "n1",
      method: "GET",
      target: "/v1/counters/nobody?consistency=stale",
      status: 404,
      ms: expect.any(Number),
      role: expect.any(String),
      term: expect.any(Number),
    });
    expect(requests.find(({ target }) => target === "/livez")).toMatchObject({
      requestId: made.headers.get("x-request-id"),
      status: 200,
    });
    node.child.kill("SIGTERM");
    expect((await node.ended).exitCode).toBe(0);
  });

  it("does not name requests unless asked to", async () => {
    const node = serve();
    await node.until(/"msg":"ready"/);
    await fetch(`${url()}/livez`);
    node.child.kill("SIGTERM");
    await node.ended;
    expect(lineOf(node, "request")).toBeUndefined();
  });
});

it("a line on a terminal is the message, then the rest", () => {
  const line = {
    level: "info",
    time: "2026-11-21T07:51:33.263Z",
    node: "n1",
    role: "leader",
    term: 7,
    msg: "n1 leads",
  };
  expect(textLine(JSON.stringify(line))).toBe("2026-11-21 07:51:33.263 info  n1 leads role=leader term=7");
});
