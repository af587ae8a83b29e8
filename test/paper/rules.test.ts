import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const HERE = new URL("./", import.meta.url);

function read(file: string): string {
  return readFileSync(new URL(file, HERE), "utf8");
}

/** `[section, sentence, file]` of every `rule(...)` in the test files. */
function written(): readonly string[] {
  return readdirSync(HERE)
    .filter((file) => file.endsWith(".test.ts"))
    .flatMap((file) =>
      [...read(file).matchAll(/rule\(\s*"([\d.]+)",\s*"([^"]*)"/g)].map(
        ([, section, sentence]) => `| ${section} | ${sentence} | ${file} |`,
      ),
    );
}

describe("the table of the paper's rules", () => {
  // Columns are padded when the table is formatted.
  const lines = read("README.md").replaceAll(/ +/g, " ").split("\n");
  const rows = lines.filter((line) => /^\| [\d.]+ \|/.test(line));

  it("lists every test of a rule, and each that it lists exists", () => {
    const listed = rows.filter((row) => /\| \S+\.test\.ts \|$/.test(row));
    expect(listed.toSorted()).toEqual(written().toSorted());
    expect(new Set(listed).size).toBe(listed.length);
  });

  it("says of every other rule why it has no test here", () => {
    const others = rows.filter((row) => !/\| \S+\.test\.ts \|$/.test(row));
    expect(others.length).toBeGreaterThan(0);
    for (const row of others) expect(row).toMatch(/\| (?:not yet|elsewhere): .{20,} \|$/);
  });

  it("covers sections 5 to 8", () => {
    const sections = new Set(rows.map((row) => row.split(" ")[1]));
    for (const one of ["5.1", "5.2", "5.3", "5.4.1", "5.4.2", "5.4.3", "5.5", "5.6", "6", "7", "8"]) {
      expect(sections).toContain(one);
    }
  });
});
