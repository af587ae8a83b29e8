/** The package as npm would publish it, installed in another place. Needs the registry, or a warm npm cache. */

import { execFile, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, type TestContext } from "vitest";
import { freePortRange } from "../../chaos/index.ts";
import { deadUrl } from "../client/fake-node.ts";
import { CAPABILITIES, requires } from "../support/capability.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

interface Ran {
  readonly exitCode: number;
  readonly text: string;
}

function run(command: string, args: readonly string[], cwd: string): Promise<Ran> {
  return new Promise((resolve) => {
    // The program speaks of variables of its own name that it does not know, such as those of these tests.
    const env = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !name.startsWith("RAFTALLY_")),
    );
    execFile(command, [...args], { cwd, env }, (error, out, err) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
      resolve({ exitCode: code, text: out + err });
    });
  });
}

let directory = "";
let packed: Ran;
let installed: Ran;

beforeAll(async () => {
  if (CAPABILITIES.patience.probe() !== "present") return;
  directory = mkdtempSync(join(tmpdir(), "raftally-package-"));
  packed = await run("npm", ["pack", "--silent", "--pack-destination", directory], ROOT);
  const file = readdirSync(directory).find((name) => name.endsWith(".tgz"));
  writeFileSync(join(directory, "package.json"), '{"name":"elsewhere","private":true,"type":"module"}');
  const flags = ["--omit=dev", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"];
  installed = await run("npm", ["install", ...flags, `./${file}`], directory);
}, 90_000);

afterAll(() => {
  if (directory !== "") rmSync(directory, { recursive: true });
});

/** Nothing here can be tried where npm cannot fetch what the package depends on. */
function needInstall(context: TestContext): void {
  requires(context, "patience");
  const offline = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOTCACHED/.test(
    installed.text,
  );
  context.skip(installed.exitCode !== 0 && offline, "the npm registry cannot be reached");
  expect(installed).toMatchObject({ exitCode: 0 });
}

describe("the packed file", () => {
  it("is made from sources that compile", (context) => {
    requires(context, "patience");
    expect(packed).toMatchObject({ exitCode: 0 });
  });

  it("runs its command line, from JavaScript", async (context) => {
    needInstall(context);
    const program = join(directory, "node_modules", "raftally", "bin", "raftally.js");
    const version = await run(process.execPath, [program, "--version"], directory);
    expect(version.text).toMatch(/^raftally \d+\.\d+\.\d+ \(Node\.js /);
    // This loads all of a node: the packed sources, and every package that they import.
    const serve = await run(process.execPath, [program, "serve", "--id", "n1"], directory);
    expect(serve).toMatchObject({ exitCode: 2 });
    expect(serve.text).toContain("--cluster-id (or RAFTALLY_CLUSTER_ID) is needed");
  });

  it("holds no sources, and none of their tests", async (context) => {
    needInstall(context);
    const names = readdirSync(join(directory, "node_modules", "raftally"), {
      recursive: true,
      encoding: "utf8",
    });
    const own = names.filter((name) => !name.startsWith("node_modules"));
    expect(own.filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"))).toEqual([]);
    expect(own.filter((name) => /\btest\b/.test(name))).toEqual([]);
  });

  it("gives the client to JavaScript", async (context) => {
    needInstall(context);
    const file = join(directory, "use.mjs");
    writeFileSync(
      file,
      `import { RaftallyClient, Unavailable } from "raftally";
       const client = new RaftallyClient({ urls: ["${await deadUrl()}"], timeoutMs: 200 });
       const error = await client.increment("k").catch((error) => error);
       console.log(error instanceof Unavailable, error.code);`,
    );
    expect(await run(process.execPath, [file], directory)).toEqual({
      exitCode: 0,
      text: "true UNREACHABLE\n",
    });
  });

  it("runs a whole node, which serves every call of the client and the dashboard, from JavaScript", async (context) => {
    needInstall(context);
    const port = await freePortRange(1);
    const program = join(directory, "node_modules", "raftally", "bin", "raftally.js");
    const flags = ["--id", "n1", "--cluster-id", "packed", "--new-cluster", "--founding-wait", "0s"];
    const where = ["--listen", `127.0.0.1:${port}`, "--listen-peer", `127.0.0.1:${port + 100}`];
    const node = spawn(process.execPath, [program, "serve", ...flags, ...where, "--data", "data"], {
      cwd: directory,
      stdio: "ignore",
    });
    onTestFinished(() => void node.kill("SIGKILL"));
    writeFileSync(join(directory, "calls.mjs"), CALLS);
    const ran = await run(process.execPath, ["calls.mjs", `http://127.0.0.1:${port}`], directory);
    expect(ran.text.trim().split("\n")).toEqual([
      "set 5 true",
      "saturated 7 2",
      "refused REVISION_MISMATCH",
      "allocated 1 100",
      "in a session 1 2 3",
      "combined 3 2 p:c true",
      "sum 113 4",
      "selected p:a p:orders",
      "top p:orders",
      "watched open 7",
      "watched change 8",
      "deleted 0",
      "gone true",
    ]);
    const top = await run(
      process.execPath,
      [program, "sum", "p:", "--url", `http://127.0.0.1:${port}`],
      directory,
    );
    expect(top).toEqual({ exitCode: 0, text: "106\n" });
    const page = await fetch(`http://127.0.0.1:${port}/`, { headers: { accept: "text/html" } });
    const script = /src="(\/assets\/[^"]+\.js)"/.exec(await page.text())?.[1] ?? "";
    const answer = await fetch(`http://127.0.0.1:${port}${script}`);
    expect(answer.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
  });

  it.for([
    ["without the browser's types", { lib: ["ES2023"], types: ["node"] }],
    [
      "with the browser's types and without Node's",
      { lib: ["ES2023", "DOM", "DOM.AsyncIterable"], types: [] },
    ],
    [
      "as a bundler resolves it",
      { lib: ["ES2023", "DOM"], types: [], module: "ESNext", moduleResolution: "bundler" },
    ],
  ] as const)("gives the client's types to TypeScript, %s", async ([_name, options], context) => {
    needInstall(context);
    const project = mkdtempSync(join(directory, "typed-"));
    const compilerOptions = {
      ...{
        strict: true,
        noEmit: true,
        target: "ES2023",
        module: "NodeNext",
        exactOptionalPropertyTypes: true,
      },
      ...{ noUncheckedIndexedAccess: true, verbatimModuleSyntax: true, skipLibCheck: false },
      typeRoots: [join(ROOT, "node_modules", "@types")],
      ...options,
    };
    const config = (name: string): string => {
      const path = join(project, `${name}.json`);
      writeFileSync(path, JSON.stringify({ compilerOptions, files: [`${name}.ts`] }));
      return path;
    };
    writeFileSync(join(project, "package.json"), '{"type":"module"}');
    writeFileSync(join(project, "good.ts"), TYPED);
    writeFileSync(join(project, "wrong.ts"), WRONG);
    const tsc = join(ROOT, "node_modules", ".bin", "tsc");
    expect(await run(tsc, ["-p", config("good")], project)).toEqual({ exitCode: 0, text: "" });
    const refused = await run(tsc, ["-p", config("wrong")], project);
    expect(refused.text).toContain("Type 'bigint' is not assignable to type 'number'");
    expect(refused.text).toContain(`Type '"by value"' is not assignable to type`);
    expect(refused.text).toContain("Property 'value' does not exist on type 'WatchResync'");
    expect(refused.text).toContain("Argument of type '{ by: number; }' is not assignable");
    expect(refused.text.match(/error TS/g)?.length).toBe(4);
  });
});

const HEAD = `import { escapeGlob, OutcomeUnknown, RaftallyClient, Refused } from "raftally";
`;

/** A user's program; says what came of each call. */
const CALLS = `${HEAD}
const urls = [process.argv[2]];
const client = new RaftallyClient({ urls, timeoutMs: 20_000 });
const set = await client.set("p:a", 5, { ifAbsent: true });
console.log("set", String(set.value), set.changed);
const saturated = await client.increment("p:a", { by: 9, max: 7, onLimit: "saturate" });
console.log("saturated", String(saturated.value), String(saturated.applied));
const error = await client.set("p:a", 1, { ifRevision: set.revision }).catch((error) => error);
console.log("refused", error instanceof Refused && error.code);
const { from, to, index } = await client.allocate("p:orders", 100);
console.log("allocated", String(from), String(to));
const sessions = new RaftallyClient({ urls, exactlyOnce: "sessions" });
const values = [];
for (let i = 0; i < 3; i++) values.push((await sessions.increment("p:s")).value);
console.log("in a session", values.join(" "));
const counting = client.combining({ maxKeys: 10 });
const [combined, same] = await Promise.all([counting.increment("p:c"), counting.increment("p:c", 2n)]);
await counting.close();
console.log("combined", String(combined.value), combined.calls, combined.key, same === combined);
const sum = await client.sum({ prefix: "p:", depth: 1, minIndex: index });
console.log("sum", String(sum.sum), sum.groups.length);
const selection = await client.query(["p:a", escapeGlob("p:orders"), "nothing:*"]);
console.log("selected", selection.counters.map(({ key }) => key).sort().join(" "));
const page = await client.list({ match: "p:*", order: "-value", limit: 1 });
console.log("top", page.counters[0].key);
for await (const event of client.watch({ key: "p:a" })) {
  if (event.kind === "open") {
    console.log("watched open", String(event.counter?.value));
    await client.increment("p:a");
  } else if (event.kind === "change") {
    console.log("watched change", String(event.value));
    break;
  }
}
console.log("deleted", String((await client.delete("p:a")).value));
console.log("gone", (await client.get("p:a")) === undefined);
`;

/** What a user's editor should agree with. */
const TYPED = `import {
  type Allocation,
  type Combined,
  type Combining,
  type CombiningOptions,
  escapeGlob,
  OutcomeUnknown,
  RaftallyClient,
  Refused,
  type Sum,
  type WatchEvent,
} from "raftally";

export async function use(signal: AbortSignal): Promise<bigint> {
  const client = new RaftallyClient({ urls: ["http://127.0.0.1:4000"], exactlyOnce: "sessions" });
  const value: bigint = (await client.increment("k", { by: 2n, max: 9, onLimit: "saturate" })).value;
  const { revision } = await client.set("k", 5, { ifAbsent: true, signal });
  await client.delete("k", { ifRevision: revision });
  const range: Allocation = await client.allocate("orders", 100, { max: 10n ** 12n });
  const sum: Sum = await client.sum({ prefix: "k:", depth: 2, minIndex: range.index });
  const groups: bigint[] = sum.groups.map((group) => group.sum);
  const { counters } = await client.query(["k", escapeGlob("a*")], { consistency: "stale" });
  const gathering: CombiningOptions = {
    lingerMs: 5,
    maxPending: 1_000,
    signal,
    onFailure: ({ error, sums }) => console.error(error, sums.map(({ key, by, calls }) => [key, by, calls])),
  };
  const counting: Combining = client.combining(gathering);
  const combined: Combined = await counting.increment("k", 2n);
  groups.push(combined.by, combined.value, BigInt(combined.calls + combined.revision + counting.pending));
  await counting.flush();
  await counting[Symbol.asyncDispose]();
  for await (const counter of client.counters({ match: "k:*", order: "-value" })) groups.push(counter.value);
  const told = (event: WatchEvent): bigint => {
    switch (event.kind) {
      case "open":
        return event.counter?.value ?? 0n;
      case "change":
        return event.value;
      case "resync":
        return BigInt(event.revision);
    }
  };
  for await (const event of client.watch({ prefix: "k:", after: 12, signal })) groups.push(told(event));
  for await (const event of client.clusterEvents({ pictures: 250, signal })) {
    if (event.kind === "picture") groups.push(BigInt(event.picture.status.term));
  }
  try {
    await client.increment("k");
  } catch (error) {
    if (error instanceof OutcomeUnknown && error.place !== undefined) {
      await client.increment("k", {}, { place: error.place });
    } else if (error instanceof Refused) throw new Error(error.code);
  }
  return groups.reduce((a, b) => a + b, value + range.from + BigInt(counters.length));
}
`;

const WRONG = `import { RaftallyClient } from "raftally";

export async function use(): Promise<void> {
  const client = new RaftallyClient({ urls: [] });
  const count: number = (await client.increment("k")).value;
  await client.list({ order: "by value" });
  for await (const event of client.watch()) {
    if (event.kind === "resync") console.log(event.value, count);
  }
  await client.combining().increment("k", { by: 2 });
}
`;
