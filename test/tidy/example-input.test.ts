import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";

const FOLDER = join(import.meta.dirname, "../../examples");

/** `name | number` rows of a Markdown table. */
function figures(document: string): Map<string, number> {
  const rows = [...document.matchAll(/^\| ([^|]+?) \| ([\d,]+) \|$/gm)];
  return new Map(rows.map((row) => [row[1] ?? "", Number((row[2] ?? "").replaceAll(",", ""))]));
}

describe("the example's access log", () => {
  const lines = gunzipSync(readFileSync(join(FOLDER, "access.log.gz")))
    .toString("utf8")
    .trimEnd()
    .split("\n");

  it("contains what its README says", () => {
    const counted = new Map<string, number>([
      ["lines", lines.length],
      ["distinct client addresses", new Set(lines.map((line) => line.split(" ")[0])).size],
      ["distinct request targets", new Set(lines.map((line) => line.split(" ")[6])).size],
    ]);
    for (const line of lines) {
      const name = `status ${line.split(" ")[8]}`;
      counted.set(name, (counted.get(name) ?? 0) + 1);
    }
    expect(figures(readFileSync(join(FOLDER, "README.md"), "utf8"))).toEqual(counted);
  });
});
