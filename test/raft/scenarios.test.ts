/**
 * The conversations of test/scenarios, played again: each file is rendered anew, and must come out as it is.
 * `vitest run test/raft/scenarios.test.ts -u` rewrites the answers; commit them only if you understand the change.
 */

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { Script } from "./script.ts";

const FOLDER = fileURLToPath(new URL("../scenarios/", import.meta.url));

/** The text with every answer replaced by what happens now. Comments and blank lines stay. */
function replay(text: string): string {
  const script = new Script();
  const out: string[] = [];
  let commands: string[] = [];
  let answering = false;
  for (const line of text.split("\n")) {
    if (answering) {
      if (line !== "") continue;
      answering = false;
    }
    if (line === "----") {
      out.push(line, script.run(commands));
      commands = [];
      answering = true;
      continue;
    }
    if (line !== "" && !line.startsWith("#")) commands.push(line);
    out.push(line);
  }
  if (commands.length > 0) throw new Error(`no ---- after: ${commands.join("; ")}`);
  return answering ? `${out.join("\n")}\n` : out.join("\n");
}

describe("scenario", () => {
  for (const file of readdirSync(FOLDER).filter((name) => name.endsWith(".txt"))) {
    it(file, async () => {
      const text = readFileSync(`${FOLDER}${file}`, "utf8");
      expect(text.startsWith("# "), "a scenario begins by saying what it teaches").toBe(true);
      await expect(replay(text)).toMatchFileSnapshot(`${FOLDER}${file}`);
    });
  }
});
