import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CAPABILITIES, mustRun, portion, requires } from "./capability.ts";
import { summaryOf } from "./skip-reporter.ts";

describe("what tests may need", () => {
  it("is installed by the continuous integration where a package brings it", () => {
    const script = readFileSync(join(import.meta.dirname, "../../.ci/run"), "utf8");
    const installed = /^readonly PACKAGES=\((.*)\)$/m.exec(script)?.[1]?.split(" ") ?? [];
    // `command:package` where the two have different names.
    const packages = installed.map((entry) => entry.split(":").at(-1));
    const needed = Object.values(CAPABILITIES).flatMap(({ package: name }) =>
      name === undefined ? [] : [name],
    );
    expect(packages).toEqual(expect.arrayContaining(needed));
  });

  it("skips with the reason, and only for what is missing", () => {
    const reasons: string[] = [];
    const context = { skip: ((reason: string) => reasons.push(reason)) as never };
    const absent = CAPABILITIES.root.probe() !== "present";
    requires(context, "root");
    expect(reasons).toEqual(absent ? ["needs root"] : []);
  });

  it("must not be skipped for where everything is meant to run and could", () => {
    const root = process.getuid?.() === 0;
    expect(mustRun("absent", "1")).toBe(root);
    expect(mustRun("refused", "1")).toBe(false);
    expect(mustRun("absent", "")).toBe(false);
  });

  it("is half of the cases, and all of them where everything is meant to run", () => {
    expect(portion(5, "")).toBe(2);
    expect(portion(1, "")).toBe(1);
    expect(portion(5, "1")).toBe(5);
  });
});

describe("the list of skipped tests", () => {
  it("is grouped by reason, and names those without one", () => {
    const skips = [
      { file: "test/a.test.ts", title: "one", reason: "needs root" },
      { file: "test/b.test.ts", title: "two", reason: undefined },
      { file: "test/a.test.ts", title: "three", reason: "needs root" },
    ];
    expect(summaryOf(skips).split("\n").slice(2)).toEqual([
      "  needs root:",
      "    test/a.test.ts: one",
      "    test/a.test.ts: three",
      "  NO REASON GIVEN:",
      "    test/b.test.ts: two",
    ]);
  });

  it("says so when nothing was skipped", () => {
    expect(summaryOf([])).toContain("Nothing was skipped.");
  });
});
