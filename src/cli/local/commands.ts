/** The rows of the table of subcommands for whoever breaks a local cluster on purpose. */

import { type Command, type Group, USUAL_EXITS } from "../command.ts";
import type { OptionName } from "../options.ts";

const OPTIONS: readonly OptionName[] = ["data", "json"];

export const LOCAL_GROUP: Group = {
  name: "local",
  summary: "break a local cluster on purpose: kill, pause, wipe and cut off its nodes",
  about: [
    "For a cluster on this machine that was started with raftally cluster --chaos, or npm start. What it counted stays " +
      "exact whatever is done here: see for yourself.",
    "NODE is an id such as n1, or leader. Whoever may read control.json in the data directory may do this: its owner.",
  ],
};

type Row = Pick<Command, "name" | "summary" | "about" | "examples"> & {
  readonly positionals?: readonly string[];
  readonly options?: readonly OptionName[];
};

function row({ positionals = ["NODE"], options = OPTIONS, ...rest }: Row): Command {
  return { ...rest, positionals, options, exits: USUAL_EXITS };
}

export const LOCAL_COMMANDS: readonly Command[] = [
  row({
    name: "local status",
    summary: "show the processes of the nodes, and which links are cut",
    about: [
      "What the launcher knows of its processes; raftally status shows what the nodes know of the cluster.",
    ],
    positionals: [],
    examples: [{ does: "which are up?", line: "raftally local status" }],
  }),
  row({
    name: "local kill",
    summary: "kill a node as a power failure would, for 10 s",
    about: [
      "By SIGKILL. The launcher starts it again after 10 s, or as soon as raftally local start says so; a node that is " +
        "killed by others is started again at once.",
    ],
    examples: [
      { does: "another node leads within a second", line: "raftally local kill leader" },
      { does: "kill n2", line: "raftally local kill n2" },
    ],
  }),
  row({
    name: "local pause",
    summary: "stop a node where it is, so that it answers nobody",
    about: [
      "By SIGSTOP. It notices nothing, and believes that it still leads when it goes on: until it hears of a newer term.",
    ],
    examples: [{ does: "a leader that hangs", line: "raftally local pause leader" }],
  }),
  row({
    name: "local resume",
    summary: "let a paused node go on",
    about: ["By SIGCONT."],
    examples: [{ does: "n2 goes on", line: "raftally local resume n2" }],
  }),
  row({
    name: "local restart",
    summary: "stop a node gracefully and start it again, or start it if it is down",
    about: [
      "It hands leadership over first. raftally rolling-restart does this to all of them, one after the other.",
    ],
    examples: [{ does: "restart n2", line: "raftally local restart n2" }],
  }),
  row({
    name: "local start",
    summary: "start a node that was killed, before the launcher does",
    about: ["Refused if it runs."],
    examples: [{ does: "n2 comes back", line: "raftally local start n2" }],
  }),
  row({
    name: "local wipe",
    summary: "destroy a node with its data, and put a fresh one in its place",
    about: [
      "Kills it, deletes its directory, and starts a node with a new id at the same addresses, which joins the cluster, " +
        "copies everything, and gets the vote of the old one. Refused where the others are too few to hold every count. " +
        "Says the new id; raftally local status shows how far it is.",
    ],
    examples: [{ does: "the disk of n2 is lost", line: "raftally local wipe n2" }],
  }),
  row({
    name: "local cut",
    summary: "cut the links between groups of nodes",
    about: [
      "A GROUP is one id or several, separated by commas. Every link between nodes of different groups is cut, and no " +
        "other; one group alone is cut off from all others. What was cut before is whole again. Clients still reach " +
        "every node.",
    ],
    positionals: ["GROUP", "[GROUP]", "[GROUP]"],
    options: ["oneWay", ...OPTIONS],
    examples: [
      { does: "n1 on one side, the other two on the other", line: "raftally local cut n1 n2,n3" },
      { does: "n1 hears the others, but they do not hear n1", line: "raftally local cut n1 n2,n3 --one-way" },
    ],
  }),
  row({
    name: "local heal",
    summary: "make every link whole again",
    about: ["Undoes every cut."],
    positionals: [],
    examples: [{ does: "no link is cut", line: "raftally local heal" }],
  }),
];
