/** Runs command lines in process, with a terminal that remembers. */

import { runCommandLine } from "../../src/cli/index.ts";

export interface Ran {
  readonly exitCode: number;
  readonly out: string;
  readonly error: string;
}

/** @param answer what the person says who is asked; nobody is there without one. */
export async function raftally(
  argv: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  answer?: string,
): Promise<Ran> {
  const out: string[] = [];
  const error: string[] = [];
  const terminal = {
    out: (line: string) => out.push(line),
    error: (line: string) => error.push(line),
    ask: async () => answer,
  };
  const exitCode = await runCommandLine(argv, environment, terminal);
  return { exitCode, out: out.join("\n"), error: error.join("\n") };
}
