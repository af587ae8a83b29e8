/** Counts what happened in a run, so that a batch of seeds can show that it tested something. */

/** Everything that is counted. In a batch of seeds each has to have happened. */
export const COUNTED = [
  "elections",
  "crashes",
  "crashes with unsynced writes",
  "crashes that lost a write",
  "crashes of everybody",
  "crashes between effects",
  "crashes during recovery",
  "crashes during an install",
  "crashes that tore a batch",
  "torn tails cut",
  "installs finished by a recovery",
  "states restored by a recovery",
  "flushes on a slow disk",
  "flushes that hung",
  "flushes that failed",
  "flushes on a full disk",
  "processes that ended on a failed flush",
  "processes that ended on a full disk",
  "bits that rotted",
  "damaged disks refused",
  "damaged snapshots sent",
  "crashes that took the state back",
  "graceful stops",
  "graceful stops that drained",
  "partitions",
  "partitions in two",
  "partitions one way",
  "partitions with a bridge",
  "partitions as a ring",
  "partitions of random links",
  "clogged links that came free with messages",
  "old messages that came again",
  "messages of an earlier process",
  "messages of an earlier term",
  "clocks that stood still",
  "leaders whose clock stood still",
  "wall clocks set",
  "leaders cut off with unreplicated entries",
  "leaders that lost their quorum",
  "links that broke",
  "links made",
  "pauses",
  "disks that stalled a leader",
  "truncations",
  "truncations of several entries",
  "compactions",
  "snapshot transfers lost",
  "snapshot transfers failed",
  "snapshots received",
  "snapshots received after a newer one",
  "installs",
  "installs over a conflicting suffix",
  "installs over a longer log",
  "transfers asked for",
  "transfers ended",
  "orders to take over that came late",
  "messages lost",
  "duplicates delivered",
  "messages through the real codec",
  "writes acknowledged",
  "writes refused by the state machine",
  "writes redirected",
  "writes held in vain",
  "writes refused for overload",
  "writes of unknown outcome",
  "writes refused while stopping",
  "writes that never got an answer",
  "writes that reached a deposed leader",
  "requests to a paused process",
  "requests that came again later",
  "keyed writes replayed",
  "session writes replayed",
  "sessions that had expired",
  "batches",
  "members counted",
  "runs of several adds",
  "runs cut short by overflow",
  "log time passed",
  "entries applied in SQLite",
  "linearizable reads",
  "linearizable reads at a follower",
  "reads that reached a deposed leader",
  "reads timed out",
  "stale reads",
  "lists",
  "changes asked for",
  "changes made",
  "changes refused",
  "changes given up",
  "learners added",
  "learners promoted",
  "members removed",
  "members replaced",
  "members moved",
  "silent members removed",
  "votes that learners asked for",
  "transfers answered",
  "promotions refused as behind",
  "changes refused while another was under way",
  "changes refused for the quorum",
  "configurations appended",
  "joint configurations left",
  "configurations in flight when their leader died",
  "joint configurations across a change of leader",
  "configurations truncated",
  "leaders that removed themselves",
  "leaders elected that were being removed",
  "learners caught up by a snapshot",
  "removed nodes that campaigned",
  "removed nodes refused",
  "long absences",
  "majorities that served without the others",
  "disks wiped",
  "wiped disks refused",
] as const;

export type Counted = (typeof COUNTED)[number];

export class Coverage {
  readonly counts: Record<Counted, number>;

  constructor() {
    this.counts = Object.fromEntries(COUNTED.map((name) => [name, 0])) as Record<Counted, number>;
  }

  count(name: Counted, times: number = 1): void {
    this.counts[name] += times;
  }

  /** Adds what another run counted. */
  add(other: Readonly<Record<Counted, number>>): void {
    for (const name of COUNTED) this.counts[name] += other[name];
  }

  /** What has never happened. */
  get missing(): readonly Counted[] {
    return COUNTED.filter((name) => this.counts[name] === 0);
  }
}
