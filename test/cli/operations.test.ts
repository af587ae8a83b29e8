/** The runbooks: every command in docs/operations.md is one that the program understands. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { COMMANDS, parseCommandLine } from "../../src/cli/index.ts";

const TEXT = readFileSync(new URL("../../docs/operations.md", import.meta.url), "utf8");

/** Command lines of the fenced blocks: whole `sh` blocks, and what follows a prompt elsewhere. */
function commandLines(): readonly string[] {
  const blocks = [...TEXT.matchAll(/^ *```(\w*)\n([\s\S]*?)^ *```$/gm)];
  const lines = blocks.flatMap(([, language, body = ""]) => {
    const joined = body.replaceAll(/\\\n/g, " ").split("\n");
    return language === "sh" ? joined : joined.flatMap((line) => /^ *\$ (.*)$/.exec(line)?.[1] ?? []);
  });
  const prose = TEXT.replaceAll(/^ *```[\s\S]*?^ *```$/gm, "");
  const inline = [...prose.matchAll(/`(raftally [^`\n]+)`/g)].map(([, line = ""]) => line);
  return [...new Set([...lines, ...inline].filter((line) => line.startsWith("raftally ")))];
}

/** As a shell would hand it over: without comments, and without what the reader has to fill in. */
function wordsOf(line: string): readonly string[] {
  const whole = line
    .replace(/ +#.*$/, "")
    .replace(/\$\([^)]*\)/g, "x")
    .replace("--members …", "")
    .replace(" …", "");
  return whole
    .split(/ +/)
    .slice(1)
    .filter((word) => word !== "");
}

/** Commands for whoever counts. (Those that begin with `local` break a local cluster, for a show.) */
const COUNTING: ReadonlySet<string> = new Set(
  "cluster incr get list set delete allocate sum watch top".split(" "),
);

describe("docs/operations.md", () => {
  it.each(commandLines())("shows `%s`, which parses", (line) => {
    expect(parseCommandLine(wordsOf(line), {}).kind).toMatch(/^(?:run|help)$/);
  });

  it("has every command for whoever runs a cluster", () => {
    const shown = commandLines().map((line) => wordsOf(line).join(" "));
    const operating = COMMANDS.map(({ name }) => name).filter(
      (name) => !COUNTING.has(name) && !name.startsWith("local "),
    );
    for (const name of operating)
      expect(
        shown.filter((line) => line.startsWith(name)),
        name,
      ).not.toEqual([]);
  });
});
