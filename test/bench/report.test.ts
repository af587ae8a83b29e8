import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { doubtsOf } from "../../bench/machine.ts";
import { chartOf } from "../../bench/report/chart.ts";
import { changesOf, changesTable } from "../../bench/report/compare.ts";
import { writeResult } from "../../bench/report/files.ts";
import { figureText, numberText, sampleText, spreadText } from "../../bench/report/format.ts";
import { jsonOf, resultIn } from "../../bench/report/json.ts";
import { figuresTable, reportOf, tableOf, targetsTable, troublesOf } from "../../bench/report/table.ts";
import { resultOf, sampleOf, seriesOf } from "./results.ts";

const RESULT = resultOf(
  seriesOf("raftally/hot-key", [400, 300, 500]),
  seriesOf("etcd/put", [100, undefined, 100]),
);

describe("figures as text", () => {
  it("have thousands separated, or three digits that say something", () => {
    expect([12_345.6, 100, 99.94, 0.012345, 0, Number.NaN].map(numberText)).toEqual([
      "12,346",
      "100",
      "99.9",
      "0.0123",
      "0",
      "?",
    ]);
  });

  it("carry their unit", () => {
    expect(figureText("rate", 1_234)).toBe("1,234/s");
    expect(figureText("p99", 1.5)).toBe("1.5 ms");
  });

  it("show from where to where only if there is a difference", () => {
    expect(spreadText({ median: 2, min: 1, max: 3 })).toBe("2 (1 to 3)");
    expect(spreadText({ median: 2, min: 2, max: 2 })).toBe("2");
  });

  it("fit on a line while it runs", () => {
    expect(sampleText(sampleOf({ rate: 1_234, p50: 0.5, cpu: 0.3 }))).toBe(
      "1,234/s  p50 0.5 ms  counted right: 10",
    );
  });
});

describe("the report", () => {
  it("aligns its tables", () => {
    expect(tableOf(["a", "long"], [["12345", "x"]])).toBe(
      "| a     | long |\n|-------|------|\n| 12345 | x    |",
    );
  });

  it("gives medians with their spread, and the rounds that failed", () => {
    const lines = figuresTable(RESULT).split("\n");
    expect(lines[2]).toMatch(/raftally\/hot-key .* 64 .* 400 \(300 to 500\) .* 2\.5 \(2 to 3\.33\)/);
    expect(lines[3]).toMatch(/etcd\/put .* 100 .* FAILED in 1/);
    expect(troublesOf(RESULT)).toEqual(["etcd/put: FAILED: it broke"]);
  });

  it("gives targets as ratios with the verdict", () => {
    expect(targetsTable(RESULT).split("\n")[2]).toMatch(
      /one hot key .* rate at least … × etcd\/put .* 4 × \(4 to 5\) .* 3\.5 × .* 5 × .* reached/,
    );
  });

  it("names what was skipped and why, and what the figures are of", () => {
    const text = reportOf(RESULT);
    expect(text).toContain("etcd: SKIPPED: etcd is not installed");
    expect(text).toContain("2 cores");
    expect(text).toContain("`npm run bench`");
  });

  it("warns of figures that may be worth nothing", () => {
    const { machine } = RESULT;
    expect(doubtsOf(machine)).toEqual([]);
    expect(doubtsOf({ ...machine, filesystem: "tmpfs" })).toEqual([expect.stringContaining("--dir")]);
    expect(reportOf({ ...RESULT, machine: { ...machine, loadBefore: 7 } })).toContain(
      "load average before was 7.0",
    );
  });
});

describe("the files", () => {
  it("keep everything, counts too large for JSON's numbers included", () => {
    const huge = 2n ** 62n + 1n;
    const check = { about: "the sum", acknowledged: huge, found: huge, underway: 0 };
    const series = {
      ...seriesOf("a/x", []),
      rounds: [{ outcome: "measured", sample: { figures: { rate: 1 }, check } }],
    } as const;
    const result = resultOf(series);
    expect(resultIn(jsonOf(result))).toEqual(result);
  });

  it("refuses to read anything else", () => {
    expect(() => resultIn("no")).toThrow("it is not JSON");
    expect(() => resultIn('{"format":0}')).toThrow("not a result of format 1");
    expect(() => resultIn("null")).toThrow("not a result");
  });

  it("are named by when the run began", () => {
    const directory = mkdtempSync(join(tmpdir(), "raftally-bench-test-"));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const paths = writeResult(join(directory, "new"), { ...RESULT, quick: true });
    expect(paths.map((path) => path.slice(directory.length + 5))).toEqual([
      "2026-11-21T12-00-00Z-quick.json",
      "2026-11-21T12-00-00Z-quick.md",
      "2026-11-21T12-00-00Z-quick.svg",
    ]);
    expect(resultIn(readFileSync(paths[0] ?? "", "utf8"))).toEqual({ ...RESULT, quick: true });
  });
});

describe("the chart", () => {
  it("has a bar for each rate, as long as the rate is high", () => {
    const svg = chartOf(RESULT);
    const widths = [...svg.matchAll(/<rect class="bar[^"]*" x="\d+" y="\d+" width="(\d+)"/g)].map(
      ([, width]) => Number(width),
    );
    expect(widths).toHaveLength(2);
    expect((widths[0] ?? 0) / (widths[1] ?? 1)).toBeCloseTo(4, 1);
    expect(svg).toContain("400/s");
  });

  it("is well-formed whatever the machine is called", () => {
    expect(chartOf(RESULT)).toContain("A &#60;fast&#62; CPU");
  });

  it("says so when there is nothing to show", () => {
    expect(chartOf(resultOf())).toContain("No rates were measured.");
  });
});

describe("comparing with an earlier run", () => {
  const before = resultOf(seriesOf("a/x", [100, 110, 90]), seriesOf("b/y", [100, 110, 90]));

  it("calls worse what is beyond noise and apart from all rounds before", () => {
    const after = resultOf(seriesOf("a/x", [50, 60, 70]), seriesOf("b/y", [80, 120, 60]));
    const rates = changesOf(before, after).filter(({ figure }) => figure === "rate");
    expect(rates.map(({ series, verdict }) => [series, verdict])).toEqual([
      ["a/x", "worse"],
      ["b/y", "alike"],
    ]);
  });

  it("calls a higher rate and a lower latency better, and puts what changed first", () => {
    const after = resultOf(
      seriesOf("b/y", [100, 100, 100]),
      seriesOf("a/x", [200, 210, 220]),
      seriesOf("c/z", [1]),
    );
    const changes = changesOf(before, after);
    expect(changes.filter(({ series }) => series === "a/x").map(({ verdict }) => verdict)).toEqual([
      "better",
      "better",
    ]);
    expect(changesTable(changes).split("\n")[2]).toMatch(
      /a\/x .* rate .* 100\/s .* 210\/s .* 2\.1 × .* BETTER/,
    );
  });
});
