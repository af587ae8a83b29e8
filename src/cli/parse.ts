/** From argv and the environment to values: flags over environment over defaults. */

import { parseArgs } from "node:util";
import type { Command, Group } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { GROUPS } from "./operating-commands.ts";
import type { Option } from "./option.ts";
import { OPTIONS, type OptionName, type OptionValues } from "./options.ts";
import { suggest } from "./suggest.ts";

/** The command line or the environment is not right. The message is a sentence without a full stop. */
export class UsageError extends Error {
  override readonly name: string = "UsageError";
  /** The subcommand whose help says more. */
  readonly command: string | undefined;

  constructor(sentence: string, command?: string) {
    super(sentence);
    this.command = command;
  }
}

/** Where a value came from. */
export type Source = "flag" | "environment" | "default";

/** A command line that was understood. */
export interface Parsed {
  readonly command: Command;
  readonly positionals: readonly string[];
  readonly values: OptionValues;
  /** Where the value of an option came from: its flag, its variable, or its default. */
  source(name: OptionName): Source;
}

/** What a command line asks for. */
export type Request =
  | { readonly kind: "run"; readonly parsed: Parsed }
  /** Of one command, of those that share their first word, or of the program. */
  | { readonly kind: "help"; readonly about: Command | Group | undefined }
  | { readonly kind: "version" };

export type Environment = Readonly<Record<string, string | undefined>>;

/** Understood everywhere. */
const EVERYWHERE: readonly OptionName[] = ["help", "version"];

/**
 * @param argv what follows the name of the program.
 * @throws {UsageError} with the one thing to correct first.
 */
export function parseCommandLine(argv: readonly string[], environment: Environment): Request {
  const [first, ...others] = argv;
  if (first === undefined) return { kind: "help", about: undefined };
  if (first === "help") return { kind: "help", about: findCommand(others)?.found };
  if (isHelp(first)) return { kind: "help", about: undefined };
  if (first === "--version" || first === "-v") return { kind: "version" };
  const named = findCommand(argv);
  if (named === undefined) throw new UsageError(`a command comes first, and ${first} is none`);
  if (named.kind === "group") return { kind: "help", about: named.found };
  const { found: command, rest } = named;
  const { flags, positionals } = readFlags(command, rest);
  if (flags.has("help")) return { kind: "help", about: command };
  if (flags.has("version")) return { kind: "version" };
  checkPositionals(command, positionals);
  return { kind: "run", parsed: evaluate(command, positionals, flags, environment) };
}

/** What a launcher with `--chaos` tells its nodes, for the page that they serve. */
const FROM_LAUNCHER: readonly string[] = ["RAFTALLY_CONTROL_URL", "RAFTALLY_CONTROL_TOKEN"];

/** Variables that look like ours and are not: most likely typing errors. Those that Kubernetes sets are left out. */
export function strayVariables(environment: Environment): readonly string[] {
  const known = [...Object.values(OPTIONS).flatMap((option) => option.env ?? []), ...FROM_LAUNCHER];
  const strays: string[] = [];
  for (const name of Object.keys(environment)) {
    if (!name.startsWith("RAFTALLY_") || known.includes(name)) continue;
    if (/_(?:SERVICE_(?:HOST|PORT.*)|PORT_[0-9]+_(?:TCP|UDP).*)$/.test(name)) continue;
    const meant = suggest(name, known);
    strays.push(`the variable ${name} means nothing here${meant === undefined ? "" : `; ${meant} does`}`);
  }
  return strays;
}

function isHelp(word: string): boolean {
  return word === "--help" || word === "-h";
}

type Named =
  | { readonly kind: "command"; readonly found: Command; readonly rest: readonly string[] }
  /** Only their common word was given, or their help was asked for. */
  | { readonly kind: "group"; readonly found: Group };

/** The command that the first words name; undefined if there are none, or an option comes first. */
function findCommand([first, second, ...rest]: readonly string[]): Named | undefined {
  if (first === undefined || first.startsWith("-")) return undefined;
  const group = GROUPS.find(({ name }) => name === first);
  if (group !== undefined) return findInGroup(group, second, rest);
  const found = COMMANDS.find((command) => command.name === first);
  if (found !== undefined) {
    return { kind: "command", found, rest: second === undefined ? rest : [second, ...rest] };
  }
  const names = [...COMMANDS, ...GROUPS].map(({ name }) => name).filter((name) => !name.includes(" "));
  throw new UsageError(`there is no command ${first}${didYouMean(first, names, "")}`);
}

function findInGroup(group: Group, word: string | undefined, rest: readonly string[]): Named {
  if (word === undefined || isHelp(word)) return { kind: "group", found: group };
  const found = COMMANDS.find(({ name }) => name === `${group.name} ${word}`);
  if (found !== undefined) return { kind: "command", found, rest };
  const prefix = `${group.name} `;
  const words = COMMANDS.flatMap(({ name }) => (name.startsWith(prefix) ? name.slice(prefix.length) : []));
  const meant = didYouMean(word, words, prefix);
  if (word.startsWith("-")) {
    throw new UsageError(`raftally ${group.name} is followed by one of ${words.join(", ")}`, group.name);
  }
  throw new UsageError(`there is no command ${group.name} ${word}${meant}`, group.name);
}

interface Flags {
  readonly flags: ReadonlyMap<OptionName, string>;
  readonly positionals: readonly string[];
}

function readFlags(command: Command, argv: readonly string[]): Flags {
  const names = [...command.options, ...EVERYWHERE];
  const byFlag = new Map(names.map((name) => [OPTIONS[name].flag, name]));
  const shapes = names.map((name) => {
    const type: "boolean" | "string" = OPTIONS[name].placeholder === undefined ? "boolean" : "string";
    return [OPTIONS[name].flag, { type }] as const;
  });
  // Not strict: the messages of parseArgs do not say what was meant, so its tokens are judged here.
  const { tokens } = parseArgs({
    args: argv.map(hideSign),
    options: { ...Object.fromEntries(shapes), help: { type: "boolean", short: "h" } },
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const flags = new Map<OptionName, string>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(showSign(token.value));
    if (token.kind !== "option") continue;
    const name = byFlag.get(token.name);
    if (name === undefined) throw unknownFlag(command, token.rawName, token.name, [...byFlag.keys()]);
    if (flags.has(name)) throw new UsageError(`${token.rawName} was given twice`, command.name);
    flags.set(name, flagText(command, OPTIONS[name], showSign(token.value), token.inlineValue === true));
  }
  return { flags, positionals };
}

/** Whether `value` is one of the few words that the option takes, such as `-value`; free text takes anything. */
function isWord(option: Option<unknown>, value: string): boolean {
  return option.read(value).ok && !option.read("-").ok;
}

/** A negative number is no option, and parseArgs would take it for several. No argument holds a NUL character. */
function hideSign(word: string): string {
  return /^-[0-9]+$/.test(word) ? `\0${word}` : word;
}

function showSign<T extends string | undefined>(word: T): T {
  return (word?.startsWith("\0") === true ? word.slice(1) : word) as T;
}

/** The text of an option's value. What looks like the next option is no value, but a negative number is one. */
function flagText(
  command: Command,
  option: Option<unknown>,
  value: string | undefined,
  inline: boolean,
): string {
  if (option.placeholder === undefined) return value ?? "true";
  if (value === undefined || (!inline && /^-(?![0-9])/.test(value) && !isWord(option, value))) {
    throw new UsageError(
      `--${option.flag} needs a value: --${option.flag} ${option.placeholder}`,
      command.name,
    );
  }
  return value;
}

function unknownFlag(command: Command, raw: string, name: string, known: readonly string[]): UsageError {
  const owner = COMMANDS.find(({ options }) => options.some((option) => OPTIONS[option].flag === name));
  const hint = owner === undefined ? didYouMean(name, known, "--") : `; it belongs to raftally ${owner.name}`;
  return new UsageError(`raftally ${command.name} has no option ${raw}${hint}`, command.name);
}

function didYouMean(word: string, known: readonly string[], prefix: string): string {
  const meant = suggest(word, known);
  return meant === undefined ? "" : `; did you mean ${prefix}${meant}?`;
}

function checkPositionals(command: Command, given: readonly string[]): void {
  const { name, positionals } = command;
  const missing = positionals[given.length];
  if (missing !== undefined && !missing.startsWith("[")) {
    throw new UsageError(`raftally ${name} needs ${article(missing)} ${missing}`, name);
  }
  const extra = given[positionals.length];
  if (extra === undefined) return;
  const words = positionals.map((word) => word.replace(/^\[|\]$/g, ""));
  const takes = words.length === 0 ? "takes no arguments" : `takes one ${words.join(" and one ")}`;
  throw new UsageError(`raftally ${name} ${takes}, so "${extra}" is too much`, name);
}

/** As read aloud: an ID, an OLD, but a URL. */
function article(word: string): string {
  return /^[AEIO]/.test(word) ? "an" : "a";
}

function evaluate(
  command: Command,
  positionals: readonly string[],
  flags: ReadonlyMap<OptionName, string>,
  environment: Environment,
): Parsed {
  const sources = new Map<OptionName, Source>();
  const valued = <Name extends OptionName>(name: Name): OptionValues[Name] => {
    const option: Option<OptionValues[Name]> = OPTIONS[name];
    const flag = flags.get(name);
    // An empty variable counts as not set: that is how compose files leave one out.
    const variable = option.env === undefined ? undefined : environment[option.env] || undefined;
    const given = flag ?? (command.options.includes(name) ? variable : undefined);
    if (given === undefined) return fallbackOf(option, command.defaults?.[name]);
    sources.set(name, flag === undefined ? "environment" : "flag");
    const read = option.read(given);
    if (read.ok) return read.value;
    const called = flag === undefined ? option.env : `--${option.flag}`;
    throw new UsageError(`${called} must be ${read.expected}; it is "${given}"`, command.name);
  };
  const names = Object.keys(OPTIONS) as OptionName[];
  const values = Object.fromEntries(names.map((name) => [name, valued(name)])) as unknown as OptionValues;
  return { command, positionals, values, source: (name) => sources.get(name) ?? "default" };
}

/** @param own what the command has instead of the option's own default. */
function fallbackOf<T>(option: Option<T>, own: string | undefined): T {
  const read = own === undefined ? undefined : option.read(own);
  return read?.ok === true ? read.value : option.fallback;
}
