/** The files of a run. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Result } from "../types.ts";
import { chartOf } from "./chart.ts";
import { jsonOf } from "./json.ts";
import { reportOf } from "./table.ts";

/**
 * Writes what a run gave, named by the time at which it began.
 * @returns the paths, the JSON file first.
 */
export function writeResult(directory: string, result: Result): readonly string[] {
  mkdirSync(directory, { recursive: true });
  const name = result.began.replace(/\.\d+/, "").replaceAll(":", "-") + (result.quick ? "-quick" : "");
  const files: readonly (readonly [string, string])[] = [
    [`${name}.json`, jsonOf(result)],
    [`${name}.md`, `${reportOf(result)}\n![rates as bars](${name}.svg)\n`],
    [`${name}.svg`, chartOf(result)],
  ];
  return files.map(([file, text]) => {
    const path = join(directory, file);
    writeFileSync(path, text);
    return path;
  });
}
