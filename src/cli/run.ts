/** From the command line to an exit code. */

import type { NodeOptions } from "../node/index.ts";
import type { Command, CommandName, Group } from "./command.ts";
import { EXIT } from "./commands.ts";
import { commandHelp, generalHelp, groupHelp } from "./help.ts";
import type { Terminal } from "./output.ts";
import { type Environment, type Parsed, parseCommandLine, strayVariables, UsageError } from "./parse.ts";
import { StartRefusal } from "./refusal.ts";
import { version } from "./version.ts";

/** What an entry point other than `bin/raftally.js` makes of the options of a node, before it starts. */
export type Adapt = (options: NodeOptions) => NodeOptions;

type Runner = (parsed: Parsed, terminal: Terminal, adapt: Adapt | undefined) => Promise<number>;

/** Loaded when needed: a question to a cluster must not wait for the modules of a node. */
const RUNNERS: Readonly<Record<CommandName, () => Promise<Runner>>> = {
  cluster: async () => (await import("./cluster.ts")).cluster,
  "rolling-restart": async () => (await import("./rolling-restart.ts")).rollingRestart,
  serve: async () => (await import("./serve.ts")).serve,
  incr: async () => (await import("./ask.ts")).incr,
  get: async () => (await import("./ask.ts")).get,
  list: async () => (await import("./ask.ts")).list,
  set: async () => (await import("./writes.ts")).set,
  delete: async () => (await import("./writes.ts")).remove,
  allocate: async () => (await import("./writes.ts")).allocate,
  sum: async () => (await import("./sum.ts")).sum,
  watch: async () => (await import("./watch.ts")).watch,
  top: async () => (await import("./top.ts")).top,
  doctor: async () => (await import("./doctor.ts")).doctor,
  status: async () => (await import("./status.ts")).status,
  health: async () => (await import("./ask.ts")).health,
  "member list": async () => (await import("./member.ts")).memberList,
  "member add": async () => (await import("./member.ts")).memberAdd,
  "member promote": async () => (await import("./member.ts")).memberPromote,
  "member remove": async () => (await import("./member.ts")).memberRemove,
  "member replace": async () => (await import("./member.ts")).memberReplace,
  "member transfer": async () => (await import("./member.ts")).memberTransfer,
  "local status": async () => (await import("./local/ask.ts")).localStatus,
  "local kill": async () => (await import("./local/ask.ts")).localAction("kill"),
  "local pause": async () => (await import("./local/ask.ts")).localAction("pause"),
  "local resume": async () => (await import("./local/ask.ts")).localAction("resume"),
  "local restart": async () => (await import("./local/ask.ts")).localAction("restart"),
  "local start": async () => (await import("./local/ask.ts")).localAction("start"),
  "local wipe": async () => (await import("./local/ask.ts")).localAction("wipe"),
  "local cut": async () => (await import("./local/ask.ts")).localCut,
  "local heal": async () => (await import("./local/ask.ts")).localHeal,
  backup: async () => (await import("./backup.ts")).backup,
  restore: async () => (await import("./restore.ts")).restore,
  recover: async () => (await import("./restore.ts")).recover,
};

/**
 * Runs one command line to its end.
 * @param argv what follows the name of the program.
 * @param adapt what `serve` passes the options of its node through.
 * @returns the exit code.
 */
export async function runCommandLine(
  argv: readonly string[],
  environment: Environment,
  terminal: Terminal,
  adapt?: Adapt,
): Promise<number> {
  try {
    const request = parseCommandLine(argv, environment);
    if (request.kind === "run") return await runCommand(request.parsed, environment, { terminal, adapt });
    terminal.out(request.kind === "help" ? helpText(request.about).trimEnd() : versionText());
    return EXIT.done;
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

async function runCommand(
  parsed: Parsed,
  environment: Environment,
  { terminal, adapt }: { readonly terminal: Terminal; readonly adapt: Adapt | undefined },
): Promise<number> {
  for (const stray of strayVariables(environment)) terminal.error(`raftally: warning: ${stray}`);
  const run = await RUNNERS[parsed.command.name]();
  return await run(parsed, terminal, adapt);
}

function versionText(): string {
  return `raftally ${version()} (Node.js ${process.versions.node})`;
}

function helpText(about: Command | Group | undefined): string {
  if (about === undefined) return generalHelp();
  return "options" in about ? commandHelp(about) : groupHelp(about);
}
