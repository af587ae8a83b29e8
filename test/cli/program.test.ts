/** The program as a process: versions of Node.js, exit codes, and where it prints. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePortRange } from "../../chaos/index.ts";
import { deadUrl } from "../client/fake-node.ts";
import { PROGRAM, run } from "./processes.ts";

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "raftally-program-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  readonly version: string;
  readonly engines: { readonly node: string };
};

/** Makes the process believe that it runs on another version of Node.js. */
function pretend(version: string): readonly string[] {
  const code = `Object.defineProperty(process.versions, "node", { value: "${version}" })`;
  return ["--import", `data:text/javascript,${encodeURIComponent(code)}`];
}

describe("the executable", () => {
  it.each(["12.22.12", "20.20.2", "22.17.1"])(
    "says in one sentence that Node.js %s is too old",
    async (version) => {
      const ended = await run(["--version"], { node: pretend(version) });
      expect(ended).toEqual({
        exitCode: 1,
        signal: undefined,
        out: "",
        error:
          `raftally needs Node.js 22.18 or newer, and this is ${version}: ` +
          "within the project, npm start and npx raftally use the right one.\n",
      });
    },
  );

  it.each(["22.18.0", "23.0.0", "100.1.0"])("goes on with Node.js %s", async (version) => {
    expect((await run(["--version"], { node: pretend(version) })).out).toContain(`(Node.js ${version})`);
  });

  it("needs the version that package.json names", () => {
    expect(manifest.engines.node).toBe(">=22.18");
    expect(readFileSync(PROGRAM, "utf8")).toContain("const NEEDED = [22, 18];");
  });

  it("prints its version", async () => {
    const { out, exitCode } = await run(["--version"]);
    expect(out).toBe(`raftally ${manifest.version} (Node.js ${process.versions.node})\n`);
    expect(exitCode).toBe(0);
  });

  it("prints help on standard output, and refusals on standard error with exit code 2", async () => {
    const help = await run(["--help"]);
    expect([help.exitCode, help.error]).toEqual([0, ""]);
    const refused = await run(["clutser"]);
    expect(refused).toEqual({
      exitCode: 2,
      signal: undefined,
      out: "",
      error: "raftally: there is no command clutser; did you mean cluster?\n  try: raftally --help\n",
    });
  });

  it("warns of variables that mean nothing", async () => {
    const ended = await run(["get", "k", "--timeout", "10ms", "--url", await deadUrl()], {
      env: { RAFTALLY_ULR: "http://127.0.0.1:4001" },
    });
    expect(ended.error).toContain("warning: the variable RAFTALLY_ULR means nothing here; RAFTALLY_URL does");
  });
});

/** Each in a process of its own: one sentence, exit code 2, and no stack trace. */
describe("a refusal to start", () => {
  async function refused(
    argv: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const { exitCode, error } = await run(argv, { env });
    expect(error).not.toMatch(/^\s+at /m);
    expect(error.split("\n")[0]).toMatch(/^raftally: /);
    expect(exitCode).toBe(2);
    return error;
  }

  it("comes from a node without a name", async () => {
    expect(await refused(["serve"])).toBe(
      "raftally: --id (or RAFTALLY_ID) is needed: the name of this node\n  try: raftally serve --help\n",
    );
  });

  it("comes from a node on an open network without a secret", async () => {
    const line = "serve --id n1 --cluster-id c --listen-peer 0.0.0.0:4100 --members n1=h:1@http://h:2";
    expect(await refused(line.split(" "))).toContain("so the nodes need a secret");
  });

  it("comes from a cluster whose data directory cannot be made", async () => {
    const file = join(directory, "file");
    writeFileSync(file, "");
    const port = await freePortRange(3);
    expect(await refused(["cluster", "--port", String(port), "--data", join(file, "below")])).toBe(
      `raftally: the data directory ${join(file, "below")} cannot be written: ` +
        "a part of the path is a file, not a directory.\n",
    );
  });

  it("comes from a cluster one of whose ports is in use", async () => {
    const port = await freePortRange(3);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port + 101, "127.0.0.1", resolve));
    try {
      const data = join(directory, "busy");
      expect(await refused(["cluster", "--port", String(port), "--data", data])).toBe(
        `raftally: port ${port + 101} of 127.0.0.1 is in use by another program: ` +
          "end that program, or choose --port (raftally status shows whether a cluster runs already).\n",
      );
    } finally {
      server.close();
    }
  });

  it("comes from a cluster that was made by a newer version", async () => {
    writeFileSync(join(directory, "cluster.json"), '{"format":99}');
    expect(await refused(["cluster", "--data", directory])).toContain(
      "it was written by a newer version of raftally",
    );
  });
});
