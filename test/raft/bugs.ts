/**
 * The bugs that the best Raft implementations have had (etcd, hashicorp, raft-rs, openraft, dragonboat, braft and
 * others), by number, and the test that shows this one free of each. `bugs.test.ts` checks the list.
 */

/** A file under test/, and the beginning of a title in it. */
interface Elsewhere {
  readonly elsewhere: string;
  readonly title: string;
}

/** Where a bug is tested, or why it cannot happen here. */
export type Verdict =
  /** A test whose title begins with the number, in a file of this folder; another layer has its share in `also`. */
  | { readonly tested: string; readonly also?: Elsewhere }
  /** The core cannot show it: a file under test/, and the beginning of the title there that does. */
  | Elsewhere
  | { readonly absent: string };

export interface Bug {
  readonly number: string;
  readonly what: string;
  readonly verdict: Verdict;
}

function bug(number: string, what: string, verdict: Verdict): Bug {
  return { number, what, verdict };
}

const ELECTIONS: Verdict = { tested: "bugs-elections.test.ts" };
const REPLICATION: Verdict = { tested: "bugs-replication.test.ts" };
const READS: Verdict = { tested: "bugs-reads.test.ts" };
const SNAPSHOTS: Verdict = { tested: "bugs-snapshots.test.ts" };
const MEMBERSHIP: Verdict = { tested: "bugs-membership.test.ts" };
const NO_LEASE: Verdict = {
  absent: "There are no lease reads: every linearizable read is confirmed by a round.",
};

export const BUGS: readonly Bug[] = [
  bug("T01", "a node leads one term twice: its vote was not durable when it asked for others", ELECTIONS),
  bug("T02", "term and vote are written apart, and a crash comes between", ELECTIONS),
  bug("T03", "vote and log writes are reordered", ELECTIONS),
  bug("T04", "seeing a higher term is recorded as having voted in it", ELECTIONS),
  bug("T05", "stepping down within a term clears the vote", ELECTIONS),
  bug("T06", "voting although a leader of this term is known", ELECTIONS),
  bug("T07", "pre-vote and check-quorum lock up with a node of a higher term and a shorter log", ELECTIONS),
  bug("T08", "pre-vote never spreads the higher term", ELECTIONS),
  bug("T09", "a pre-vote refused to the leader, refreshing a timer, or counted as a vote", ELECTIONS),
  bug("T10", "a transport error counted as a granted pre-vote", ELECTIONS),
  bug("T11", "the old leader's heartbeat knocks back its successor", ELECTIONS),
  bug("T12", "transfer to a learner, to a stale target, or while writes go on", ELECTIONS),
  bug("T13", "a fixed election jitter splits votes for ever", ELECTIONS),
  bug("T14", "votes refused to candidates outside one's own configuration, or by learners", ELECTIONS),
  bug("T15", "an entry of an earlier term committed by counting", REPLICATION),
  bug("T16", "a follower commits a suffix that the message does not cover", REPLICATION),
  bug("T17", "a commit beyond the log of a follower that lost data", REPLICATION),
  bug("T18", "taking office marks an unflushed tail as flushed", REPLICATION),
  bug("T19", "completions out of order take a watermark back", REPLICATION),
  bug("T20", "an old acknowledgement marks new entries at the same index as durable", REPLICATION),
  bug("T21", "a flush skipped after truncating and appending to the same index", REPLICATION),
  bug("T22", "a truncation that is not atomic leaves a hole", REPLICATION),
  bug("T23", "lost messages close the in-flight window for good", REPLICATION),
  bug("T24", "a heartbeat misread as a log that went back", REPLICATION),
  bug("T25", "an append whose entries do not follow its previous one", REPLICATION),
  bug("T26", "the account of uncommitted bytes goes wrong", REPLICATION),
  bug("T27", "a follower that stays in probe after a snapshot", REPLICATION),
  bug("T28", "a read answered before an entry of the term is committed", READS),
  bug("T29", "the same on a single node after a restart", READS),
  bug("T30", "an old round confirms a new read", READS),
  bug("T31", "lease reads during or after a transfer", NO_LEASE),
  bug("T32", "a lease not honoured by a follower that restarted", NO_LEASE),
  bug("T33", "a learner's read without an answer; reads that outlive the leader's office", READS),
  bug("T34", "a change of the configuration before an entry of the term is committed", MEMBERSHIP),
  bug("T35", "an election by the configuration that is applied, while a later one is committed", MEMBERSHIP),
  bug("T36", "a joint configuration that is never left, or left twice, after a change of leader", MEMBERSHIP),
  bug("T37", "a joint configuration left before both halves have committed it", MEMBERSHIP),
  bug("T38", "the node with the newest log may not campaign, because that log removes it", MEMBERSHIP),
  bug("T39", "a leader that was removed goes on sending heartbeats", MEMBERSHIP),
  bug("T40", "a snapshot with a configuration that is not committed", MEMBERSHIP),
  bug("T41", "an uncommitted configuration that survives a snapshot", MEMBERSHIP),
  bug(
    "T42",
    "a configuration known by the index of a snapshot; a snapshot that lacks the last change",
    MEMBERSHIP,
  ),
  bug("T43", "a learner promoted before it has caught up, or unable to start from a snapshot", MEMBERSHIP),
  bug("T44", "a node that comes back under its id with an empty disk", {
    tested: "bugs-membership.test.ts",
    also: {
      elsewhere: "transport/handshake.test.ts",
      title: "binds: a second incarnation under the same id is refused",
    },
  }),
  bug("T45", "a conflicting log survives a snapshot, which is then sent for ever", SNAPSHOTS),
  bug("T46", "a second snapshot while the first is on its way to the disk", SNAPSHOTS),
  bug("T47", "campaigning half through an install; a transfer that never ends", SNAPSHOTS),
  bug("T48", "the log cut although the snapshot failed", {
    elsewhere: "store/open.test.ts",
    title: "refuses to compact beyond the snapshot",
  }),
  bug("T49", "a snapshot of another incarnation of the cluster", SNAPSHOTS),
  bug("T50", "a snapshot acknowledged to a leader that has gone", SNAPSHOTS),
  bug("T51", "an fsync that failed, retried, and believed", {
    elsewhere: "store/fsync.test.ts",
    title: "ends the process with an error, and nothing is acknowledged after it",
  }),
  bug("T52", "the applied index apart from the state", {
    elsewhere: "store/state-crash.test.ts",
    title:
      "holds all that was committed and whole applies after it, exactly what its index says; the log does the rest again",
  }),
  bug("T53", "a state older than the log's beginning, skipped in silence", {
    elsewhere: "store/open.test.ts",
    title:
      "takes a lost snapshot again while the state is at hand, and refuses once that is older than the log",
  }),
  bug("T54", "a damaged record dropped in silence", {
    elsewhere: "store/wal-damage.test.ts",
    title: "is refused for a flipped bit anywhere before the last batch",
  }),
  bug("T55", "a proposal that never ends", SNAPSHOTS),
  bug("T56", "a retried command applied twice", {
    elsewhere: "counter/once.test.ts",
    title: "makes a retry get the first outcome, and changes nothing a second time",
  }),
];
