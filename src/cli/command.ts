/** What a subcommand is: a row of the table in commands.ts. */

import type { OptionName } from "./options.ts";

/** The words of a command line before its arguments. Two words: a command of a group. */
export type CommandName =
  | "cluster"
  | "rolling-restart"
  | "serve"
  | "incr"
  | "get"
  | "list"
  | "set"
  | "delete"
  | "allocate"
  | "sum"
  | "watch"
  | "top"
  | "status"
  | "health"
  | "doctor"
  | "member list"
  | "member add"
  | "member promote"
  | "member remove"
  | "member replace"
  | "member transfer"
  | "local status"
  | "local kill"
  | "local pause"
  | "local resume"
  | "local restart"
  | "local start"
  | "local wipe"
  | "local cut"
  | "local heal"
  | "backup"
  | "restore"
  | "recover";

export interface Example {
  readonly does: string;
  readonly line: string;
}

export interface Command {
  readonly name: CommandName;
  /** A line for the list of commands. */
  readonly summary: string;
  /** Paragraphs. */
  readonly about: readonly string[];
  /** Arguments without dashes, in order; one in brackets may be left out. */
  readonly positionals: readonly string[];
  readonly options: readonly OptionName[];
  /** Defaults of this command that differ from those of the option table, as they would be written. */
  readonly defaults?: Readonly<Partial<Record<OptionName, string>>>;
  readonly examples: readonly Example[];
  /** How it can end. */
  readonly exits: readonly ExitName[];
}

/** Commands that share their first word. */
export interface Group {
  readonly name: string;
  readonly summary: string;
  readonly about: readonly string[];
}

export type ExitName =
  | "done"
  | "failed"
  | "refused"
  | "unknown"
  /** Of what looks and judges. */
  | "healthy"
  | "unhealthy"
  | "blind";

export const USUAL_EXITS: readonly ExitName[] = ["done", "failed", "refused"];
