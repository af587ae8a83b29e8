/** All checkers of one world, in the order in which they look. */

import { LIMITS } from "../../src/counter/index.ts";
import { answersAreTrue } from "./checkers/answers-are-true.ts";
import { commitOnMajority } from "./checkers/commit-on-majority.ts";
import type { CommittedLog } from "./checkers/committed-log.ts";
import { committedStays } from "./checkers/committed-stays.ts";
import { countsLikeTheModel } from "./checkers/counts-like-the-model.ts";
import { historyIsLinearizable } from "./checkers/history-is-linearizable.ts";
import { type Hearing, isolatedKeepsItsTerm } from "./checkers/isolated-keeps-its-term.ts";
import { leaderAppendsOnly } from "./checkers/leader-appends-only.ts";
import { leaderCompleteness } from "./checkers/leader-completeness.ts";
import { leadersAreElected } from "./checkers/leaders-are-elected.ts";
import { leaversStepDown } from "./checkers/leavers-step-down.ts";
import { linearizable } from "./checkers/linearizable.ts";
import { logBounds } from "./checkers/log-bounds.ts";
import { logMatching } from "./checkers/log-matching.ts";
import { logTime } from "./checkers/log-time.ts";
import { messagesAreDurable } from "./checkers/messages-are-durable.ts";
import { nothingAfterAFailure } from "./checkers/nothing-after-a-failure.ts";
import { oneChangeAtATime } from "./checkers/one-change-at-a-time.ts";
import { oneLeaderPerTerm } from "./checkers/one-leader-per-term.ts";
import { promotedKeepUp } from "./checkers/promoted-keep-up.ts";
import { queuesAreBounded } from "./checkers/queues-are-bounded.ts";
import { readsAreFresh } from "./checkers/reads-are-fresh.ts";
import type { Reference } from "./checkers/reference.ts";
import { refusalsAreHonest } from "./checkers/refusals-are-honest.ts";
import { removedStayRemoved } from "./checkers/removed-stay-removed.ts";
import { requestsEndOnce } from "./checkers/requests-end-once.ts";
import { snapshotsAreWorthIt } from "./checkers/snapshots-are-worth-it.ts";
import { staleReadsGoForward } from "./checkers/stale-reads-go-forward.ts";
import { stalledLeaderYields } from "./checkers/stalled-leader-yields.ts";
import { statesAgree } from "./checkers/states-agree.ts";
import { transfersEnd } from "./checkers/transfers-end.ts";
import { votesAreKept } from "./checkers/votes-are-kept.ts";
import { counting } from "./counting.ts";
import { countingChanges } from "./counting-changes.ts";
import type { Coverage } from "./coverage.ts";
import type { Observer } from "./observer.ts";
import type { Profile } from "./profile.ts";
import type { SimNode } from "./sim-node.ts";
import type { Standing } from "./standing.ts";
import type { Views } from "./views.ts";

export interface Watched {
  readonly seed: number;
  readonly profile: Profile;
  readonly log: CommittedLog;
  readonly reference: Reference;
  readonly nodes: () => readonly SimNode[];
  /** Also those whose disk was wiped: what they held counts, because they never come back without it. */
  readonly everyone: () => readonly SimNode[];
  readonly hearing: Hearing;
  readonly views: Views;
  /** What a process's own clock says, ms. */
  readonly now: (node: SimNode) => number;
  readonly coverage: Coverage;
  readonly standing: Standing;
}

/** One seed in so many pays for the naive model. */
const MODEL_EVERY = 3;

export function checkersOf(watched: Watched): readonly Partial<Observer>[] {
  const { seed, profile, log, reference, nodes, everyone, hearing, views, now, coverage, standing } = watched;
  return [
    oneLeaderPerTerm(),
    leadersAreElected(),
    votesAreKept(),
    leaderAppendsOnly(),
    logMatching(),
    leaderCompleteness(log),
    commitOnMajority(log, everyone),
    // From here on the committed log is as the latest event has left it.
    committedStays(log),
    oneChangeAtATime(log),
    promotedKeepUp(profile, { now, nodes }),
    isolatedKeepsItsTerm(hearing),
    leaversStepDown(views),
    removedStayRemoved(),
    logBounds(log),
    queuesAreBounded(profile, { log, now }),
    messagesAreDurable(),
    nothingAfterAFailure(),
    statesAgree(reference),
    linearizable(),
    readsAreFresh(),
    staleReadsGoForward(),
    answersAreTrue(reference),
    requestsEndOnce(profile, now),
    logTime(now),
    stalledLeaderYields(profile, now),
    transfersEnd(profile, now),
    snapshotsAreWorthIt(),
    refusalsAreHonest(reference),
    // With a memory that forgets within seconds, what is asked for again may happen again.
    ...(profile.limits.windowMs === LIMITS.windowMs ? [historyIsLinearizable()] : []),
    ...(seed % MODEL_EVERY === 0 ? [countsLikeTheModel(log, reference, profile.limits)] : []),
    counting(coverage, standing),
    countingChanges(log, coverage),
  ];
}
