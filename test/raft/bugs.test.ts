import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { index } from "../../src/raft/index.ts";
import { BUGS } from "./bugs.ts";
import { Cluster } from "./kit.ts";

const TESTS = new URL("../", import.meta.url);

function titles(path: string): readonly string[] {
  const text = readFileSync(new URL(path, TESTS), "utf8");
  return [...text.matchAll(/\bit\(\s*["'`]([^\n]*)/g)].map((match) => match[1] ?? "");
}

describe("the list of known bugs", () => {
  it("has every number once", () => {
    const numbers = Array.from({ length: 56 }, (_, at) => `T${String(at + 1).padStart(2, "0")}`);
    expect(BUGS.map(({ number }) => number)).toEqual(numbers);
  });

  for (const { number, what, verdict } of BUGS) {
    if ("tested" in verdict) {
      it(`${number} has a test of its own: ${what}`, () => {
        expect(titles(`raft/${verdict.tested}`).some((title) => title.startsWith(`${number}: `))).toBe(true);
        const { also } = verdict;
        if (also !== undefined)
          expect(titles(also.elsewhere).some((title) => title.startsWith(also.title))).toBe(true);
      });
    } else if ("elsewhere" in verdict) {
      it(`${number} is tested in ${verdict.elsewhere}: ${what}`, () => {
        expect(titles(verdict.elsewhere).some((title) => title.startsWith(verdict.title))).toBe(true);
      });
    } else {
      it(`${number} cannot happen: ${verdict.absent}`, () => {
        expect(verdict.absent.length).toBeGreaterThan(20);
      });
    }
  }
});

describe("what the core refuses of a store", () => {
  it("T53: a state machine that is older than the log's beginning", () => {
    const cluster = new Cluster({ voters: ["a"] });
    cluster.elect("a");
    cluster.propose("a", "x");
    cluster.settle();
    cluster.snapshot("a");
    cluster.settle();
    cluster.crash("a");
    const { disk } = cluster.node("a");
    disk.recover = () => {};
    disk.machine = { applied: index(1), history: [] };
    expect(() => cluster.start("a")).toThrow("older than the log's first entry");
  });
});
