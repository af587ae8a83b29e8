/**
 * The command line.
 *
 *     options.ts    the one table of options      commands.ts  the table of subcommands
 *     parse.ts      argv and environment          help.ts      made from both tables
 *     serve.ts      one node                      cluster.ts   a local cluster of `serve` processes
 *     ask.ts        incr, get, list, health       status.ts    every node in one table
 *
 * Every subcommand is a function from a parsed command line to an exit code; `runCommandLine` picks one.
 */
export type { Command, Group } from "./command.ts";
export { COMMANDS, EXIT, GROUPS } from "./commands.ts";
export { OPTIONS, type OptionName, type OptionTable } from "./options.ts";
export { CONSOLE, type Terminal } from "./output.ts";
export { parseCommandLine, UsageError } from "./parse.ts";
export { runCommandLine } from "./run.ts";
