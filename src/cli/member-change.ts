/** Carries a change of the membership through: tells how far it is, and tries again what only needs time. */

import { RaftallyError, Refused } from "../client/index.ts";
import { GaveUp } from "./gave-up.ts";
import { type MemberSeen, showCatchUp, showChange } from "./membership.ts";

/** What somebody wants of the membership. */
export type ChangeRequest =
  | { readonly kind: "add"; readonly member: NewMember }
  | { readonly kind: "promote"; readonly id: string }
  | { readonly kind: "remove"; readonly id: string }
  /** One change: the learner `by` gets a vote, and `id` leaves. */
  | { readonly kind: "replace"; readonly id: string; readonly by: string };

export interface NewMember {
  readonly id: string;
  readonly incarnation: string;
  readonly peer: string;
  readonly api: string;
}

/** The calls to a cluster that this needs; they fail with a RaftallyError. */
export interface ChangeCalls {
  /** As the leader sees them. */
  list(timeoutMs: number): Promise<readonly MemberSeen[]>;
  /** Resolves when the change is in force. */
  change(request: ChangeRequest, timeoutMs: number): Promise<void>;
}

export interface ChangeOptions {
  readonly calls: ChangeCalls;
  /** For everything together, ms. */
  readonly timeoutMs: number;
  /** A line on how far it is. */
  readonly say: (line: string) => void;
  /** Between two looks, ms. */
  readonly pollMs?: number;
}

const POLL_MS = 250;
/**
 * The client tries by itself for so long; then people are told what it waits for. A little longer than a node waits for
 * a leader (3 s), so that its own word on that is heard.
 */
const ATTEMPT_MS = 3_800;
const LOOK_MS = 2_000;
const LINK_MS = 2_000;
/** So many looks in a row at which a leader does not know a member: it was removed. */
const MISSING_LOOKS = 8;

export class MemberChange {
  readonly #calls: ChangeCalls;
  readonly #deadline: number;
  readonly #timeoutMs: number;
  readonly #say: (line: string) => void;
  readonly #pollMs: number;
  #last = "";

  constructor({ calls, timeoutMs, say, pollMs = POLL_MS }: ChangeOptions) {
    this.#calls = calls;
    this.#deadline = performance.now() + timeoutMs;
    this.#timeoutMs = timeoutMs;
    this.#say = say;
    this.#pollMs = pollMs;
  }

  get #leftMs(): number {
    return Math.max(1, this.#deadline - performance.now());
  }

  /**
   * Asks for a change until it is in force, or refused for good. An answer may be lost, so whether it is `done` is
   * looked at before it is asked for again.
   * @throws {RaftallyError} the refusal, or what kept it from happening until the time was over.
   */
  async carryOut(
    request: ChangeRequest,
    done: (members: readonly MemberSeen[]) => boolean,
  ): Promise<readonly MemberSeen[]> {
    for (;;) {
      try {
        await this.#calls.change(request, Math.min(ATTEMPT_MS, this.#leftMs));
        return await this.#settled(done);
      } catch (error) {
        if (!(error instanceof RaftallyError)) throw error;
        const members = await this.#look();
        if (members !== undefined && done(members)) return members;
        // Whom nobody answers has most likely mistyped a URL: no reason to try for minutes.
        if (error instanceof Refused || members === undefined || this.#isLate()) throw error;
        this.#tell(reasonToWait(error, members, request));
      }
      await this.#pause();
    }
  }

  /** The members once `done` holds of them: another node may answer than the one that made the change. */
  async #settled(done: (members: readonly MemberSeen[]) => boolean): Promise<readonly MemberSeen[]> {
    for (;;) {
      const members = await this.#look();
      if (members !== undefined && done(members)) return members;
      if (this.#isLate()) return members ?? [];
      await this.#pause();
    }
  }

  /**
   * Waits until `id` belongs to the cluster.
   * @throws {GaveUp} the time was over.
   */
  async joined(id: string): Promise<MemberSeen> {
    const line = `waiting for ${id} to join: start it with raftally serve --id ${id} --join and an empty directory`;
    for (;;) {
      const members = await this.#calls.list(Math.min(ATTEMPT_MS, this.#leftMs));
      const found = members.find((member) => member.id === id);
      if (found !== undefined) return found;
      if (this.#isLate()) {
        throw this.#gaveUp(
          `${id} has not joined the cluster`,
          "nothing has changed",
          "start it, then try again",
        );
      }
      this.#tell(line);
      await this.#pause();
    }
  }

  /**
   * Waits until a member holds what the leader holds, and says how far it is.
   * @throws {GaveUp} the time was over, and the member goes on by itself; or it is no member any more.
   */
  async caughtUp(id: string): Promise<void> {
    const began = performance.now();
    let missing = 0;
    for (;;) {
      const members = (await this.#look()) ?? [];
      const member = members.find((each) => each.id === id);
      // A leader that does not know yet that there is another one may lag for a moment.
      missing = member === undefined && members.some(({ leads }) => leads) ? missing + 1 : 0;
      if (missing >= MISSING_LOOKS) throw this.#removed(id);
      const line = member === undefined ? `no leader tells how far ${id} is; waiting` : showCatchUp(member);
      // Without a leader nobody knows how far it is.
      if (member?.role === "voter" || (line === undefined && member?.match !== undefined)) return;
      // The first link to a newcomer takes a moment, which is nothing to speak of.
      const linking = member?.reachable === false && performance.now() - began < LINK_MS;
      if (line !== undefined && !linking) this.#tell(line);
      if (this.#isLate()) {
        const why = `it is a member and goes on by itself (${line ?? "no leader tells how far it is"})`;
        throw this.#gaveUp(`${id} has not caught up`, why, "raftally member list shows how far it is");
      }
      await this.#pause();
    }
  }

  #removed(id: string): GaveUp {
    const what = `${id} is no member any more: somebody has removed it meanwhile.`;
    return new GaveUp({
      what,
      why: "it will not catch up",
      try: "raftally member list shows who belongs to the cluster",
      exitCode: 1,
    });
  }

  #gaveUp(what: string, why: string, advice: string): GaveUp {
    const within = `within ${this.#timeoutMs / 1_000} s (--timeout)`;
    return new GaveUp({ what: `${what} ${within}.`, why, try: advice, exitCode: 1 });
  }

  async #look(): Promise<readonly MemberSeen[] | undefined> {
    try {
      return await this.#calls.list(Math.min(LOOK_MS, Math.max(LOOK_MS / 4, this.#leftMs)));
    } catch (error) {
      if (error instanceof RaftallyError) return undefined;
      throw error;
    }
  }

  /** Says each thing once, not twice a second. */
  #tell(line: string): void {
    if (line === this.#last) return;
    this.#last = line;
    this.#say(line);
  }

  #isLate(): boolean {
    return performance.now() >= this.#deadline;
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, Math.min(this.#pollMs, this.#leftMs)));
  }
}

/** Why a change has to wait, from what is known best. */
function reasonToWait(error: RaftallyError, members: readonly MemberSeen[], request: ChangeRequest): string {
  if (error.code === "ALREADY_CHANGING") return showChange(members) ?? "another change is under way; waiting";
  if (error.code === "NOT_CAUGHT_UP") {
    const id =
      request.kind === "replace" ? request.by : request.kind === "add" ? request.member.id : request.id;
    const newcomer = members.find((member) => member.id === id);
    const line = newcomer === undefined ? undefined : showCatchUp(newcomer);
    if (line !== undefined) return line;
  }
  return `waiting: ${error.message}`;
}
