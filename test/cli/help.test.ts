import { describe, expect, it } from "vitest";
import { COMMANDS, GROUPS, OPTIONS, parseCommandLine } from "../../src/cli/index.ts";
import { raftally } from "./terminal.ts";

describe("help", () => {
  it("lists every command, those of a group by their first word", async () => {
    const { out, exitCode } = await raftally(["--help"]);
    const single = COMMANDS.filter(({ name }) => !name.includes(" "));
    for (const { name, summary } of [...single, ...GROUPS]) {
      expect(out).toMatch(new RegExp(`^ {2}${name} +${summary}$`, "m"));
    }
    expect(exitCode).toBe(0);
  });

  it.each(GROUPS.map(({ name }) => name))(
    "of the group %s lists its commands, however it is asked for",
    async (group) => {
      const { out, exitCode } = await raftally([group, "--help"]);
      for (const { name, summary } of COMMANDS.filter((command) => command.name.startsWith(`${group} `))) {
        expect(out).toMatch(new RegExp(`^ {2}${name} +${summary}$`, "m"));
      }
      expect(exitCode).toBe(0);
      expect((await raftally([group])).out).toBe(out);
      expect((await raftally(["help", group])).out).toBe(out);
    },
  );

  it.each(COMMANDS.map((command) => [command.name, command] as const))(
    "of %s shows each of its options with default and variable, and fits a terminal",
    async (name, command) => {
      const { out } = await raftally([...name.split(" "), "--help"]);
      const flat = out.replaceAll(/\s+/g, " ");
      for (const option of command.options) {
        const { flag, placeholder, help, env, fallbackText } = OPTIONS[option];
        expect(flat).toContain(`--${flag}${placeholder === undefined ? "" : ` ${placeholder}`} `);
        expect(flat).toContain(help);
        if (env !== undefined) expect(flat).toContain(env);
        const shown = command.defaults?.[option] ?? fallbackText;
        if (shown !== undefined) expect(flat).toContain(`(default ${shown}`);
      }
      const prose = out.split("Examples:")[0] ?? "";
      expect(prose.split("\n").filter((line) => line.length > 92)).toEqual([]);
      expect(out).toContain("Exit codes:");
      expect((await raftally(["help", ...name.split(" ")])).out).toBe(out);
    },
  );

  it.each(COMMANDS.flatMap(({ examples }) => examples.map(({ line }) => line)))(
    "gives the example `%s`, which parses",
    (example) => {
      const environment: Record<string, string> = {};
      const lines = example.replaceAll("\\\n", "").split("\n");
      for (const line of lines) {
        const [program, ...argv] = line.split(/ +/);
        if (program === "export") {
          const [name = "", ...value] = (argv[0] ?? "").split("=");
          environment[name] = value.join("=");
        } else {
          expect(program).toBe("raftally");
          expect(parseCommandLine(argv, environment).kind).toBe("run");
        }
      }
    },
  );

  it("follows `help COMMAND` too", async () => {
    expect((await raftally(["help", "incr"])).out).toContain("Usage: raftally incr KEY [options]");
  });

  it("is pointed to by every refusal", async () => {
    const { error, exitCode } = await raftally(["incr", "--bye", "3"]);
    expect(error).toBe(
      "raftally: raftally incr has no option --bye; did you mean --by?\n  try: raftally incr --help",
    );
    expect(exitCode).toBe(2);
  });
});
