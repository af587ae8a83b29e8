/** What is made of a play: when it counts, when it does not, and what the page says. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FaultLog, type FaultSpan } from "../../chaos/faults.ts";
import { HistoryRecorder, type Played } from "../../chaos/index.ts";
import { pageOf } from "../../chaos/page/page.ts";
import { reportOf } from "../../chaos/report.ts";
import { Samples } from "../../chaos/samples.ts";
import { SCENARIOS } from "../../chaos/scenarios.ts";
import { failoversOf, judged, median } from "../../chaos/verdict.ts";

let directory = "";
let recorder: HistoryRecorder;
let faults: FaultLog;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "raftally-verdict-"));
  recorder = HistoryRecorder.open(join(directory, "history.jsonl"));
  faults = new FaultLog(recorder);
});

afterEach(() => {
  recorder.close();
  rmSync(directory, { recursive: true, force: true });
});

/** So many increments, all of them done, and a read of what they make. */
function traffic(count: number): void {
  const client = recorder.process();
  for (let at = 1; at <= count; at++) {
    const call = client.invoke({ f: "add", key: "k", by: "1" }, `id-${at}`);
    call.ok({ value: String(at), revision: at, index: at, term: 1 });
  }
  client.invoke({ f: "read", key: "k" }).ok({ value: String(count), revision: count, index: count, term: 1 });
}

interface Changes {
  readonly needs?: Readonly<Record<string, number>>;
  readonly wrong?: readonly string[];
  readonly reigns?: Played["reigns"];
  readonly about?: string;
}

/** A play of one second. */
function played({ needs = {}, wrong = [], reigns = [], about = "a test" }: Changes = {}): Played {
  recorder.close();
  return {
    scenario: { name: "sample", about, harmless: false, needs, stage: () => Promise.reject(new Error("no")) },
    seed: 1,
    seconds: 1,
    samples: new Samples(),
    result: {
      ...{
        acknowledged: 0,
        unknown: 0,
        refused: 0,
        reads: 0,
        failedReads: 0,
        repeated: 0,
        inSessions: 0,
        replayedInSessions: 0,
        longestStallMs: 0,
      },
      problems: [],
    },
    faults,
    reigns,
    wrong,
    history: recorder.file,
  };
}

function span(kind: string, fromMs: number, toMs: number, hitsLeader: boolean): FaultSpan {
  return { kind, nodes: ["n1"], fromMs, toMs, effective: true, hitsLeader, detail: undefined };
}

describe("a play", () => {
  it("is kept when enough was asked and hurt, and every checker agrees", () => {
    traffic(100);
    faults.once("kill", ["n1"], { effective: true });
    const result = judged(played({ needs: { kill: 1 } }));
    expect(result).toMatchObject({ outcome: "kept", operations: 101, info: 0, fail: 0, bounded: 0 });
    expect(result.verdicts.map(({ valid }) => valid)).not.toContain(false);
    expect(reportOf(result).at(-1)).toBe("KEPT: every promise held");
  });

  it("proves nothing with too little traffic", () => {
    traffic(20);
    faults.once("kill", ["n1"], { effective: true });
    const result = judged(played());
    expect(result.outcome).toBe("invalid");
    expect(result.lacking).toEqual(["21 operations a second, and 50 are needed"]);
  });

  it("proves nothing when most operations were not done", () => {
    traffic(100);
    faults.once("kill", ["n1"], { effective: true });
    const client = recorder.process();
    for (let at = 0; at < 150; at++) client.invoke({ f: "read", key: "k" }).fail("READ_TIMEOUT");
    expect(judged(played()).lacking).toEqual(["only 101 of 251 operations were done"]);
  });

  it("proves nothing when faults had no effect, or not those that it is about", () => {
    traffic(100);
    faults.begin("partition", ["n1"]).end({ effective: false });
    faults.once("kill", ["n1"], { effective: false });
    const result = judged(played({ needs: { partition: 1 } }));
    expect(result.outcome).toBe("invalid");
    expect(result.lacking).toEqual([
      "0 effective faults of kind partition, and 1 are needed",
      "no fault had an effect",
    ]);
  });

  it("proves nothing when a cut was none, or when nobody took over from a leader that was taken away", () => {
    traffic(100);
    faults.doubt("7 bytes passed through a cut");
    faults.once("kill", ["n1"], { effective: true, hitsLeader: true });
    const { lacking } = judged(played({ reigns: [{ id: "n1", term: 1, atMs: 0 }] }));
    expect(lacking).toEqual([
      "7 bytes passed through a cut",
      "the leader was taken away, and nobody else was seen to lead",
    ]);
  });

  it("is broken when an acknowledged increment is gone, however much else is well", () => {
    traffic(100);
    const client = recorder.process();
    client.invoke({ f: "read", key: "k" }).ok({ value: "99", revision: 99, index: 101, term: 1 });
    faults.once("kill", ["n1"], { effective: true });
    const result = judged(played());
    expect(result.outcome).toBe("broken");
    expect(reportOf(result)).toContain("BROKEN: a promise did not hold");
  });

  it("is broken, and not only invalid, when the load found something wrong", () => {
    expect(judged(played({ wrong: ["n2 ended by itself, with exit code 1"] })).outcome).toBe("broken");
  });
});

describe("a failover", () => {
  const gaps = [
    { fromMs: 990, toMs: 1_600 },
    { fromMs: 3_000, toMs: 3_100 },
    { fromMs: 9_990, toMs: 12_000 },
  ];

  it("is the longest gap after a fault that took the leader away", () => {
    expect(failoversOf([span("kill", 1_000, 1_000, true)], gaps)).toEqual([610]);
  });

  it("is not one where the leader stayed, or where something else was wrong as well", () => {
    expect(failoversOf([span("kill", 1_000, 1_000, false)], gaps)).toEqual([]);
    const both = [span("kill", 10_000, 10_000, true), span("partition", 9_000, 11_000, false)];
    expect(failoversOf(both, gaps)).toEqual([]);
    const apart = [span("kill", 10_000, 10_000, true), span("partition", 5_000, 6_000, false)];
    expect(failoversOf(apart, gaps)).toEqual([2_010]);
  });

  it("has a median", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([])).toBeUndefined();
  });
});

describe("the page", () => {
  it("shows the play, what was skipped, and loads nothing from elsewhere", () => {
    traffic(100);
    faults.once("kill", ["n1"], { effective: true });
    faults.begin("partition", ["n2"], { detail: "<n2> & the rest" }).end({ effective: true });
    const result = judged(
      played({ about: 'it\'s <hostile> & "quoted"', reigns: [{ id: "n3", term: 4, atMs: 0 }] }),
    );
    const lack = { name: "clock-jump", outcome: "skipped", why: "needs libfaketime" } as const;
    const page = pageOf([result], [lack], new Date(0));
    expect(page).toContain("KEPT");
    expect(page).toContain("SKIPPED");
    expect(page).toContain("needs libfaketime");
    expect(page).toContain("n3 leads in term 4");
    expect(page).toContain("&#60;n2&#62; &#38; the rest");
    expect(page).not.toContain("<hostile>");
    expect(page).not.toMatch(/https?:|<script|<link|@import|url\(/);
    for (const { checker } of result.verdicts) expect(page).toContain(checker);
  });
});

describe("the list of scenarios", () => {
  it("has every one once, with one line that says what happens, and knows when it proves something", () => {
    const names = SCENARIOS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const { name, about, needs } of SCENARIOS) {
      expect(name).toMatch(/^[a-z-]+$/);
      expect(about).not.toMatch(/\n|\.$/);
      expect(Object.keys(needs)).not.toEqual([]);
    }
    expect(names).toEqual(
      expect.arrayContaining([
        ...["kill-leader", "pause", "partition", "one-way", "isolate-leader", "rolling-restart", "kill-all"],
        ...["power-loss", "slow-link", "slow-disk", "disk-full", "replace-node", "clock-jump", "mixed"],
      ]),
    );
  });
});
