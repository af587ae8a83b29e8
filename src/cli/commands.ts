/** The table of subcommands: what each is for, what it takes, and lines to try. */

import { type Command, type ExitName, USUAL_EXITS } from "./command.ts";
import { COUNTER_COMMANDS, DOCTOR_COMMAND } from "./counter-commands.ts";
import { LOCAL_COMMANDS } from "./local/commands.ts";
import { OPERATING_COMMANDS } from "./operating-commands.ts";
import type { OptionName } from "./options.ts";

const ASKING: readonly OptionName[] = ["url", "token", "timeout", "json"];

/** What a counter may be called, as the README says it too. */
export const KEY_RULE = "1 to 512 bytes of UTF-8 without control characters";

export const COMMANDS: readonly Command[] = [
  {
    name: "cluster",
    summary: "run a whole cluster on this machine, to try it or to develop against it",
    about: [
      "Starts the nodes as processes of their own, n1, n2 and so on, each with its own directory and its own " +
        "log in the data directory. Starting again goes on with every count. Ctrl-C stops all of them; a node " +
        "that dies is started again.",
      "The first start fixes the number of nodes and their ports: they belong to the identity of the cluster.",
    ],
    positionals: [],
    options: ["nodes", "data", "port", "writes", "badges", "allowOrigin", "rateLimit", "chaos"],
    examples: [
      { does: "three nodes on ports 4000 to 4002", line: "raftally cluster" },
      { does: "three that raftally local may break, as npm start does", line: "raftally cluster --chaos" },
      {
        does: "five of them, elsewhere",
        line: "raftally cluster --nodes 5 --port 7000 --data /var/tmp/five",
      },
    ],
    exits: USUAL_EXITS,
  },
  {
    name: "rolling-restart",
    summary: "restart every node of a local cluster, one after the other, while it serves",
    about: [
      "Asks the launcher that runs the cluster in the data directory (raftally cluster) to restart its nodes: the " +
        "leader last, leadership handed over before it stops, and each only once the one before is back, ready and " +
        "caught up. Clients that try again notice nothing. Refused while a node is down.",
      "Ctrl-C ends it after the node under way.",
    ],
    positionals: [],
    options: ["data"],
    examples: [{ does: "after npm install brought a new version", line: "raftally rolling-restart" }],
    exits: USUAL_EXITS,
  },
  {
    name: "serve",
    summary: "run one node",
    about: [
      "The first start in an empty data directory draws the node's identity. With --members it makes a new cluster " +
        "with the others in that list; with --join or --discover it joins one that runs. With both, a node that " +
        "the list names makes the cluster, and any other joins it, so that all can have the same settings. A cluster " +
        "of one is made only with --new-cluster, said once.",
      "Later starts go on where it was, whatever they say of making or joining. A node whose own addresses have changed " +
        "says so in its row of --members, or with --advertise and --advertise-peer, and tells the others. SIGTERM " +
        "stops it gracefully: it hands leadership over, finishes what is in flight, and exits with 0.",
    ],
    positionals: [],
    options: [
      "id",
      "clusterId",
      "members",
      "newCluster",
      "foundingWait",
      "listen",
      "listenPeer",
      "advertise",
      "advertisePeer",
      "dial",
      "join",
      "discover",
      "joinAs",
      "autoremoveAfter",
      "wantedVoters",
      "writes",
      "badges",
      "allowOrigin",
      "rateLimit",
      "exportCounters",
      "data",
      "secret",
      "secretFile",
      "heartbeatInterval",
      "electionTimeout",
      "writeTimeout",
      "readTimeout",
      "stopTimeout",
      "logLevel",
      "logFormat",
    ],
    examples: [
      {
        does: "a node on its own, for the first time",
        line: "raftally serve --id n1 --cluster-id shop --new-cluster",
      },
      {
        does: "the first of three machines (with the same RAFTALLY_SECRET on each)",
        line:
          "export RAFTALLY_MEMBERS=n1=10.0.0.1:4100@http://10.0.0.1:4000,n2=10.0.0.2:4100@http://10.0.0.2:4000," +
          "n3=10.0.0.3:4100@http://10.0.0.3:4000\n" +
          "raftally serve --id n1 --cluster-id shop --data /var/lib/raftally \\\n" +
          "  --listen 10.0.0.1:4000 --listen-peer 10.0.0.1:4100",
      },
      {
        does: "a fourth one, which joins them, copies everything, and gets a vote",
        line:
          "raftally serve --id n4 --join 10.0.0.1:4100,10.0.0.2:4100 --join-as voter --data /var/lib/raftally \\\n" +
          "  --listen 10.0.0.4:4000 --listen-peer 10.0.0.4:4100",
      },
    ],
    exits: USUAL_EXITS,
  },
  {
    name: "incr",
    summary: "add to a counter",
    about: [
      "Prints the value that this very increment gave. It is tried again, on other nodes too, until it is " +
        "answered, and never counts twice. A counter that does not exist counts as 0.",
      `KEY is ${KEY_RULE}.`,
    ],
    positionals: ["KEY"],
    options: ["by", "min", "max", "onLimit", "once", "idempotencyKey", ...ASKING],
    examples: [
      { does: "one more visit", line: "raftally incr visits" },
      { does: "sell two, never more than there are", line: "raftally incr stock:apples --by -2 --min 0" },
      {
        does: "give back as many as were taken, at most 100 in all",
        line: "raftally incr stock:apples --by 2 --max 100 --on-limit saturate",
      },
      { does: "count each visitor once", line: "raftally incr visitors:today --once 203.0.113.7" },
    ],
    exits: [...USUAL_EXITS, "unknown"],
  },
  {
    name: "get",
    summary: "read a counter",
    about: ["Prints the value. Exits with 1 if the counter was never written.", `KEY is ${KEY_RULE}.`],
    positionals: ["KEY"],
    options: ["consistency", "minIndex", ...ASKING],
    examples: [
      { does: "the value, with every write that was acknowledged", line: "raftally get visits" },
      {
        does: "whatever the node has, even without a majority",
        line: "raftally get visits --consistency stale",
      },
    ],
    exits: USUAL_EXITS,
  },
  {
    name: "list",
    summary: "list counters",
    about: ["Prints keys and values, in order of the bytes of the keys if not told otherwise."],
    positionals: [],
    options: ["prefix", "match", "order", "limit", "consistency", "minIndex", ...ASKING],
    examples: [
      { does: "all counters of a group", line: "raftally list --prefix stock:" },
      {
        does: "the ten most visited pages",
        line: "raftally list --match visits:*:page --order -value --limit 10",
      },
    ],
    exits: USUAL_EXITS,
  },
  ...COUNTER_COMMANDS,
  {
    name: "status",
    summary: "show the nodes of a cluster: who leads, who is behind, who is down",
    about: ["Asks every node that is given or that another node names. Exits with 1 if none leads."],
    positionals: [],
    options: ["url", "timeout", "json"],
    examples: [{ does: "the local cluster", line: "raftally status" }],
    exits: USUAL_EXITS,
  },
  {
    name: "health",
    summary: "ask one node whether it can serve; exits with 0 or 1",
    about: ["For supervisors and containers. Asks one node: of several URLs only the first counts."],
    positionals: [],
    options: ["live", "url", "timeout"],
    examples: [
      { does: "can it serve?", line: "raftally health" },
      { does: "does the process run?", line: "raftally health --live" },
    ],
    exits: USUAL_EXITS,
  },
  DOCTOR_COMMAND,
  ...OPERATING_COMMANDS,
  ...LOCAL_COMMANDS,
];

/** The process's exit codes. */
export const EXIT: Readonly<Record<ExitName, number>> = {
  done: 0,
  failed: 1,
  refused: 2,
  unknown: 3,
  healthy: 0,
  unhealthy: 1,
  blind: 2,
};

export const EXIT_MEANINGS: Readonly<Record<ExitName, string>> = {
  done: "done",
  failed: "it failed while running, or the cluster said no",
  refused: "the command line, the configuration or the data directory is not right: nothing was started",
  unknown: "it may or may not have been done: an answer was lost, and what is printed says how to find out",
  healthy: "nothing is wrong",
  unhealthy: "something is wrong: what, and what to do, is printed",
  blind: "it could not look: no node answered, there is no such directory, or the command line is not right",
};
