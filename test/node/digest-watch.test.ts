import { describe, expect, it } from "vitest";
import { DigestWatch } from "../../src/node/digest-watch.ts";
import { type Configuration, index, nodeId } from "../../src/raft/index.ts";

const IDS = ["n1", "n2", "n3", "n4", "n5"].map(nodeId);
const [ONE, TWO, THREE, FOUR] = IDS as [(typeof IDS)[0], (typeof IDS)[0], (typeof IDS)[0], (typeof IDS)[0]];
const configuration: Configuration = {
  voters: IDS,
  outgoing: [],
  removed: [],
  learners: [],
  members: IDS.map((id) => ({ id, incarnation: "0".repeat(32), peer: `${id}:1`, api: `http://${id}` })),
};

function at(position: number, digest: number): { index: ReturnType<typeof index>; digest: number } {
  return { index: index(position), digest };
}

describe("the digest watch", () => {
  it("says nothing before it knows its own digest, whatever the others say", () => {
    const watch = new DigestWatch(ONE);
    expect(watch.add(TWO, at(10, 1), configuration)).toEqual({ kind: "equal" });
    expect(watch.add(THREE, at(10, 2), configuration)).toEqual({ kind: "equal" });
  });

  it("compares only what stands at the same index", () => {
    const watch = new DigestWatch(ONE);
    watch.add(TWO, at(20, 2), configuration);
    expect(watch.add(ONE, at(10, 1), configuration)).toEqual({ kind: "equal" });
    expect(watch.add(ONE, at(20, 1), configuration)).toMatchObject({ kind: "differ" });
  });

  it("needs a majority of all voters, not of those that have spoken", () => {
    const watch = new DigestWatch(ONE);
    watch.add(TWO, at(10, 2), configuration);
    watch.add(THREE, at(10, 2), configuration);
    expect(watch.add(ONE, at(10, 1), configuration)).toMatchObject({ kind: "differ", ownIsWrong: false });
    expect(watch.add(FOUR, at(10, 2), configuration)).toMatchObject({ kind: "differ", ownIsWrong: true });
  });

  it("keeps the latest indexes and forgets the oldest", () => {
    const watch = new DigestWatch(ONE);
    watch.add(TWO, at(1, 2), configuration);
    for (let position = 2; position <= 33; position++) watch.add(TWO, at(position, 2), configuration);
    expect(watch.add(ONE, at(1, 1), configuration)).toEqual({ kind: "equal" });
    expect(watch.add(ONE, at(33, 1), configuration)).toMatchObject({ kind: "differ" });
  });
});
