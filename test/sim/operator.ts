/**
 * Whoever runs the cluster: adds nodes, promotes them, removes and replaces others, moves them to new addresses, at
 * random moments and from what some node says; and tries again like a person, also at the wrong node, until a wish
 * is fulfilled, refused for good, or no longer worth it. At the end it replaces every member whose disk was lost.
 */

import type { Prng } from "../../src/base/index.ts";
import type { MembershipRequest, MembershipResult } from "../../src/node/index.ts";
import { type Configuration, configurationAfter, isVoter, type NodeId } from "../../src/raft/index.ts";
import type { CommittedLog } from "./checkers/committed-log.ts";
import { hasRemoved, memberOf, names } from "./checkers/configurations.ts";
import type { Counted, Coverage } from "./coverage.ts";
import type { EventQueue } from "./event-queue.ts";
import type { Fault, Faults } from "./faults.ts";
import type { Profile } from "./profile.ts";
import type { Roster } from "./roster.ts";
import type { SimNode } from "./sim-node.ts";
import type { Views } from "./views.ts";

/** How long a wish is worth the trouble while things break, ms. */
const PATIENCE_MS = 4_000;
/** Not more than so many voters, and so many members in all. */
const VOTERS_MAX = 7;
const MEMBERS_MAX = 9;

/** What somebody wants, and the stream for everything that comes of it. */
interface Wish {
  readonly request: MembershipRequest;
  readonly prng: Prng;
  readonly sinceMs: number;
}

/** One request at one process; over when it is answered or the process has died. */
interface Attempt {
  readonly node: SimNode;
  readonly boot: number;
  answered: boolean;
}

export interface OperatorOptions {
  readonly queue: EventQueue;
  readonly faults: Faults;
  /** For what is asked for at the end, when there are no faults any more. */
  readonly prng: Prng;
  readonly profile: Profile;
  readonly roster: Roster;
  readonly views: Views;
  readonly log: CommittedLog;
  readonly coverage: Coverage;
  readonly note: (text: string) => void;
}

export class Operator {
  readonly #options: OperatorOptions;
  #attempts: Attempt[] = [];
  #wishes = 0;
  #finishing = false;
  #resting = false;
  /** Where it was last sent to, or served. */
  #leader: NodeId | undefined;

  constructor(options: OperatorOptions) {
    this.#options = options;
  }

  start(): void {
    const { profile, faults } = this.#options;
    if (profile.changeEveryMs > 0) this.#schedule(faults.stream("change"));
  }

  #schedule(moments: Prng): void {
    const { queue, profile, faults } = this.#options;
    queue.after(-Math.log(1 - moments.real()) * profile.changeEveryMs, () => {
      if (this.#finishing || this.#resting) return;
      const fault = faults.due("change");
      if (fault !== undefined && this.#wishes < profile.operators) this.#wishOf(fault);
      this.#schedule(moments);
    });
  }

  /** From now on nobody asks for anything, until {@link finish}. */
  rest(): void {
    this.#resting = true;
  }

  /** Somebody wants another node gone, though only a bare majority is well: with it the quorum would be lost. */
  tempt(leader: SimNode, id: NodeId): void {
    const request: MembershipRequest = { kind: "remove", id };
    if (this.#options.profile.changeEveryMs === 0 || !this.#isSafe(request)) return;
    const attempt: Attempt = { node: leader, boot: leader.boot, answered: false };
    this.#attempts.push(attempt);
    leader.request(
      (id) => ({ kind: "membership", id, request }),
      (result) => {
        attempt.answered = true;
        this.#learn(leader, result as MembershipResult);
      },
    );
  }

  /** From now on: what was begun is brought to its end, what is lost is replaced, and nothing else. */
  finish(): void {
    this.#finishing = true;
    this.#resting = false;
    this.#repair();
  }

  /**
   * Somebody asks this very leader, who may be cut off from everyone else, for a change.
   */
  meddle(leader: SimNode, fault: Fault): void {
    const { profile } = this.#options;
    if (profile.changeEveryMs === 0 || this.#finishing || this.#resting || this.#wishes > profile.operators)
      return;
    this.#leader = leader.id;
    this.#wishOf(fault);
  }

  #wishOf(fault: Fault): void {
    const request = this.#draw(fault.prng);
    if (request === undefined) return;
    fault.note(`wanted: ${JSON.stringify(request)}`);
    this.#wish(request, fault.prng);
  }

  get idle(): boolean {
    return this.#wishes === 0 && this.#options.roster.lostMembers.length === 0;
  }

  /** Whether any process may still carry out what it was asked for. */
  get isAsking(): boolean {
    this.#attempts = this.#attempts.filter(
      ({ node, boot, answered }) => !answered && node.isUp && node.boot === boot,
    );
    return this.#attempts.length > 0;
  }

  /** One after the other, whoever lost a disk leaves, and a fresh node takes the place of a voter. */
  #repair(): void {
    const { queue, prng, roster, log } = this.#options;
    queue.after(50, () => this.#repair());
    if (this.#wishes > 0) return;
    const lost = roster.lostMembers[0];
    if (lost === undefined) return;
    const { configuration } = log.configuration;
    if (configuration.learners.includes(lost.id)) return this.#wish({ kind: "remove", id: lost.id }, prng);
    const by = configuration.learners.find((id) => !this.#isLost(configuration, id));
    if (by === undefined) return this.#wish({ kind: "add", member: roster.fresh(prng) }, prng);
    this.#wish({ kind: "replace", id: lost.id, by }, prng);
  }

  #isLost(configuration: Configuration, id: NodeId): boolean {
    const member = memberOf(configuration, id);
    return member !== undefined && this.#options.roster.isLost(member);
  }

  /** What to ask for next, by what some node believes. */
  #draw(prng: Prng): MembershipRequest | undefined {
    const { roster, views, log } = this.#options;
    const asked = prng.pick(roster.members);
    if (asked === undefined) return undefined;
    const believed = prng.chance(0.8) ? log.configuration.configuration : views.of(asked).effective;
    const { voters, learners, members } = believed;
    if (members.length === 0) return undefined;
    const lost = roster.lostMembers[0];
    if (lost !== undefined) return this.#drawRepair(believed, lost.id, prng);
    const dice = prng.real();
    if (dice < 0.05) return this.#drawMove(prng.pick(members).id, believed, prng);
    if (learners.length > 0 && dice < 0.5) {
      const by = prng.pick(learners);
      if (voters.length < VOTERS_MAX && prng.chance(0.55)) return { kind: "promote", id: by };
      return { kind: "replace", id: this.#victim(voters, prng), by };
    }
    if (members.length < MEMBERS_MAX && dice < 0.75) return { kind: "add", member: roster.fresh(prng) };
    return { kind: "remove", id: prng.chance(0.2) ? prng.pick(members).id : this.#victim(voters, prng) };
  }

  /** While a disk is lost nobody else leaves: the quorum may hang on it. */
  #drawRepair({ learners, members }: Configuration, lost: NodeId, prng: Prng): MembershipRequest | undefined {
    const { roster } = this.#options;
    if (learners.includes(lost)) return { kind: "remove", id: lost };
    if (learners.length > 0) return { kind: "replace", id: lost, by: prng.pick(learners) };
    return members.length < MEMBERS_MAX ? { kind: "add", member: roster.fresh(prng) } : undefined;
  }

  #drawMove(id: NodeId, believed: Configuration, prng: Prng): MembershipRequest | undefined {
    const member = memberOf(believed, id);
    if (member === undefined) return undefined;
    const port = prng.between(2, 9);
    return { kind: "move", member: { ...member, peer: `${id}:${port}` } };
  }

  /** The leader more often than anyone else. */
  #victim(voters: readonly NodeId[], prng: Prng): NodeId {
    const leader = this.#leader;
    return leader !== undefined && voters.includes(leader) && prng.chance(0.4) ? leader : prng.pick(voters);
  }

  #wish(request: MembershipRequest, prng: Prng): void {
    const { queue, coverage, note } = this.#options;
    this.#wishes++;
    coverage.count("changes asked for");
    note(`wanted: ${JSON.stringify(request)}`);
    this.#try({ request, prng, sinceMs: queue.now });
  }

  #end(request: MembershipRequest, how: Counted): void {
    const { coverage, note } = this.#options;
    this.#wishes--;
    coverage.count(how);
    const made = how === "changes made" ? MADE[request.kind] : undefined;
    if (made !== undefined) coverage.count(made);
    note(`${how}: ${JSON.stringify(request)}`);
  }

  #try(wish: Wish): void {
    const { queue } = this.#options;
    const { request, prng, sinceMs } = wish;
    if (this.#isFulfilled(request)) return this.#end(request, "changes made");
    if (this.#resting || !this.#isSafe(request) || (!this.#finishing && queue.now - sinceMs > PATIENCE_MS)) {
      return this.#end(request, "changes given up");
    }
    this.#ask(wish, (result) => {
      if (this.#isFinal(request, result)) return this.#end(request, "changes refused");
      if (result?.kind === "changed") return this.#end(request, "changes made");
      queue.after(5 + prng.real() * 100, () => this.#try(wish));
    });
  }

  /** Asks one node; `answer` gets undefined if nothing came back in time. */
  #ask({ request, prng }: Wish, answer: (result: MembershipResult | undefined) => void): void {
    const { queue } = this.#options;
    const node = this.#pick(prng);
    let over = false;
    const end = (result: MembershipResult | undefined): void => {
      if (over) return;
      over = true;
      this.#learn(node, result);
      answer(result);
    };
    queue.after(prng.pick([300, 1_500, 6_000]), () => end(undefined));
    queue.after(prng.real(), () => {
      // Somebody who looked away for a moment would not do now what was safe then.
      if (!node.isUp || !this.#isSafe(request)) return queue.after(1, () => end(undefined));
      const attempt: Attempt = { node, boot: node.boot, answered: false };
      this.#attempts.push(attempt);
      node.request(
        (id) => ({ kind: "membership", id, request }),
        (result) => {
          attempt.answered = true;
          queue.after(prng.real(), () => end(result as MembershipResult));
        },
      );
    });
  }

  #learn(node: SimNode, result: MembershipResult | undefined): void {
    const { coverage } = this.#options;
    this.#leader = undefined;
    if (result?.kind === "redirect") this.#leader = result.leader;
    else if (result?.kind === "changed") this.#leader = node.id;
    else if (result?.kind === "failed") {
      const counted = REFUSED[result.code];
      if (counted !== undefined) coverage.count(counted);
    }
  }

  /** Mostly where it was sent; now and then at anybody, also one that was removed. */
  #pick(prng: Prng): SimNode {
    const { roster } = this.#options;
    const leader = this.#leader === undefined ? undefined : roster.node(this.#leader);
    if (leader !== undefined && prng.chance(0.85)) return leader;
    return prng.pick(prng.chance(0.8) ? roster.members : roster.nodes);
  }

  /** Whether it has come true, whoever brought it about. */
  #isFulfilled(request: MembershipRequest): boolean {
    const { index, configuration } = this.#options.log.configuration;
    if (index === 0 || configuration.outgoing.length > 0) return false;
    switch (request.kind) {
      case "add":
        return names(configuration, request.member) || hasRemoved(configuration, request.member);
      case "promote":
        return configuration.voters.includes(request.id);
      case "remove":
        return memberOf(configuration, request.id) === undefined;
      case "replace":
        return memberOf(configuration, request.id) === undefined && configuration.voters.includes(request.by);
      case "move":
        return memberOf(configuration, request.member.id)?.peer === request.member.peer;
    }
  }

  /** A quorum of whole disks has to be left: no program can know that a disk is gone, a person does. */
  #isSafe(request: MembershipRequest): boolean {
    const { roster, log } = this.#options;
    if (request.kind === "add" || request.kind === "move") return true;
    const { configuration } = log.configuration;
    if (
      request.kind !== "remove" &&
      this.#isLost(configuration, request.kind === "replace" ? request.by : request.id)
    ) {
      return false;
    }
    const lost = roster.lostMembers[0];
    if (lost !== undefined) return request.kind !== "promote" && request.id === lost.id;
    if (configuration.outgoing.length > 0 || !isVoter(configuration, request.id)) return true;
    const add = { add: [], move: [], promote: [] };
    return roster.hasWholeQuorum(configurationAfter(configuration, { ...add, remove: [request.id] }));
  }

  /** Whether asking again is of no use: it contradicts what is so by now. */
  #isFinal(request: MembershipRequest, result: MembershipResult | undefined): boolean {
    if (result?.kind !== "failed" || !FINAL.has(result.code)) return false;
    return !this.#isFulfilled(request);
  }
}

/** Moves are counted where they happen: nearly all are announced by the members themselves. */
const MADE: Partial<Record<MembershipRequest["kind"], Counted>> = {
  add: "learners added",
  promote: "learners promoted",
  remove: "members removed",
  replace: "members replaced",
};

const REFUSED: Partial<Record<string, Counted>> = {
  NOT_CAUGHT_UP: "promotions refused as behind",
  ALREADY_CHANGING: "changes refused while another was under way",
  WOULD_LOSE_QUORUM: "changes refused for the quorum",
};

const FINAL: ReadonlySet<string> = new Set(["MEMBER_NOT_FOUND", "ID_USED", "INVALID_CHANGE"]);
