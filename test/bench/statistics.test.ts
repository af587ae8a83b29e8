import { describe, expect, it } from "vitest";
import { figureOf, judge, judgeBar, ratioOf, spreadOf } from "../../bench/report/statistics.ts";
import type { Bar, FigureRef } from "../../bench/types.ts";
import { sampleOf, seriesOf } from "./results.ts";

function rate(series: string): FigureRef {
  return { series, figure: "rate" };
}

const OURS = seriesOf("a/x", [400, 300, 500]);
const THEIRS = seriesOf("b/y", [100, 60, 200]);

describe("medians and spreads", () => {
  it("takes the middle of an odd number, and between the middle two of an even one", () => {
    expect(spreadOf([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
    expect(spreadOf([4, 1, 3, 2])).toEqual({ median: 2.5, min: 1, max: 4 });
    expect(spreadOf([7])).toEqual({ median: 7, min: 7, max: 7 });
    expect(spreadOf([])).toBeUndefined();
  });

  it("leaves out rounds that failed or counted wrong", () => {
    const wrong = { outcome: "wrong", sample: sampleOf({ rate: 1_000_000 }) } as const;
    const series = {
      ...OURS,
      rounds: [...OURS.rounds.slice(0, 2), wrong, ...seriesOf("a/x", [undefined]).rounds],
    };
    expect(figureOf([series], rate("a/x"))).toEqual({ median: 350, min: 300, max: 400 });
  });

  it("knows nothing of what was never measured", () => {
    expect(figureOf([OURS], rate("b/y"))).toBeUndefined();
    expect(figureOf([OURS], { series: "a/x", figure: "p99" })).toBeUndefined();
    expect(figureOf([seriesOf("a/x", [undefined])], rate("a/x"))).toBeUndefined();
  });
});

describe("ratios", () => {
  it("are of medians, between the extremes within one round", () => {
    expect(ratioOf([OURS, THEIRS], rate("a/x"), rate("b/y"))).toEqual({ median: 4, min: 2.5, max: 5 });
  });

  it("compare a round with the same round only", () => {
    const gap = seriesOf("b/y", [100, undefined, 200]);
    expect(ratioOf([OURS, gap], rate("a/x"), rate("b/y"))).toEqual({ median: 400 / 150, min: 2.5, max: 4 });
  });

  it("do not divide by nothing", () => {
    expect(ratioOf([OURS, seriesOf("b/y", [0, 0, 0])], rate("a/x"), rate("b/y"))).toBeUndefined();
    expect(ratioOf([OURS], rate("a/x"), rate("b/y"))).toBeUndefined();
  });
});

describe("targets", () => {
  const bar: Bar = { figure: rate("a/x"), is: "at least", times: rate("b/y"), least: 3.5, aim: 5 };
  const all = [OURS, THEIRS];

  it("are missed below the least, reached from there, and the aim from the aim on", () => {
    expect(judgeBar(all, { ...bar, least: 4.01 }).grade).toBe("missed");
    expect(judgeBar(all, { ...bar, least: 4 }).grade).toBe("least");
    expect(judgeBar(all, { ...bar, aim: 4 }).grade).toBe("aim");
  });

  it("turn around where less is better", () => {
    const most: Bar = { figure: { series: "a/x", figure: "p50" }, is: "at most", least: 2.5, aim: 2 };
    expect(judgeBar(all, most).grade).toBe("least");
    expect(judgeBar(all, { ...most, aim: 2.5 }).grade).toBe("aim");
    expect(judgeBar(all, { ...most, least: 2.4, aim: 2 }).grade).toBe("missed");
  });

  it("compare with a number where there is nobody else", () => {
    const { times: _, ...alone } = bar;
    expect(judgeBar(all, { ...alone, least: 400, aim: 401 })).toMatchObject({
      grade: "least",
      measured: { median: 400 },
    });
  });

  it("are as good as their worst bar, and say when one could not be judged", () => {
    const aim: Bar = { ...bar, aim: 4 };
    const unknown: Bar = { ...bar, times: rate("c/z") };
    expect(judge(all, { id: "t", about: "", bars: [aim, bar] })).toMatchObject({
      grade: "least",
      isPartial: false,
    });
    expect(judge(all, { id: "t", about: "", bars: [aim, unknown] })).toMatchObject({
      grade: "aim",
      isPartial: true,
    });
    expect(judge(all, { id: "t", about: "", bars: [unknown] })).toMatchObject({
      grade: "unknown",
      isPartial: false,
    });
    expect(judge(all, { id: "t", about: "", bars: [{ ...bar, least: 9 }, aim] }).grade).toBe("missed");
  });

  it("does not let a bar without an aim hold back the others", () => {
    const { aim: _, ...noAim } = bar;
    expect(judge(all, { id: "t", about: "", bars: [noAim, { ...bar, aim: 4 }] }).grade).toBe("aim");
  });
});
