import { describe, expect, it } from "vitest";
import {
  applyPayload,
  type CounterRow,
  type Item,
  MemoryTable,
  type SessionRow,
} from "../../src/counter/index.ts";
import { add, apply, batch, item, OPEN, place, remove, SMALL, set } from "./commands.ts";

/** Counts what an entry asks of its table. */
class CountingTable extends MemoryTable {
  readonly calls: string[] = [];

  override counter(key: string): CounterRow | undefined {
    this.calls.push(`read ${key}`);
    return super.counter(key);
  }

  override putCounter(row: CounterRow): void {
    this.calls.push(`put ${row.key}=${row.value}`);
    super.putCounter(row);
  }

  override deleteCounter(key: string): void {
    this.calls.push(`delete ${key}`);
    super.deleteCounter(key);
  }

  override putSession(row: SessionRow): void {
    this.calls.push(`session ${row.id}`);
    super.putSession(row);
  }
}

function calls(table: CountingTable, items: Item[]): string[] {
  table.calls.length = 0;
  applyPayload(table, { elapsed: 0, items }, SMALL);
  return table.calls;
}

describe("an entry", () => {
  it("reads each counter once and writes it once, however many commands change it", () => {
    const items = [item(add("a")), item(set("b", 5n)), item(add("a", 2n)), item(batch(add("b"), add("a")))];
    expect(calls(new CountingTable(), items)).toEqual(["read a", "read b", "put a=4", "put b=6"]);
  });

  it("writes no counter that it leaves as it was", () => {
    const table = new CountingTable();
    apply(table, set("a", 5n));
    const refused = batch(add("a"), remove("a"), set("b", 1n), set("a", 1n, 99));
    const items = [item(add("a", 0n)), item(set("a", 5n)), item(add("a", 1n, { max: 5n })), item(refused)];
    expect(calls(table, items)).toEqual(["read a", "read b"]);
  });

  it("leaves nothing of a counter that comes and goes within it but its revisions, and says that it went", () => {
    const table = new CountingTable();
    expect(calls(table, [item(add("a", 1n, { once: "m" })), item(remove("a"))])).toEqual([
      "read a",
      "delete a",
    ]);
    expect(table.totals()).toMatchObject({ revision: 2, counters: 0, digest: 0 });
    expect(table.hasMember("a", "m")).toBe(false);
  });

  it("writes a session once, however often it is used", () => {
    const table = new CountingTable();
    apply(table, OPEN);
    const items = [1, 2, 3].map((seq) => item(add("a"), place(1, seq, 1)));
    expect(calls(table, items)).toEqual(["read a", "put a=3", "session 1"]);
  });

  it("replaces a counter and its members that are deleted and made anew", () => {
    const table = new CountingTable();
    apply(table, add("a", 1n, { once: "old" }));
    applyPayload(
      table,
      { elapsed: 0, items: [item(remove("a")), item(add("a", 7n, { once: "new" }))] },
      SMALL,
    );
    expect(table.counter("a")).toEqual({ key: "a", value: 7n, revision: 3 });
    expect([table.hasMember("a", "old"), table.hasMember("a", "new")]).toEqual([false, true]);
    expect(table.totals()).toMatchObject({ counters: 1, digest: table.digestOfRows() });
  });

  it("lets log time pass even if it holds nothing", () => {
    const table = new MemoryTable();
    expect(applyPayload(table, { elapsed: 7, items: [] }, SMALL)).toEqual([]);
    applyPayload(table, { elapsed: 5, items: [] }, SMALL);
    expect(table.totals().logTime).toBe(12);
  });
});
