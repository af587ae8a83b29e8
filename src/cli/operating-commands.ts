/** The rows of the table of subcommands for whoever runs a cluster: its members, backups, and what to do in need. */

import { type Command, type Group, USUAL_EXITS } from "./command.ts";
import { LOCAL_GROUP } from "./local/commands.ts";
import type { OptionName } from "./options.ts";

export const GROUPS: readonly Group[] = [
  LOCAL_GROUP,
  {
    name: "member",
    summary: "see who belongs to a cluster, and change that while it runs",
    about: [
      "A cluster decides by the majority of its voters: 3 voters bear the loss of 1, 5 the loss of 2; an even " +
        "number bears no more than the odd number below it. A learner copies everything and has no vote; each " +
        "voter begins as one, so that a newcomer never weakens the cluster. One change at a time is made, and " +
        "clients notice nothing of it.",
      "An id is never used twice in the life of a cluster: a node whose disk is lost comes back under a new id, " +
        "with raftally member replace.",
    ],
  },
];

/** Changes wait until they are done, and a newcomer may have much to copy. */
const CHANGE_DEFAULTS = { timeout: "10m" } as const;
const CHANGING: readonly OptionName[] = ["dryRun", "url", "timeout", "json"];

export const OPERATING_COMMANDS: readonly Command[] = [
  {
    name: "member list",
    summary: "show the members: who votes, who leads, who is reached, who catches up",
    about: [
      "Asks the leader, who knows how far everybody is; without a leader, what the asked node knows. Says how many " +
        "voters may fail.",
    ],
    positionals: [],
    options: ["url", "timeout", "json"],
    examples: [{ does: "the members of the local cluster", line: "raftally member list" }],
    exits: USUAL_EXITS,
  },
  {
    name: "member add",
    summary: "let a waiting node in, as a learner without a vote",
    about: [
      "URL is where the new node answers clients: one that was started with raftally serve --join and an empty data " +
        "directory. It is asked who it is, becomes a learner, and has copied everything when this command ends; " +
        "raftally member promote then gives it a vote.",
      "A node started with --join-as learner (the default) or voter lets itself in, and needs this only where it " +
        "was started with --join-as wait.",
    ],
    positionals: ["URL"],
    options: CHANGING,
    defaults: CHANGE_DEFAULTS,
    examples: [
      {
        does: "start a fourth node, which waits, and let it in from another terminal",
        line:
          "raftally serve --id n4 --join 10.0.0.1:4100 --join-as wait --listen 10.0.0.4:4000 --listen-peer 10.0.0.4:4100\n" +
          "raftally member add http://10.0.0.4:4000 --url http://10.0.0.1:4000",
      },
      { does: "what it would mean", line: "raftally member add http://10.0.0.4:4000 --dry-run" },
    ],
    exits: [...USUAL_EXITS, "unknown"],
  },
  {
    name: "member promote",
    summary: "give a learner a vote",
    about: [
      "Waits until the learner has caught up, so that its vote counts for something. Two promotions make an odd " +
        "number odd again: 3 voters bear 1 failure, 4 voters 1, 5 voters 2.",
    ],
    positionals: ["ID"],
    options: CHANGING,
    defaults: CHANGE_DEFAULTS,
    examples: [{ does: "n4 shall vote", line: "raftally member promote n4" }],
    exits: [...USUAL_EXITS, "unknown"],
  },
  {
    name: "member remove",
    summary: "remove a voter or a learner, for good",
    about: [
      "The node needs not be up. If it is, its process stops by itself and says why; if it leads, another one leads " +
        "afterwards. Its id and its data directory can never come back: a node for its place takes a new id. " +
        "Refused if the voters that can be reached would be no majority afterwards.",
    ],
    positionals: ["ID"],
    options: CHANGING,
    defaults: CHANGE_DEFAULTS,
    examples: [
      { does: "what it would mean", line: "raftally member remove n2 --dry-run" },
      { does: "n2 leaves", line: "raftally member remove n2" },
    ],
    exits: [...USUAL_EXITS, "unknown"],
  },
  {
    name: "member replace",
    summary: "put a new node in the place of a lost or old one, in one change",
    about: [
      "NEW is a learner's id, or the URL of a node that waits to be let in. Waits until NEW has joined and caught " +
        "up; then one change gives it the vote of OLD and removes OLD. At no moment are there fewer voters than " +
        "before. OLD may be up, down or lost; afterwards it may be switched off, and never comes back.",
    ],
    positionals: ["OLD", "NEW"],
    options: CHANGING,
    defaults: CHANGE_DEFAULTS,
    examples: [
      {
        does: "the disk of n2 is lost: start n4 on a new one, and put it in the place of n2",
        line:
          "raftally serve --id n4 --join 10.0.0.1:4100 --listen 10.0.0.2:4000 --listen-peer 10.0.0.2:4100\n" +
          "raftally member replace n2 n4 --url http://10.0.0.1:4000",
      },
    ],
    exits: [...USUAL_EXITS, "unknown"],
  },
  {
    name: "member transfer",
    summary: "hand leadership to another voter, before a leader is stopped, say",
    about: [
      "To ID, or to the voter whose log reaches furthest. Takes a few milliseconds, in which writes wait; a node " +
        "that is stopped with SIGTERM does this by itself.",
    ],
    positionals: ["[ID]"],
    options: ["url", "timeout", "json"],
    defaults: { timeout: "30s" },
    examples: [
      { does: "anybody else", line: "raftally member transfer" },
      { does: "n2", line: "raftally member transfer n2" },
    ],
    exits: [...USUAL_EXITS, "unknown"],
  },
  {
    name: "backup",
    summary: "copy the state of a running cluster to a file",
    about: [
      "Takes a snapshot on the node that is asked, while it goes on serving: every counter as of one index of the " +
        "log, with all idempotency keys and sessions. The file is verified before it gets its name; a file of " +
        "that name is never overwritten. Prints index, counters and digest.",
    ],
    positionals: ["FILE"],
    options: ["url", "timeout", "json"],
    defaults: CHANGE_DEFAULTS,
    examples: [{ does: "the local cluster", line: "raftally backup counts.backup" }],
    exits: USUAL_EXITS,
  },
  {
    name: "restore",
    summary: "make the data directory of a new cluster's first node from a backup",
    about: [
      "The file is verified first; a damaged one is refused. The directory must be empty or not exist. The new " +
        "cluster has one member and needs a name that was not used before, because it is another cluster: nodes of " +
        "the old one can never join it. Start the node, then let others join it.",
    ],
    positionals: ["FILE"],
    options: ["data", "id", "clusterId", "listen", "listenPeer", "advertise", "advertisePeer", "json"],
    examples: [
      {
        does: "the first node of a new cluster, with every count of the backup",
        line:
          "raftally restore counts.backup --data ./restored --id r1 --cluster-id shop-2\n" +
          "raftally serve --data ./restored --id r1 --cluster-id shop-2",
      },
    ],
    exits: USUAL_EXITS,
  },
  {
    name: "recover",
    summary: "the majority is lost for good: make a new cluster from one surviving node",
    about: [
      "The last resort. Counts that were acknowledged may be missing on the survivor, and nobody can tell which; so " +
        "it asks before it does anything. The node must be stopped. Of several survivors take the one whose log " +
        "reaches furthest (this command prints that). Afterwards the directory is that of a cluster with a new " +
        "name and one member; the other nodes join with empty directories and new ids, and no node of the old " +
        "cluster can ever join or vote in it.",
      "If the lost nodes can come back with their disks, bring them back instead: then nothing is lost. Afterwards keep " +
        "them switched off or delete their directories: a majority of them would go on as the old cluster, beside " +
        "the new one.",
      "Where the only voter was to be joined by a second one that died, the first holds every count: recover it, and " +
        "nothing is lost. One that was interrupted is finished by the same command again.",
    ],
    positionals: [],
    options: ["data", "clusterId", "yesLoseData", "json"],
    examples: [{ does: "asks, and then does it", line: "raftally recover --data /var/lib/raftally" }],
    exits: USUAL_EXITS,
  },
];
