import { tmpdir } from "node:os";
import { describe, expect, it } from "vitest";
import { type Command, parse } from "../../bench/command.ts";

function commandOf(...argv: readonly string[]): Command {
  const parsed = parse(argv);
  if (parsed.kind !== "run") throw new Error(parsed.text);
  return parsed.command;
}

function complaint(...argv: readonly string[]): string {
  const parsed = parse(argv);
  return parsed.kind === "wrong" ? parsed.text : `taken as: ${parsed.kind}`;
}

describe("the command line of the benchmark", () => {
  it("measures everything in three rounds and keeps the results, if nothing else is said", () => {
    const command = commandOf();
    expect(command).toMatchObject({ quick: false, install: false, rounds: 3, seconds: 5, only: [] });
    expect(command.out).toMatch(/bench[/\\]results$/);
    expect(command.directory).toBe(tmpdir());
    expect(command.world).toEqual({ fsyncMs: 0, rttMs: 0 });
  });

  it("is short and keeps nothing with --quick, unless it is said where", () => {
    expect(commandOf("--quick")).toMatchObject({ quick: true, rounds: 2, seconds: 1, out: undefined });
    expect(commandOf("--quick", "--out", "somewhere").out).toMatch(/somewhere$/);
    expect(commandOf("--quick", "--rounds", "5", "--seconds", "0.5")).toMatchObject({
      rounds: 5,
      seconds: 0.5,
    });
  });

  it("takes names one by one and with commas", () => {
    expect(commandOf("--only", "etcd,bare/http", "--only", "redis").only).toEqual([
      "etcd",
      "bare/http",
      "redis",
    ]);
  });

  it("takes slow disks and networks in milliseconds", () => {
    expect(commandOf("--fsync-ms", "5", "--rtt-ms", "0.5").world).toEqual({ fsyncMs: 5, rttMs: 0.5 });
  });

  it.each([
    [["--rounds", "0"], "--rounds is a whole number from 1 to 100"],
    [["--rounds", "1.5"], "--rounds is a whole number from 1 to 100"],
    [["--seconds", "soon"], "--seconds is a number from 0.1 to 3600"],
    [["--seconds", ""], "--seconds is a number from 0.1 to 3600"],
    [["--fsync-ms=-1"], "--fsync-ms is a number from 0 to 10000"],
  ])("says what is wrong with %j", (argv, text) => {
    expect(complaint(...argv)).toBe(text);
  });

  it("refuses what it does not know", () => {
    expect(complaint("--fast")).toMatch(/--fast/);
    expect(complaint("etcd")).toMatch(/etcd/);
  });

  it("explains every option in its help", () => {
    const parsed = parse(["--help"]);
    const text = parsed.kind === "help" ? parsed.text : "";
    const options = [
      "quick",
      "install",
      "only",
      "list",
      "rounds",
      "seconds",
      "warmup",
      "out",
      "compare",
      "dir",
    ];
    for (const option of [...options, "fsync-ms", "rtt-ms", "sockets"])
      expect(text).toMatch(`\n  --${option} `);
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(95);
  });
});
