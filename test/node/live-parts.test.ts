import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Live, StartingService } from "../../src/node/index.ts";
import { CommitClock, LogTail } from "../../src/node/live-log.ts";
import { WatchedStore } from "../../src/node/live-store.ts";
import { Viewer } from "../../src/node/live-viewer.ts";
import { type Entry, index, type LogWrite, nodeId, term } from "../../src/raft/index.ts";
import type { NodeStore } from "../../src/store/index.ts";

function entry(at: number, kind: "noop" | "command" = "command"): Entry {
  const id = { index: index(at), term: term(1), chain: 0 as Entry["chain"] };
  return kind === "noop" ? { ...id, kind } : { ...id, kind, data: new Uint8Array(1), crc: 0 };
}

function entries(from: number, to: number): readonly Entry[] {
  return Array.from({ length: to - from + 1 }, (_, at) => entry(from + at));
}

function write(parts: Partial<LogWrite>): LogWrite {
  return { seq: 1, append: [], ...parts };
}

describe("the end of the log", () => {
  function indexes(tail: LogTail): readonly number[] {
    return tail.entries.map(({ index: at }) => at);
  }

  it("begins with what was on disk and follows what is appended, at most 40 entries", () => {
    const tail = new LogTail(entries(1, 100));
    expect(indexes(tail)).toEqual(Array.from({ length: 40 }, (_, at) => 61 + at));
    for (let at = 101; at <= 400; at++) tail.write(write({ append: [entry(at)] }));
    expect(indexes(tail)).toEqual(Array.from({ length: 40 }, (_, at) => 361 + at));
    expect(tail.entries[0]).toEqual({ index: 361, term: 1, kind: "command" });
  });

  it("loses what is truncated, and everything when a snapshot takes its place", () => {
    const tail = new LogTail(entries(1, 10));
    tail.write(write({ truncateFrom: index(8), append: [entry(8, "noop")] }));
    expect(indexes(tail)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(tail.entries.at(-1)?.kind).toBe("noop");
    tail.write(write({ install: { index: index(50) } as never, append: [entry(51)] }));
    expect(indexes(tail)).toEqual([51]);
  });
});

describe("the time to commit", () => {
  it("is that of each command, from its proposal until a commit covers it", () => {
    const clock = new CommitClock();
    clock.proposed([entry(1, "noop"), entry(2)], 100);
    clock.proposed([entry(3), entry(4)], 110);
    expect(clock.pending).toBe(3);
    expect(clock.committed(1, 120)).toEqual([]);
    expect(clock.committed(3, 130)).toEqual([30, 20]);
    expect(clock.pending).toBe(1);
    expect(clock.committed(9, 140)).toEqual([30]);
    expect(clock.committed(9, 150)).toEqual([]);
  });

  it("is not told by a node that leads no more", () => {
    const clock = new CommitClock();
    clock.proposed([entry(2)], 100);
    clock.forget();
    expect(clock.committed(2, 130)).toEqual([]);
  });
});

describe("a viewer", () => {
  const N2 = nodeId("n2");

  it("is told what was measured since it looked last", () => {
    const viewer = new Viewer(new Map(), () => undefined);
    expect(viewer.take("fsync")).toBeUndefined();
    for (let ms = 1; ms <= 100; ms++) viewer.record("fsync", ms);
    const spread = viewer.take("fsync");
    expect(spread?.count).toBe(100);
    expect(spread?.p50).toBeGreaterThan(49);
    expect(spread?.p50).toBeLessThan(52);
    expect(spread?.p99).toBeGreaterThan(97);
    expect(spread?.max).toBeCloseTo(100, -1);
    expect(viewer.take("fsync")).toBeUndefined();
    expect(viewer.take("commit")).toBeUndefined();
  });

  it("takes any duration, be it 0 or an hour", () => {
    const viewer = new Viewer(new Map(), () => undefined);
    viewer.record("apply", 0);
    viewer.record("apply", 3_600_000);
    expect(viewer.take("apply")?.count).toBe(2);
  });

  it("is told of messages sent since, not of earlier ones, and of no kind twice", () => {
    const sent = new Map([[N2, new Map([["append", 5]])]]);
    const viewer = new Viewer(sent, () => undefined);
    expect(viewer.takeMessages(sent)).toEqual([]);
    sent.get(N2)?.set("append", 7);
    sent.get(N2)?.set("heartbeat", 1);
    expect(viewer.takeMessages(sent)).toEqual([
      { to: N2, kind: "append", count: 2 },
      { to: N2, kind: "heartbeat", count: 1 },
    ]);
    expect(viewer.takeMessages(sent)).toEqual([]);
  });
});

describe("a disk that hangs", () => {
  let live: Live;
  let finish: () => void;
  let store: WatchedStore;

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance", "Date"] });
    live = new Live(nodeId("n1"));
    const status = { configuration: { voters: [], outgoing: [], learners: [], members: [], removed: [] } };
    live.attach({
      status: () => status as never,
      checks: () => [],
      running: {
        raft: () => ({ role: "leader", term: 1, last: 1, committed: 1, durable: 1 }) as never,
        tickMs: 10,
        diskBytes: () => Promise.resolve(7),
        traffic: () => ({
          log: { batches: 2, entries: 5, bytes: 640 },
          peers: new Map([[nodeId("n2"), 900]]),
        }),
        directory: import.meta.dirname,
        revision: 3,
        digests: [],
        tail: new LogTail(),
      },
    });
    const slow = {
      recovered: {},
      write: () =>
        new Promise<void>((resolve) => {
          finish = resolve;
        }),
    };
    store = new WatchedStore(slow as unknown as NodeStore, live);
  });

  afterEach(() => {
    live.close();
    vi.useRealTimers();
  });

  function texts(): readonly string[] {
    return live.events(0).events.flatMap(({ kind, text }) => (kind === "disk" ? [text] : []));
  }

  it("is told of while it does, once, and again when the write is through", async () => {
    const measured: number[] = [];
    live.observe({ fsync: (ms) => measured.push(ms) });
    const written = store.write(write({ append: [entry(2)] }));
    vi.advanceTimersByTime(450);
    expect(texts()).toEqual([]);
    expect(live.writeAgeMs).toBe(450);
    vi.advanceTimersByTime(1_050);
    expect(texts()).toEqual(["a write to the log of n1 has been waiting for the disk for 0.6 s"]);
    finish();
    await written;
    expect(texts().at(-1)).toBe("a write to the log of n1 took 1.5 s");
    expect(measured).toEqual([1_500]);
    expect(live.counts.slowWrites).toBe(1);
    expect(live.writeAgeMs).toBe(0);
  });

  it("is not told of while writes are quick", async () => {
    for (let time = 0; time < 5; time++) {
      const written = store.write(write({}));
      vi.advanceTimersByTime(300);
      finish();
      await written;
    }
    expect(texts()).toEqual([]);
    expect(live.counts.slowWrites).toBe(0);
  });

  it("leaves word of what was remembered: at most 200 events, numbered without a gap", () => {
    for (let time = 0; time < 500; time++) live.linked(nodeId("n2"));
    const { events, first } = live.events(0);
    expect(events).toHaveLength(200);
    expect(first).toBe(302);
    expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: 200 }, (_, at) => 302 + at));
    expect(live.events(500).events.map(({ seq }) => seq)).toEqual([501]);
    expect(live.run).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe("a node that is still starting", () => {
  const member = { id: "n1", peer: "127.0.0.1:4100", api: "http://127.0.0.1:4000" };

  it("already has a picture, and tells the same watchers of what follows", () => {
    const service = new StartingService({ id: "n1", clusterId: "c", members: [member], version: "1" });
    const viewer = service.live.viewer();
    const before = service.live.picture(viewer);
    expect(before).toMatchObject({
      status: { id: "n1", state: "forming", role: "follower" },
      checks: [{ name: "started", ok: false }],
      election: undefined,
      tail: [],
      stable: 0,
    });
    const told: string[] = [];
    service.live.observe({ event: ({ text }) => told.push(text) });
    service.early.unlinked(nodeId("n2"));
    service.early.linked(nodeId("n2"));
    service.early.unlinked(nodeId("n2"));
    expect(told).toEqual(["n1 does not reach n2", "n1 reaches n2", "n1 does not reach n2 any more"]);
    expect(service.early.standing).toBeUndefined();
    viewer.close();
  });
});
