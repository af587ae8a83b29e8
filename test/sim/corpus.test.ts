import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readCorpus } from "./tool/case.ts";
import { storyOf } from "./tool/failure.ts";
import { tryCase } from "./tool/trial.ts";

const MINUTES = 300_000;
const CORPUS = readCorpus(join(import.meta.dirname, "corpus"));

describe("the cases that have shown something", () => {
  it("are there, and say what they showed", () => {
    expect(CORPUS.length).toBeGreaterThan(4);
    for (const { name, case: one } of CORPUS) expect(one.showed, name).toBeDefined();
  });

  it.each(CORPUS)("keep every promise: $name", { timeout: MINUTES }, ({ case: one }) => {
    const { broken, result } = tryCase(one);
    if (broken !== undefined) throw new Error(storyOf(one));
    expect(result).toBeDefined();
  });
});
