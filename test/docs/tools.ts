/** What a reader has on the path, and how what the documents say is run. */

import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PROGRAM } from "../cli/processes.ts";

export interface Printed {
  readonly exitCode: number | undefined;
  readonly out: string;
  readonly error: string;
  /** Both streams, as they came. */
  readonly all: string;
}

export interface Surroundings {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** raftally, npx, the Node.js of the project, and a curl that draws no progress. Returns the variables that it takes. */
export function layTools(directory: string): Readonly<Record<string, string>> {
  const bin = join(directory, "bin");
  mkdirSync(bin);
  const raftally = `exec "${process.execPath}" "${PROGRAM}" "$@"`;
  const tools = {
    raftally,
    npx: `[ "$1" = raftally ] || { echo "npx $1 is not here" >&2; exit 1; }\nshift\n${raftally}`,
    node: `exec "${process.execPath}" "$@"`,
  };
  for (const [name, text] of Object.entries(tools)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  writeFileSync(join(directory, ".curlrc"), 'silent\nshow-error\nmax-time = 20\nwrite-out = "\\n"\n');
  return { PATH: `${bin}:${process.env["PATH"]}`, HOME: directory, CURL_HOME: directory };
}

/** Runs a command to its end. @param there what is made of its words before they are compared. */
export function runIn(
  [command, ...args]: readonly [string, ...string[]],
  { cwd, env }: Surroundings,
  there: (text: string) => string,
): Promise<Printed> {
  const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  const texts = { out: "", error: "", all: "" };
  child.stdout.on("data", (chunk: Buffer) => {
    texts.out += chunk.toString("utf8");
    texts.all += chunk.toString("utf8");
  });
  child.stderr.on("data", (chunk: Buffer) => {
    texts.error += chunk.toString("utf8");
    texts.all += chunk.toString("utf8");
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      const { out, error, all } = texts;
      resolve({ exitCode: code ?? undefined, out: there(out), error: there(error), all: there(all) });
    });
  });
}
