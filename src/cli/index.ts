/**
 * The command line.
 *
 *     options.ts    the one table of options      commands.ts  the table of subcommands; the rows for whoever runs
 *     parse.ts      argv and environment                       a cluster are in operating-commands.ts, others for
 *                                                              whoever counts in counter-commands.ts
 *     help.ts       made from both tables         cluster.ts   a local cluster of `serve` processes
 *     serve.ts      one node                      discovery.ts where a node that joins looks for the others
 *     ask.ts        incr, get, list, health       status.ts    every node in one table
 *     member.ts     who belongs to the cluster    backup.ts    a copy of a running cluster
 *     writes.ts     set, delete, allocate         sum.ts, watch.ts, top.ts  the commands of these names
 *     doctor.ts     what is wrong; doctor/ looks at nodes and at a directory, and judges what it saw
 *     local/        a local cluster that may be broken on purpose: links, launcher's actions, `raftally local`
 *     restore.ts    what is done with a data directory while no node runs on it
 *
 * Every subcommand is a function from a parsed command line to an exit code; `runCommandLine` picks one.
 */
export type { Command, Group } from "./command.ts";
export { COMMANDS, EXIT } from "./commands.ts";
export { GROUPS } from "./operating-commands.ts";
export { OPTIONS, type OptionName, type OptionTable } from "./options.ts";
export { CONSOLE, type Terminal } from "./output.ts";
export { parseCommandLine, UsageError } from "./parse.ts";
export { type Adapt, runCommandLine } from "./run.ts";
