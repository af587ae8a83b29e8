import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readLog } from "../../examples/access-log.ts";
import { counterKey, idempotencyKeyOf, operationsOf } from "../../examples/counting.ts";
import { countDirectly, differences, type Totals } from "../../examples/totals.ts";
import { applyPayload, keyProblem, LIMITS, MemoryTable, memberProblem } from "../../src/counter/index.ts";

const LINE = '1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET /a?b=1 HTTP/1.1" 200 50 "-" "x"';

/** Applies every line as the nodes would, without nodes; what the counters then hold. */
function countByBatches(lines: readonly string[]): Totals {
  const table = new MemoryTable();
  const items = lines.map((line, at) => {
    const changes = operationsOf(line).map((operation) => {
      if (operation.op === "set" || operation.op === "delete") throw new Error("the example only adds");
      const { key, by = 1, once } = operation;
      return { kind: "add" as const, key, by: BigInt(by), ...(once === undefined ? {} : { once }) };
    });
    const once = { kind: "key" as const, key: idempotencyKeyOf(at + 1) };
    return { kind: "command" as const, command: { operation: { kind: "batch" as const, changes }, once } };
  });
  for (const { outcome } of applyPayload(table, { elapsed: 0, items }, LIMITS).flatMap((item) =>
    item.kind === "command" ? [item] : [],
  )) {
    expect(outcome.kind).toBe("done");
  }
  return new Map([...table.counters()].map(({ key, value }) => [key, value]));
}

describe("counting a line", () => {
  it("adds to the path without its query, the status, the hour, the bytes and the visitors", () => {
    expect(operationsOf(LINE)).toEqual([
      { key: "path:/a" },
      { key: "status:200" },
      { key: "hour:2015-05-17T10" },
      { key: "bytes", by: 50 },
      { key: "visitors:/a", once: "1.2.3.4" },
    ]);
  });

  it("counts a line that is no request as unreadable, so that none is dropped silently", () => {
    expect(operationsOf("what?")).toEqual([{ key: "unreadable" }]);
  });

  it("makes a key that a counter may have of any name", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 700 }), (text) => {
        const name = Buffer.from(text).toString("latin1");
        expect(keyProblem(counterKey("visitors", name))).toBeUndefined();
      }),
    );
  });

  it("keeps two long names apart that begin alike", () => {
    const long = `/${"x".repeat(600)}`;
    expect(counterKey("path", `${long}a`)).not.toBe(counterKey("path", `${long}b`));
    expect(counterKey("path", long)).toHaveLength(512);
    expect(counterKey("path", "/".padEnd(507, "y"))).toBe(`path:${"/".padEnd(507, "y")}`);
  });

  it("percent-encodes what cannot be printed, as a browser would", () => {
    expect(counterKey("path", "/a\x00\x7f\xe9 ")).toBe("path:/a%00%7F%E9%20");
  });

  it("gives each line an idempotency key of its own, the same every time", () => {
    const keys = readLog().map((_, at) => idempotencyKeyOf(at + 1));
    expect(new Set(keys).size).toBe(keys.length);
    expect(idempotencyKeyOf(7)).toBe("access.log:7");
  });

  it("makes valid keys and members of the whole real log", () => {
    const operations = readLog().flatMap(operationsOf);
    const problems = operations.flatMap((operation) => [
      keyProblem(operation.key),
      "once" in operation && operation.once !== undefined ? memberProblem(operation.once) : undefined,
    ]);
    expect(problems.filter((problem) => problem !== undefined)).toEqual([]);
  });
});

describe("the totals counted directly", () => {
  const lines = readLog();
  const expected = countDirectly(lines);

  it("are those of the real log", () => {
    // From `awk '{print $9}' | sort | uniq -c` and the like.
    expect(expected.get("status:200")).toBe(9_126n);
    expect(expected.get("path:/favicon.ico")).toBe(807n);
    expect(expected.get("visitors:/favicon.ico")).toBe(683n);
    expect(expected.get("bytes")).toBe(2_747_282_740n);
    expect([...expected.keys()].filter((key) => key.startsWith("hour:"))).toHaveLength(84);
    expect(expected.size).toBe(2_829);
  });

  it("are what the batches of all lines come to", () => {
    expect(differences(expected, countByBatches(lines))).toEqual([]);
  });

  it("count what is no request as the batches do", () => {
    const odd = [LINE, "", LINE, "what?"];
    expect(countDirectly(odd).get("unreadable")).toBe(2n);
    expect(differences(countDirectly(odd), countByBatches(odd))).toEqual([]);
  });

  it("refuse two names that would share a counter", () => {
    const plain = LINE.replace("/a?b=1", "/%E9");
    const raw = LINE.replace("/a?b=1", "/\xe9");
    expect(() => countDirectly([plain, raw])).toThrow("two names share the counter path:/%E9");
  });

  it("show a line that was lost, counted twice, or counted by halves", () => {
    expect(differences(expected, countByBatches(lines.slice(1))).length).toBeGreaterThan(0);
    const twice = differences(expected, countByBatches([...lines, lines[0] ?? ""]));
    expect(twice).toContainEqual({ key: "status:200", expected: 9_126n, found: 9_127n });
    const halves = new Map(countByBatches(lines)).set("bytes", 0n);
    expect(differences(expected, halves)).toEqual([{ key: "bytes", expected: 2_747_282_740n, found: 0n }]);
  });

  it("show a counter that is missing, and one that must not be there", () => {
    const found = new Map(expected).set("path:/never", 1n);
    found.delete("status:416");
    expect(differences(expected, found)).toEqual([
      { key: "status:416", expected: 2n, found: undefined },
      { key: "path:/never", expected: undefined, found: 1n },
    ]);
  });
});
