import { describe, expect } from "vitest";
import { Cluster, SETTINGS } from "../raft/kit.ts";
import { entryId, message } from "../raft/words.ts";
import { onWire, rule } from "./rule.ts";

const THREE = { voters: ["a", "b", "c"] };
const FIVE = { voters: ["a", "b", "c", "d", "e"] };

describe("terms", () => {
  rule("5.1", "Each server stores a current term number, which increases monotonically over time.", () => {
    const cluster = new Cluster(THREE);
    const seen = [0];
    for (const id of ["a", "b", "c", "a"]) {
      cluster.elect(id);
      seen.push(cluster.node("b").disk.hardState.term);
    }
    expect(seen).toEqual([0, 1, 2, 3, 4]);
    cluster.restart("b");
    expect(cluster.status("b").term).toBe(4);
  });

  rule(
    "5.1",
    "If one server's current term is smaller than the other's, then it updates its current term to the larger value.",
    () => {
      for (const kind of ["append", "heartbeat", "requestVote", "voteResponse", "appendResponse"] as const) {
        const cluster = new Cluster(THREE);
        const last = entryId(0, 0);
        const envelope = { from: "b", to: "a", term: 7 };
        const bodies = {
          append: message("append", envelope, {
            previous: last,
            previousChain: 0,
            entries: [],
            commit: last.index,
          }),
          heartbeat: message("heartbeat", envelope, {
            commit: last.index,
            leaderCommit: last.index,
            round: 0,
          }),
          requestVote: message("requestVote", envelope, { last, transfer: false }),
          voteResponse: message("voteResponse", envelope, { granted: false }),
          appendResponse: message("appendResponse", envelope, { ok: true, match: last.index }),
        };
        cluster.receive(bodies[kind]);
        expect(cluster.status("a").term, kind).toBe(7);
      }
    },
  );

  rule(
    "5.1",
    "If a candidate or leader discovers that its term is out of date, it immediately reverts to follower state.",
    () => {
      const cluster = new Cluster(THREE);
      cluster.stand("a");
      expect(cluster.status("a").role).toBe("candidate");
      cluster.receive(message("voteResponse", { from: "b", to: "a", term: 9 }, { granted: false }));
      expect(cluster.status("a")).toMatchObject({ role: "follower", term: 9 });
      cluster.elect("a");
      cluster.receive(
        message(
          "appendResponse",
          { from: "b", to: "a", term: 12 },
          { ok: false, rejected: entryId(0, 0).index, hint: entryId(0, 0) },
        ),
      );
      expect(cluster.status("a")).toMatchObject({ role: "follower", term: 12 });
    },
  );

  rule("5.1", "If a server receives a request with a stale term number, it rejects the request.", () => {
    const cluster = new Cluster({ ...THREE, nodes: { a: { term: 5 } } });
    const last = entryId(9, 4);
    cluster.receive(message("requestVote", { from: "b", to: "a", term: 4 }, { last, transfer: false }));
    cluster.receive(message("requestPreVote", { from: "b", to: "a", term: 4 }, { last }));
    cluster.receive(
      message(
        "append",
        { from: "b", to: "a", term: 4 },
        { previous: entryId(0, 0), previousChain: 0, entries: [], commit: last.index },
      ),
    );
    expect(onWire(cluster, "voteResponse")).toMatchObject([{ granted: false, term: 5 }]);
    expect(onWire(cluster, "preVoteResponse")).toMatchObject([{ granted: false, term: 5 }]);
    expect(onWire(cluster, "appendResponse")).toMatchObject([{ ok: false, term: 5 }]);
    expect(cluster.status("a")).toMatchObject({ vote: undefined, leader: undefined, committed: 0 });
  });
});

describe("followers and the election timeout", () => {
  rule("5.2", "When servers start up, they begin as followers.", () => {
    const cluster = new Cluster({ ...THREE, nodes: { a: { term: 3, vote: "a" } } });
    for (const id of THREE.voters)
      expect(cluster.status(id)).toMatchObject({ role: "follower", leader: undefined });
  });

  rule(
    "5.2",
    "A server remains in follower state as long as it receives valid RPCs from a leader or candidate.",
    () => {
      const cluster = new Cluster(THREE);
      cluster.elect("a");
      for (let round = 0; round < 10; round++) {
        cluster.tick("b", SETTINGS.electionTicks - 1);
        cluster.heartbeat("a");
      }
      expect(cluster.status("b")).toMatchObject({ role: "follower", leader: "a", term: 1 });
      // A vote that is granted begins the wait anew, too.
      const other = new Cluster(THREE);
      other.tick("b", SETTINGS.electionTicks - 1);
      other.stand("a");
      other.deliverAll({ to: "b", kind: "requestVote" });
      other.tick("b", SETTINGS.electionTicks - 1);
      expect(other.status("b").role).toBe("follower");
    },
  );

  rule(
    "5.2",
    "Leaders send periodic heartbeats […] to all followers in order to maintain their authority.",
    () => {
      const cluster = new Cluster({ ...FIVE, learners: ["f"] });
      cluster.elect("a");
      for (let round = 0; round < 3; round++) {
        cluster.tick("a", SETTINGS.heartbeatTicks);
        expect(onWire(cluster, "heartbeat").map(({ to }) => to)).toEqual(["b", "c", "d", "e", "f"]);
        cluster.settle();
      }
    },
  );

  rule(
    "5.2",
    "If a follower receives no communication over a period of time called the election timeout, then it assumes there is no viable leader and begins an election to choose a new leader.",
    () => {
      const cluster = new Cluster(THREE);
      cluster.elect("a");
      cluster.tick("b", 2 * SETTINGS.electionTicks);
      expect(cluster.status("b")).toMatchObject({ role: "preCandidate", leader: undefined });
      cluster.crash("a");
      cluster.loseLeader("c");
      cluster.settle();
      expect(cluster.status("b")).toMatchObject({ role: "leader", term: 2 });
    },
  );
});

describe("elections", () => {
  rule(
    "5.2",
    "To begin an election, a follower increments its current term and transitions to candidate state.",
    () => {
      const cluster = new Cluster({ ...THREE, nodes: { a: { term: 4 } } });
      cluster.stand("a");
      expect(cluster.status("a")).toMatchObject({ role: "candidate", term: 5 });
    },
  );

  rule(
    "5.2",
    "It then votes for itself and issues RequestVote RPCs in parallel to each of the other servers in the cluster.",
    () => {
      const cluster = new Cluster({ ...FIVE, nodes: { a: { log: [1, 1, 3] } } });
      cluster.stand("a");
      expect(cluster.node("a").disk.hardState).toMatchObject({ term: 4, vote: "a" });
      const asked = onWire(cluster, "requestVote");
      expect(asked.map(({ to }) => to)).toEqual(["b", "c", "d", "e"]);
      for (const request of asked) expect(request).toMatchObject({ term: 4, last: { index: 3, term: 3 } });
    },
  );

  rule(
    "5.2",
    "A candidate wins an election if it receives votes from a majority of the servers in the full cluster for the same term.",
    () => {
      const cluster = new Cluster(FIVE);
      cluster.checks.trustMessages();
      cluster.stand("a");
      const vote = (from: string, term: number, granted: boolean): void =>
        cluster.receive(message("voteResponse", { from, to: "a", term }, { granted }));
      vote("b", 1, true);
      vote("b", 1, true);
      vote("c", 0, true);
      vote("d", 1, false);
      expect(cluster.status("a").role).toBe("candidate");
      vote("e", 1, true);
      expect(cluster.status("a").role).toBe("leader");
    },
  );

  rule(
    "5.2",
    "Each server will vote for at most one candidate in a given term, on a first-come-first-served basis.",
    () => {
      const cluster = new Cluster(THREE);
      cluster.stand("a", "b");
      cluster.deliverAll({ from: "b", to: "c", kind: "requestVote" });
      cluster.persist("c");
      cluster.deliverAll({ from: "a", to: "c", kind: "requestVote" });
      expect(onWire(cluster, "voteResponse")).toMatchObject([
        { to: "b", granted: true },
        { to: "a", granted: false },
      ]);
      cluster.restart("c");
      cluster.receive(
        message("requestVote", { from: "a", to: "c", term: 1 }, { last: entryId(5, 0), transfer: false }),
      );
      expect(onWire(cluster, "voteResponse").at(-1)).toMatchObject({ to: "a", granted: false });
    },
  );

  rule(
    "5.2",
    "Once a candidate wins an election, it becomes leader. It then sends heartbeat messages to all of the other servers to establish its authority and prevent new elections.",
    () => {
      const cluster = new Cluster(THREE);
      cluster.stand("a");
      cluster.deliverAll({ kind: "requestVote" });
      cluster.persist("b");
      cluster.deliverAll({ kind: "voteResponse" });
      expect(cluster.status("a").role).toBe("leader");
      expect(onWire(cluster, "append").map(({ to }) => to)).toEqual(["b", "c"]);
      cluster.deliverAll({ kind: "append" });
      for (const id of ["b", "c"])
        expect(cluster.status(id)).toMatchObject({ leader: "a", role: "follower" });
    },
  );

  rule(
    "5.2",
    "If the leader's term […] is at least as large as the candidate's current term, then the candidate recognizes the leader as legitimate and returns to follower state.",
    () => {
      for (const term of [1, 2]) {
        const cluster = new Cluster(THREE);
        cluster.stand("a");
        cluster.receive(
          message(
            "heartbeat",
            { from: "b", to: "a", term },
            { commit: entryId(0, 0).index, leaderCommit: entryId(0, 0).index, round: 0 },
          ),
        );
        expect(cluster.status("a")).toMatchObject({ role: "follower", leader: "b", term });
        // Within the same term it has given its vote away to itself, and keeps it.
        expect(cluster.status("a").vote).toBe(term === 1 ? "a" : undefined);
      }
    },
  );

  rule(
    "5.2",
    "If the term in the RPC is smaller than the candidate's current term, then the candidate rejects the RPC and continues in candidate state.",
    () => {
      const cluster = new Cluster({ ...THREE, nodes: { a: { term: 4 } } });
      cluster.stand("a");
      cluster.receive(
        message(
          "heartbeat",
          { from: "b", to: "a", term: 4 },
          { commit: entryId(0, 0).index, leaderCommit: entryId(0, 0).index, round: 0 },
        ),
      );
      expect(cluster.status("a")).toMatchObject({ role: "candidate", term: 5 });
      expect(onWire(cluster, "appendResponse")).toMatchObject([{ ok: false, term: 5, to: "b" }]);
    },
  );

  rule(
    "5.2",
    "When this happens, each candidate will time out and start a new election by incrementing its term and initiating another round of RequestVote RPCs.",
    () => {
      const cluster = new Cluster({ voters: ["a", "b"] });
      cluster.stand("a", "b");
      cluster.deliverAll({ kind: "requestVote" });
      cluster.deliverAll({ kind: "voteResponse" });
      expect(cluster.leader).toBeUndefined();
      cluster.stand("b");
      expect(cluster.status("b")).toMatchObject({ role: "candidate", term: 2 });
      expect(onWire(cluster, "requestVote")).toMatchObject([{ to: "a", term: 2 }]);
    },
  );

  rule("5.2", "Election timeouts are chosen randomly from a fixed interval.", () => {
    const timeouts = new Set<number>();
    for (let seed = 1; seed <= 200; seed++) {
      const cluster = new Cluster({ ...THREE, seed });
      let ticks = 0;
      for (; cluster.status("a").role === "follower"; ticks++) cluster.tick("a");
      timeouts.add(ticks);
    }
    const interval = Array.from({ length: SETTINGS.electionTicks }, (_, at) => SETTINGS.electionTicks + at);
    expect([...timeouts].sort((x, y) => x - y)).toEqual(interval);
  });

  rule("5.2", "Each candidate restarts its randomized election timeout at the start of an election.", () => {
    const cluster = new Cluster(THREE);
    const waits = new Set<number>();
    for (let round = 0; round < 20; round++) {
      cluster.stand("a");
      cluster.wire = [];
      let ticks = 0;
      for (; cluster.status("a").role === "candidate"; ticks++) cluster.tick("a");
      expect(ticks).toBeGreaterThanOrEqual(SETTINGS.electionTicks);
      waits.add(ticks);
      cluster.settle(["b", "c"]);
      cluster.receive(
        message(
          "heartbeat",
          { from: "b", to: "a", term: cluster.status("a").term },
          { commit: entryId(0, 0).index, leaderCommit: entryId(0, 0).index, round: 0 },
        ),
      );
    }
    expect(waits.size).toBeGreaterThan(4);
  });
});
