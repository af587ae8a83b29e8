import { describe, expect, it } from "vitest";
import { type ChangeCalls, type ChangeRequest, MemberChange } from "../../src/cli/member-change.ts";
import type { MemberSeen } from "../../src/cli/membership.ts";
import { OutcomeUnknown, Refused, Unavailable } from "../../src/client/index.ts";
import { member } from "./member-samples.ts";

const VOTERS = [member("n1", { leads: true }), member("n2"), member("n3")];
const PROMOTE: ChangeRequest = { kind: "promote", id: "n4" };

function learner(fields: Partial<MemberSeen> = {}): readonly MemberSeen[] {
  return [...VOTERS, member("n4", { role: "learner", ...fields })];
}

const votes = (members: readonly MemberSeen[]): boolean =>
  members.some(({ id, role }) => id === "n4" && role === "voter");

/** A cluster of which each look shows the next picture, and each change ends as told; the last ones stay. */
class Script implements ChangeCalls {
  changes = 0;
  #looks = 0;
  readonly #pictures: readonly (readonly MemberSeen[] | Error)[];
  readonly #ends: readonly (Error | undefined)[];

  constructor(
    pictures: readonly (readonly MemberSeen[] | Error)[],
    ends: readonly (Error | undefined)[] = [],
  ) {
    this.#pictures = pictures;
    this.#ends = ends;
  }

  async list(): Promise<readonly MemberSeen[]> {
    const picture = this.#pictures[Math.min(this.#looks++, this.#pictures.length - 1)];
    if (picture instanceof Error) throw picture;
    return picture ?? [];
  }

  async change(): Promise<void> {
    const end = this.#ends[Math.min(this.changes++, this.#ends.length - 1)];
    if (end !== undefined) throw end;
  }
}

interface Played {
  readonly change: MemberChange;
  readonly said: string[];
}

function play(calls: ChangeCalls, timeoutMs = 5_000): Played {
  const said: string[] = [];
  return { change: new MemberChange({ calls, timeoutMs, pollMs: 1, say: (line) => said.push(line) }), said };
}

describe("a change of the membership", () => {
  it("waits while another one is under way, and says once whose", async () => {
    const busy = new Unavailable("ALREADY_CHANGING", "a change is under way", []);
    const joint = [...VOTERS, member("n5", { role: "joining" }), member("n4", { role: "learner" })];
    const done = [...VOTERS, member("n4")];
    const script = new Script([joint, joint, done], [busy, busy, undefined]);
    const { change, said } = play(script);
    await change.carryOut(PROMOTE, votes);
    expect(script.changes).toBe(3);
    expect(said).toEqual(["A change of the voters is under way: n5 will vote."]);
  });

  it("tells how far the newcomer is that has to catch up first", async () => {
    const behind = new Unavailable("NOT_CAUGHT_UP", "n4 is behind", []);
    const pictures = [20, 62].map((percent) => learner({ catchUp: { percent, msLeft: 4_000 } }));
    const { change, said } = play(
      new Script([...pictures, [...VOTERS, member("n4")]], [behind, behind, undefined]),
    );
    await change.carryOut(PROMOTE, votes);
    expect(said).toEqual([
      "n4 is catching up, 20 %, about 4 s left",
      "n4 is catching up, 62 %, about 4 s left",
    ]);
  });

  it("is not asked for again when its answer was lost but it was made", async () => {
    const lost = new OutcomeUnknown(undefined, "no answer", []);
    const script = new Script([[...VOTERS, member("n4")]], [lost]);
    await play(script).change.carryOut(PROMOTE, votes);
    expect(script.changes).toBe(1);
  });

  it("ends at a refusal for good", async () => {
    const no = new Refused("WOULD_LOSE_QUORUM", "only 1 of 2 voters can be reached", []);
    const script = new Script([learner()], [no]);
    await expect(play(script).change.carryOut(PROMOTE, votes)).rejects.toBe(no);
    expect(script.changes).toBe(1);
  });

  it("ends at once where nobody answers", async () => {
    const down = new Unavailable("UNREACHABLE", "nothing listens there", []);
    await expect(play(new Script([down], [down])).change.carryOut(PROMOTE, votes)).rejects.toBe(down);
  });

  it("ends with the last reason when the time is over", async () => {
    const busy = new Unavailable("ALREADY_CHANGING", "a change is under way", []);
    await expect(play(new Script([learner()], [busy]), 20).change.carryOut(PROMOTE, votes)).rejects.toBe(
      busy,
    );
  });
});

describe("waiting for a newcomer", () => {
  it("ends when it is removed meanwhile, but not while no leader or a lagging one tells", async () => {
    const behind = learner({ catchUp: { percent: 20, msLeft: 4_000 } });
    const leaderless = VOTERS.map((each) => ({ ...each, leads: false }));
    const lagging = [behind, VOTERS, VOTERS, ...Array.from({ length: 20 }, () => leaderless)];
    await play(new Script([...lagging, learner({ match: 9 })])).change.caughtUp("n4");
    await expect(play(new Script([behind, VOTERS])).change.caughtUp("n4")).rejects.toThrow(
      "n4 is no member any more: somebody has removed it meanwhile.",
    );
  });

  it("lasts until it is a member, and says how to start it", async () => {
    const { change, said } = play(new Script([VOTERS, VOTERS, learner()]));
    expect((await change.joined("n4")).role).toBe("learner");
    expect(said).toEqual([
      "waiting for n4 to join: start it with raftally serve --id n4 --join and an empty directory",
    ]);
  });

  it("lasts until it has caught up, in the eyes of a leader", async () => {
    const electing = [...VOTERS, member("n4", { role: "learner", match: undefined })];
    const catching = learner({ catchUp: { percent: 50, msLeft: undefined } });
    const script = new Script([catching, new Unavailable("NO_LEADER", "no leader", []), electing, learner()]);
    const { change, said } = play(script);
    await change.caughtUp("n4");
    expect(said).toEqual(["n4 is catching up, 50 %", "no leader tells how far n4 is; waiting"]);
  });

  it("ends when the time is over, and says that the newcomer goes on by itself", async () => {
    const catching = learner({ catchUp: { percent: 50, msLeft: 60_000 } });
    await expect(play(new Script([catching]), 20).change.caughtUp("n4")).rejects.toMatchObject({
      name: "GaveUp",
      explanation: {
        what: "n4 has not caught up within 0.02 s (--timeout).",
        why: "it is a member and goes on by itself (n4 is catching up, 50 %, about 60 s left)",
      },
    });
    await expect(play(new Script([VOTERS]), 20).change.joined("n4")).rejects.toMatchObject({
      name: "GaveUp",
    });
  });
});
