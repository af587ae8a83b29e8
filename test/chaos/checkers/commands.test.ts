import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DEMANDS, insufficiencies } from "../../../chaos/checkers/sufficiency.ts";
import { toEdn } from "../../../chaos/edn.ts";
import type { HistoryLine, Operation } from "../../../chaos/history.ts";
import { assemble } from "../../../chaos/history-reader.ts";
import { HistoryRecorder } from "../../../chaos/history-recorder.ts";

const ADD: Operation = { f: "add", key: "visits", by: "1" };
const READ: Operation = { f: "read", key: "visits" };

let directory = "";
let file = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "raftally-check-"));
  file = join(directory, "history.jsonl");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Records increments, a fault, a new leader and a last read, which answers `last`. */
function record(last: string): void {
  const recorder = HistoryRecorder.open(file);
  const client = recorder.process();
  for (let at = 1; at <= 5; at++) {
    client.invoke(ADD).ok({ value: String(at), revision: at, index: at + 3, term: 1, node: "n1" });
  }
  recorder.note({ f: "kill", phase: "once", nodes: ["n1"], detail: 'the "leader"' });
  recorder.note({ f: "leader", phase: "once", nodes: ["n2"] });
  client.invoke(ADD).info("OUTCOME_UNKNOWN");
  client.invoke(READ).ok({ value: last, revision: Number(last), index: 12, term: 2 });
  recorder.close();
}

function run(
  script: string,
  ...flags: readonly string[]
): { readonly status: number | null; readonly out: string } {
  const path = fileURLToPath(new URL(`../../../chaos/${script}.ts`, import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [path, ...flags], { encoding: "utf8" });
  return { status, out: stdout + stderr };
}

describe("node chaos/check.ts", () => {
  it("ends with 0 for a right history", () => {
    record("5");
    const { status, out } = run("check", file);
    expect(out).toMatch(/^right\s+counting\s+1 counters that only count up are linearizable \(7 operations/m);
    expect(out).not.toMatch(/WRONG|UNKNOWN|INVALID/);
    expect(status).toBe(0);
  });

  it("ends with 1 for a wrong one, and names the operations", () => {
    record("4");
    const { status, out } = run("check", file);
    expect(out).toMatch(/^WRONG\s+arithmetic\s+visits was 4 in the end, and 5 were acknowledged/m);
    expect(out).toMatch(
      /^ {2}[\d.]+ s to [\d.]+ s, process 1, lines 15 and 16: read of visits -> 4 \(revision 4, index 12/m,
    );
    expect(status).toBe(1);
    const json: unknown = JSON.parse(run("check", file, "--json").out);
    expect(json).toMatchObject({
      lacks: [],
      verdicts: [{ checker: "arithmetic", valid: false }, {}, {}, {}, {}],
    });
  });

  it("ends with 2 where too little happened, and where there is no history", () => {
    record("5");
    const { status, out } = run("check", file, "--faults", "2", "--leaders", "3");
    expect(out).toContain("INVALID  there were 1 faults, fewer than 2");
    expect(out).toContain("INVALID  1 leaders were seen, fewer than 3");
    expect(status).toBe(2);
    writeFileSync(file, "no history\n");
    expect(run("check", file)).toEqual({ status: 2, out: 'INVALID  line 1: is not JSON: "no history"\n' });
    expect(run("check", "--what")).toMatchObject({ status: 2 });
    expect(run("check").out).toContain("usage: node chaos/check.ts FILE");
  });
});

describe("node chaos/to-edn.ts", () => {
  it("writes Jepsen's maps", () => {
    record("5");
    const { status, out } = run("to-edn", file);
    expect(status).toBe(0);
    const lines = out
      .trimEnd()
      .split("\n")
      .map((line) => line.replace(/:time \d+/, ":time 0"));
    expect(lines).toHaveLength(16);
    expect(lines.slice(0, 2)).toEqual([
      '{:index 0, :time 0, :process 0, :type :invoke, :f :add, :value ["visits" [1 nil]]}',
      '{:index 1, :time 0, :process 0, :type :ok, :f :add, :value ["visits" [1 1]], :revision 1, :log-index 4, :term 1, :node "n1"}',
    ]);
    expect(lines.slice(10, 16)).toEqual([
      '{:index 10, :time 0, :process :nemesis, :type :info, :f :kill, :value ["n1"], :phase :once, :detail "the \\"leader\\""}',
      '{:index 11, :time 0, :process :nemesis, :type :info, :f :leader, :value ["n2"], :phase :once}',
      '{:index 12, :time 0, :process 0, :type :invoke, :f :add, :value ["visits" [1 nil]]}',
      '{:index 13, :time 0, :process 0, :type :info, :f :add, :value ["visits" [1 nil]], :error :outcome-unknown}',
      '{:index 14, :time 0, :process 1, :type :invoke, :f :read, :value ["visits" nil]}',
      '{:index 15, :time 0, :process 1, :type :ok, :f :read, :value ["visits" 5], :revision 5, :log-index 12, :term 2}',
    ]);
  });

  it("writes the operations of one counter with plain values", () => {
    const step = { i: 3, t: 7, p: 0 };
    const set: HistoryLine = { ...step, type: "invoke", op: { f: "set", key: "a", value: "-5" } };
    const refused: HistoryLine = {
      ...step,
      type: "fail",
      op: { f: "add", key: "a", by: "1", max: "5" },
      error: "LIMIT_REACHED",
    };
    const stale: HistoryLine = { ...step, type: "invoke", op: { f: "read", key: "a", stale: true } };
    expect(toEdn(set, "a")).toBe("{:index 3, :time 7, :process 0, :type :invoke, :f :write, :value -5}");
    expect(toEdn(refused, "a")).toBe(
      "{:index 3, :time 7, :process 0, :type :fail, :f :add, :value [1 nil], :max 5, :error :limit-reached}",
    );
    expect(toEdn(stale, "a")).toBe(
      "{:index 3, :time 7, :process 0, :type :invoke, :f :stale-read, :value nil}",
    );
    expect(toEdn(stale, "b")).toBeUndefined();
  });

  it("refuses what is no history", () => {
    writeFileSync(file, "{}\n");
    expect(run("to-edn", file)).toMatchObject({ status: 2 });
  });
});

describe("a history in which little happened", () => {
  it("is not worth a verdict", () => {
    const failing: HistoryLine[] = [
      { i: 0, t: 0, p: 0, type: "invoke", op: READ },
      { i: 1, t: 1e9, p: 0, type: "fail", op: READ, error: "NO_LEADER" },
    ];
    expect(insufficiencies(assemble(failing))).toEqual([
      "0 operations were answered in 1.0 s, fewer than 50 a second",
      "0 % of the operations were answered, less than 50 %",
      "there were 0 faults, fewer than 1",
      "0 leaders were seen, fewer than 1",
    ]);
    expect(
      insufficiencies(assemble([]), { ...DEMANDS, rate: 0, faults: 0, leaders: 0, answered: 0 }),
    ).toEqual([]);
  });
});
