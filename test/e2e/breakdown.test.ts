/** A node in a process of its own, one part of which breaks under load. */

import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { freePortRange } from "../../chaos/index.ts";
import { type Running, start } from "../cli/processes.ts";
import { type Answer, ask, PATIENT_MS, until } from "../node/machines.ts";
import { requires } from "../support/capability.ts";

beforeEach((context) => requires(context, "patience"));

const BREAKING = fileURLToPath(new URL("./breaking.ts", import.meta.url));

let directory = "";
let port = 0;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "raftally-breakdown-"));
  port = await freePortRange(1);
});
afterEach(() => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));

function argv(): readonly string[] {
  const line = `serve --id n1 --cluster-id broken --listen 127.0.0.1:${port} --listen-peer 127.0.0.1:${port + 100}`;
  const data = join(directory, "n1");
  return [...line.split(" "), "--data", data, ...(existsSync(data) ? [] : ["--new-cluster"])];
}

function url(path: string): string {
  return `http://127.0.0.1:${port}${path}`;
}

async function ready(running: Running): Promise<Running> {
  await running.until(/"msg":"ready"/);
  await until(
    async () => (await fetch(url("/readyz")).catch(() => undefined))?.status === 200,
    "it is ready",
  );
  return running;
}

interface Load {
  readonly acknowledged: number;
  /** Problem codes of what was not acknowledged; "lost" where no answer came. */
  readonly others: readonly string[];
}

/** Increments until the node answers no more. Each write is a keyed batch of some size, so that disks fill. */
async function loadUntilItEnds(writers: number): Promise<Load> {
  let acknowledged = 0;
  const others: string[] = [];
  const padding = Array.from({ length: 50 }, (_, at) => ({ key: `${"padding".repeat(20)}:${at}` }));
  const write = async (writer: number): Promise<void> => {
    for (let made = 0; ; made++) {
      const headers = { "Idempotency-Key": `${writer}-${made}` };
      const sent = ask(url("/v1/batch"), { headers, body: { operations: [{ key: "hits" }, ...padding] } });
      const answer: Answer | undefined = await sent.catch(() => undefined);
      if (answer?.status !== 200) {
        others.push(answer?.body.code ?? "lost");
        return;
      }
      acknowledged++;
    }
  };
  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
  return { acknowledged, others };
}

/** Nobody was told what is not so; what was acknowledged is there after a restart, and nothing that was never sent. */
async function expectRecovered({ acknowledged, others }: Load): Promise<void> {
  for (const other of others) expect(["OUTCOME_UNKNOWN", "SHUTTING_DOWN", "lost"]).toContain(other);
  const again = await ready(start(argv()));
  const { body } = await ask(url("/v1/counters/hits"), { method: "GET" });
  expect(body.value).toBeGreaterThanOrEqual(acknowledged);
  expect(body.value).toBeLessThanOrEqual(acknowledged + others.length);
  again.child.kill("SIGTERM");
  expect((await again.ended).exitCode).toBe(0);
}

/** Breaks a part in the middle of a load. */
async function breakUnderLoad(
  part: string,
): Promise<{ load: Load; text: string; exitCode: number | undefined }> {
  const file = join(directory, "break");
  const running = await ready(start(argv(), { node: ["--import", BREAKING], env: { BREAK_FILE: file } }));
  const loading = loadUntilItEnds(8);
  await until(async () => {
    const answer = await ask(url("/v1/counters/hits?consistency=stale"), { method: "GET" });
    return (answer.body.value ?? 0) > 50;
  }, "the load is served");
  writeFileSync(file, part);
  const load = await loading;
  const { exitCode } = await running.ended;
  return { load, text: running.text(), exitCode };
}

describe("a node that breaks", { timeout: PATIENT_MS }, () => {
  it("on its disk: says that it does not know, exits with an error, and has kept what it acknowledged", async () => {
    // The system refuses to let any file grow beyond 512 KiB: a disk that is full, for this process alone.
    const under = ["sh", "-c", 'ulimit -f 1024; exec "$0" "$@"'];
    const running = await ready(start(argv(), { under }));
    const load = await loadUntilItEnds(8);
    const { exitCode } = await running.ended;
    expect(exitCode).toBe(1);
    expect(running.text()).toMatch(
      /could not .*\(.*(?:EFBIG|file too large|disk I\/O error|full).*\); the process must exit/i,
    );
    expect(load.acknowledged).toBeGreaterThan(0);
    // What the disk did not take is in some entry, and those who wait for it hear it from the node itself.
    expect(load.others).toContain("OUTCOME_UNKNOWN");
    await expectRecovered(load);
  });

  it("in the worker of its state: the same", async () => {
    const { load, text, exitCode } = await breakUnderLoad("worker");
    expect(exitCode).toBe(1);
    expect(text).toContain("its worker ended with exit code 7");
    await expectRecovered(load);
  });

  it("in a rule of its own: the same", async () => {
    const { load, text, exitCode } = await breakUnderLoad("invariant");
    expect(exitCode).toBe(1);
    expect(text).toContain("a rule of the test");
    expect(text).toContain("InvariantViolation");
    await expectRecovered(load);
  });
});
