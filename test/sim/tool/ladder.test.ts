import { describe, expect, it } from "vitest";
import { term } from "../../../src/raft/index.ts";
import { effects, fake, IDS, LEADS } from "../fakes.ts";
import type { Observer } from "../observer.ts";
import { drawLadder } from "./ladder.ts";
import { Recorder } from "./recorder.ts";

const [N1, N2, N3] = IDS as [(typeof IDS)[number], (typeof IDS)[number], (typeof IDS)[number]];

/** A recorder, and what it is shown; time goes on by itself. */
function recording(keep: number): { recorder: Recorder; see: Observer } {
  let ms = 0;
  const recorder = new Recorder(keep, () => ++ms);
  return { recorder, see: recorder.observer as Observer };
}

function heartbeat(to: (typeof IDS)[number]): Parameters<Observer["sent"]>[1] {
  return { kind: "timeoutNow", from: N1, to, term: term(2) };
}

describe("the ladder", () => {
  it("has a column for each node, a number for what leaves and an arrow for what arrives", () => {
    const { recorder, see } = recording(10);
    see.drained(fake(1), effects({ trace: [{ ...LEADS, why: "won" }] }));
    const far = heartbeat(N3);
    see.sent(fake(1), far);
    see.sent(fake(1), heartbeat(N2));
    see.received(fake(3), far);
    see.noted("[partition 1] cut off: n1");
    see.synced(fake(2));
    expect(drawLadder(recorder, { width: 97, lines: 20 })).toEqual([
      "        ms │ n1                         │ n2                         │ n3                         │",
      "      1.00 │ LEADER of term 2: won      │                            │                            │",
      "      2.00 │─▸ #1 n3: timeoutNow t2     │                            │                            │",
      "      3.00 │┈✕ #2 n2: timeoutNow t2     │                            │                            │",
      "      4.00 │                          ╶─┼────────────────────────────┼─▶ #1 timeoutNow t2         │",
      "      5.00 ├── [partition 1] cut off: n1 ─────────────────────────────────────────────────────────┤",
      "      6.00 │                            │ on disk: log to 0          │                            │",
    ]);
  });

  it("points leftwards to a sender's left, and says what comes twice", () => {
    const { recorder, see } = recording(10);
    const message = { ...heartbeat(N1), from: N3 };
    see.sent(fake(3), message);
    see.received(fake(1), message);
    see.received(fake(1), message);
    see.started(fake(2));
    const [, , once, twice] = drawLadder(recorder, { width: 97, lines: 20 });
    expect(once).toBe(
      "      2.00 │#1 timeoutNow t2          ◀─┼────────────────────────────┼─╴                          │",
    );
    expect(twice).toContain("#1 timeoutNow t2 again");
  });

  it("keeps the last events of each node, also of one that has been silent for long", () => {
    const { recorder, see } = recording(2);
    see.crashing(fake(2));
    for (let times = 0; times < 9; times++) see.synced(fake(1));
    expect(recorder.steps.map(({ node, text }) => `${node} ${text}`)).toEqual([
      "n2 dies",
      "n1 on disk: log to 0",
      "n1 on disk: log to 0",
    ]);
  });

  it("cuts what is too long for its column, and never makes columns too narrow to read", () => {
    const { recorder, see } = recording(2);
    see.drained(
      fake(1),
      effects({ trace: [{ ...LEADS, why: "it was asked to take over, and everybody agrees" }] }),
    );
    const lines = drawLadder(recorder, { width: 10, lines: 5 });
    expect(new Set(lines.map((line) => line.length)).size).toBe(1);
    expect(lines[1]).toBe("      1.00 │ LEADER of term 2: it…│");
  });

  it("draws nothing of a world in which nothing has happened", () => {
    expect(drawLadder(recording(2).recorder, { width: 97, lines: 5 })).toEqual([]);
  });
});
