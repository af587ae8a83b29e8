/** The command line and the environment: parseCommandLine and serveConfig; and the file of a local cluster. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Prng } from "../../../src/base/index.ts";
import { savePlan, storedPlan } from "../../../src/cli/cluster-file.ts";
import { COMMANDS } from "../../../src/cli/commands.ts";
import { OPTIONS } from "../../../src/cli/options.ts";
import { parseCommandLine, strayVariables, UsageError } from "../../../src/cli/parse.ts";
import { StartRefusal } from "../../../src/cli/refusal.ts";
import { serveConfig } from "../../../src/cli/serve-config.ts";
import { isNodeId } from "../../../src/raft/index.ts";
import { HOSTILE, mutateBytes } from "../bytes.ts";
import { json, Pool } from "../pool.ts";
import { accepted, demand, refused, type Subject, type Target, type Verdict } from "../target.ts";

const LINES: readonly (readonly string[])[] = [
  ["serve", "--id", "n1", "--cluster-id", "c1"],
  [
    "serve",
    "--id=n1",
    "--cluster-id=c1",
    "--members",
    "n1=127.0.0.1:4100@http://127.0.0.1:4000,n2=127.0.0.1:4101@http://127.0.0.1:4001",
    "--election-timeout",
    "500ms",
    "--heartbeat-interval=50ms",
  ],
  [
    "serve",
    "--join",
    "10.0.0.1:4100,[::1]:4101",
    "--secret",
    "s".repeat(24),
    "--advertise-peer",
    "10.0.0.9:4100",
  ],
  [
    "serve",
    "--discover",
    "dns:raftally-peers:4100",
    "--advertise",
    "http://n4:4000/",
    "--listen",
    "0.0.0.0:4000",
  ],
  ["cluster", "--nodes", "3", "--port", "4000", "--data", "somewhere"],
  ["incr", "hits", "--by", "-9223372036854775808", "--url", "http://127.0.0.1:4000,http://127.0.0.1:4001"],
  ["get", "hits", "--timeout", "1.5s"],
  ["list", "--prefix", "a", "--limit", "10"],
  ["member", "replace", "n1", "n4"],
  ["backup", "file", "--url", "http://[::1]:4000"],
  ["restore", "file", "--id", "n1"],
  ["help", "member", "add"],
  ["--version"],
];

const ENVIRONMENTS: readonly (readonly string[])[] = [
  [],
  ["RAFTALLY_ID=n2", "RAFTALLY_CLUSTER_ID=c2", "RAFTALLY_SECRET=0123456789abcdef0123"],
  ["RAFTALLY_URL=http://127.0.0.1:4000", "RAFTALLY_PORT=4000", "RAFTALLY_LISTEN="],
  ["RAFTALLY_SERVICE_HOST=1", "RAFTALLY_ELECTION_TIMEOUT=1h", "__proto__=x"],
];

/** Words are separated by a byte that no argument can hold; a word that begins with this one is a variable. */
const VARIABLE = "\u0001";

export const commandLine: Target = {
  name: "command-line",
  about:
    "arguments and environment into parseCommandLine and serveConfig: a request, or UsageError with a sentence",
  inputs: 60_000,
  sample: 800,
  msMax: 250,
  open: async (): Promise<Subject> => ({ draw, feed, close: async () => undefined }),
};

function draw(prng: Prng): Buffer {
  const words: string[] = [...prng.pick(LINES)];
  const variables = prng.pick(ENVIRONMENTS).map((variable) => VARIABLE + variable);
  for (let change = prng.between(0, 3); change > 0; change--) mutateWords(words, prng);
  const bytes = Buffer.from([...words, ...variables].join("\u0000"));
  return prng.chance(0.3) ? mutateBytes(bytes, prng, Buffer.from(prng.pick(LINES).join("\u0000"))) : bytes;
}

function mutateWords(words: string[], prng: Prng): void {
  const at = prng.between(0, words.length);
  const flags = Object.values(OPTIONS).map(({ flag }) => `--${flag}`);
  const hostile = prng.pick(HOSTILE).toString("latin1").replaceAll("\u0000", "");
  const { name } = prng.pick(COMMANDS);
  const other = prng.pick(prng.pick(LINES));
  const drawn = prng.pick([
    prng.pick(flags),
    `${prng.pick(flags)}=${hostile}`,
    hostile,
    other,
    name,
    "--",
    "-",
    "-h",
    "-x",
  ]);
  if (prng.chance(0.4)) words.splice(at, 1, drawn);
  else if (prng.chance(0.7)) words.splice(at, 0, drawn);
  else words.splice(at, 1);
}

function feed(input: Buffer): Verdict {
  const words = input.toString("utf8").split("\u0000");
  const environment: Record<string, string> = Object.create(null);
  for (const word of words.filter((one) => one.startsWith(VARIABLE))) {
    const [name = "", ...value] = word.slice(1).split("=");
    environment[name] = value.join("=");
  }
  const argv = words.filter((word) => !word.startsWith(VARIABLE));
  for (const stray of strayVariables(environment))
    demand(stray.includes("means nothing"), "stray: without a sentence");
  try {
    const request = parseCommandLine(argv, environment);
    if (request.kind !== "run") return accepted(request.kind);
    const { command, values } = request.parsed;
    demand(
      isDeepStrictEqual(values, valuesAgain(argv, environment)),
      "command line: it means something else each time",
    );
    // A file that is named may hold anything or be a device; reading it is the operating system's business.
    if (command.name !== "serve" || values.secretFile !== undefined) return accepted(command.name);
    judgeConfig(serveConfig(values, "host-1"));
    return accepted("serve with a configuration");
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    demand(error.message.length > 10, "refusal: it does not say what is wrong");
    return refused(error.message.replace(/(is none|there is no command) .*/, "$1"));
  }
}

function valuesAgain(argv: readonly string[], environment: Readonly<Record<string, string>>): unknown {
  const request = parseCommandLine(argv, environment);
  return request.kind === "run" ? request.parsed.values : undefined;
}

/** What a node is started with is never out of range. */
function judgeConfig(config: ReturnType<typeof serveConfig>): void {
  demand(isNodeId(config.id), "serve: an id that the core refuses");
  for (const { port } of [config.listen, config.listenPeer]) {
    demand(Number.isInteger(port) && port >= 1 && port <= 65_535, "serve: a port out of range");
  }
  demand(
    config.members.every(({ id }) => isNodeId(id)),
    "serve: a member whose id the core refuses",
  );
  demand(
    new Set(config.members.map(({ id }) => id)).size === config.members.length,
    "serve: a member named twice",
  );
  demand(config.secret === "" || config.secret.length >= 16, "serve: a secret that is too short");
}

const PLAN = {
  clusterId: "local-0123456789abcdef",
  secret: "s".repeat(48),
  existed: false,
  members: [1, 2, 3].map((at) => ({
    id: `n${at}`,
    peer: `127.0.0.1:${4_099 + at}`,
    api: `http://127.0.0.1:${3_999 + at}`,
  })),
};

export const clusterFile: Target = {
  name: "cluster-file",
  about: "cluster.json of a local cluster into storedPlan: members that can be started, or StartRefusal",
  inputs: 4_000,
  sample: 30,
  msMax: 500,
  open: async (): Promise<Subject> => {
    const directory = mkdtempSync(join(tmpdir(), "raftally-fuzz-"));
    const { existed: _, ...content } = PLAN;
    const text = JSON.stringify({ format: 1, ...content }, undefined, 2);
    const pool = new Pool([Buffer.from(text)], json);
    const again = join(directory, "again");
    return {
      draw: (prng) => pool.draw(prng),
      feed: (input) => {
        writeFileSync(join(directory, "cluster.json"), input);
        return feedPlan(directory, again);
      },
      close: async () => rmSync(directory, { recursive: true, force: true }),
    };
  },
};

function feedPlan(directory: string, again: string): Verdict {
  try {
    const plan = storedPlan(directory);
    demand(plan !== undefined, "cluster file: one that is there is passed over");
    demand(
      plan.members.length > 0 && plan.members.every(({ id }) => isNodeId(id)),
      "cluster file: members that are none",
    );
    savePlan(again, plan);
    demand(
      isDeepStrictEqual(storedPlan(again), plan),
      "round trip: a plan is another one after writing and reading",
    );
    return accepted("plan");
  } catch (error) {
    if (!(error instanceof StartRefusal)) throw error;
    return refused(error.message.replace(directory, ""));
  }
}
