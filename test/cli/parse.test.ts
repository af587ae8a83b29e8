import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { COMMANDS, OPTIONS, parseCommandLine, UsageError } from "../../src/cli/index.ts";
import { type Parsed, strayVariables } from "../../src/cli/parse.ts";
import { editDistance, suggest } from "../../src/cli/suggest.ts";

function run(line: string, environment: Record<string, string> = {}): Parsed {
  const request = parseCommandLine(line.split(" "), environment);
  if (request.kind !== "run") throw new Error(`expected a command to run, got ${request.kind}`);
  return request.parsed;
}

/** The sentence with which a command line is refused. */
function refusal(line: string, environment: Record<string, string> = {}): string {
  try {
    run(line, environment);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  return "it was accepted";
}

describe("precedence", () => {
  it("takes a flag over the environment, and the environment over the default", () => {
    expect(run("cluster").values.nodes).toBe(3);
    expect(run("cluster", { RAFTALLY_NODES: "5" }).values.nodes).toBe(5);
    expect(run("cluster --nodes 1", { RAFTALLY_NODES: "5" }).values.nodes).toBe(1);
  });

  it("knows where a value came from", () => {
    const environment = { RAFTALLY_PORT: "7000" };
    const parsed = run("cluster --nodes 3", environment);
    expect([parsed.source("nodes"), parsed.source("port"), parsed.source("data")]).toEqual([
      "flag",
      "environment",
      "default",
    ]);
  });

  it("takes an empty variable for one that is not set", () => {
    expect(run("cluster", { RAFTALLY_NODES: "" }).values.nodes).toBe(3);
  });

  it("does not read variables of options that the command does not have", () => {
    expect(run("incr k", { RAFTALLY_NODES: "many" }).values.nodes).toBe(3);
  });
});

describe("what a command line may look like", () => {
  it("takes a value after a blank or after =", () => {
    expect(run("incr k --by 7").values.by).toBe(7n);
    expect(run("incr --by=7 k").values.by).toBe(7n);
  });

  it("takes a negative number for a value", () => {
    expect(run("incr k --by -9223372036854775808").values.by).toBe(-(2n ** 63n));
  });

  it("takes everything after -- literally", () => {
    expect(run("get -- --json").positionals).toEqual(["--json"]);
  });

  it("reads members in full", () => {
    const line =
      "serve --members n1=10.0.0.1:4100@http://10.0.0.1:4000/,n2=[::1]:4100@https://two.example/api";
    expect(run(line).values.members).toEqual([
      { id: "n1", peer: "10.0.0.1:4100", api: "http://10.0.0.1:4000" },
      { id: "n2", peer: "[::1]:4100", api: "https://two.example/api" },
    ]);
  });

  it("reads durations as ms", () => {
    expect(run("get k --timeout 1.5s").values.timeout).toBe(1_500);
    expect(run("get k --timeout 250ms").values.timeout).toBe(250);
    expect(run("get k --timeout 2m").values.timeout).toBe(120_000);
    expect(run("get k --timeout 1h").values.timeout).toBe(3_600_000);
  });

  it("names some commands by two words", () => {
    const { command, positionals } = run("member replace n1 n4 --json");
    expect([command.name, ...positionals]).toEqual(["member replace", "n1", "n4"]);
  });

  it("leaves out arguments that may be left out", () => {
    expect(run("member transfer").positionals).toEqual([]);
    expect(run("member transfer n2").positionals).toEqual(["n2"]);
  });

  it("has defaults that differ from command to command", () => {
    expect(run("member list").values.timeout).toBe(5_000);
    expect(run("member add http://h:1").values.timeout).toBe(600_000);
    expect(run("member add http://h:1", { RAFTALLY_TIMEOUT: "7s" }).values.timeout).toBe(7_000);
  });

  it("reads where to join", () => {
    expect(run("serve --join 10.0.0.1:4100,[::1]:4101").values.join).toEqual([
      { host: "10.0.0.1", port: 4100 },
      { host: "::1", port: 4101 },
    ]);
    expect(run("serve --discover dns:peers.default.svc:4100").values.discover).toEqual({
      name: "peers.default.svc",
      port: 4100,
    });
  });

  it("asks for help or the version wherever those flags stand", () => {
    expect(parseCommandLine(["incr", "--help"], {}).kind).toBe("help");
    expect(parseCommandLine(["incr", "k", "-h"], {}).kind).toBe("help");
    expect(parseCommandLine(["serve", "--version"], {}).kind).toBe("version");
    expect(parseCommandLine([], {}).kind).toBe("help");
  });
});

describe("what is refused", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["clutser", "there is no command clutser; did you mean cluster?"],
    ["xyzzy", "there is no command xyzzy"],
    ["--nodes 3", "a command comes first, and --nodes is none"],
    ["cluster --noeds 3", "raftally cluster has no option --noeds; did you mean --nodes?"],
    ["cluster --qqqq", "raftally cluster has no option --qqqq"],
    ["cluster --members n1", "raftally cluster has no option --members; it belongs to raftally serve"],
    ["cluster --nodes 3 --nodes 5", "--nodes was given twice"],
    ["cluster --nodes", "--nodes needs a value: --nodes N"],
    ["cluster --data --port 1", "--data needs a value: --data DIR"],
    ["cluster --nodes 0", '--nodes must be a whole number from 1 to 9; it is "0"'],
    ["cluster --nodes 3.0", '--nodes must be a whole number from 1 to 9; it is "3.0"'],
    ["cluster --port 65536", '--port must be a whole number from 1 to 65400; it is "65536"'],
    ["cluster now", 'raftally cluster takes no arguments, so "now" is too much'],
    ["incr", "raftally incr needs a KEY"],
    ["incr a b", 'raftally incr takes one KEY, so "b" is too much'],
    [
      "incr k --by 9223372036854775808",
      '--by must be a whole number from -9223372036854775808 to 9223372036854775807; it is "9223372036854775808"',
    ],
    ["member ad http://h:1", "there is no command member ad; did you mean member add?"],
    ["member --json", "raftally member is followed by one of list, add, promote, remove, replace, transfer"],
    ["member promote", "raftally member promote needs an ID"],
    ["member replace n1", "raftally member replace needs a NEW"],
    ["member replace a b c", 'raftally member replace takes one OLD and one NEW, so "c" is too much'],
    ["member transfer a b", 'raftally member transfer takes one ID, so "b" is too much'],
    ["member list --by 3", "raftally member list has no option --by; it belongs to raftally incr"],
    [
      "serve --join n1",
      '--join must be host:port, separated by commas, such as 10.0.0.1:4100,10.0.0.2:4100; it is "n1"',
    ],
    [
      "serve --discover peers:4100",
      "--discover must be dns:NAME:PORT, where NAME is looked up in DNS, such as dns:raftally-peers:4100; " +
        'it is "peers:4100"',
    ],
    ["serve --join-as leader", '--join-as must be wait or learner or voter; it is "leader"'],
    ["incr k --json=yes", '--json must be true or false; it is "yes"'],
    ["get k --consistency eventual", '--consistency must be linearizable or stale; it is "eventual"'],
    ["get k --timeout 5", '--timeout must be a duration such as 250ms or 5s, from 10ms to 24h; it is "5"'],
    [
      "get k --url localhost:4000",
      "--url must be URLs separated by commas, such as http://127.0.0.1:4000,http://127.0.0.1:4001; " +
        'it is "localhost:4000"',
    ],
    ["serve --id N1", '--id must be 1 to 32 of a-z, 0-9 and - (not first or last); it is "N1"'],
    [
      "serve --listen 4000",
      '--listen must be host:port with a port from 1 to 65535, such as 127.0.0.1:4000 or [::1]:4000; it is "4000"',
    ],
    ["serve --cluster-id a/b", '--cluster-id must be 1 to 64 letters, digits or inner . _ -; it is "a/b"'],
  ];

  it.each(cases)("says of `%s`: %s", (line, sentence) => {
    expect(refusal(line)).toBe(sentence);
  });

  it("names the variable when the environment is wrong", () => {
    expect(refusal("cluster", { RAFTALLY_NODES: "x" })).toBe(
      'RAFTALLY_NODES must be a whole number from 1 to 9; it is "x"',
    );
  });

  it.each([
    ["n1", 'a list such as n1=10.0.0.1:4100@http://10.0.0.1:4000,n2=… (member 1 is "n1")'],
    ["n1=h:1@http://h:1,N2=h:2@http://h:2", "a list whose ids are 1 to 32 of a-z"],
    ["n1=h@http://h:1", "a list whose peer addresses are host:port"],
    ["n1=h:1@h:2", 'what follows @ is a URL such as http://127.0.0.1:4000 (member 1 is "n1=h:1@h:2")'],
    ["n1=h:1@http://h:2,n1=h:3@http://h:4", "nothing occurs twice (id n1 does)"],
    ["n1=h:1@http://h:2,n2=h:1@http://h:4", "nothing occurs twice (peer address h:1 does)"],
    ["n1=h:1@http://h:2,n2=h:3@http://h:2", "nothing occurs twice (URL http://h:2 does)"],
  ])("says what is wrong with the members %s", (list, sentence) => {
    expect(refusal(`serve --members ${list}`)).toContain(sentence);
  });
});

describe("stray variables", () => {
  it("are reported with what was probably meant", () => {
    expect(strayVariables({ RAFTALLY_ADVERTIZE: "x", PATH: "y", RAFTALLY_ID: "n1" })).toEqual([
      "the variable RAFTALLY_ADVERTIZE means nothing here; RAFTALLY_ADVERTISE does",
    ]);
  });

  it("do not include those that Kubernetes sets for a service called raftally", () => {
    const environment = {
      RAFTALLY_SERVICE_HOST: "10.0.0.1",
      RAFTALLY_SERVICE_PORT: "80",
      RAFTALLY_SERVICE_PORT_HTTP: "80",
      RAFTALLY_PORT_80_TCP_ADDR: "10.0.0.1",
    };
    expect(strayVariables(environment)).toEqual([]);
  });
});

describe("the tables", () => {
  it("name each variable once, and each flag once for every command", () => {
    const variables = Object.values(OPTIONS).flatMap((row) => row.env ?? []);
    for (const { name, options } of COMMANDS) {
      const flags = options.map((option) => OPTIONS[option].flag);
      expect(new Set(flags).size, name).toBe(flags.length);
    }
    expect(new Set(variables).size).toBe(variables.length);
  });

  it("name each variable after its flag", () => {
    for (const { flag, env } of Object.values(OPTIONS)) {
      if (env !== undefined) expect(env).toBe(`RAFTALLY_${flag.toUpperCase().replaceAll("-", "_")}`);
    }
  });

  it("hold no option that no command takes", () => {
    const taken = new Set(COMMANDS.flatMap((command) => command.options));
    const idle = Object.keys(OPTIONS).filter((name) => !["help", "version"].includes(name));
    expect(idle.filter((name) => !taken.has(name as keyof typeof OPTIONS))).toEqual([]);
  });

  it("hold no default of a command that its option would refuse", () => {
    for (const { name, options, defaults = {} } of COMMANDS) {
      for (const [option, shown] of Object.entries(defaults)) {
        expect(options, name).toContain(option);
        expect(OPTIONS[option as keyof typeof OPTIONS].read(shown).ok, name).toBe(true);
      }
    }
  });

  it("read every default that they show", () => {
    for (const { fallback, fallbackText, read } of Object.values(OPTIONS)) {
      if (fallbackText === undefined || fallback === "") continue;
      expect(read(fallbackText)).toEqual({ ok: true, value: fallback });
    }
  });
});

describe("suggest", () => {
  it("finds the word with the fewest typing errors", () => {
    expect(suggest("idempotncy-key", ["id", "idempotency-key", "prefix"])).toBe("idempotency-key");
    expect(suggest("idem", ["id", "idempotency-key"])).toBe("idempotency-key");
  });

  it("suggests nothing that is too far away", () => {
    expect(suggest("zebra", ["nodes", "data", "port"])).toBeUndefined();
  });

  it("counts a swap of neighbours as one error", () => {
    expect(editDistance("noeds", "nodes")).toBe(1);
  });

  it("is a distance: symmetric, and 0 exactly for equal words", () => {
    const word = fc.string({ maxLength: 8 });
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b) === 0).toBe(a === b);
      }),
    );
  });
});
