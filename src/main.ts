/** The command line: parse, choose a subcommand, run it. */

import { CONSOLE, runCommandLine } from "./cli/index.ts";

// A reader that stops early (`raftally list | head`) is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

process.exitCode = await runCommandLine(process.argv.slice(2), process.env, CONSOLE);
