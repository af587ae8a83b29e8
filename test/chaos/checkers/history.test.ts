import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Operation } from "../../../chaos/history.ts";
import { NEVER, readHistory } from "../../../chaos/history-reader.ts";
import { HistoryRecorder } from "../../../chaos/history-recorder.ts";
import { OutcomeUnknown, Refused, Unavailable } from "../../../src/client/index.ts";

const ADD: Operation = { f: "add", key: "visits", by: "1" };
const READ: Operation = { f: "read", key: "visits" };
const ANSWER = { value: "5", revision: 9, index: 7, term: 2 };

let directory = "";
let file = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "raftally-history-"));
  file = join(directory, "history.jsonl");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** A clock that goes on by 10 ns whenever it is asked. */
function ticking(): () => bigint {
  let now = 1_000n;
  return () => {
    now += 10n;
    return now;
  };
}

describe("a recorder", () => {
  it("writes what is read back", () => {
    const recorder = HistoryRecorder.open(file, ticking());
    const [one, two] = [recorder.process(), recorder.process()];
    const adding = one.invoke(ADD, "key-1");
    adding.attempt();
    adding.attempt();
    const reading = two.invoke(READ);
    recorder.note({ f: "kill", phase: "once", nodes: ["n1"] });
    adding.ok({ ...ANSWER, node: "n2", replayed: true });
    reading.fail("NO_LEADER");
    one.invoke(ADD, "key-2").info("OUTCOME_UNKNOWN");
    two.invoke({ f: "set", key: "visits", value: "-3" }, "key-3");
    recorder.close();

    expect(recorder.tally).toEqual({ invoke: 4, ok: 1, fail: 1, info: 1, notes: 1 });
    const { calls, notes, lines, durationNs } = readHistory(file);
    expect(lines).toBe(8);
    expect(durationNs).toBe(80);
    expect(notes).toMatchObject([{ i: 2, t: 30, f: "kill", phase: "once", nodes: ["n1"] }]);
    expect(calls).toMatchObject([
      {
        op: ADD,
        process: 0,
        id: "key-1",
        invoked: 0,
        ended: 3,
        invokedAt: 10,
        endedAt: 40,
        attempts: 2,
        outcome: { type: "ok", ...ANSWER, node: "n2", replayed: true },
      },
      { op: READ, process: 1, invoked: 1, ended: 4, outcome: { type: "fail", error: "NO_LEADER" } },
      { op: ADD, process: 0, ended: NEVER, endedAt: 70, outcome: { type: "info", error: "OUTCOME_UNKNOWN" } },
      { process: 1, ended: NEVER, endedAt: NEVER, outcome: { type: "info", error: "NO_END" } },
    ]);
  });

  it("retires a process after an unknown outcome", () => {
    const recorder = HistoryRecorder.open(file);
    const [one, two] = [recorder.process(), recorder.process()];
    one.invoke(ADD).info("OUTCOME_UNKNOWN");
    expect(one.number).toBe(2);
    one.invoke(ADD).fail("OVERLOADED");
    expect([one.number, two.number]).toEqual([2, 1]);
    recorder.close();
    expect(readHistory(file).calls.map(({ process }) => process)).toEqual([0, 2]);
  });

  it("takes the client's errors for what they promise", () => {
    const recorder = HistoryRecorder.open(file);
    const client = recorder.process();
    const unknown = new OutcomeUnknown("k", "no answer", []);
    client.invoke(ADD).failed(unknown);
    client.invoke(ADD).failed(new Refused("LIMIT_REACHED", "above", []));
    client.invoke(ADD).failed(new Unavailable("NO_LEADER", "none", []));
    client.invoke(ADD).failed(new TypeError("a bug"));
    client.invoke(READ).failed(unknown);
    recorder.close();
    expect(readHistory(file).calls.map(({ outcome }) => outcome)).toEqual([
      { type: "info", error: "OUTCOME_UNKNOWN" },
      { type: "fail", error: "LIMIT_REACHED" },
      { type: "fail", error: "NO_LEADER" },
      { type: "info", error: "UNEXPECTED" },
      { type: "fail", error: "OUTCOME_UNKNOWN" },
    ]);
  });

  it("refuses a client that does two things at a time, and an operation that ends twice", () => {
    const recorder = HistoryRecorder.open(file);
    const client = recorder.process();
    const call = client.invoke(ADD);
    expect(() => client.invoke(ADD)).toThrow("process 0 still waits for an answer");
    call.ok(ANSWER);
    expect(() => call.info("LATE")).toThrow("an operation ends once");
    recorder.close();
  });

  it("never writes over an earlier history", () => {
    HistoryRecorder.open(file).close();
    expect(() => HistoryRecorder.open(file)).toThrow("EEXIST");
  });

  it("has in the file all that led to a fault, and drops what comes after the end", () => {
    const recorder = HistoryRecorder.open(file);
    const call = recorder.process().invoke(ADD);
    expect(readFileSync(file, "utf8")).toBe("");
    recorder.note({ f: "kill", phase: "once", nodes: ["n1"] });
    expect(readFileSync(file, "utf8").split("\n")).toHaveLength(3);
    recorder.close();
    call.ok(ANSWER);
    expect(readHistory(file).lines).toBe(2);
  });

  it("keeps long histories and any character in order", () => {
    const recorder = HistoryRecorder.open(file);
    const key = "né:🙂:\n\u2028";
    const client = recorder.process();
    for (let at = 0; at < 20_000; at++)
      client.invoke({ f: "add", key, by: "1" }).ok({ ...ANSWER, index: at });
    recorder.close();
    const { calls } = readHistory(file);
    expect(calls).toHaveLength(20_000);
    expect(calls.every(({ op }) => op.key === key)).toBe(true);
    expect(calls.at(-1)?.outcome).toMatchObject({ index: 19_999 });
  });
});

const INVOKE = { i: 0, t: 5, p: 0, type: "invoke", op: ADD };
const OK = { i: 1, t: 6, p: 0, type: "ok", op: ADD, ...ANSWER };

describe("a reader", () => {
  const wrong: Readonly<Record<string, { lines: readonly object[]; error: string }>> = {
    "a field that is missing": {
      lines: [{ ...INVOKE, p: undefined }],
      error: "line 1: p: Invalid input: expected number, received undefined",
    },
    "a field that nobody knows": {
      lines: [{ ...INVOKE, extra: 1 }],
      error: 'line 1: Unrecognized key: "extra"',
    },
    "a value that is no text": {
      lines: [INVOKE, { ...OK, value: 5 }],
      error: "line 2: value: Invalid input",
    },
    "a value that is no number": {
      lines: [{ ...INVOKE, op: { ...ADD, by: "0x1" } }],
      error: "line 1: op.by: must be a whole number in decimal",
    },
    "an unknown kind of line": { lines: [{ ...INVOKE, type: "maybe" }], error: "line 1: type: Invalid" },
    "an unknown operation": {
      lines: [{ ...INVOKE, op: { f: "pop", key: "a" } }],
      error: "line 1: op.f: Invalid",
    },
    "a line that is missing": { lines: [INVOKE, { ...OK, i: 2 }], error: "line 2: i: is 2, and should be 1" },
    "a clock that goes back": { lines: [INVOKE, { ...OK, t: 4 }], error: "line 2: t: goes back from 5 to 4" },
    "two things at a time": {
      lines: [INVOKE, { ...INVOKE, i: 1 }],
      error: "line 2: p: process 0 begins something while it still waits",
    },
    "an end without a beginning": {
      lines: [{ ...OK, i: 0 }],
      error: "line 1: p: process 0 ends what it never began",
    },
    "the end of something else": {
      lines: [INVOKE, { ...OK, op: READ }],
      error: 'line 2: op: ends "read of visits", but process 0 began "add 1 to visits"',
    },
    "another idempotency key": {
      lines: [
        { ...INVOKE, id: "a" },
        { ...OK, id: "b" },
      ],
      error: "line 2: id: ends b, but process 0 began a",
    },
    "a process that acts after its end": {
      lines: [INVOKE, { i: 1, t: 6, p: 0, op: ADD, type: "info", error: "LOST" }, { ...INVOKE, i: 2, t: 7 }],
      error: "line 3: p: process 0 acts after an unknown outcome",
    },
    "a note without its phase": {
      lines: [{ i: 0, t: 1, p: "nemesis", type: "info", f: "kill", nodes: [] }],
      error: "line 1: phase: Invalid option",
    },
  };
  it.each(Object.entries(wrong))("refuses %s, and says where", (_, { lines, error }) => {
    writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    expect(() => readHistory(file)).toThrow(error);
  });

  it("refuses what is not JSON, and a last line that is cut off", () => {
    writeFileSync(file, `${JSON.stringify(INVOKE)}\nhello\n`);
    expect(() => readHistory(file)).toThrow('line 2: is not JSON: "hello"');
    writeFileSync(file, `${JSON.stringify(INVOKE)}\n${JSON.stringify(OK)}`);
    expect(() => readHistory(file)).toThrow("line 2: is cut off");
  });
});
