import { describe, expect, it } from "vitest";
import {
  showCatchUp,
  showMembership,
  showPlan,
  showTime,
  showTolerance,
  toleranceOf,
} from "../../src/cli/membership.ts";
import { member } from "./member-samples.ts";

const THREE = [member("n1", { leads: true }), member("n2"), member("n3")];

describe("what a cluster bears", () => {
  it.each([
    [1, "1 voter, none may fail"],
    [2, "2 voters, none may fail"],
    [3, "3 voters, 1 may fail"],
    [4, "4 voters, 1 may fail"],
    [5, "5 voters, 2 may fail"],
  ])("is the minority of its %i voters", (count, text) => {
    const members = Array.from({ length: count }, (_, at) => member(`n${at + 1}`));
    expect(showTolerance(toleranceOf([...members, member("n9", { role: "learner" })]))).toBe(text);
  });

  it("is, while the voters change, that of the ones to come", () => {
    const changing = [...THREE, member("n4", { role: "joining" }), member("n5", { role: "joining" })];
    expect(toleranceOf(changing)).toEqual({ voters: 5, mayFail: 2, reachable: 5 });
  });
});

describe("the list of members", () => {
  it("shows who leads, who is not reached, and what follows from that", () => {
    const members = [...THREE.slice(0, 2), member("n3", { reachable: false, match: 90 })];
    expect(showMembership(members)).toEqual([
      "member  role          reached  holds  url                   peer address",
      "n1      voter, leads  yes        120  http://10.0.0.1:4000  10.0.0.1:4100",
      "n2      voter         yes        120  http://10.0.0.2:4000  10.0.0.2:4100",
      "n3      voter         no          90  http://10.0.0.3:4000  10.0.0.3:4100",
      "",
      "3 voters, 1 may fail; 1 cannot be reached now.",
    ]);
  });

  it("shows how far a newcomer is, and a change of the voters that is under way", () => {
    const newcomer = member("n4", { role: "learner", catchUp: { percent: 62.4, msLeft: 3_600 } });
    const lines = showMembership([...THREE, newcomer, member("n5", { role: "joining" })]);
    expect(lines[4]).toContain("n4      learner       yes, 62 %");
    expect(lines.slice(-3)).toEqual([
      "4 voters, 1 may fail.",
      "A change of the voters is under way: n5 will vote.",
      "n4 is catching up, 62 %, about 4 s left",
    ]);
  });
});

describe("a change of the voters that nobody leads", () => {
  it("names the way out, and only then", () => {
    const joint = (leads: boolean): string =>
      showMembership([member("n1", { leads }), member("n2", { role: "joining", reachable: false })]).join(
        "\n",
      );
    expect(joint(false)).toContain(
      "A change of the voters is under way: n2 will vote.\nNo node leads, and this change needs a majority of",
    );
    expect(joint(false)).toContain("raftally recover on the survivor is the way out");
    expect(joint(true)).not.toContain("recover");
    expect(showMembership([member("n1"), member("n2")]).join("\n")).not.toContain("recover");
  });
});

describe("the progress of a newcomer", () => {
  it("is a percentage, and a time where one can be told", () => {
    const at = (percent: number, msLeft?: number): string | undefined =>
      showCatchUp(member("n4", { catchUp: { percent, msLeft } }));
    expect(at(0)).toBe("n4 is catching up, 0 %");
    expect(at(99.97, 200)).toBe("n4 is catching up, 99 %, about 1 s left");
    expect(showCatchUp(member("n4"))).toBeUndefined();
    expect(showCatchUp(member("n4", { reachable: false }))).toContain("n4 cannot be reached");
  });

  it("counts in seconds, then minutes, then hours", () => {
    expect([1, 119_000, 121_000, 7_300_000].map(showTime)).toEqual(["1 s", "119 s", "2 min", "2 h"]);
  });
});

describe("what a change would mean", () => {
  it("is told as before and after", () => {
    expect(showPlan({ voters: 4, mayFail: 1 }, { voters: 5, mayFail: 2 })).toEqual([
      "4 voters, 1 may fail → 5 voters, 2 may fail",
    ]);
  });

  it("says that one more voter may be of no use", () => {
    expect(showPlan({ voters: 3, mayFail: 1 }, { voters: 4, mayFail: 1 })).toEqual([
      "3 voters, 1 may fail → 4 voters, 1 may fail",
      "One more voter, and no more failures that can be borne: an odd number of voters is better.",
    ]);
  });

  it("says of a second voter that both are needed from then on", () => {
    expect(showPlan({ voters: 1, mayFail: 0 }, { voters: 2, mayFail: 0 })[1]).toBe(
      "Until the change is in force both nodes are needed, and as long as there are 2 voters: if one of them is down, " +
        "nothing is decided.",
    );
    expect(showPlan({ voters: 2, mayFail: 0 }, { voters: 3, mayFail: 1 })).toHaveLength(1);
  });

  it("says how much is left where some are down already", () => {
    const before = { voters: 3, mayFail: 1 };
    expect(showPlan(before, { voters: 2, mayFail: 0, reachable: 1 })).toEqual([
      "3 voters, 1 may fail → 2 voters, none may fail",
      "Of the 2, 1 can be reached now: that is no majority.",
      "Fewer failures can be borne than before.",
    ]);
    expect(showPlan(before, { voters: 3, mayFail: 1, reachable: 2 })[1]).toBe(
      "Of the 3, 2 can be reached now: no other may fail.",
    );
  });
});
