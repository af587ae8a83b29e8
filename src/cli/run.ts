/** From the command line to an exit code. */

import { type CommandName, EXIT } from "./commands.ts";
import { commandHelp, generalHelp } from "./help.ts";
import type { Terminal } from "./output.ts";
import {
  type Environment,
  type Parsed,
  parseCommandLine,
  type Request,
  strayVariables,
  UsageError,
} from "./parse.ts";
import { StartRefusal } from "./refusal.ts";
import { version } from "./version.ts";

type Runner = (parsed: Parsed, terminal: Terminal) => Promise<number>;

/** Loaded when needed: a question to a cluster must not wait for the modules of a node. */
const RUNNERS: Readonly<Record<CommandName, () => Promise<Runner>>> = {
  cluster: async () => (await import("./cluster.ts")).cluster,
  serve: async () => (await import("./serve.ts")).serve,
  incr: async () => (await import("./ask.ts")).incr,
  get: async () => (await import("./ask.ts")).get,
  list: async () => (await import("./ask.ts")).list,
  status: async () => (await import("./status.ts")).status,
  health: async () => (await import("./ask.ts")).health,
};

/**
 * Runs one command line to its end.
 * @param argv what follows the name of the program.
 * @returns the exit code.
 */
export async function runCommandLine(
  argv: readonly string[],
  environment: Environment,
  terminal: Terminal,
): Promise<number> {
  try {
    return await carryOut(parseCommandLine(argv, environment), environment, terminal);
  } catch (error) {
    if (error instanceof StartRefusal) {
      terminal.error(`raftally: ${error.message}`);
      return EXIT.refused;
    }
    if (!(error instanceof UsageError)) throw error;
    terminal.error(`raftally: ${error.message}`);
    const help = error.command === undefined ? "raftally --help" : `raftally ${error.command} --help`;
    terminal.error(`  try: ${help}`);
    return EXIT.refused;
  }
}

async function carryOut(request: Request, environment: Environment, terminal: Terminal): Promise<number> {
  switch (request.kind) {
    case "help":
      terminal.out((request.command === undefined ? generalHelp() : commandHelp(request.command)).trimEnd());
      return EXIT.done;
    case "version":
      terminal.out(`raftally ${version()} (Node.js ${process.versions.node})`);
      return EXIT.done;
    case "run": {
      for (const stray of strayVariables(environment)) terminal.error(`raftally: warning: ${stray}`);
      const run = await RUNNERS[request.parsed.command.name]();
      return await run(request.parsed, terminal);
    }
  }
}
