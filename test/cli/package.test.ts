/** The package as npm would publish it, installed in another place. Needs the registry, or a warm npm cache. */

import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, type TestContext } from "vitest";
import { deadUrl } from "../client/fake-node.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

interface Ran {
  readonly exitCode: number;
  readonly text: string;
}

function run(command: string, args: readonly string[], cwd: string): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(command, [...args], { cwd }, (error, out, err) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
      resolve({ exitCode: code, text: out + err });
    });
  });
}

let directory = "";
let packed: Ran;
let installed: Ran;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "raftally-package-"));
  packed = await run("npm", ["pack", "--silent", "--pack-destination", directory], ROOT);
  const file = readdirSync(directory).find((name) => name.endsWith(".tgz"));
  writeFileSync(join(directory, "package.json"), '{"name":"elsewhere","private":true,"type":"module"}');
  const flags = ["--omit=dev", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"];
  installed = await run("npm", ["install", ...flags, `./${file}`], directory);
}, 90_000);

afterAll(() => rmSync(directory, { recursive: true }));

/** Nothing here can be tried where npm cannot fetch what the package depends on. */
function needInstall(context: TestContext): void {
  const offline = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOTCACHED/.test(
    installed.text,
  );
  context.skip(installed.exitCode !== 0 && offline, "the npm registry cannot be reached");
  expect(installed).toMatchObject({ exitCode: 0 });
}

describe("the packed file", () => {
  it("is made from sources that compile", () => {
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

  it("gives the client's types to TypeScript", async (context) => {
    needInstall(context);
    const good = "const value: bigint = (await client.increment('k', { by: 2n })).value;";
    const wrong = "const count: number = (await client.increment('k')).value;";
    const head =
      "import { RaftallyClient } from 'raftally';\nconst client = new RaftallyClient({ urls: [] });\n";
    writeFileSync(join(directory, "use.ts"), `${head}${good}\nconsole.log(value);\n`);
    writeFileSync(join(directory, "wrong.ts"), `${head}${wrong}\nconsole.log(count);\n`);
    const tsc = join(ROOT, "node_modules", ".bin", "tsc");
    const flags = [
      "--noEmit",
      "--strict",
      "--module",
      "NodeNext",
      "--target",
      "ES2023",
      "--lib",
      "ES2023,DOM",
    ];
    expect(await run(tsc, [...flags, "--types", "", "use.ts"], directory)).toEqual({ exitCode: 0, text: "" });
    const refused = await run(tsc, [...flags, "--types", "", "wrong.ts"], directory);
    expect(refused.text).toContain("Type 'bigint' is not assignable to type 'number'");
  });
});
