/** What the rows of the benchmark read from nodes and disks, and what they make of it. */

import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { costs } from "../../bench/rows/costs.ts";
import { DiskWatch, occupied } from "../../bench/rows/disk-use.ts";
import { boundBetween, growth, type Metrics, parseMetrics, sampleOf } from "../../bench/rows/metrics.ts";
import { median, megabytes } from "../../bench/rows/numbers.ts";

const LOOP = "raftally_event_loop_delay_seconds";

describe("what a node says at /metrics", () => {
  const text = [
    "# HELP raftally_reads_total Reads.",
    "# TYPE raftally_reads_total counter",
    'raftally_reads_total{outcome="done"} 7',
    'raftally_reads_total{outcome="refused"} 2',
    "raftally_raft_term 4",
    "nodejs_eventloop_lag_seconds 1.5e-3",
    'raftally_counter{key="a b"} 5',
    "",
  ].join("\n");

  it("is read by name and labels, and summed where no labels are asked for", () => {
    const metrics = parseMetrics(text);
    expect(sampleOf(metrics, "raftally_raft_term")).toBe(4);
    expect(sampleOf(metrics, 'raftally_reads_total{outcome="done"}')).toBe(7);
    expect(sampleOf(metrics, "raftally_reads_total")).toBe(9);
    expect(sampleOf(metrics, "nodejs_eventloop_lag_seconds")).toBe(0.0015);
    expect(sampleOf(metrics, 'raftally_counter{key="a b"}')).toBe(5);
  });

  it("is missed where it is not there, instead of counting as 0", () => {
    expect(() => sampleOf(parseMetrics(text), "raftally_reads")).toThrow("gives no raftally_reads");
  });

  it("only grows: whoever was started anew in between has measured nothing", () => {
    const later = parseMetrics(text.replace("} 7", "} 1"));
    expect(growth(parseMetrics(text), parseMetrics(text.replace("} 7", "} 9")), "raftally_reads_total")).toBe(
      2,
    );
    expect(() => growth(parseMetrics(text), later, "raftally_reads_total")).toThrow("started anew");
  });
});

/** A histogram as it is scraped: how many values did not exceed each bound. */
function histogram(counts: Readonly<Record<string, number>>, total: number): Map<string, number> {
  const buckets = Object.entries(counts).map(
    ([bound, count]) => [`${LOOP}_bucket{le="${bound}"}`, count] as const,
  );
  return new Map([...buckets, [`${LOOP}_bucket{le="+Inf"}`, total], [`${LOOP}_count`, total]]);
}

describe("a share of what happened between two scrapes", () => {
  const before = histogram({ "0.001": 100, "0.01": 100, "0.1": 100 }, 100);

  it("is told by the upper end of the bucket that holds it, and what came before does not count", () => {
    // 1,000 values: 990 up to 1 ms, 9 up to 10 ms, 1 up to 100 ms.
    const after = histogram({ "0.001": 1_090, "0.01": 1_099, "0.1": 1_100 }, 1_100);
    expect(boundBetween(before, after, LOOP, 0.5)).toBe(0.001);
    expect(boundBetween(before, after, LOOP, 0.99)).toBe(0.001);
    expect(boundBetween(before, after, LOOP, 0.991)).toBe(0.01);
    expect(boundBetween(before, after, LOOP, 0.999)).toBe(0.01);
    expect(boundBetween(before, after, LOOP, 1)).toBe(0.1);
  });

  it("is not made smaller by the order in which buckets come", () => {
    const after = new Map([...histogram({ "0.001": 100, "0.01": 100, "0.1": 200 }, 200)].reverse());
    expect(boundBetween(before, after, LOOP, 0.999)).toBe(0.1);
  });

  it("beyond the last bound is that, and of nothing is no number", () => {
    const after = histogram({ "0.001": 100, "0.01": 100, "0.1": 100 }, 150);
    expect(boundBetween(before, after, LOOP, 0.999)).toBe(0.1);
    expect(boundBetween(before, before, LOOP, 0.999)).toBeNaN();
  });
});

/** A node that has used so much since it began. */
function node(used: {
  readonly cpu: number;
  readonly changes: number;
  readonly writes: number;
  readonly log: number;
  readonly peers: readonly number[];
  readonly late: number;
  readonly snapshots?: number;
}): Metrics {
  return new Map([
    ...histogram({ "0.001": 1_000, [String(used.late)]: 2_000, "9": 2_000 }, 2_000),
    ["process_cpu_seconds_total", used.cpu],
    ["raftally_event_loop_cpu_seconds_total", used.cpu / 2],
    ["raftally_changes_acknowledged_total", used.changes],
    ["raftally_wal_writes_total", used.writes],
    ["raftally_wal_written_bytes_total", used.log],
    ["raftally_wal_fsync_duration_seconds_count", used.writes],
    ["raftally_wal_fsync_duration_seconds_sum", used.writes * 0.0015],
    ...used.peers.map((bytes, at) => [`raftally_peer_sent_bytes_total{peer="n${at + 2}"}`, bytes] as const),
    ["raftally_snapshots_taken_total", used.snapshots ?? 0],
  ]);
}

it("an increment's costs are those of the leader, the delays those of each, and the CPU that of the busiest", () => {
  const idle = { cpu: 1, changes: 0, writes: 10, log: 1_000, peers: [500, 500], late: 0.002 };
  const fresh = new Map([...histogram({}, 0), ...[...node(idle)].filter(([name]) => !name.startsWith(LOOP))]);
  const before = new Map([
    ["n1", fresh],
    ["n2", fresh],
    ["n3", fresh],
  ]);
  const led = { cpu: 9, changes: 80_000, writes: 2_010, log: 1_601_000, peers: [1_200_500, 1_200_500] };
  const after = new Map([
    ["n1", node({ ...led, late: 0.004, snapshots: 1 })],
    ["n2", node({ ...idle, cpu: 3, writes: 1_510, late: 0.002, snapshots: 1 })],
    ["n3", node({ ...idle, cpu: 3.5, late: 0.008 })],
  ]);
  expect(costs(before, after, { leader: "n1", seconds: 10 })).toEqual({
    loopDelay: 4,
    loopDelayFollowers: 8,
    loopBusy: 0.4,
    nodeCpu: 0.8,
    followerCpu: 0.25,
    syncMs: 1.5,
    syncs: 200,
    batch: 40,
    written: 20,
    wire: 30,
    snapshots: 2,
  });
  expect(() => costs(before, after, { leader: "n4", seconds: 10 })).toThrow("n4 was not asked");
});

describe("what a directory occupies", () => {
  function directory(): string {
    const path = mkdtempSync(join(tmpdir(), "raftally-"));
    onTestFinished(() => rmSync(path, { recursive: true, force: true }));
    return path;
  }

  it("is the blocks of all files below it, and nothing if it is not there", async () => {
    const path = directory();
    const empty = await occupied(path);
    mkdirSync(join(path, "log/deep"), { recursive: true });
    writeFileSync(join(path, "log/deep/segment"), Buffer.alloc(3_000_000, 1));
    writeFileSync(join(path, "state"), Buffer.alloc(1_000_000, 1));
    const grown = (await occupied(path)) - empty;
    expect(grown).toBeGreaterThanOrEqual(4_000_000);
    expect(grown).toBeLessThan(4_200_000);
    expect(await occupied(join(path, "nowhere"))).toBe(0);
  });

  it("is watched for the most that it ever was, of the largest of several", async () => {
    const [small, large] = [directory(), directory()];
    const watch = new DiskWatch([small, large], 5);
    writeFileSync(join(small, "file"), Buffer.alloc(100_000, 1));
    watch.start();
    const file = join(large, "file");
    appendFileSync(file, Buffer.alloc(2_000_000, 1));
    await expect.poll(() => watch.most, { interval: 5 }).toBeGreaterThanOrEqual(2_000_000);
    rmSync(file);
    const { most, last } = await watch.stop();
    expect(most).toBeGreaterThanOrEqual(2_000_000);
    expect(last).toBeGreaterThanOrEqual(100_000);
    expect(last).toBeLessThan(1_000_000);
  });
});

it("the middle of several numbers is one of them, or the mean of the two", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([10, 1, 2, 4])).toBe(3);
  expect(median([7])).toBe(7);
  expect(() => median([])).toThrow("nothing");
  expect(megabytes(3 * 1_048_576)).toBe(3);
});
