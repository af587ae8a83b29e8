import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const FOLDER = join(import.meta.dirname, "checkers");
/** What the checkers share, and which checks nothing by itself. */
const SHARED = ["committed-log.ts", "configurations.ts", "reference.ts"];
const CHECKERS = readdirSync(FOLDER).filter((name) => name.endsWith(".ts") && !SHARED.includes(name));

const PAGE = readFileSync(join(import.meta.dirname, "../../docs/testing/simulator.md"), "utf8");
/** Rows of the table of checkers: the numbers of its invariants, and its file. */
const ROWS = [...PAGE.matchAll(/^\| ([^|]*) \| `([a-z-]+\.ts)` \|/gm)].map(([, numbers = "", file = ""]) => ({
  numbers: [...numbers.matchAll(/I[0-9]+/g)].map(([name]) => name),
  file,
}));

/** I15 is about leases, which there are none of. */
const INVARIANTS = Array.from({ length: 22 }, (_, at) => `I${at + 1}`).filter((name) => name !== "I15");

describe("the checkers of the simulator", () => {
  it("are each in the table of the documentation, which names no other", () => {
    expect(ROWS.map(({ file }) => file).sort()).toEqual(CHECKERS);
  });

  it.each(INVARIANTS)("look after %s, in a file that says so", (name) => {
    const files = ROWS.filter(({ numbers }) => numbers.includes(name)).map(({ file }) => file);
    expect(files).not.toEqual([]);
    for (const file of files) {
      expect(readFileSync(join(FOLDER, file), "utf8"), file).toMatch(new RegExp(`\\b${name}\\b`));
    }
  });

  it.each(CHECKERS)("%s has a test in which it fires", (file) => {
    const tests = readdirSync(import.meta.dirname).filter((name) => name.endsWith(".test.ts"));
    const using = tests.filter((name) => {
      const text = readFileSync(join(import.meta.dirname, name), "utf8");
      return text.includes(`./checkers/${file}`) && /toThrow\(|toContain\(/.test(text);
    });
    expect(using).not.toEqual([]);
  });
});
