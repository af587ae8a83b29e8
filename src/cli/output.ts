/** What people read: tables, and errors as what / why / try. */

import { createInterface } from "node:readline/promises";
import { OutcomeUnknown, RaftallyError, Refused } from "../client/index.ts";
import { EXIT, KEY_RULE } from "./commands.ts";

/** Where a command prints. */
export interface Terminal {
  out(line: string): void;
  error(line: string): void;
  /** Asks a person and gives the answer; undefined where nobody is there to be asked. */
  ask?(question: string): Promise<string | undefined>;
  /** Where lines can be shown over those shown before; undefined where there is no terminal. */
  readonly screen?: Screen | undefined;
}

/** A terminal that shows the same lines again and again. */
export interface Screen {
  /** How many lines fit. */
  readonly rows: number;
  readonly columns: number;
  /** Shows these in the place of whatever is shown. */
  show(lines: readonly string[]): void;
}

export const CONSOLE: Terminal = {
  out: (line) => void process.stdout.write(`${line}\n`),
  error: (line) => void process.stderr.write(`${line}\n`),
  get screen() {
    return process.stdout.isTTY === true ? screenOf(process.stdout) : undefined;
  },
  ask: async (question) => {
    if (process.stdin.isTTY !== true) return undefined;
    const lines = createInterface({ input: process.stdin, output: process.stderr });
    // Ctrl-D is no answer either; the question would wait for ever.
    const closed = new Promise<undefined>((resolve) => lines.once("close", () => resolve(undefined)));
    try {
      return await Promise.race([lines.question(question), closed]);
    } finally {
      lines.close();
    }
  },
};

/** Each line is cut off at its right, so that none takes two; what is left of longer pictures is cleared. */
function screenOf(stream: NodeJS.WriteStream): Screen {
  const { rows, columns } = stream;
  const show = (lines: readonly string[]): void => {
    const body = lines.map((line) => `${line.slice(0, columns)}\u001b[K\n`).join("");
    stream.write(`\u001b[H${body}\u001b[J`);
  };
  return { rows, columns, show };
}

export interface Column {
  readonly title: string;
  /** Numbers are easier to compare when their last digits stand below each other. */
  readonly align?: "right";
  /** Longer cells are shown whole, but do not push those of other lines aside. In characters. */
  readonly widthMax?: number;
}

/** Lines of a table: a line of titles, then the rows, each cell padded to its column. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const safe = rows.map((row) => row.map(printable));
  const widths = columns.map((column, at) =>
    safe.reduce(
      (width, row) => Math.max(width, Math.min(row[at]?.length ?? 0, column.widthMax ?? Infinity)),
      column.title.length,
    ),
  );
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ align }, at) => {
        const cell = cells[at] ?? "";
        const width = widths[at] ?? 0;
        return align === "right" ? cell.padStart(width) : cell.padEnd(width);
      })
      .join("  ")
      .trimEnd();
  return [line(columns.map(({ title }) => title)), ...safe.map(line)];
}

/** What a server or a person wrote may hold control characters; on a terminal they would act. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\\]/gu, (char) => {
    if (char === "\\") return "\\\\";
    return `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;
  });
}

/** An error in three lines: what happened, why, and what to try. */
export interface Explanation {
  readonly what: string;
  readonly why: string;
  readonly try: string;
  readonly exitCode: number;
}

/** `text` as one word of a command line, in quotes where a shell would make something else of it. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** @param doing what was asked, as in `increment "visits"`. */
export function explain(doing: string, error: unknown): Explanation {
  if (!(error instanceof RaftallyError)) throw error;
  if (error instanceof OutcomeUnknown) {
    const { idempotencyKey: key } = error;
    return {
      what: `It is not known whether this ${key === undefined ? "was done" : "counted"}: ${doing}.`,
      why: error.message,
      try:
        key === undefined
          ? SEE_MEMBERS
          : `the same command again with --idempotency-key ${shellWord(key)}: it counts once at most`,
      exitCode: EXIT.unknown,
    };
  }
  if (error instanceof Refused) {
    return {
      what: `The cluster refused to ${doing}; nothing has changed (${error.code}).`,
      why: error.message,
      try: ADVICE[error.code] ?? "raftally COMMAND --help shows what is allowed",
      exitCode: EXIT.failed,
    };
  }
  return {
    what: `Could not ${doing}; nothing has changed (${error.code}).`,
    why: error.message,
    try: ADVICE[error.code] ?? "again in a moment",
    exitCode: EXIT.failed,
  };
}

export function printExplanation(terminal: Terminal, { what, why, try: advice }: Explanation): void {
  terminal.error(what);
  terminal.error(`  why: ${printable(why)}`);
  terminal.error(`  try: ${advice}`);
}

const SEE_STATUS = "raftally status shows which nodes are up; a majority of them is needed";

const SEE_MEMBERS = "raftally member list shows who belongs to the cluster, and how far everybody is";

const ADVICE: Readonly<Record<string, string>> = {
  COUNTER_NOT_FOUND: "raftally list shows the counters that exist",
  COUNTER_OVERFLOW: "a smaller step, or another counter: values are signed 64-bit integers",
  REVISION_MISMATCH: "raftally get KEY --json shows the value and the revision that it has now",
  LIMIT_REACHED: "raftally get shows the value that meets the bound",
  INVALID_KEY: `another key: ${KEY_RULE}`,
  IDEMPOTENCY_KEY_REUSED: "another --idempotency-key, or none: one is made up for each call",
  UNREACHABLE: "raftally cluster starts a cluster here; --url or RAFTALLY_URL names one elsewhere",
  UNEXPECTED_ANSWER: "--url with the address of a Raftally node: something else answered there",
  NO_LEADER: SEE_STATUS,
  READ_TIMEOUT: `${SEE_STATUS}; --consistency stale reads without one`,
  OVERLOADED: "again in a moment, or with a longer --timeout",
  MEMBER_NOT_FOUND: SEE_MEMBERS,
  ID_USED: "another --id for the new node: an id is never used twice in the life of a cluster",
  ALREADY_CHANGING: `again when the other change is through; ${SEE_MEMBERS}`,
  WOULD_LOSE_QUORUM: SEE_MEMBERS,
  NOT_CAUGHT_UP: `again in a moment; ${SEE_MEMBERS}`,
  INVALID_CHANGE: SEE_MEMBERS,
  TRANSFER_FAILED: `again in a moment, or to another voter; ${SEE_MEMBERS}`,
};
