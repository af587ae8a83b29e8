/** The rows of the table of subcommands that came with the larger API: change, sum up and watch counters. */

import { type Command, USUAL_EXITS } from "./command.ts";
import type { OptionName } from "./options.ts";

const ASKING: readonly OptionName[] = ["url", "token", "timeout", "json"];
const UNKNOWN_TOO = [...USUAL_EXITS, "unknown"] as const;

export const COUNTER_COMMANDS: readonly Command[] = [
  {
    name: "set",
    summary: "give a counter a value",
    about: [
      "Prints the value. With a condition it is refused, and nothing changes, unless the counter is as it was seen: so " +
        "two people who set the same counter notice each other.",
    ],
    positionals: ["KEY", "VALUE"],
    options: ["ifRevision", "ifAbsent", "ifExists", "idempotencyKey", ...ASKING],
    examples: [
      { does: "begin again", line: "raftally set visits 0" },
      {
        does: "only if nobody changed it since revision 12",
        line: "raftally set price 499 --if-revision 12",
      },
      { does: "only if it is new", line: "raftally set stock:apples 100 --if-absent" },
    ],
    exits: UNKNOWN_TOO,
  },
  {
    name: "delete",
    summary: "remove a counter, and what it remembers of --once",
    about: ["Prints the value that is left: 0. That there is no such counter is no failure."],
    positionals: ["KEY"],
    options: ["ifRevision", "ifExists", "idempotencyKey", ...ASKING],
    examples: [{ does: "as if it had never been", line: "raftally delete visits" }],
    exits: UNKNOWN_TOO,
  },
  {
    name: "allocate",
    summary: "take the next numbers of a counter, which nobody else gets",
    about: [
      "Prints the first and the last of them. A fresh counter begins at 1. For order numbers, say: a program takes a " +
        "hundred at once and hands them out without asking again. Numbers that it does not use stay unused.",
    ],
    positionals: ["KEY", "COUNT"],
    options: ["max", "idempotencyKey", ...ASKING],
    examples: [{ does: "a hundred order numbers", line: "raftally allocate orders 100" }],
    exits: UNKNOWN_TOO,
  },
  {
    name: "sum",
    summary: "sum up the counters below a prefix",
    about: [
      "Prints the sum of all counters whose key begins with PREFIX, as they are at one moment; of any size, exactly. " +
        "With --depth a table of the groups below it, with the number of counters in each.",
    ],
    positionals: ["[PREFIX]"],
    options: ["depth", "consistency", "minIndex", ...ASKING],
    examples: [
      { does: "all visits", line: "raftally sum visits:" },
      { does: "by site", line: "raftally sum visits: --depth 1" },
    ],
    exits: USUAL_EXITS,
  },
  {
    name: "watch",
    summary: "print changes as they happen",
    about: [
      "Of one counter, of those that --prefix names, or of all: a line for each change, with the value that the counter " +
        "then had; changes of one counter within 50 ms come as one. When the node dies, another one goes on, and no " +
        "change is missed. Ends with Ctrl-C, or after --limit changes.",
      "With --json each line is an event: open, change (with the range of revisions that it stands for), or resync, " +
        "after which changes may have been missed.",
    ],
    positionals: ["[KEY]"],
    options: ["prefix", "after", "limit", "consistency", ...ASKING],
    examples: [
      { does: "one counter", line: "raftally watch visits" },
      {
        does: "the next ten changes of a group, for a program",
        line: "raftally watch --prefix stock: --limit 10 --json",
      },
    ],
    exits: USUAL_EXITS,
  },
  {
    name: "top",
    summary: "show the greatest counters, and how fast they grow",
    about: [
      "Reads the greatest counters again and again, and shows what each gained a second between the last two readings, " +
        "and the same for the sum of all. Ends with Ctrl-C.",
    ],
    positionals: [],
    options: ["prefix", "match", "limit", "interval", "justOnce", "consistency", ...ASKING],
    defaults: { limit: "20" },
    examples: [
      { does: "all counters", line: "raftally top" },
      {
        does: "the five most visited, for a program",
        line: "raftally top --prefix visits: --limit 5 --once --json",
      },
    ],
    exits: USUAL_EXITS,
  },
];

/** The row of the command that looks for what is wrong. */
export const DOCTOR_COMMAND: Command = {
  name: "doctor",
  summary: "look at a running cluster or a data directory, and say what is wrong and what to do",
  about: [
    "Asks every node that is given or that another one names, and compares what they say with each other and with this " +
      "machine: who leads, who is behind or out of reach, clocks, versions, digests, fsync times. With --data it also " +
      "reads a data directory (of one node, or of a local cluster with all of its nodes), whether its node runs or not, " +
      "checks the log, and measures the disk; with --data and without --url only that. Nothing is changed, and no " +
      "directory is made.",
    "Each finding says what is wrong, what to do, and which section of docs/operations.md says more. Exits with 0 if all " +
      "is well, 1 if something is wrong, 2 if it could not look.",
  ],
  positionals: [],
  options: ["data", "url", "timeout", "json"],
  examples: [
    { does: "the local cluster", line: "raftally doctor" },
    {
      does: "a cluster, and the directory of the node on this machine",
      line: "raftally doctor --url http://10.0.0.1:4000 --data /var/lib/raftally",
    },
    {
      does: "only a directory, of a node that does not start",
      line: "raftally doctor --data /var/lib/raftally",
    },
  ],
  exits: ["healthy", "unhealthy", "blind"],
};
