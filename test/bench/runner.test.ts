import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { CONTENDERS } from "../../bench/contenders/all.ts";
import { ROW_TARGETS } from "../../bench/rows/rows.ts";
import { isRight, type Measured, type Plan, runRounds } from "../../bench/runner.ts";
import { selected, seriesName, unknownNames } from "../../bench/selection.ts";
import { PEER_TARGETS } from "../../bench/targets.ts";
import { type Contender, type ContenderOf, contender, type Sample } from "../../bench/types.ts";

const SAMPLE: Sample = {
  figures: { rate: 5 },
  check: { about: "the sum", acknowledged: 7n, found: 7n, underway: 0 },
};

/** A contender that only writes down what is asked of it. */
function scribe(id: string, diary: string[], over: Partial<ContenderOf<string>> = {}): Contender {
  const note = (what: string): void => {
    diary.push(`${id} ${what}`);
  };
  return contender<string>({
    id,
    name: id,
    about: "",
    packages: [],
    probe: async () => ({ available: true, version: "1" }),
    start: async ({ directory }) => {
      note("starts");
      expect(readdirSync(directory)).toEqual([]);
      return directory;
    },
    stop: async () => note("stops"),
    workloads: ["x", "y"].map((name) => ({
      id: name,
      about: "",
      connections: 1,
      keys: 1,
      run: async () => {
        note(name);
        return SAMPLE;
      },
    })),
    ...over,
  });
}

interface Ran {
  readonly measured: Measured;
  readonly lines: readonly string[];
}

async function run(contenders: readonly Contender[], signal = new AbortController().signal): Promise<Ran> {
  const directory = mkdtempSync(join(tmpdir(), "raftally-bench-test-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const lines: string[] = [];
  const plan: Plan = {
    selected: selected(contenders, { only: [], quick: false }),
    ...{ rounds: 2, seconds: 1, warmupSeconds: 0, quick: false, world: { fsyncMs: 0, rttMs: 0 } },
    ...{ generator: "sockets" as const, directory, signal },
  };
  try {
    const measured = await runRounds(plan, { line: (text) => lines.push(text), status: () => undefined });
    return { measured, lines };
  } finally {
    expect(existsSync(directory) ? readdirSync(directory) : "gone").toEqual([]);
  }
}

describe("the rounds", () => {
  it("let one after the other do all its work, and begin again", async () => {
    const diary: string[] = [];
    const { measured } = await run([scribe("a", diary), scribe("b", diary)]);
    const once = ["a starts", "a x", "a y", "a stops", "b starts", "b x", "b y", "b stops"];
    expect(diary).toEqual([...once, ...once]);
    expect(measured.series.map(({ series, rounds }) => [series, rounds.length])).toEqual([
      ["a/x", 2],
      ["a/y", 2],
      ["b/x", 2],
      ["b/y", 2],
    ]);
  });

  it("let those that take long take part in as few as they ask for", async () => {
    const diary: string[] = [];
    await run([scribe("a", diary, { rounds: 1 }), scribe("b", diary)]);
    expect(diary.filter((line) => line.endsWith("starts"))).toEqual(["a starts", "b starts", "b starts"]);
  });

  it("skip whom this machine has not, and say why", async () => {
    const diary: string[] = [];
    const absent = { available: false, reason: "it is not installed" } as const;
    const { measured, lines } = await run([
      scribe("a", diary, { probe: async () => absent }),
      scribe("b", diary),
    ]);
    expect(diary).not.toContain("a starts");
    expect(lines[0]).toBe("a: skipped: it is not installed");
    expect(measured.participants.map(({ id, availability }) => [id, availability.available])).toEqual([
      ["a", false],
      ["b", true],
    ]);
    expect(measured.series.map(({ series }) => series)).toEqual(["b/x", "b/y"]);
  });

  it("go on when a workload fails, and stop its system", async () => {
    const diary: string[] = [];
    const [x, y] = scribe("a", diary).workloads;
    const broken = async (): Promise<Sample> => Promise.reject(new Error("the disk is full"));
    const fine = async (): Promise<Sample> => SAMPLE;
    const workloads = [x, y].flatMap((one, at) =>
      one === undefined ? [] : [{ ...one, run: at === 0 ? broken : fine }],
    );
    const { measured, lines } = await run([scribe("a", diary, { workloads })]);
    expect(measured.series[0]?.rounds).toEqual([
      { outcome: "failed", reason: "the disk is full" },
      { outcome: "failed", reason: "the disk is full" },
    ]);
    expect(measured.series[1]?.rounds[0]?.outcome).toBe("measured");
    expect(lines[0]).toContain("FAILED: the disk is full");
    expect(diary.filter((line) => line === "a stops")).toHaveLength(2);
  });

  it("say that all workloads failed when a system does not start", async () => {
    const diary: string[] = [];
    const start = async (): Promise<string> => Promise.reject(new Error("no port is free"));
    const { measured } = await run([scribe("a", diary, { start }), scribe("b", diary)]);
    const reason = "it did not run: no port is free";
    expect(measured.series[0]?.rounds[0]).toEqual({ outcome: "failed", reason });
    expect(diary).toContain("b x");
  });

  it.each([
    ["one too few", { acknowledged: 7n, found: 6n, underway: 0 }, "COUNTED WRONG"],
    ["one too many", { acknowledged: 7n, found: 8n, underway: 0 }, "COUNTED WRONG"],
    [
      "nothing at all where there is a rate",
      { acknowledged: 0n, found: 0n, underway: 0 },
      "nothing was acknowledged",
    ],
  ])("do not pass over %s", async (_, counts, text) => {
    const check = { about: "the sum", ...counts };
    const workload = { id: "x", about: "", connections: 1, keys: 1, run: async () => ({ ...SAMPLE, check }) };
    const { measured, lines } = await run([scribe("a", [], { workloads: [workload] })]);
    expect(measured.series[0]?.rounds[0]?.outcome).not.toBe("measured");
    expect(lines[0]).toContain(text);
  });

  it("do not take a rate of nothing for a measurement", async () => {
    const still = async (): Promise<Sample> => ({ ...SAMPLE, figures: { rate: 0 } });
    const workload = { id: "x", about: "", connections: 1, keys: 1, run: still };
    const { measured } = await run([scribe("a", [], { workloads: [workload] })]);
    expect(measured.series[0]?.rounds[0]?.outcome).toBe("failed");
  });

  it("end with the signal, after what runs has been stopped", async () => {
    const diary: string[] = [];
    const controller = new AbortController();
    const workload = {
      ...{ id: "x", about: "", connections: 1, keys: 1 },
      run: async () => {
        controller.abort(new Error("interrupted"));
        return SAMPLE;
      },
    };
    const contenders = [scribe("a", diary, { workloads: [workload] }), scribe("b", diary)];
    await expect(run(contenders, controller.signal)).rejects.toThrow("interrupted");
    expect(diary).toEqual(["a starts", "a stops"]);
  });
});

describe("counting", () => {
  it("is right if all that was acknowledged is there, and no more than was on its way", () => {
    const check = { about: "", acknowledged: 10n, underway: 2 };
    expect([9n, 10n, 12n, 13n].map((found) => isRight({ ...check, found }))).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });
});

describe("the selection", () => {
  const all = [scribe("a", []), scribe("b", [], { fullOnly: true })];
  const names = (only: readonly string[], quick: boolean): readonly string[] =>
    selected(all, { only, quick }).flatMap(({ contender: { id }, workloads }) =>
      workloads.map((workload) => `${id}/${workload.id}`),
    );

  it("is everybody, or who is named", () => {
    expect(names([], false)).toEqual(["a/x", "a/y", "b/x", "b/y"]);
    expect(names(["a"], false)).toEqual(["a/x", "a/y"]);
    expect(names(["b/y", "a/x"], false)).toEqual(["a/x", "b/y"]);
  });

  it("leaves out what takes long from the short form, unless it is named", () => {
    expect(names([], true)).toEqual(["a/x", "a/y"]);
    expect(names(["b"], true)).toEqual(["b/x", "b/y"]);
  });

  it("takes from a contender that is named no work that is too long, unless the work is named", () => {
    const [x, y] = scribe("c", []).workloads.map((workload) => ({ ...workload, run: async () => SAMPLE }));
    if (x === undefined || y === undefined) throw new Error("there are two");
    const long = [scribe("c", [], { workloads: [x, { ...y, fullOnly: true }] })];
    const of = (...only: readonly string[]): readonly string[] =>
      selected(long, { only, quick: true }).flatMap(({ workloads }) => workloads.map(({ id }) => id));
    expect(of("c")).toEqual(["x"]);
    expect(of("c/y")).toEqual(["y"]);
  });

  it("knows which names there are not", () => {
    expect(unknownNames(all, ["a", "b/x", "c", "a/z"])).toEqual(["c", "a/z"]);
  });
});

describe("everybody who is measured", () => {
  it("has a name of its own, and so has each workload", () => {
    const names = CONTENDERS.flatMap((one) => one.workloads.map((workload) => seriesName(one, workload)));
    expect(new Set(names).size).toBe(names.length);
    expect(new Set(CONTENDERS.map(({ id }) => id)).size).toBe(CONTENDERS.length);
  });

  it("is there for every target", () => {
    const names = CONTENDERS.flatMap((one) => one.workloads.map((workload) => seriesName(one, workload)));
    const targets = [...PEER_TARGETS, ...ROW_TARGETS];
    for (const { id, bars } of targets) {
      for (const { figure, times } of bars) {
        expect([id, names.includes(figure.series)]).toEqual([id, true]);
        expect([id, times === undefined || names.includes(times.series)]).toEqual([id, true]);
      }
    }
    expect(new Set(targets.map(({ id }) => id)).size).toBe(targets.length);
  });

  it("aims no lower than at the least", () => {
    for (const { bars } of [...PEER_TARGETS, ...ROW_TARGETS]) {
      for (const { is, least, aim = least } of bars) {
        expect(is === "at least" ? aim >= least : aim <= least).toBe(true);
      }
    }
  });
});
