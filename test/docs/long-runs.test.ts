/**
 * The blocks of the documents that take minutes to hours as a whole: their lines that are over in moments are run, and
 * of the others it is made sure that what they name is there. In .ci/run the tests of the folders concerned run more.
 */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { SCENARIOS } from "../../chaos/index.ts";
import { requires } from "../support/capability.ts";
import { blocksOf, documents, ROOT } from "./blocks.ts";
import { EXCEPTIONS, LONG_RUN } from "./exceptions.ts";
import { runIn } from "./tools.ts";

interface Line {
  readonly where: string;
  readonly text: string;
}

const LINES: readonly Line[] = documents().flatMap((file) =>
  blocksOf(file)
    .filter(({ text }) =>
      EXCEPTIONS.some(
        (each) => each.reason === LONG_RUN && each.file === file && text.startsWith(each.begins),
      ),
    )
    .flatMap(({ text, line: first }) =>
      text
        .split("\n")
        .map((line, at) => ({ where: `${file}:${first + 1 + at}`, text: line.replace(/ +#.*/, "").trim() })),
    )
    .filter(({ text }) => /^(?:npm run|npx vitest|RAFTALLY_TEST_ALL=1 npx vitest) /.test(text)),
);

/** What is over in moments: a list, one seed, one recorded case. */
const BRIEF: readonly RegExp[] = [/ --list$/, /^npm run sim -- --seed /, / --case /, / --repeat /];
const isBrief = ({ text }: Line): boolean => BRIEF.some((pattern) => pattern.test(text));

const SCRIPTS = (
  JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { scripts: Record<string, string> }
).scripts;

/** The file that a script runs. */
function programOf(script: string): string {
  const [, file = ""] = /(\S+\.ts)\b/.exec(SCRIPTS[script] ?? "") ?? [];
  return file;
}

describe("the lines of blocks that take long", () => {
  it("are found", () => {
    expect(LINES.length).toBeGreaterThan(20);
    expect(LINES.filter(isBrief).length).toBeGreaterThanOrEqual(6);
  });

  it.for(LINES.filter(isBrief))(
    "$text, which is over in moments, does what is said",
    { timeout: 120_000 },
    async (line, context) => {
      requires(context, "patience");
      const { exitCode, all } = await runIn(
        ["bash", "-c", line.text.replace(/^npm run (\S+)/, "npm run --silent $1")],
        { cwd: ROOT, env: { ...process.env, npm_config_loglevel: "error" } as Record<string, string> },
        (text) => text,
      );
      expect(exitCode, `${line.where}\n${all}`).toBe(0);
      expect(all).not.toBe("");
    },
  );

  it("name scripts, options, scenarios and files that there are", () => {
    const scenarios = SCENARIOS.map(({ name }) => name);
    for (const { where, text } of LINES.filter((line) => !isBrief(line))) {
      const [, script, rest = ""] = /^npm run ([\w:-]+)(?: -- (.*))?$/.exec(text) ?? [];
      if (script === undefined) {
        for (const file of text.split(" ").filter((word) => word.startsWith("test/"))) {
          expect(existsSync(join(ROOT, file)), where).toBe(true);
        }
        continue;
      }
      expect(Object.keys(SCRIPTS), where).toContain(script);
      const words = rest.split(" ").filter((word) => word !== "");
      for (const [at, word] of words.entries()) {
        if (word.startsWith("--")) expect(takes(script, word.slice(2)), `${where} ${word}`).toBe(true);
        else if (script === "chaos" && words[at - 1]?.startsWith("--") !== true) {
          expect(scenarios, where).toContain(word);
        }
      }
    }
  });
});

/** Whether the program of a script takes an option: as a row of what it gives `parseArgs`. */
function takes(script: string, option: string): boolean {
  const file = join(ROOT, programOf(script));
  const folder = file.replace(/\/[^/]+$/, "");
  const files = ["run.ts", "tool/plan.ts"]
    .map((name) => join(folder, name))
    .filter((each) => existsSync(each));
  const sources = files.map((each) => readFileSync(each, "utf8"));
  const row = new RegExp(`\\b${option}: \\{\\s*type:`);
  return sources.some((text) => row.test(text));
}
