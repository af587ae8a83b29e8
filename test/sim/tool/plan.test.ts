import { describe, expect, it } from "vitest";
import { parsePlan } from "./plan.ts";

describe("the command line of the simulator", () => {
  it("takes one seed, some seeds or some minutes", () => {
    expect(parsePlan(["--seed", "7"], 99)).toMatchObject({ from: 7, seeds: 1, jobs: 1 });
    expect(parsePlan(["--seeds", "50", "--jobs", "2"], 99)).toMatchObject({ from: 1, seeds: 50, jobs: 2 });
    expect(parsePlan(["--seeds", "50", "--from", "10"], 99)).toMatchObject({ from: 10, seeds: 50 });
    expect(parsePlan(["--minutes", "0.5"], 99)).toMatchObject({
      from: 99,
      seeds: Number.POSITIVE_INFINITY,
      forMs: 30_000,
    });
    expect(parsePlan(["--seed", "7", "--length", "calm"], 99)).toMatchObject({ length: "calm" });
    expect(parsePlan(["--help"], 99)).toBe("help");
  });

  it.each([
    [[], "say what to run"],
    [["--seed", "1", "--seeds", "2"], "say what to run"],
    [["--seeds", "many"], "--seeds takes a whole number"],
    [["--seeds", "-1"], "argument"],
    [["--minutes", "0"], "--minutes takes a number above 0"],
    [["--seeds", "5", "--jobs", "0"], "--jobs takes a number above 0"],
    [["--seeds", "5", "--length", "quick"], "--length takes short, long, calm"],
    [["--speed", "5"], "speed"],
  ])("refuses %j", (args, why) => {
    expect(() => parsePlan(args, 99)).toThrow(why);
  });
});
