/**
 * What a command printed is compared with what a document says it prints. The documents are run against a fresh cluster
 * on other ports, so some things differ each time. These, and no others, are let pass:
 *
 * - ports: those of the local cluster in the documents, 4000 and 4100 on, are translated before;
 * - `index` and `term`: each election adds an entry to the log;
 * - `instance`, the id of a request; `ageMs`, `atMs` and other times; durations such as `40s` and `12 ms`;
 * - which node leads: the words leader and follower in tables, and `nN leads`; who of them comes first in a restart;
 * - numbers of processes and figures of the table that `raftally status` prints;
 * - in sentences: `index 7`, `term 7`, `up to 7`, `at byte 7`, `batch 7`, digests, days and times of day, the id that a
 *   recovered cluster draws, and the number in the name of a segment;
 * - the width of columns, and empty lines (curl is told to end each answer with a line, which JSON answers do not);
 * - a line `…` stands for any lines.
 */

const RULES: readonly (readonly [RegExp, string])[] = [
  [/"(index|term|ageMs|atMs|retryAfterMs|uptimeMs|digest)":-?[0-9.]+/g, '"$1":N'],
  [/"instance":"[^"]*"/g, '"instance":"ID"'],
  [/"leader":\{[^}]*\}/g, '"leader":{}'],
  [/^(n[0-9]+)\s+(?:leader|follower|preCandidate|candidate|voter, leads|voter)\b(.*)$/gm, "$1 ROLE$2"],
  [/^n[0-9]+ (\((?:leader|follower)\): stopped)/gm, "nN $1"],
  [/^(n[0-9]+\s+running\s+)[0-9]+/gm, "$1PID"],
  [/\(process [0-9]+\)/g, "(process PID)"],
  [/\b(index|term|up to|at byte|byte|batch|digest) [0-9]+\b/g, "$1 N"],
  [/\b[0-9]{4}-[0-9]{2}-[0-9]{2}(?: [0-9:.]+)?\b/g, "DATE"],
  [/\brecovered-[0-9a-f]{8}\b/g, "recovered-ID"],
  [/\b[0-9]{20}\.wal\b/g, "SEGMENT.wal"],
  [/^(n[0-9]+ ROLE.*)$/gm, "$1"],
  [/\bn[0-9] leads\b/g, "nN leads"],
  [/\b[0-9]+(?:\.[0-9]+)? ?(ms|s|min|h)\b/g, "T $1"],
  [/-{2,}/g, "--"],
];

/** Lines as they are compared. */
export function normalised(text: string): readonly string[] {
  const ruled = RULES.reduce(
    (changed, [pattern, replacement]) => changed.replace(pattern, replacement),
    text,
  );
  return ruled
    .split("\n")
    .map((line) => figures(line).replace(/\s+/g, " ").trim())
    .filter((line) => line !== "");
}

/** In a row about one node all numbers are of the moment. */
function figures(line: string): string {
  return /^n[0-9]+ ROLE/.test(line) ? line.replace(/(?<![:\w.])[0-9]+\b(?![.\w]*:)/g, "N") : line;
}

/**
 * Why what was printed is not what is said; undefined if it is.
 * @param wrapped whether lines are broken where they get too long, which depends on the length of addresses.
 */
export function difference(said: string, printed: string, wrapped = false): string | undefined {
  const whole = (text: string): string => (wrapped ? text.replaceAll(/\s+/g, " ") : text);
  const expected = normalised(whole(said));
  const actual = normalised(whole(printed));
  if (fits(expected, actual)) return undefined;
  return `says\n${indent(expected)}\nbut it prints\n${indent(actual)}\nas it came:\n${printed}`;
}

function fits(expected: readonly string[], actual: readonly string[]): boolean {
  const [first, ...rest] = expected;
  if (first === undefined) return actual.length === 0;
  if (first === "…")
    return Array.from({ length: actual.length + 1 }, (_, at) => at).some((at) =>
      fits(rest, actual.slice(at)),
    );
  return first === actual[0] && fits(rest, actual.slice(1));
}

function indent(lines: readonly string[]): string {
  return lines.map((line) => `    ${line}`).join("\n");
}
