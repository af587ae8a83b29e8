/** Help, made from the tables. */

import type { Command, Example, Group } from "./command.ts";
import { COMMANDS, EXIT, EXIT_MEANINGS } from "./commands.ts";
import { GROUPS } from "./operating-commands.ts";
import type { Option } from "./option.ts";
import { OPTIONS, type OptionName } from "./options.ts";

const WIDTH = 92;

/** The text of `raftally --help`. */
export function generalHelp(): string {
  const rows = [...COMMANDS.filter(({ name }) => !name.includes(" ")), ...GROUPS];
  return `${[
    "raftally: a counter service that does not lose a count.",
    "",
    "Usage: raftally COMMAND [options]",
    "",
    "Commands:",
    ...list(rows),
    "",
    ...wrap("Begin with a cluster in one terminal, and count in another:", 0),
    "",
    "  raftally cluster",
    "  raftally incr visits",
    "  raftally list",
    "",
    ...wrap("raftally COMMAND --help explains a command. Flags win over RAFTALLY_* variables.", 0),
  ].join("\n")}\n`;
}

/** The text of `raftally GROUP --help`. */
export function groupHelp({ name: group, about }: Group): string {
  const commands = COMMANDS.filter(({ name }) => name.startsWith(`${group} `));
  return `${[
    `Usage: raftally ${group} COMMAND [options]`,
    ...about.flatMap((paragraph) => ["", ...wrap(paragraph, 0)]),
    "",
    "Commands:",
    ...list(commands),
    "",
    ...wrap(`raftally ${group} COMMAND --help explains a command.`, 0),
  ].join("\n")}\n`;
}

function list(rows: readonly { readonly name: string; readonly summary: string }[]): string[] {
  const widest = Math.max(...rows.map(({ name }) => name.length));
  return rows.map(({ name, summary }) => `  ${name.padEnd(widest)}  ${summary}`);
}

/** The text of `raftally COMMAND --help`. */
export function commandHelp(command: Command): string {
  const names: readonly OptionName[] = [...command.options, "help"];
  const rows = names.map(
    (name) => [head(OPTIONS[name]), body(OPTIONS[name], command.defaults?.[name])] as const,
  );
  const column = Math.max(...rows.map(([left]) => left.length)) + 4;
  return `${[
    `Usage: ${["raftally", command.name, ...command.positionals, "[options]"].join(" ")}`,
    ...command.about.flatMap((paragraph) => ["", ...wrap(paragraph, 0)]),
    "",
    "Options:",
    ...rows.flatMap(([left, right]) => hang(`  ${left}`, right, column)),
    "",
    "Examples:",
    ...command.examples.flatMap(showExample),
    "",
    "Exit codes:",
    ...command.exits.flatMap((name) => hang(`  ${EXIT[name]}`, EXIT_MEANINGS[name], 5)),
  ].join("\n")}\n`;
}

function head({ flag, placeholder }: Option<unknown>): string {
  return placeholder === undefined ? `--${flag}` : `--${flag} ${placeholder}`;
}

function body({ help, fallbackText, env }: Option<unknown>, own: string | undefined): string {
  const shown = own ?? fallbackText;
  const notes = [shown === undefined ? [] : [`default ${shown}`], env ?? []].flat();
  return notes.length === 0 ? help : `${help} (${notes.join("; ")})`;
}

function showExample({ does, line }: Example): string[] {
  return [`  # ${does}`, ...line.split("\n").map((part) => `  ${part}`)];
}

/** `left`, and beside it `right`, wrapped so that it stays in its column. */
function hang(left: string, right: string, column: number): string[] {
  const lines = wrap(right, column);
  return lines.map((line, at) => (at === 0 ? left.padEnd(column) + line.slice(column) : line));
}

/** Lines of at most WIDTH characters, each indented. */
export function wrap(text: string, indent: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && indent + line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].map((each) => " ".repeat(indent) + each);
}
